"""Searches of a service, done by a cluster: results stay in the storage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from shardblast.blast.generation import database_of
from shardblast.blast.process import Processes
from shardblast.cluster.holders import can_go_on
from shardblast.cluster.membership import Cluster
from shardblast.cluster.order import PIECES, WORK, merged_key
from shardblast.cluster.phases import Phases
from shardblast.cluster.searching import ClusterSearching, Request
from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.errors import DatabaseError, NetworkError
from shardblast.core.generation import Generation
from shardblast.core.lacking import NO_NODE, NO_SCHEDULER, Lack
from shardblast.core.options import SearchOptions
from shardblast.engine.sequences import KEPT
from shardblast.engine.stored import StoredPlan
from shardblast.engine.work import Watcher
from shardblast.storage.layout import search_key

KEPT_FILES = ("plan.json", "taxids.txt")


class Ordered(Protocol):
    """A search, as the service has it."""

    @property
    def search_id(self) -> str: ...

    @property
    def options(self) -> SearchOptions: ...

    @property
    def database(self) -> CataloguedDatabase: ...

    @property
    def plan(self) -> StoredPlan: ...

    @property
    def folder(self) -> Path: ...


class ServedSearching:
    """Does what a service asks for."""

    leaves_results_here = False

    def __init__(self, searching: ClusterSearching) -> None:
        self._searching = searching
        self._objects = searching.means.objects

    @property
    def cluster(self) -> Cluster:
        """Where searches are done."""
        return self._searching.means.cluster

    @property
    def cores(self) -> int:
        try:
            return sum(one.member.state.cores for one in self.cluster.addresses() if one.takes_work)
        except NetworkError:
            return 0

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        try:
            there = self.cluster.addresses()
        except NetworkError:
            return NO_SCHEDULER
        if not any(one.takes_work for one in there):
            return NO_NODE
        return None if before is None or can_go_on(before, generation, there) else before

    def check(self, options: SearchOptions, database: CataloguedDatabase, folder: Path) -> None:
        self._searching.check(options, database.facts, folder)

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        if database.path is not None:
            raise DatabaseError(
                f"The database {database.name!r} lies on the service's machine, where no node finds it.",
                remedy=f"Copy it to the storage: 'shardblast db add {database.name} PATH --copy'.",
            )
        nowhere = database_of(database.facts, folder, ())
        return self._searching.plan(options, database.facts, nowhere, folder / "query.fa", folder, processes)

    def search(self, ordered: Ordered, phases: Phases, watcher: Watcher, processes: Processes) -> None:
        self._searching.search(_request(ordered), phases, watcher, processes)

    def is_merged(self, search_id: str, plan: StoredPlan, folder: Path) -> bool:
        there = set(self._objects.keys(search_key(search_id, "merged")))
        return all(search_key(search_id, merged_key(batch)) in there for batch in range(plan.batches))

    def publish(
        self, ordered: Ordered, phases: Phases, watcher: Watcher, processes: Processes, most_bytes: int
    ) -> Sequence[str]:
        search_id, folder = ordered.search_id, ordered.folder
        self._searching.keep_sequences(_request(ordered), phases, watcher, processes, most_bytes)
        for name in KEPT_FILES:
            if (folder / name).exists():
                self._objects.put(search_key(search_id, name), folder / name)
        (folder / "merged").mkdir(exist_ok=True)
        for batch in processes.over(range(ordered.plan.batches)):
            name = merged_key(batch)
            self._objects.fetch(search_key(search_id, name), folder / name)
        prefix = search_key(search_id)
        parts = [search_key(search_id, part) for part in ("merged", KEPT)]
        names = [key.removeprefix(prefix) for part in parts for key in self._objects.keys(part)]
        return [*(name for name in KEPT_FILES if (folder / name).exists()), *sorted(names)]

    def end(self, search_id: str) -> None:
        self.cluster.forget(search_id, wait=True)

    def tidy(self, search_id: str) -> None:
        for name in (WORK, PIECES):
            self._objects.delete(search_key(search_id, name))


def _request(ordered: Ordered) -> Request:
    return Request(ordered.search_id, ordered.options, ordered.database.facts, ordered.plan, ordered.folder)
