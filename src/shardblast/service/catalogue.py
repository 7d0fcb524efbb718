"""Databases by name: each an alias in a folder of ours, so that users see names and never paths."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.alias import quoted
from shardblast.blast.database import Database, open_database
from shardblast.blast.installation import Installation
from shardblast.core.catalogue import CataloguedDatabase, checked_name
from shardblast.core.errors import DatabaseError, InputError
from shardblast.core.program import Molecule
from shardblast.store.databases import DatabaseStore


@dataclass(frozen=True, slots=True)
class _Opened:
    """A database that was opened before."""

    generation: str
    database: Database
    stamps: list[tuple[int, int]]


class Catalogue:
    """Finds databases for searches."""

    def __init__(self, store: DatabaseStore, installation: Installation, folder: Path) -> None:
        """Use a folder for aliases; BLAST+ finds them there since ``BLASTDB`` names it."""
        self._store = store
        self._installation = installation
        self._folder = folder
        self._opened: dict[str, _Opened] = {}
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["BLASTDB"] = str(folder)

    def add(self, name: str, path: str) -> CataloguedDatabase:
        """Register a database where it lies; one of the same name is replaced for new searches.

        Raises:
            InputError: The name can't be used.
            DatabaseError: BLAST+ can't open it, or it can't be cut into shards.
        """
        checked_name(name)
        if not path.isprintable():
            raise InputError("The path holds letters that can't be printed.", remedy="Name a BLAST database.")
        whole = Path(path).absolute()
        database = self._found(quoted(whole))
        if database.obstacle is not None:
            raise DatabaseError(
                f"{path!r} can't be served: {database.obstacle}.", remedy="Add the database it is made of."
            )
        one = CataloguedDatabase(
            name,
            str(whole),
            database.molecule,
            _generation(database),
            database.title,
            database.num_seqs,
            database.letters,
            database.size_bytes,
            time.time(),
        )
        self._write_alias(one)
        self._store.put(one)
        return one

    def get(self, name: str) -> CataloguedDatabase:
        """Return a database.

        Raises:
            NotFoundError: There is none of this name.
        """
        one = self._store.get(name)
        if not self._alias(one).exists():  # another server added it
            self._write_alias(one)
        return one

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return all databases by name."""
        return self._store.all()

    def open(self, name: str) -> Database:
        """Open a database for a search.

        Raises:
            NotFoundError: There is none of this name.
            DatabaseError: Its files can't be read.
        """
        one = self.get(name)
        known = self._opened.get(name)
        if known is not None and known.generation == one.generation and known.stamps == _stamps(known.database):
            return known.database
        database = open_database(self._installation, name, one.molecule)
        if database.volumes:
            self._opened[name] = _Opened(one.generation, database, _stamps(database))
        return database

    def remove(self, name: str) -> None:
        """Take a database out of the catalogue; its files stay.

        Raises:
            NotFoundError: There is none of this name.
        """
        one = self._store.get(name)
        self._store.remove(name)
        self._alias(one).unlink(missing_ok=True)

    def _found(self, path: str) -> Database:
        try:
            return open_database(self._installation, path, Molecule.NUCLEOTIDE)
        except DatabaseError:
            pass
        try:
            return open_database(self._installation, path, Molecule.PROTEIN)
        except DatabaseError as error:
            problem = f"There is no BLAST database that can be read at {path}: {error.problem}"
            raise DatabaseError(
                problem, remedy="Name the database's path without '.nin', '.pal' or the like."
            ) from None

    def _alias(self, one: CataloguedDatabase) -> Path:
        return self._folder / f"{one.name}.{one.molecule.alias_suffix}"

    def _write_alias(self, one: CataloguedDatabase) -> None:
        alias = self._alias(one)
        for molecule in Molecule:
            alias.with_suffix(f".{molecule.alias_suffix}").unlink(missing_ok=True)
        partial = alias.with_name(f"{alias.name}.{secrets.token_hex(4)}.partial")  # requests race
        partial.write_text(f'TITLE {one.title}\nDBLIST "{one.path}"\n')
        partial.replace(alias)


def _stamps(database: Database) -> list[tuple[int, int]]:
    """Return the sizes and times of the files that a search reads, as they are now; 0 for one that is gone."""
    files = [volume.sequence_file for volume in database.volumes]
    facts = [file.stat() if file.exists() else None for file in files]
    return [(0, 0) if fact is None else (fact.st_size, fact.st_mtime_ns) for fact in facts]


def _generation(database: Database) -> str:
    """Return a name that changes with the files: of their paths, sizes and times."""
    digest = hashlib.sha256()
    for volume in database.volumes:
        for file in sorted(volume.path.parent.glob(f"{volume.path.name}.*")):
            facts = file.stat()
            digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
