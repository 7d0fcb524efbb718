"""What operators do with databases: add, update, warm, plan, remove."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shardblast.core.database import TOTALS, CataloguedDatabase, Generation, checked_name
from shardblast.core.errors import ConflictError, InputError, NotFoundError
from shardblast.core.events import PhaseBegun, PhaseCounted, SearchEvent, SearchWaits
from shardblast.core.lack import Lack
from shardblast.core.placement import NodePlan, plan_nodes
from shardblast.core.search import Document, SearchId, State
from shardblast.core.task import Step, Task, TaskKind
from shardblast.core.units import counted
from shardblast.disk.staging import Stager
from shardblast.service.acquisition import Acquisition
from shardblast.service.catalogue import Catalogue, Generations
from shardblast.service.tasks import Tasks, Watch
from shardblast.service.warming import Warming
from shardblast.sources.source import has_database
from shardblast.storage.objects import Objects, database_key, generation_key, pinned


@dataclass(frozen=True, slots=True)
class Updates:
    """Whether a source has a newer version."""

    current: str
    offered: str
    is_newer: bool


@dataclass(frozen=True, slots=True)
class Databases:
    generations: Generations
    catalogue: Catalogue
    acquisition: Acquisition
    removal: Removal
    warming: Warming

    def check(self, name: str) -> str | None:
        """Read all of a database; return what is wrong with it, or None."""
        return self.catalogue.check(self.generations.get(name))

    def works(self) -> Mapping[TaskKind, Callable[[Task, Watch], str]]:
        """Return the function that runs each kind of task."""
        return {TaskKind.ADD: self._acquired, TaskKind.UPDATE: self._acquired, TaskKind.WARM: self._warmed}

    def register(self, name: str, path: str, *, replace: bool = False) -> CataloguedDatabase:
        """Register a database in place; see ``Acquisition.register``."""
        added = self.acquisition.register(checked_name(name), path, replace=replace)
        self.removal.collect(name)
        return added

    def lies_here(self, source: str) -> bool:
        """Return whether a source is a BLAST database on this machine, which can be registered in place."""
        if not source.strip():
            raise InputError("No source was given.", remedy="Give a path, ncbi:NAME or a URL.")
        return source.isprintable() and has_database(Path(source))

    def add(self, tasks: Tasks, name: str, wanted: Mapping[str, Any], owner: str) -> Task:
        """Queue a task that adds a database from a source; see ``Acquisition.source`` for ``wanted``.

        Raises InputError if the name or the source is not valid, and ConflictError if another database had to go.
        """
        self._check_new(name, wanted)
        if any(task.kind is not TaskKind.WARM and task.details != wanted for task in tasks.store.active(name)):
            raise ConflictError(f"{name!r} is already being added.", remedy="Wait for that task, or cancel it.")
        return tasks.begin(TaskKind.ADD, name, owner, wanted)

    def bring(self, name: str, wanted: Mapping[str, Any], watch: Watch) -> CataloguedDatabase:
        """Add a database from a source now, without a task. The next attempt resumes an interrupted one."""
        self._check_new(name, wanted)
        return self._acquire(name, wanted, watch, is_new=True) or self.generations.get(name)

    def bring_update(self, name: str, watch: Watch) -> CataloguedDatabase:
        """Update a database from its source now, without a task; return the current generation."""
        wanted = self.generations.store.source(name)
        if wanted.get("in_place"):
            return self.register(name, wanted["text"])
        return self._acquire(name, wanted, watch, is_new=False) or self.generations.get(name)

    def update(self, tasks: Tasks, name: str, owner: str) -> Task | CataloguedDatabase:
        """Queue a task that updates a database from its source. A database in place is updated at once."""
        wanted = self.generations.store.source(name)
        if wanted.get("in_place"):
            return self.register(name, wanted["text"])
        return tasks.begin(TaskKind.UPDATE, name, owner, wanted)

    def retry(self, tasks: Tasks, task: Task, owner: str) -> Task:
        """Queue a failed or cancelled task again, as a new task. Raises ConflictError if it is no longer possible."""
        if task.state not in (State.FAILED, State.CANCELLED):
            raise ConflictError("Only a task that failed or was cancelled can be retried.", remedy="Check its state.")
        match task.kind:
            case TaskKind.ADD:
                return self.add(tasks, task.database, task.details, owner)
            case TaskKind.UPDATE:
                wanted = self.generations.store.source(task.database)
                if wanted.get("in_place"):
                    problem = f"{task.database!r} is registered in place now."
                    raise ConflictError(problem, remedy="Update the database instead.")
                return tasks.begin(TaskKind.UPDATE, task.database, owner, wanted)
            case TaskKind.WARM:
                return self.begin_warming(tasks, task.database, owner)

    def check_updates(self, name: str) -> Updates:
        """Return whether the source of a database has a newer version."""
        wanted, current = self.generations.store.source(name), self.generations.get(name)
        if wanted.get("in_place"):
            newer = self.catalogue.has_changed(current)
            return Updates(current.generation, "changed" if newer else current.generation, newer)
        offer = self.acquisition.source(wanted).offer()
        return Updates(current.facts.source_version, offer.version, offer.generation != current.generation)

    def begin_warming(self, tasks: Tasks, name: str, owner: str) -> Task:
        """Queue a task that reads a database into memory."""
        database = self.generations.get(name)
        return tasks.begin(TaskKind.WARM, name, owner, {"generation": database.generation})

    def plan(self, name: str, nodes: int, memory_bytes: int) -> NodePlan:
        if nodes < 1 or memory_bytes < 1:
            problem = "A plan needs at least one node with memory."
            raise InputError(problem, remedy="Give a number of nodes and the memory of each.")
        return plan_nodes(self.generations.get(name).facts.volumes, nodes, memory_bytes)

    def described(self, database: CataloguedDatabase) -> Document:
        """Return what users see of a database; its ``source`` is only for administrators of the machine."""
        return {
            **{name: getattr(database.facts, name) for name in (*Generation.__slots__, *TOTALS)},
            "name": database.name,
            "generation": database.generation,
            "volumes": len(database.facts.volumes),
            "in_place": database.path is not None,
            "added": database.added,
            "here": self.warming.presence(database),
        }

    def uses(self, name: str) -> Sequence[SearchId]:
        """Return the searches in a database that have not ended."""
        self.generations.get(name)
        return self.generations.store.searches_of(name)

    def results_of(self, name: str) -> int:
        """Return the number of results that can't be printed without a database."""
        return self.generations.printed_from(self.generations.store.generations(name))

    def _check_new(self, name: str, wanted: Mapping[str, Any]) -> None:
        """Reject at once what ``Acquisition.acquire`` would reject later."""
        checked_name(name)
        self.acquisition.source(wanted)
        with suppress(NotFoundError):
            self.acquisition.check(name, wanted, is_new=True)

    def _acquire(
        self, name: str, wanted: Mapping[str, Any], watch: Watch, *, is_new: bool
    ) -> CataloguedDatabase | None:
        added = self.acquisition.acquire(name, wanted, watch, is_new=is_new)
        self.removal.collect(name)
        return added

    def _acquired(self, task: Task, watch: Watch) -> str:
        added = self._acquire(task.database, task.details, watch, is_new=task.kind is TaskKind.ADD)
        if added is None:
            return "The source has nothing newer."
        letters = counted(added.facts.letters, "base or residue", "bases or residues")
        facts = f"{counted(added.facts.num_seqs, 'sequence')}, {letters}"
        return f"{facts}, {counted(len(added.facts.volumes), 'volume')}. {self.kept_for(task.database)}".rstrip()

    def kept_for(self, name: str) -> str:
        """Return for how many results earlier generations of the storage are kept, as a sentence; empty for none."""
        kept = [database for database in self.generations.earlier(name) if database.path is None]
        if not (results := self.generations.printed_from(kept)):
            return ""
        return f"The earlier version is kept, because {counted(results, 'result needs', 'results need')} it."

    def _warmed(self, task: Task, watch: Watch) -> str:
        generation = task.details["generation"]
        try:
            return self.warm(self.generations.get(task.database, generation), watch)
        finally:
            self.removal.released(task.database, generation)

    def warm(self, entry: CataloguedDatabase, watch: Watch) -> str:
        """Read a database into memory; see ``Warming.warm``."""
        total = 0

        def note(event: SearchEvent) -> None:
            nonlocal total
            match event:
                case PhaseBegun(phase, total):
                    watch.report(Step(phase.value), 0, total)
                case PhaseCounted(phase, done):
                    watch.report(Step(phase.value), done, total)
                case SearchWaits(Lack() as lack):
                    watch.waits(f"It waits for {lack.phrase.rstrip('.')}.")

        return self.warming.warm(entry, note, watch.stopped)


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes databases and generations with their rows, their objects, and their copies on this machine."""

    generations: Generations
    objects: Objects
    catalogue: Catalogue
    acquisition: Acquisition
    stager: Stager
    cancel: Callable[[SearchId], object]

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a database. Files that were registered in place stay.

        ``force`` cancels the searches that use it, and gives up results that can't be printed without it. Otherwise
        these raise ConflictError, as an update does in any case.
        """
        with self.acquisition.alone(name):
            self.generations.store.source(name)  # raises if it is unknown: objects of that name are another service's
            known = self.generations.store.generations(name)
            using, lost = self.generations.store.searches_of(name), self.generations.printed_from(known)
            used = len(using) + pinned(self.objects, name).total()
            if (used or lost) and not force:
                uses = f"{counted(used, 'search is', 'searches are')} using the database {name!r}."
                losses = f"{counted(lost, 'finished search', 'finished searches')} can't be printed without {name!r}."
                raise ConflictError(
                    " ".join([uses] * bool(used) + [losses] * bool(lost)),
                    remedy="Wait until they have ended." if used else "Download these results first.",
                    allowed_with="force",
                )
            for search_id in using:
                with suppress(ConflictError, NotFoundError):  # the search ended meanwhile
                    self.cancel(search_id)
            self.generations.withdraw(name)
            for generation in known:
                self._remove_files(generation)
            self.objects.delete(database_key(name))
            self.generations.store.remove(name)  # last, so that an interrupted removal can be repeated

    def collect(self, name: str | None = None) -> None:
        """Remove unused generations of one database or of all; a process that changes one collects it at its end."""
        for database in self.generations.names() if name is None else [name]:
            if self.generations.unused(database):
                with suppress(ConflictError), self.acquisition.alone(database):
                    self._collect(database)

    def _collect(self, name: str) -> None:
        pins = pinned(self.objects, name)
        for generation in self.generations.unused(name):
            if generation.generation in pins:
                continue  # a command searches it; the service collects again within the hour
            if self.generations.store.remove_unused(name, generation.generation):
                self._remove_files(generation)

    def released(self, name: str, generation: str) -> None:
        """Remove a generation that was in use until now, if nothing else uses it."""
        self.collect(name)
        try:
            self.generations.get(name, generation)
        except NotFoundError:
            with suppress(ConflictError):  # something else still uses it
                self.stager.forget(name, generation)

    def _remove_files(self, generation: CataloguedDatabase) -> None:
        with suppress(ConflictError):  # still in use on this machine; the node removes it when it needs room
            self.catalogue.forget(generation)
        if generation.path is None:
            self.objects.delete(generation_key(generation.name, generation.generation))
