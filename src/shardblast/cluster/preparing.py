"""Volumes where a search is to find them: placed on nodes, staged on their disks, warmed in their memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shardblast.cluster import tasks
from shardblast.cluster.attempts import Task
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.membership import Address
from shardblast.cluster.order import RunId
from shardblast.cluster.phases import Phases, Waiting
from shardblast.core.generation import Generation
from shardblast.core.lacking import MORE_NODES
from shardblast.core.node import NodeState
from shardblast.core.nodeplan import need_of
from shardblast.core.placement import NodeRoom, Placement, place
from shardblast.core.planning import Shard

STAGED, WARMED = "staged", "warmed"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preparation:
    """That of one search."""

    run: RunId
    generation: Generation
    shards: Sequence[Shard]
    replicas: int
    expected: Callable[[], int]
    """Returns how many nodes there are to be."""
    expected_s: float
    """How long to wait for them."""
    dispatcher: Dispatcher
    phases: Phases
    waiting: Waiting
    priority: int

    def prepare(self) -> None:
        """Have shards on the nodes that are to hold them, where they are not.

        Raises:
            Interrupted: The search was stopped.
            WaitError: There are no nodes.
            ShardblastError: A node can't bring what it is to hold.
        """
        there = self._nodes()
        has = self._held(there)
        wanted = self._volumes_of_nodes(there, has)
        missing = {name: volumes - has[name] for name, volumes in wanted.items() if volumes - has[name]}
        sizes = {one.name: sum(file.size_bytes for file in one.files) for one in self.generation.volumes}
        shared = sum(file.size_bytes for file in self.generation.shared)
        if missing:
            total = {name: shared + sum(sizes[one] for one in volumes) for name, volumes in missing.items()}
            self.phases.staging(sum(total.values()))
            self._prepare(tasks.stage, STAGED, missing, total)
        for name, volumes in wanted.items():
            self.dispatcher.give(name, volumes)
        self._warm(there, wanted, missing)

    def _nodes(self) -> dict[str, NodeState]:
        """Wait for nodes; for those that are on their way a while longer, where the others alone would not do."""
        there = _states(self.waiting.for_nodes())
        until = time.monotonic() + self.expected_s
        while self._lacks_nodes(there) and time.monotonic() < until:
            self.waiting.a_moment(MORE_NODES)
            there = _states(self.waiting.there())
        return _states(self.waiting.for_nodes())

    def _lacks_nodes(self, there: Mapping[str, NodeState]) -> bool:
        """Tell whether nodes are to come, and those that are there have no room for a copy of each shard."""
        return len(there) < self.expected() and self._placed(there, self._held(there), 1).problem is not None

    def _held(self, there: Mapping[str, NodeState]) -> dict[str, frozenset[str]]:
        return {name: state.held(self.generation.database, self.generation.name) for name, state in there.items()}

    @property
    def _volumes(self) -> dict[str, frozenset[str]]:
        """The volumes of each shard."""
        names = [one.name for one in self.generation.volumes]
        return {str(shard.index): frozenset(names[at] for at in shard.volumes) for shard in self.shards}

    def _placed(self, there: Mapping[str, NodeState], has: Mapping[str, frozenset[str]], replicas: int) -> Placement:
        needs = self._volumes
        held = {index: [node for node, own in has.items() if need <= own] for index, need in needs.items()}
        rooms = [NodeRoom(one.name, one.memory_bytes, one.disk_budget_bytes) for one in there.values()]
        shards = [need_of(self.generation.volumes, shard, str(shard.index)) for shard in self.shards]
        return place(shards, rooms, replicas, held)

    def _volumes_of_nodes(
        self, there: Mapping[str, NodeState], has: Mapping[str, frozenset[str]]
    ) -> dict[str, frozenset[str]]:
        placed, needs = self._placed(there, has, self.replicas), self._volumes
        if placed.problem is not None:
            log.warning("%s", placed.problem, extra={"search_id": self.run.search})
        found: dict[str, frozenset[str]] = {}
        for index, nodes in placed.nodes.items():
            for node in nodes:
                found[node] = found.get(node, frozenset()) | needs[index]
        return found

    def _warm(
        self, there: Mapping[str, NodeState], wanted: Mapping[str, frozenset[str]], staged: Mapping[str, frozenset[str]]
    ) -> None:
        """Have in memory what is not, where a node's share fits."""
        cold: dict[str, frozenset[str]] = {}
        total: dict[str, int] = {}
        mapped = {one.name: one.mapped_bytes for one in self.generation.volumes}
        for node, state in there.items():
            volumes = wanted.get(node, frozenset())
            warm = {
                volume.name
                for held in state.generations
                if (held.database, held.generation) == (self.generation.database, self.generation.name)
                for volume in held.volumes
                if volume.is_warm
            }
            rest = volumes - warm - staged.get(node, frozenset())  # what was staged just now is in memory
            if rest and sum(mapped[name] for name in volumes) <= state.memory_bytes // 2:
                cold[node], total[node] = rest, sum(mapped[name] for name in rest)
        if cold:
            self.phases.warming(sum(total.values()))
            self._prepare(tasks.warm, WARMED, cold, total)

    def _prepare(
        self,
        function: Any,
        what: str,
        volumes: Mapping[str, Collection[str]],
        total: Mapping[str, int],
    ) -> None:
        """Have nodes stage or warm, and tell of bytes as they tell of them; a node that is lost meanwhile is left."""
        count = self.phases.staged if what == STAGED else self.phases.warmed
        key = f"{self.run}-{what}"
        futures = {
            self.dispatcher.submit(
                Task(f"{what}-{node}", function, (self.run, key, sorted(some)), priority=self.priority, node=node)
            ): node
            for node, some in volumes.items()
        }
        pending = list(futures)
        while pending:
            self.waiting.ended(pending)
            there = {one.name: one.staging for one in self.waiting.there()}
            pending = [future for future in futures if not future.done()]
            left = {futures[future] for future in pending}
            known = {node: min(there.get(node, {}).get(key, 0), total[node]) for node in left}
            count(sum(known[node] if node in left else total[node] for node in volumes))
            if not left & there.keys():
                break
        for future in futures:
            if future.done():
                future.result()


def _states(nodes: Sequence[Address]) -> dict[str, NodeState]:
    return {one.name: one.member.state for one in nodes}
