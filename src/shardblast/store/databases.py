"""The catalogue: databases and their generations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Exists, Row, Select, delete, exists, func, insert, select, update

from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.errors import ConflictError, NotFoundError
from shardblast.core.generation import Generation
from shardblast.core.search import UNENDED, SearchId
from shardblast.store.connection import Database
from shardblast.store.tables import databases, generations, searches


class DatabaseStore:
    """Reads and changes the catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, facts: Generation, path: str | None, source: Mapping[str, Any], at: float) -> CataloguedDatabase:
        """Make a generation known as the newest one, and its database if that is new.

        Args:
            facts: The generation.
            path: Where BLAST+ finds it; None if it lies in the storage.
            source: How it was added, for its updates.
            at: Now.
        """
        name, values = facts.database, {"source": dict(source)}
        same = (generations.c.database == name, generations.c.name == facts.name)
        with self._database.writing() as connection:
            if not connection.execute(update(databases).where(databases.c.name == name).values(values)).rowcount:
                connection.execute(insert(databases).values(name=name, **values))
            connection.execute(delete(generations).where(*same))
            row = {"database": name, "name": facts.name, "path": path, "facts": facts.document(), "added": at}
            connection.execute(insert(generations).values(row))
        return CataloguedDatabase(facts, path, at)

    def get(self, name: str, generation: str) -> CataloguedDatabase:
        """Return a generation of a database.

        Raises:
            NotFoundError: It is gone.
        """
        query = _select().where(generations.c.database == name, generations.c.name == generation)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(
                f"The generation of {name!r} that was searched is gone.", remedy="Submit the search again."
            )
        return _catalogued(row)

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return all generations, by the name of their database, then newest first."""
        query = _select().order_by(generations.c.database, generations.c.added.desc())
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(query)]

    def generations(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return all generations of a database, newest first."""
        query = _select().where(generations.c.database == name).order_by(generations.c.added.desc())
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(query)]

    def source(self, name: str) -> Mapping[str, Any]:
        """Return how a database was added.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.reading() as connection:
            found: Mapping[str, Any] | None = connection.scalar(
                select(databases.c.source).where(databases.c.name == name)
            )
        if found is None:
            raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")
        return found

    def unused(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return the generations of a database that no search uses that is not over, newest first."""
        query = _select().where(generations.c.database == name, ~_is_used()).order_by(generations.c.added.desc())
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(query)]

    def searches_of(self, name: str) -> Sequence[SearchId]:
        """Return the searches in a database that are not over."""
        query = select(searches.c.id).where(searches.c.database == name, searches.c.state.in_(UNENDED))
        with self._database.reading() as connection:
            return [SearchId(one) for one in connection.scalars(query)]

    def remove_unused(self, name: str, generation: str) -> bool:
        """Forget a generation unless a search that is not over uses it; return whether it is forgotten."""
        same = (generations.c.database == name, generations.c.name == generation)
        with self._database.writing() as connection:
            unused = delete(generations).where(*same, ~_is_used())
            return bool(connection.execute(unused).rowcount)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep other servers from bringing or removing a database as long as the context lasts; SQLite has none.

        Raises:
            ConflictError: Another one does.
        """
        if not self._database.is_shared:
            yield
            return
        key = int.from_bytes(hashlib.sha256(f"database {name}".encode()).digest()[:8], signed=True)
        with self._database.reading() as connection:
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(key))):
                raise ConflictError(
                    f"The database {name!r} is being added, updated or removed by another server.",
                    remedy="Wait for its end.",
                )
            yield

    def remove(self, name: str) -> None:
        """Forget a database with all its generations.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.writing() as connection:
            if not connection.execute(delete(databases).where(databases.c.name == name)).rowcount:
                raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")


def _is_used() -> Exists:
    """Tell whether a search that is not over uses a generation."""
    return exists().where(
        searches.c.database == generations.c.database,
        searches.c.generation == generations.c.name,
        searches.c.state.in_(UNENDED),
    )


def _select() -> Select[Any]:
    return select(generations.c.facts, generations.c.path, generations.c.added)


def _catalogued(row: Row[Any]) -> CataloguedDatabase:
    return CataloguedDatabase(Generation.of(row.facts), row.path, row.added)
