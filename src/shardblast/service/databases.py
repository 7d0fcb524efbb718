"""What operators do with databases: add, update, warm, plan, remove."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shardblast.core.database import CataloguedDatabase, checked_name
from shardblast.core.errors import ConflictError, DatabaseError, InputError, NotFoundError, without_folders
from shardblast.core.placement import NodePlan, plan_nodes
from shardblast.core.search import SearchId, State
from shardblast.core.task import Step, Task, TaskKind
from shardblast.disk.node import Node
from shardblast.service.acquisition import Acquisition
from shardblast.service.catalogue import Catalogue, Generations
from shardblast.service.tasks import TaskQueue, Tasks, Watch
from shardblast.sources.base import has_database
from shardblast.storage.objects import Objects, database_key, generation_key


@dataclass(frozen=True, slots=True)
class Presence:
    """How much of a database is where, now."""

    staged_bytes: int
    """On this machine's disk."""
    resident_bytes: int | None
    """In its memory, of what a search maps; None if the kernel does not tell."""
    mapped_bytes: int
    """What a search maps into memory."""
    problem: str | None
    """Why it can't be searched as it is; None if it can."""


@dataclass(frozen=True, slots=True)
class Updates:
    """Whether a source has something newer."""

    current: str
    """Version that is served, as the source calls it."""
    offered: str
    """Version that the source has now."""
    is_newer: bool


class Databases:
    """The use cases."""

    def __init__(
        self,
        generations: Generations,
        catalogue: Catalogue,
        acquisition: Acquisition,
        node: Node,
        removal: Removal,
    ) -> None:
        """Wire it.

        Args:
            generations: Knows what is current.
            catalogue: Opens databases.
            acquisition: Brings them.
            node: This machine's disk and memory.
            removal: Of generations that nothing uses any more.
        """
        self._generations = generations
        self._catalogue = catalogue
        self._acquisition = acquisition
        self._node = node
        self._removal = removal

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return the current generation of each database, by name."""
        return self._generations.all()

    def get(self, name: str) -> CataloguedDatabase:
        """Return what new searches in a database take.

        Raises:
            NotFoundError: There is none of this name.
        """
        return self._catalogue.get(name)

    def check(self, name: str) -> str | None:
        """Read all of a database; return what is wrong with it, or None.

        Raises:
            NotFoundError: There is none of this name.
        """
        return self._catalogue.check(self.get(name))

    def works(self) -> Mapping[TaskKind, Callable[[Task, Watch], str]]:
        """Return what does each kind of task."""
        return {TaskKind.ADD: self._acquired, TaskKind.UPDATE: self._acquired, TaskKind.WARM: self._warmed}

    def register(self, name: str, path: str, *, replace: bool = False) -> CataloguedDatabase:
        """Register a database where it lies; see ``Acquisition.register``.

        Raises:
            InputError: The name can't be used.
        """
        added = self._acquisition.register(checked_name(name), path, replace=replace)
        self._removal.collect(name)
        return added

    def lies_here(self, source: str) -> bool:
        """Tell whether a source is a BLAST database on this machine, which may be registered where it lies.

        Raises:
            InputError: It is nothing at all.
        """
        if not source.strip():
            raise InputError("No source is named.", remedy="Name a path, ncbi:NAME or an address.")
        return source.isprintable() and has_database(Path(source))

    def add(self, tasks: Tasks, queue: TaskQueue, name: str, wanted: Mapping[str, Any], owner: str) -> Task:
        """Begin to bring a database from a source.

        Args:
            tasks: Keep the task.
            queue: Runs it.
            name: Of the database.
            wanted: As for ``Acquisition.source``.
            owner: Who asks.

        Raises:
            InputError: The name can't be used, or the source is none.
            ConflictError: It would replace another database.
        """
        self._check_new(name, wanted)
        if any(one.kind is not TaskKind.WARM and one.details != wanted for one in tasks.active(name)):
            raise ConflictError(f"Another task brings a database {name!r}.", remedy="Wait for its end, or cancel it.")
        return tasks.begin(queue, TaskKind.ADD, name, owner, wanted)

    def bring(self, name: str, wanted: Mapping[str, Any], watch: Watch) -> CataloguedDatabase:
        """Bring a database from a source, here and now; as ``add`` otherwise.

        Raises:
            Interrupted: It was stopped; the next try goes on where it was.
            ShardblastError: It can't be brought.
        """
        self._check_new(name, wanted)
        return self._acquire(name, wanted, watch, is_new=True) or self._generations.get(name)

    def bring_update(self, name: str, watch: Watch) -> CataloguedDatabase:
        """Bring what the source of a database has now, here and now; return what is current then.

        Raises:
            NotFoundError: There is no such database.
            Interrupted: It was stopped; the next try goes on where it was.
            ShardblastError: It can't be brought.
        """
        wanted = self._generations.source(name)
        if wanted.get("in_place"):
            return self.register(name, wanted["text"])
        return self._acquire(name, wanted, watch, is_new=False) or self._generations.get(name)

    def update(self, tasks: Tasks, queue: TaskQueue, name: str, owner: str) -> Task | CataloguedDatabase:
        """Begin to bring what the source of a database has now; what is registered in place is looked at at once.

        Raises:
            NotFoundError: There is no such database.
        """
        wanted = self._generations.source(name)
        if wanted.get("in_place"):
            return self.register(name, wanted["text"])
        return tasks.begin(queue, TaskKind.UPDATE, name, owner, wanted)

    def retry(self, tasks: Tasks, queue: TaskQueue, task: Task, owner: str) -> Task:
        """Begin a task that failed or was cancelled again, as a new task.

        Raises:
            ConflictError: It neither failed nor was cancelled, or what it did is no longer possible.
            NotFoundError: There is no such database any more.
        """
        if task.state not in (State.FAILED, State.CANCELLED):
            raise ConflictError(
                "Only a task that failed or was cancelled can be retried.", remedy="Read its state again."
            )
        match task.kind:
            case TaskKind.ADD:
                return self.add(tasks, queue, task.database, task.details, owner)
            case TaskKind.UPDATE:
                wanted = self._generations.source(task.database)
                if wanted.get("in_place"):
                    raise ConflictError(
                        f"{task.database!r} is registered in place now.", remedy="Update the database instead."
                    )
                return tasks.begin(queue, TaskKind.UPDATE, task.database, owner, wanted)
            case TaskKind.WARM:
                return self.begin_warming(tasks, queue, task.database, owner)

    def check_updates(self, name: str) -> Updates:
        """Ask the source of a database whether it has something newer.

        Raises:
            NotFoundError: There is no such database.
            ShardblastError: The source can't be asked.
        """
        wanted, current = self._generations.source(name), self._generations.get(name)
        if wanted.get("in_place"):
            newer = self._catalogue.has_changed(current)
            return Updates(current.generation, "changed" if newer else current.generation, newer)
        offer = self._acquisition.source(wanted).offer()
        return Updates(current.facts.source_version, offer.version, offer.generation != current.generation)

    def begin_warming(self, tasks: Tasks, queue: TaskQueue, name: str, owner: str) -> Task:
        """Begin to read a database into memory.

        Raises:
            NotFoundError: There is no such database.
        """
        one = self._generations.get(name)
        return tasks.begin(queue, TaskKind.WARM, name, owner, {"generation": one.generation})

    def plan(self, name: str, nodes: int, memory_bytes: int) -> NodePlan:
        """Tell how a database would be cut for nodes.

        Raises:
            NotFoundError: There is no such database.
            InputError: There are no nodes, or they have no memory.
        """
        if nodes < 1 or memory_bytes < 1:
            raise InputError("A plan needs nodes with memory.", remedy="Give --nodes and --memory.")
        return plan_nodes(self._generations.get(name).facts.volumes, nodes, memory_bytes)

    def presence(self, one: CataloguedDatabase) -> Presence:
        """Return how much of a database is on this machine's disk and in its memory, as they say now."""
        try:
            files = self._catalogue.mapped_files(one)
            missing = self._catalogue.missing_bytes(one.name, one.generation)
        except DatabaseError as error:
            return Presence(0, None, one.size_bytes, without_folders(error.problem))
        resident = self._node.resident_bytes(files) if files else 0
        return Presence(one.facts.size_bytes - missing, resident, one.size_bytes, None)

    def uses(self, name: str) -> Sequence[SearchId]:
        """Return the searches in a database that are not over.

        Raises:
            NotFoundError: There is none of this name.
        """
        self._generations.get(name)
        return self._generations.searches_of(name)

    def _check_new(self, name: str, wanted: Mapping[str, Any]) -> None:
        """Refuse at once what ``acquire`` would refuse when its turn comes."""
        checked_name(name)
        self._acquisition.source(wanted)
        with suppress(NotFoundError):
            self._acquisition.check(name, wanted, is_new=True)

    def _acquire(
        self, name: str, wanted: Mapping[str, Any], watch: Watch, *, is_new: bool
    ) -> CataloguedDatabase | None:
        added = self._acquisition.acquire(name, wanted, watch, is_new=is_new)
        self._removal.collect(name)
        return added

    def _acquired(self, task: Task, watch: Watch) -> str:
        added = self._acquire(task.database, task.details, watch, is_new=task.kind is TaskKind.ADD)
        if added is None:
            return "The source has nothing newer."
        return f"{added.num_seqs:,} sequences, {added.letters:,} letters, {len(added.facts.volumes)} volumes."

    def _warmed(self, task: Task, watch: Watch) -> str:
        generation = task.details["generation"]
        try:
            return self.warm(self._generations.get(task.database, generation), watch)
        finally:
            self._removal.released(task.database, generation)

    def warm(self, one: CataloguedDatabase, watch: Watch) -> str:
        """Read a database into memory; return what came of it, for people to read.

        Raises:
            Interrupted: It was stopped.
            ShardblastError: Not all of it can be kept in memory, or read.
        """
        started = time.monotonic()
        told = watch.begin(Step.STAGING, 0 if one.path else one.facts.size_bytes)
        with self._catalogue.opened(one.name, one.generation, told, watch.stopped) as database:
            told.close()
            files, before = database.mapped_files, self._node.resident_bytes(database.mapped_files) or 0
            told = watch.begin(Step.WARMING, database.size_bytes)
            warmed = self._node.warm(files, told, watch.stopped)
            told.close()
        seconds = time.monotonic() - started
        if warmed.resident_bytes is None:
            return f"{warmed.total_bytes:,} bytes were read in {seconds:.2f} s; the kernel does not tell what stays."
        told_of = f"{warmed.resident_bytes:,} of {warmed.total_bytes:,} bytes are in memory"
        return f"{told_of}, {before:,} were before, in {seconds:.2f} s."


class Removal:
    """Removes databases and generations: their rows, their objects, their copies here."""

    def __init__(
        self,
        generations: Generations,
        objects: Objects,
        catalogue: Catalogue,
        acquisition: Acquisition,
        node: Node,
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
