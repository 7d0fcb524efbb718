"""The ways in which a service runs a search: on its own machine or on a cluster."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shardblast.blast.database import Database
from shardblast.blast.process import Processes
from shardblast.blast.taxonomy import EXPANSION
from shardblast.core.cutting import Choice, fits_in_memory
from shardblast.core.database import CataloguedDatabase, Generation
from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.events import Notify, PhaseBegun, PhaseCounted, PhaseFailed
from shardblast.core.lack import Lack
from shardblast.core.node import summed
from shardblast.core.options import SearchOptions
from shardblast.core.search import Phase, SearchId
from shardblast.disk.memory import resident_bytes, warm
from shardblast.engine.kept_sequences import KEPT
from shardblast.engine.stored import PLAN, OrderedSearch, StoredEngine, StoredPlan
from shardblast.service.catalogue import Catalogue
from shardblast.service.tasks import Meter
from shardblast.storage.objects import Objects, search_key

logger = logging.getLogger(__name__)


class Searching(Protocol):
    """Runs searches. Each step can be repeated."""

    @property
    def leaves_results_here(self) -> bool:
        """Whether merged batches are in the search's folder; otherwise only the storage has them."""

    @property
    def cores(self) -> int:
        """Number of cores that searches can use now."""

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        """Return what keeps a search from running now, or None; ``before`` is what it lacked when it was put back."""

    def fits_in_memory(self, database: CataloguedDatabase) -> bool | None:
        """Return whether a database stays in this machine's memory; None if other machines search."""

    def check(self, options: SearchOptions, database: CataloguedDatabase, query_bytes: int, folder: Path) -> Choice:
        """Decide as ``plan`` does, before queueing; ``folder`` is empty. Raises an error if it can't run now."""

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        """Read a search's queries and decide how to cut. Raises Interrupted, InputError or DatabaseError."""

    def search(self, search: OrderedSearch, notify: Notify, processes: Processes) -> None:
        """Search and merge what is left. Raises Interrupted if ``processes`` was stopped, WaitError if it is stuck."""

    def is_merged(self, search_id: SearchId, plan: StoredPlan, folder: Path) -> bool: ...

    def publish(self, search: OrderedSearch, notify: Notify, processes: Processes, most_bytes: int) -> Sequence[str]:
        """Store a result and put facts of its queries into the folder; return the objects' names below the prefix."""

    def end(self, search_id: SearchId) -> None:
        """End remote tasks of a search, including those begun before the service was killed."""

    def tidy(self, search_id: SearchId) -> None:
        """Remove the objects that were needed only while the search ran."""


@dataclass(frozen=True, slots=True)
class LocalSearching:
    """Runs searches in their folders, after copying databases from the storage to this machine's disk."""

    leaves_results_here = True

    catalogue: Catalogue
    engine: StoredEngine
    objects: Objects

    @property
    def cores(self) -> int:
        return self.engine.pool.size

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        return None

    def fits_in_memory(self, database: CataloguedDatabase) -> bool:
        return fits_in_memory(database.facts.mapped_bytes, self.cores, self.engine.machine.memory_bytes)

    def check(self, options: SearchOptions, database: CataloguedDatabase, query_bytes: int, folder: Path) -> Choice:
        described = self.catalogue.described(database)
        return self.engine.decide(options, described, query_bytes, folder, Processes())[0]

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        return self.engine.plan(options, self.catalogue.described(database), folder, processes)

    def search(self, search: OrderedSearch, notify: Notify, processes: Processes) -> None:
        with self._staged(search, notify, processes) as database:
            if not search.plan.choice.by_shard:
                self._warm(database, notify, processes, search.search_id)
            notify(PhaseBegun(Phase.SEARCHING, search.plan.pieces))
            self.engine.search(search, database, notify, processes)

    def is_merged(self, search_id: SearchId, plan: StoredPlan, folder: Path) -> bool:
        return all((folder / "merged" / f"{batch}.json").exists() for batch in range(plan.batches))

    def publish(self, search: OrderedSearch, notify: Notify, processes: Processes, most_bytes: int) -> Sequence[str]:
        folder = search.folder
        files = [folder / PLAN, *sorted((folder / "merged").iterdir()), *sorted((folder / KEPT).glob("*"))]
        files += [folder / EXPANSION] if (folder / EXPANSION).exists() else []
        names = [str(file.relative_to(folder)) for file in files]
        total = len(files) + 1
        for done, (file, name) in enumerate(zip(files, names, strict=True), 1):
            processes.check()
            self.objects.put(search_key(search.search_id, name), file, lambda sent_bytes: processes.check())
            if done % 50 == 0:
                notify(PhaseCounted(Phase.PUBLISHING, done, total))
        notify(PhaseCounted(Phase.PUBLISHING, total, total))
        return names

    def end(self, search_id: SearchId) -> None: ...

    def tidy(self, search_id: SearchId) -> None: ...

    @contextmanager
    def _staged(self, search: OrderedSearch, notify: Notify, processes: Processes) -> Iterator[Database]:
        """Open the database of a search, staged on this machine's disk if need be."""
        entry, meter = search.database, Meter(lambda staged_bytes: None)
        if self.catalogue.missing_bytes(entry.name, entry.generation):
            notify(PhaseBegun(Phase.STAGING, entry.facts.size_bytes))
            meter = Meter(lambda done_bytes: notify(PhaseCounted(Phase.STAGING, done_bytes)))
        with self.catalogue.opened(entry.name, entry.generation, meter, processes.is_stopped) as database:
            meter.close()
            yield database

    def _warm(self, database: Database, notify: Notify, processes: Processes, search_id: SearchId) -> None:
        """Read the cold part of a database into memory. If not all of it fits, the search continues."""
        files = database.mapped_files
        resident = summed(resident_bytes(files))
        if resident is None or resident >= database.size_bytes:
            return
        notify(PhaseBegun(Phase.WARMING, database.size_bytes))
        meter = Meter(lambda done_bytes: notify(PhaseCounted(Phase.WARMING, done_bytes)))
        try:
            warm(files, meter, processes.is_stopped)
        except Interrupted:
            raise
        except ShardblastError as error:
            logger.info("a database can't be warmed: %s", error.problem, extra={"search_id": search_id})
            meter.close()
            notify(PhaseFailed(Phase.WARMING))
        else:
            meter.close()
