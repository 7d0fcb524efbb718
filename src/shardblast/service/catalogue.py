"""Databases by name, their generations, and the generation that new searches use."""

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
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
    database_of,
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
from shardblast.disk.staging import Stager
from shardblast.engine.kept_sequences import FACTS, KEPT
from shardblast.sources.source import find_database
from shardblast.storage.objects import Objects, current_key, search_key
from shardblast.store.databases import DatabaseStore

READ_AT_ONCE = 16
"""Number of objects read concurrently for a list of databases."""


@dataclass(frozen=True, slots=True)
class Generations:
    """All generations of each database, and the current one.

    The current generation is named only by an object in the storage, so that the service agrees with commands that see
    nothing but the storage. A database that is searched in place has no such object; its newest generation is current.
    """

    store: DatabaseStore
    objects: Objects
    check_storage: Callable[[], object] = lambda: None
    """Raises StorageError at once if the storage is known to be away."""
    _needing: dict[str, str | None] = field(default_factory=dict, init=False)
    """A search whose result needs a generation, for each of the generations for which one was found."""

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return the current generation of each database, by name."""
        known = [list(rows) for _, rows in groupby(self.store.all(), lambda database: database.name)]
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return [current for current in pool.map(self._current_or_none, known) if current is not None]

    def get(self, name: str, generation: str | None = None) -> CataloguedDatabase:
        """Return a generation, by default the current one. Raises NotFoundError, or DatabaseError if it is unknown."""
        if generation is not None:
            return self.store.get(name, generation)
        current = self._current(self.store.generations(name))
        if current is None:
            problem = f"There is no database {name!r}."
            raise NotFoundError(problem, remedy="List the databases, or add it: shardblast db add NAME SOURCE.")
        return current

    def printed_from(self, databases: Sequence[CataloguedDatabase]) -> int:
        """Return the number of finished searches in generations whose results can't be printed without them."""
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return sum(sum(pool.map(self._needs, self.store.completed_in(database))) for database in databases)

    def earlier(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return the generations of a database that are not current; none if none is current."""
        known = self.store.generations(name)
        current = self._current_or_none(known) if len(known) > 1 else None
        return [database for database in known if current is not None and database.generation != current.generation]

    def switch(self, facts: Generation, path: str | None, source: Mapping[str, Any]) -> CataloguedDatabase:
        """Make a generation current, and add its database if it is new. The caller must hold ``alone``.

        ``path`` is that for BLAST+; None if the generation is in the storage. ``source`` says how it was added, for
        updates.
        """
        added = self.store.add(facts, path, source, time.time())
        if path is None:
            self.objects.put(current_key(added.name), added.generation.encode())
        else:
            self.withdraw(added.name)
        return added

    def unused(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return the earlier generations of a database that no unfinished search and no result needs."""
        unused = {database.generation for database in self.store.unused(name)}
        return [one for one in self.earlier(name) if one.generation in unused and not self._prints(one)]

    def _prints(self, database: CataloguedDatabase) -> bool:
        """Return whether a result can't be printed without a generation; remember one, since this is asked often."""
        completed = self.store.completed_in(database)
        if self._needing.get(database.generation) in completed:
            return True
        needing = next(filter(self._needs, completed), None)
        self._needing[database.generation] = needing
        return needing is not None

    def _needs(self, search_id: str) -> bool:
        """Return whether a completed search has not kept the sequences of its hits."""
        return not self.objects.exists(search_key(search_id, f"{KEPT}/{FACTS}"))

    def names(self) -> Sequence[str]:
        """Return the names of all databases, sorted."""
        return [name for name, _ in groupby(database.name for database in self.store.all())]

    def withdraw(self, name: str) -> None:
        """Hide a database of the storage from new searches. Its generations stay known until ``remove``."""
        if any(database.path is None for database in self.store.generations(name)):
            self.objects.discard(current_key(name))

    def _current_or_none(self, known: Sequence[CataloguedDatabase]) -> CataloguedDatabase | None:
        with suppress(DatabaseError):  # ``get`` reports it, but a list must not fail because of one database
            return self._current(known)
        return None

    def _current(self, known: Sequence[CataloguedDatabase]) -> CataloguedDatabase | None:
        """Return the current one of a database's generations, given newest first; None if none is current."""
        if is_stored := any(database.path is None for database in known):
            self.check_storage()
        named = self.objects.find(current_key(known[0].name)) if is_stored else None
        if named is None:
            return next((database for database in known if database.path is not None), None)
        current = next((database for database in known if database.generation == named.decode().strip()), None)
        if current is None:
            name = known[0].name
            problem = f"The current generation of {name!r} is unknown to this service."
            raise DatabaseError(problem, remedy=f"Run 'shardblast db update {name}'.")
        return current


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    _generations: Generations
    _installation: Installation
    _stager: Stager
    _folder: Path
    _taxonomy: Path
    _opened: dict[tuple[str, str], tuple[Database, str]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def in_place_generation(self, name: str, path: Path) -> Generation:
        """Return the generation that a BLAST database in place has now. The path is absolute and has no quotes."""
        facts = described(self._installation, path)
        return facts.generation(name, _stamp(facts.database, quoted(path)), str(path), "", _unread)

    def get(self, name: str, generation: str | None = None) -> CataloguedDatabase:
        """Return a generation of a database, by default the current one; see ``Generations.get``."""
        return self._generations.get(name, generation)

    def missing_bytes(self, name: str, generation: str) -> int:
        """Return the bytes to be copied to this machine's disk before a search."""
        database = self.get(name, generation)
        return 0 if database.path is not None else self._stager.missing_bytes(database.facts)

    @contextmanager
    def opened(
        self,
        name: str,
        generation: str,
        report: Callable[[int], None] = lambda size_bytes: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Database]:
        """Open a generation for a search. Its files stay in place within the context.

        Raises NotFoundError if it does not exist, DatabaseError if it can't be read, DatabaseChanged if files in place
        have changed (also at the end), StorageError if it can't be copied, Interrupted if ``stopped`` returned True.
        """
        entry = self.get(name, generation)
        if entry.path is not None:
            found_at = quoted(Path(entry.path))
            database = self._open(entry, Path(entry.path).parent, found_at)
            yield database
            self._check(entry, database, found_at)
            return
        with self._stager.using(entry.facts):
            folder = self._stager.stage(entry.facts, None, report, stopped)
            volumes = " ".join(f'"{folder / volume.name}"' for volume in entry.facts.volumes)
            yield self._open(entry, folder, volumes)

    def has_taxonomy(self, entry: CataloguedDatabase) -> bool:
        """Return whether the descendants of taxids are known for searches in a database."""
        return TAXONOMY in _shared(entry) or find_taxonomy(self._taxonomy_folders(entry)) is not None

    def taxonomy(self, entry: CataloguedDatabase) -> Path | None:
        """Return the file with the descendants of taxids: the database's own file, otherwise the service's."""
        if entry.path is None and TAXONOMY in _shared(entry):
            return self._stager.stage(entry.facts, ()) / TAXONOMY
        return find_taxonomy(self._taxonomy_folders(entry))

    def names_and_lineages(self, name: str, generation: str) -> Taxonomy:
        """Return the taxonomy for the hits in a generation, which need not exist any more."""
        try:
            entry = self.get(name, generation)
        except NotFoundError:
            return Taxonomy((self._taxonomy,))
        own = entry.path is None and not _shared(entry).isdisjoint(TAXONOMY_FILES)
        return Taxonomy((*([self._stager.stage(entry.facts, ())] if own else []), *self._taxonomy_folders(entry)))

    def _taxonomy_folders(self, entry: CataloguedDatabase) -> list[Path]:
        beside = [] if entry.path is None else [Path(entry.path).parent]
        return [*beside, self._taxonomy]

    def mapped_files(self, entry: CataloguedDatabase) -> list[Path]:
        """Return the files on this machine's disk that a search maps into memory."""
        if entry.path is not None:
            with self.opened(entry.name, entry.generation) as database:
                return database.mapped_files
        folder = self._stager.folder(entry.facts)
        files = [folder / file.name for volume in entry.facts.volumes for file in volume.mapped]
        return [file for file in files if file.exists()]

    def check_files(self, entry: CataloguedDatabase) -> None:
        """Raise DatabaseError if the files of a database in place are missing or have changed."""
        if entry.path is not None:
            with self.opened(entry.name, entry.generation):
                pass

    def in_place(self) -> Iterator[tuple[CataloguedDatabase, dict[str, Path]]]:
        """Yield the databases that are searched in place, with the folders of their volumes by name."""
        for entry in self._generations.all():
            if entry.path is not None:
                with suppress(DatabaseError), self.opened(entry.name, entry.generation) as database:
                    yield entry, {volume.path.name: volume.path.parent for volume in database.volumes}

    def has_changed(self, entry: CataloguedDatabase) -> bool:
        try:
            with self.opened(entry.name, entry.generation):
                return False
        except DatabaseChanged:
            return True

    def described(self, entry: CataloguedDatabase) -> Database:
        """Return a generation as it is known without its files: with its totals, but without volumes."""
        known = database_of(entry.facts, self._folder, ())
        return replace(known, volumes=(), search_path=self._search_path(entry, self._folder))

    def check(self, entry: CataloguedDatabase) -> str | None:
        """Verify a generation's staged files and have blastdbcheck read all of it; return the problem, or None."""
        if entry.path is None:
            self._stager.verify(entry.facts)
        try:
            with self.opened(entry.name, entry.generation) as database:
                return check_database(self._installation, database)
        except DatabaseError as error:
            return error.problem

    def forget(self, entry: CataloguedDatabase) -> None:
        for molecule in Molecule:
            self._alias(entry, molecule).unlink(missing_ok=True)
        with self._lock:
            self._opened.pop((entry.name, entry.generation), None)
        if entry.path is None:
            self._stager.forget(entry.name, entry.generation)

    def _open(self, entry: CataloguedDatabase, beside: Path, found_at: str) -> Database:
        """Open a database by an alias of its name that lists ``found_at``; taxonomy files may be in ``beside``."""
        key = (entry.name, entry.generation)
        with self._lock:
            known = self._opened.get(key)
        if known is not None and known[1] == _stamp(known[0], found_at):
            return known[0]
        self._write_alias(entry, found_at)
        remedy = f"Restore its files, or add it again: shardblast db add {entry.name} SOURCE."
        try:
            database = open_database(self._installation, entry.name, entry.molecule, self._search_path(entry, beside))
        except DatabaseError as error:
            raise DatabaseError(f"The files of the database {entry.name!r} can't be read.", remedy=remedy) from error
        if not database.volumes:
            problem = f"The database {entry.name!r} can't be read: {database.obstacle}."
            raise DatabaseError(problem, remedy=remedy)
        self._check(entry, database, found_at)
        with self._lock:
            self._opened[key] = (database, _stamp(database, found_at))
        return database

    def _check(self, entry: CataloguedDatabase, database: Database, found_at: str) -> None:
        """Reject files in place that have changed."""
        if entry.path is not None and _stamp(database, found_at) != entry.generation:
            raise DatabaseChanged(entry.name)

    def _search_path(self, entry: CataloguedDatabase, beside: Path) -> str:
        folders = [self._alias(entry, entry.molecule).parent, beside, self._taxonomy, os.environ.get("BLASTDB", "")]
        return os.pathsep.join(str(folder) for folder in folders if str(folder))

    def _alias(self, entry: CataloguedDatabase, molecule: Molecule) -> Path:
        return self._folder / entry.name / entry.generation / f"{entry.name}.{molecule.alias_suffix}"

    def _write_alias(self, entry: CataloguedDatabase, found_at: str) -> None:
        alias = self._alias(entry, entry.molecule)
        alias.parent.mkdir(parents=True, exist_ok=True)
        partial = alias.with_name(f"{alias.name}.{secrets.token_hex(4)}.partial")  # concurrent requests write it too
        partial.write_text(f"TITLE {entry.facts.title}\nDBLIST {found_at}\n")
        partial.replace(alias)


def described(installation: Installation, path: Path) -> DatabaseFacts:
    """Read the facts about a database of either molecule from its files. The path has no quotes."""
    database = find_database(installation, path)
    if database.obstacle is not None:
        problem = f"{path} can't be served: {database.obstacle}."
        raise DatabaseError(problem, remedy="Add the database that it refers to.")
    return read_facts(installation, database)


def _shared(entry: CataloguedDatabase) -> set[str]:
    return {file.name for file in entry.facts.shared}


def _unread(file: Path) -> DatabaseFile:
    """Return the facts about a file in place, without a checksum, which would require reading it."""
    return DatabaseFile(file.name, file.stat().st_size, "")


def _stamp(database: Database, found_at: str) -> str:
    """Return a hash of the files' paths, inodes, sizes and modification times. The alias files are included."""
    files = [file for volume in database.volumes for file in files_of(volume)]
    digest = hashlib.sha256()
    for file in (*alias_files(found_at, database.molecule), *files):
        try:
            facts = file.stat()
        except OSError:
            continue  # a missing file changes the hash
        digest.update(f"{file}\0{facts.st_ino}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16] if files else ""
