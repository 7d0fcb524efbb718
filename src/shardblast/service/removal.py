"""What goes of databases: one that an operator removes, and the generations that nothing uses any more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.errors import ConflictError, NotFoundError
from shardblast.core.search import SearchId
from shardblast.service.acquisition import Acquisition
from shardblast.service.catalogue import Catalogue
from shardblast.service.generations import Generations
from shardblast.service.node import LocalNode
from shardblast.storage.layout import database_key, generation_key
from shardblast.storage.objects import Objects


class Removal:
    """Removes databases and generations: their rows, their objects, their copies here."""

    def __init__(
        self,
        generations: Generations,
        objects: Objects,
        catalogue: Catalogue,
        acquisition: Acquisition,
        node: LocalNode,
        cancel: Callable[[SearchId], object],
    ) -> None:
        """Wire it.

        Args:
            generations: Knows what is current.
            objects: Have the files.
            catalogue: Opens databases.
            acquisition: Brings them, and knows which are being brought.
            node: This machine's disk and memory.
            cancel: Stops a search.
        """
        self._generations = generations
        self._objects = objects
        self._catalogue = catalogue
        self._acquisition = acquisition
        self._node = node
        self._cancel = cancel

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a database; files that were registered in place stay.

        Args:
            name: Of the database.
            force: Cancel the searches that use it.

        Raises:
            NotFoundError: There is none of this name.
            ConflictError: Searches use it, or it is being updated.
        """
        with self._acquisition.alone(name):
            self._generations.source(name)  # raises where there is none: files of that name are another service's
            known = self._generations.known(name)
            using = self._generations.searches_of(name)
            if using and not force:
                raise ConflictError(
                    f"{len(using)} searches use the database {name!r}.", remedy="Wait for their end, or use --force."
                )
            for search_id in using:
                with suppress(ConflictError, NotFoundError):  # it ended meanwhile
                    self._cancel(search_id)
            self._generations.withdraw(name)
            for one in known:
                self._remove_files(one)
            self._objects.delete(database_key(name))
            self._generations.remove(name)  # last, so that a removal that was cut short can be repeated

    def collect(self, name: str | None = None) -> None:
        """Remove the generations that nothing uses any more, of one database or of all.

        A database that is being updated or removed is passed over; whoever does that collects at the end.
        """
        for found in self._generations.names() if name is None else [name]:
            if self._generations.unused(found):
                with suppress(ConflictError), self._acquisition.alone(found):
                    self._collect(found)

    def _collect(self, name: str) -> None:
        for one in self._generations.unused(name):
            if self._generations.remove_unused(one):
                self._remove_files(one)

    def released(self, name: str, generation: str) -> None:
        """Remove a generation that somebody used until now, if nothing is to use it any more."""
        self.collect(name)
        try:
            self._generations.get(name, generation)
        except NotFoundError:
            with suppress(ConflictError):  # somebody else still uses it
                self._node.forget(name, generation)

    def _remove_files(self, one: CataloguedDatabase) -> None:
        with suppress(ConflictError):  # something on this machine still reads it; it makes room when room is needed
            self._catalogue.forget(one)
        if one.path is None:
            self._objects.delete(generation_key(one.name, one.generation))
