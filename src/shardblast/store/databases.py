"""The catalogue of databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.errors import NotFoundError
from shardblast.core.program import Molecule
from shardblast.store.connection import Database
from shardblast.store.tables import databases


class DatabaseStore:
    """Reads and changes the catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, one: CataloguedDatabase) -> None:
        """Add a database, or replace the one of this name."""
        with self._database.writing() as connection:
            changed = connection.execute(update(databases).where(databases.c.name == one.name).values(asdict(one)))
            if not changed.rowcount:
                connection.execute(insert(databases).values(asdict(one)))

    def get(self, name: str) -> CataloguedDatabase:
        """Return a database.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(databases).where(databases.c.name == name)).one_or_none()
        if row is None:
            raise NotFoundError(
                f"There is no database {name!r}.", remedy="List the databases, or add it: shardblast db add NAME PATH."
            )
        return _catalogued(row)

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return all databases by name."""
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(select(databases).order_by(databases.c.name))]

    def remove(self, name: str) -> None:
        """Take a database out of the catalogue; its files stay.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.writing() as connection:
            if not connection.execute(delete(databases).where(databases.c.name == name)).rowcount:
                raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")


def _catalogued(row: Row[Any]) -> CataloguedDatabase:
    return CataloguedDatabase(**{**row._mapping, "molecule": Molecule(row.molecule)})
