"""How the service has a search done: on its own machine, or by a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shardblast.blast.process import Processes
from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.generation import Generation
from shardblast.core.lacking import Lack
from shardblast.core.options import SearchOptions
from shardblast.core.progress import Phase, Progress, begin, count, fail
from shardblast.core.search import SearchId, lacks, progressed
from shardblast.engine.stored import StoredPlan
from shardblast.engine.work import Watcher
from shardblast.store.searches import SearchStore

Changed = Callable[[Progress], Progress]


@dataclass(frozen=True, slots=True)
class Ordered:
    """A search to be done."""

    search_id: SearchId
    options: SearchOptions
    """With lists where they lie, and ``-outfmt 11``."""
    database: CataloguedDatabase
    plan: StoredPlan
    folder: Path
    """The search's own, with ``query.fa``."""


class Searching(Protocol):
    """Does searches; each step may be repeated."""

    @property
    def leaves_results_here(self) -> bool:
        """Whether merged batches are in the search's folder; else they are in the storage alone."""
        ...

    @property
    def cores(self) -> int:
        """How many cores there are now for searches."""
        ...

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        """Return what keeps a search from running now; None if nothing does.

        Args:
            generation: In which it searches.
            before: What it lacked when it gave back its place.
        """
        ...

    def check(self, options: SearchOptions, database: CataloguedDatabase, folder: Path) -> None:
        """Refuse a search that can't be done, before it is queued.

        Args:
            options: The user's.
            database: That is to be searched.
            folder: An empty one.

        Raises:
            ShardblastError: Why not.
        """
        ...

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        """Read the queries in a search's folder and decide how to cut.

        Raises:
            Interrupted: ``processes`` was stopped.
            InputError: The queries can't be searched as they are.
            DatabaseError: The database can't be searched in this way.
        """
        ...

    def search(self, ordered: Ordered, phases: Phases, watcher: Watcher, processes: Processes) -> None:
        """Search and merge what is not finished yet.

        Raises:
            Interrupted: ``processes`` was stopped.
            WaitError: It can't go on now.
            ShardblastError: It failed.
        """
        ...

    def is_merged(self, search_id: SearchId, plan: StoredPlan, folder: Path) -> bool:
        """Tell whether all batches are merged."""
        ...

    def publish(
        self, ordered: Ordered, phases: Phases, watcher: Watcher, processes: Processes, most_bytes: int
    ) -> Sequence[str]:
        """Have all of a result that is not made here in the storage, and what is known of queries in the folder.

        Returns:
            The names of what is there, below the search's prefix.

        Raises:
            Interrupted: ``processes`` was stopped.
        """
        ...

    def end(self, search_id: SearchId) -> None:
        """End what runs elsewhere for a search, also what was begun before the service was killed."""
        ...

    def tidy(self, search_id: SearchId) -> None:
        """Remove from the storage what was needed only while the search ran."""
        ...


class Phases:
    """Writes down what a search does."""

    def __init__(self, store: SearchStore, search_id: SearchId) -> None:
        self._store = store
        self._id = search_id

    def begin(self, phase: Phase, total: int) -> None:
        """A phase begins."""
        self._change(lambda progress: begin(progress, phase, time.time(), total))

    def count(self, phase: Phase, done: int, total: int | None = None) -> None:
        """So many things of a phase are finished."""
        self._change(lambda progress: count(progress, phase, done, total))

    def fail(self, phase: Phase) -> None:
        """A phase ended before it was done, though the search goes on."""
        self._change(lambda progress: fail(progress, phase, time.time()))

    def staging(self, total_bytes: int) -> None:
        self.begin(Phase.STAGING, total_bytes)

    def staged(self, done_bytes: int) -> None:
        self.count(Phase.STAGING, done_bytes)

    def warming(self, total_bytes: int) -> None:
        self.begin(Phase.WARMING, total_bytes)

    def warmed(self, done_bytes: int) -> None:
        self.count(Phase.WARMING, done_bytes)

    def searching(self, pieces: int) -> None:
        self.begin(Phase.SEARCHING, pieces)

    def waiting(self, lack: Lack | None) -> None:
        """Something does not go on until there is this; None: all goes on."""
        self._store.change(self._id, lambda one: lacks(one, lack, time.time()))

    def _change(self, changed: Changed) -> None:
        self._store.change(self._id, lambda one: progressed(one, changed(one.progress)))
