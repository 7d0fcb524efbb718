"""The generations of databases, and which of them new searches take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from itertools import groupby
from typing import Any

from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.errors import DatabaseError, NotFoundError
from shardblast.core.generation import Generation
from shardblast.core.search import SearchId
from shardblast.storage.layout import current_key
from shardblast.storage.objects import Objects
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


def _in_place(known: Sequence[CataloguedDatabase]) -> Iterator[CataloguedDatabase]:
    return (one for one in known if one.path is not None)
