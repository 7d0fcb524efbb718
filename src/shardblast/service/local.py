"""Searches done on the service's own machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shardblast.blast.database import Database
from shardblast.blast.process import Processes
from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.generation import Generation
from shardblast.core.lacking import Lack
from shardblast.core.options import SearchOptions
from shardblast.core.progress import Phase
from shardblast.core.search import SearchId
from shardblast.engine.sequences import KEPT
from shardblast.engine.stored import StoredEngine, StoredPlan
from shardblast.engine.work import Watcher
from shardblast.service.catalogue import Catalogue
from shardblast.service.expansion import EXPANSION
from shardblast.service.meter import Meter
from shardblast.service.node import LocalNode
from shardblast.service.searching import Ordered, Phases
from shardblast.storage.layout import search_key
from shardblast.storage.objects import Objects

logger = logging.getLogger(__name__)


class LocalSearching:
    """Searches in the folders of searches; databases of the storage are copied to the disk first."""

    leaves_results_here = True

    def __init__(self, catalogue: Catalogue, node: LocalNode, engine: StoredEngine, objects: Objects) -> None:
        self._catalogue = catalogue
        self._node = node
        self._engine = engine
        self._objects = objects

    @property
    def cores(self) -> int:
        return self._engine.pool.size

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        return None

    def check(self, options: SearchOptions, database: CataloguedDatabase, folder: Path) -> None: ...

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        return self._engine.plan(options, self._catalogue.described(database), folder / "query.fa", folder, processes)

    def search(self, ordered: Ordered, phases: Phases, watcher: Watcher, processes: Processes) -> None:
        with self._staged(ordered, phases, processes) as database:
            if not ordered.plan.choice.by_shard:
                self._warm(database, phases, processes, ordered.search_id)
            phases.searching(ordered.plan.pieces)
            self._engine.search(ordered.options, database, ordered.plan, ordered.folder, watcher, processes)

    def is_merged(self, search_id: SearchId, plan: StoredPlan, folder: Path) -> bool:
        return all((folder / "merged" / f"{batch}.json").exists() for batch in range(plan.batches))

    def publish(
        self, ordered: Ordered, phases: Phases, watcher: Watcher, processes: Processes, most_bytes: int
    ) -> Sequence[str]:
        folder = ordered.folder
        files = [folder / "plan.json", *sorted((folder / "merged").iterdir()), *sorted((folder / KEPT).glob("*"))]
        files += [folder / EXPANSION] if (folder / EXPANSION).exists() else []
        names = [str(file.relative_to(folder)) for file in files]
        total = len(files) + 1
        for done, (file, name) in enumerate(zip(files, names, strict=True), 1):
            processes.check()
            self._objects.put(search_key(ordered.search_id, name), file, lambda sent_bytes: processes.check())
            if done % 50 == 1:
                phases.count(Phase.PUBLISHING, done, total)
        phases.count(Phase.PUBLISHING, total, total)
        return names

    def end(self, search_id: SearchId) -> None: ...

    def tidy(self, search_id: SearchId) -> None: ...

    @contextmanager
    def _staged(self, ordered: Ordered, phases: Phases, processes: Processes) -> Iterator[Database]:
        """Open the database of a search, copied to this machine's disk if it is not there."""
        one, told = ordered.database, None
        if self._catalogue.missing_bytes(one.name, one.generation):
            phases.staging(one.facts.size_bytes)
            told = Meter(phases.staged)
        counted: Callable[[int], None] = told or _silent
        with self._catalogue.opened(one.name, one.generation, counted, processes.is_stopped) as found:
            if told is not None:
                told.close()
            yield found

    def _warm(self, database: Database, phases: Phases, processes: Processes, search_id: SearchId) -> None:
        """Read what of a database is not in memory; a search goes on when not all of it can be kept there."""
        files = database.mapped_files
        resident = self._node.resident_bytes(files)
        if resident is None or resident >= database.size_bytes:
            return
        phases.warming(database.size_bytes)
        told = Meter(phases.warmed)
        try:
            self._node.warm(files, told, processes.is_stopped)
        except Interrupted:
            raise
        except ShardblastError as error:
            logger.info("a database can't be warmed: %s", error.problem, extra={"search_id": search_id})
            told.close()
            phases.fail(Phase.WARMING)
        else:
            told.close()


def _silent(size_bytes: int) -> None: ...
