"""Databases by name, their generations, and which generation new searches take."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from shardblast.blast.alias import quoted
from shardblast.blast.database import TAXONOMY as TAXONOMY_FILES
from shardblast.blast.database import (
    Database,
    DatabaseFacts,
    alias_files,
    check_database,
    files_of,
    open_database,
    read_facts,
)
from shardblast.blast.installation import Installation
from shardblast.blast.taxonomy import FILE as TAXONOMY
from shardblast.blast.taxonomy import Taxonomy, find_taxonomy
from shardblast.core.database import CataloguedDatabase, DatabaseFile, Generation
from shardblast.core.errors import DatabaseChanged, DatabaseError, NotFoundError
from shardblast.core.program import Molecule
from shardblast.core.search import SearchId
from shardblast.disk.node import Node, ReportBytes, Stopped
from shardblast.sources.base import find_database
from shardblast.storage.objects import Objects, current_key
from shardblast.store.databases import DatabaseStore

READ_AT_ONCE = 16
"""Objects that a list of databases reads side by side."""


class Generations:
    """Knows every generation of each database, and which one is current.

    The current generation is named by one object of the storage and nowhere else, so that the service and commands
    that see only the storage always agree. A database that is searched in place has no such object: its newest
    generation is current.
    """

    def __init__(self, store: DatabaseStore, objects: Objects) -> None:
        """Wire it.

        Args:
            store: Holds what is known of each generation.
            objects: The storage, which names the current ones.
        """
        self._store = store
        self._objects = objects

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return the current generation of each database, by name.

        Raises:
            StorageError: The storage can't be read.
        """
        known = [list(rows) for _, rows in groupby(self._store.all(), lambda one: one.name)]
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return [one for one in pool.map(self._current_or_none, known) if one is not None]

    def get(self, name: str, generation: str | None = None) -> CataloguedDatabase:
        """Return a generation of a database, by default the current one.

        Raises:
            NotFoundError: There is no such database, or this generation of it is gone.
            DatabaseError: The storage names a current generation that is not known.
            StorageError: The storage can't be read.
        """
        if generation is not None:
            return self._store.get(name, generation)
        current = self._current(self._store.generations(name))
        if current is None:
            raise NotFoundError(
                f"There is no database {name!r}.",
                remedy="List the databases, or add it: shardblast db add NAME SOURCE.",
            )
        return current

    def known(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return all generations of a database, newest first."""
        return self._store.generations(name)

    def source(self, name: str) -> Mapping[str, Any]:
        """Return how a database was added.

        Raises:
            NotFoundError: There is none of this name.
        """
        return self._store.source(name)

    def searches_of(self, name: str) -> Sequence[SearchId]:
        """Return the searches in a database that are not over."""
        return self._store.searches_of(name)

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Keep other servers from changing a database; see ``DatabaseStore.alone``."""
        return self._store.alone(name)

    def switch(self, facts: Generation, path: str | None, source: Mapping[str, Any]) -> CataloguedDatabase:
        """Make a generation current, which adds its database if that is new. The caller has the database alone.

        Args:
            facts: The generation.
            path: Where BLAST+ finds it; None if it lies in the storage.
            source: How it was added, for updates.
        """
        added = self._store.add(facts, path, source, time.time())
        if path is None:
            self._objects.put(current_key(added.name), added.generation.encode())
        else:
            self._unname(added.name)
        return added

    def unused(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return the generations of a database that are neither current nor used by a search that is not over."""
        found = self._store.unused(name)
        current = self._current_or_none(self._store.generations(name)) if found else None
        return [one for one in found if current is not None and one.generation != current.generation]

    def names(self) -> Sequence[str]:
        """Return the names of all databases, sorted."""
        return [name for name, _ in groupby(one.name for one in self._store.all())]

    def remove_unused(self, one: CataloguedDatabase) -> bool:
        """Forget a generation that is not current unless a search uses it; return whether it is forgotten."""
        return self._store.remove_unused(one.name, one.generation)

    def withdraw(self, name: str) -> None:
        """Let no new search find a database of the storage; its generations stay known until ``remove``."""
        self._unname(name)

    def remove(self, name: str) -> None:
        """Forget a database with all its generations.

        Raises:
            NotFoundError: There is none of this name.
        """
        self._store.remove(name)

    def _unname(self, name: str) -> None:
        if any(one.path is None for one in self._store.generations(name)):
            self._objects.discard(current_key(name))

    def _current_or_none(self, known: Sequence[CataloguedDatabase]) -> CataloguedDatabase | None:
        with suppress(DatabaseError):  # ``get`` reports it; a list of the others must not fail
            return self._current(known)
        return None

    def _current(self, known: Sequence[CataloguedDatabase]) -> CataloguedDatabase | None:
        """Return the current one of a database's generations, given newest first; None if it has none yet."""
        named = self._named(known[0].name) if any(one.path is None for one in known) else None
        if named is None:
            return next(_in_place(known), None)
        found = next((one for one in known if one.generation == named), None)
        if found is None:
            name = known[0].name
            raise DatabaseError(
                f"The current generation of {name!r} is not known here.", remedy=f"Run 'shardblast db update {name}'."
            )
        return found

    def _named(self, name: str) -> str | None:
        try:
            return self._objects.read(current_key(name)).decode().strip()
        except NotFoundError:
            return None


def _never() -> bool:
    return False


def _silent(size_bytes: int) -> None: ...


class Catalogue:
    """Finds databases for searches."""

    def __init__(
        self,
        generations: Generations,
        installation: Installation,
        node: Node,
        folder: Path,
        taxonomy: Path,
    ) -> None:
        """Wire it.

        Args:
            generations: Knows what is current.
            installation: Of BLAST+.
            node: Has the files of those that lie in the storage.
            folder: For aliases.
            taxonomy: Where names of taxids are found (``taxdb``), if they are there.
        """
        self._generations = generations
        self._installation = installation
        self._node = node
        self._folder = folder
        self._taxonomy = taxonomy
        self._opened: dict[tuple[str, str], tuple[Database, str]] = {}
        self._lock = threading.Lock()

    def in_place_generation(self, name: str, path: Path) -> Generation:
        """Return the generation that the files of a BLAST database are where they lie.

        Args:
            name: Of the database.
            path: Absolute, as ``-db`` names it, without quotes.

        Raises:
            DatabaseError: BLAST+ can't open it, or it can't be cut into shards.
        """
        facts = described(self._installation, path)
        return facts.generation(name, _stamp(facts.database, quoted(path)), str(path), "", _unread)

    def get(self, name: str, generation: str | None = None) -> CataloguedDatabase:
        """Return a generation of a database, by default the current one; see ``Generations.get``."""
        return self._generations.get(name, generation)

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return the current generation of each database, by name."""
        return self._generations.all()

    def missing_bytes(self, name: str, generation: str) -> int:
        """Return how much has to be copied to this machine's disk before a search."""
        one = self.get(name, generation)
        return 0 if one.path is not None else self._node.missing_bytes(one.facts)

    @contextmanager
    def opened(
        self, name: str, generation: str, told: ReportBytes = _silent, stopped: Stopped = _never
    ) -> Iterator[Database]:
        """Open a generation for a search; as long as the context lasts its files stay where they are.

        Raises:
            NotFoundError: It is gone.
            DatabaseError: Its files can't be read.
            DatabaseChanged: Its files are others than those that were added; also at the end.
            StorageError: It can't be copied to the disk.
            Interrupted: It was stopped meanwhile.
        """
        one = self.get(name, generation)
        if one.path is not None:
            found_at = quoted(Path(one.path))
            database = self._open(one, Path(one.path).parent, found_at)
            yield database
            self._check(one, database, found_at)
            return
        with self._node.using(one.facts):
            folder = self._node.stage(one.facts, told, stopped)
            volumes = " ".join(f'"{folder / volume.name}"' for volume in one.facts.volumes)
            yield self._open(one, folder, volumes)

    def has_taxonomy(self, one: CataloguedDatabase) -> bool:
        """Tell whether it is known which taxids descend from which, for searches in a database."""
        return TAXONOMY in _shared(one) or find_taxonomy(self._taxonomy_folders(one)) is not None

    def taxonomy(self, one: CataloguedDatabase) -> Path | None:
        """Return the file that says which taxids descend from which: the database's own, else the service's.

        Raises:
            StorageError: It can't be copied to the disk.
        """
        if one.path is None and TAXONOMY in _shared(one):
            return self._node.stage_shared(one.facts) / TAXONOMY
        return find_taxonomy(self._taxonomy_folders(one))

    def names_and_lineages(self, name: str, generation: str) -> Taxonomy:
        """Return what is known of taxids for the hits in a generation, which may be gone.

        Raises:
            StorageError: It can't be copied to the disk.
        """
        try:
            one = self.get(name, generation)
        except NotFoundError:
            return Taxonomy((self._taxonomy,))
        own = one.path is None and not _shared(one).isdisjoint(TAXONOMY_FILES)
        return Taxonomy((*([self._node.stage_shared(one.facts)] if own else []), *self._taxonomy_folders(one)))

    def _taxonomy_folders(self, one: CataloguedDatabase) -> list[Path]:
        beside = [] if one.path is None else [Path(one.path).parent]
        return [*beside, self._taxonomy]

    def mapped_files(self, one: CataloguedDatabase) -> list[Path]:
        """Return the files that a search maps into memory, of those that are on this machine's disk."""
        if one.path is not None:
            with self.opened(one.name, one.generation) as database:
                return database.mapped_files
        folder = self._node.folder(one.facts)
        files = [folder / file.name for volume in one.facts.volumes for file in volume.mapped]
        return [file for file in files if file.exists()]

    def check_files(self, one: CataloguedDatabase) -> None:
        """Look at the files of a database that is searched where it lies.

        Raises:
            DatabaseError: They are gone, or others than those that were added.
        """
        if one.path is not None:
            with self.opened(one.name, one.generation):
                pass

    def in_place(self) -> Iterator[tuple[CataloguedDatabase, dict[str, Path]]]:
        """Yield the databases that are searched where they lie, with the folders of their volumes by name."""
        for one in self.all():
            if one.path is not None:
                with suppress(DatabaseError), self.opened(one.name, one.generation) as database:
                    yield one, {volume.path.name: volume.path.parent for volume in database.volumes}

    def has_changed(self, one: CataloguedDatabase) -> bool:
        """Tell whether the files of a database in place are others than those that were added."""
        try:
            with self.opened(one.name, one.generation):
                return False
        except DatabaseChanged:
            return True

    def described(self, one: CataloguedDatabase) -> Database:
        """Return a generation as it is known without its files: its totals, but no volumes."""
        facts, path = one.facts, self._search_path(one, self._folder)
        sizes = (facts.num_seqs, facts.letters)
        return Database(one.name, facts.molecule, *sizes, (), None, facts.title, facts.date, path, facts.mapped_bytes)

    def check(self, one: CataloguedDatabase) -> str | None:
        """Compare a generation's staged files with their checksums, and have blastdbcheck read all of it.

        Returns:
            What is wrong, or None.
        """
        if one.path is None:
            self._node.verify(one.facts)
        try:
            with self.opened(one.name, one.generation) as database:
                return check_database(self._installation, database)
        except DatabaseError as error:
            return error.problem

    def forget(self, one: CataloguedDatabase) -> None:
        """Remove what this machine has of a generation."""
        for molecule in Molecule:
            self._alias(one, molecule).unlink(missing_ok=True)
        with self._lock:
            self._opened.pop((one.name, one.generation), None)
        if one.path is None:
            self._node.forget(one.name, one.generation)

    def _open(self, one: CataloguedDatabase, beside: Path, found_at: str) -> Database:
        """Open a database whose files are there, by an alias that has its name.

        Args:
            one: Which.
            beside: The folder of its files, where names of taxids may be too.
            found_at: What the alias lists.
        """
        key = (one.name, one.generation)
        with self._lock:
            known = self._opened.get(key)
        if known is not None and known[1] == _stamp(known[0], found_at):
            return known[0]
        self._write_alias(one, found_at)
        remedy = f"Put its files back, or add it again: shardblast db add {one.name} SOURCE."
        try:
            database = open_database(self._installation, one.name, one.molecule, self._search_path(one, beside))
        except DatabaseError as error:
            raise DatabaseError(f"The files of the database {one.name!r} can't be read.", remedy=remedy) from error
        if not database.volumes:
            problem = f"The database {one.name!r} can't be read: {database.obstacle}."
            raise DatabaseError(problem, remedy=remedy)
        self._check(one, database, found_at)
        with self._lock:
            self._opened[key] = (database, _stamp(database, found_at))
        return database

    def _check(self, one: CataloguedDatabase, database: Database, found_at: str) -> None:
        """Refuse files in place that are not those that were added."""
        if one.path is not None and _stamp(database, found_at) != one.generation:
            raise DatabaseChanged(one.name)

    def _search_path(self, one: CataloguedDatabase, beside: Path) -> str:
        folders = [self._alias(one, one.molecule).parent, beside, self._taxonomy, os.environ.get("BLASTDB", "")]
        return os.pathsep.join(str(folder) for folder in folders if str(folder))

    def _alias(self, one: CataloguedDatabase, molecule: Molecule) -> Path:
        return self._folder / one.name / one.generation / f"{one.name}.{molecule.alias_suffix}"

    def _write_alias(self, one: CataloguedDatabase, found_at: str) -> None:
        alias = self._alias(one, one.molecule)
        alias.parent.mkdir(parents=True, exist_ok=True)
        partial = alias.with_name(f"{alias.name}.{secrets.token_hex(4)}.partial")  # requests race
        partial.write_text(f"TITLE {one.title}\nDBLIST {found_at}\n")
        partial.replace(alias)


def described(installation: Installation, path: Path) -> DatabaseFacts:
    """Read what the files of a database say of it, whichever molecule it is of.

    Args:
        installation: Of BLAST+.
        path: As ``-db`` names it, without quotes.

    Raises:
        DatabaseError: BLAST+ can't open it, or it can't be cut into shards.
    """
    database = find_database(installation, path)
    if database.obstacle is not None:
        raise DatabaseError(f"{path} can't be served: {database.obstacle}.", remedy="Add the database it is made of.")
    return read_facts(installation, database)


def _in_place(known: Sequence[CataloguedDatabase]) -> Iterator[CataloguedDatabase]:
    return (one for one in known if one.path is not None)


def _shared(one: CataloguedDatabase) -> set[str]:
    return {file.name for file in one.facts.shared}


def _unread(file: Path) -> DatabaseFile:
    """Return what is known of a file in place: its checksum would take as long as reading it."""
    return DatabaseFile(file.name, file.stat().st_size, "")


def _stamp(database: Database, found_at: str) -> str:
    """Return a name that changes with the files: of their paths, numbers, sizes and times.

    Args:
        database: Which.
        found_at: As for ``-db``: the aliases that it leads to count too.
    """
    files = [file for volume in database.volumes for file in files_of(volume)]
    digest = hashlib.sha256()
    for file in (*alias_files(found_at, database.molecule), *files):
        try:
            facts = file.stat()
        except OSError:
            continue  # it is gone, so the name is another
        digest.update(f"{file}\0{facts.st_ino}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16] if files else ""
