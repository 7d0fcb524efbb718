"""The steps before pieces run: volumes are placed, staged and warmed, and the search waits for missing nodes."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

from shardblast.cluster import node_tasks
from shardblast.cluster.assignment import NodeTask, can_go_on
from shardblast.cluster.connection import Address, Cluster, lack_of_nodes
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.incidents import Incidents
from shardblast.cluster.messages import RunId
from shardblast.core.cutting import MEMORY_SHARE, Shard
from shardblast.core.database import Generation
from shardblast.core.errors import Interrupted, NetworkError, ShardblastError, WaitError
from shardblast.core.events import Notify, PhaseBegun, PhaseCounted, SearchWaits
from shardblast.core.lack import (
    MORE_NODES,
    NO_FREE_NODE,
    NO_NODE,
    NO_SCHEDULER,
    ExpectedNodes,
    Lack,
    LackCode,
    lasting,
)
from shardblast.core.node import NodeState
from shardblast.core.placement import NodeRoom, Placement, has_room, lacking, need_of, place, room_for, staged_bytes
from shardblast.core.search import Phase

CHECKED_EVERY_S = 0.2
BUSY_AFTER_S = 5.0
"""A search of which no task ran for this long, because all nodes are full, counts as waiting."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Waiting:
    """Waits for tasks of one search, reports what they lack, and fails when no part of the search can proceed."""

    run: RunId
    cluster: Cluster
    dispatcher: Dispatcher
    generation: Generation
    shards: Sequence[Shard]
    notify: Notify
    stopped: Callable[[], bool]
    patience_s: float
    expected: Callable[[], ExpectedNodes]
    _incidents: Incidents = field(init=False)
    _reported: Lack | None = field(default=None, init=False)
    _proceeded: float = field(default_factory=time.monotonic, init=False)
    _ran: float = field(default_factory=time.monotonic, init=False)
    """When a node last ran a task of this search, or none waited for one."""

    def __post_init__(self) -> None:
        self._incidents = Incidents(self.run, self.generation, self.notify)

    def ended(self, futures: Collection[Future[Any]]) -> set[Future[Any]]:
        """Wait briefly; return ended futures. Raises Interrupted if the search was stopped, WaitError if stuck."""
        ended, _ = wait(futures, CHECKED_EVERY_S, FIRST_COMPLETED)
        if ended:
            self._proceeded = time.monotonic()
        self._look()
        return ended

    def result(self, future: Future[Any]) -> Any:
        """Wait for a result; the errors are those of ``ended``."""
        while not self.ended([future]):
            pass
        return future.result()

    def for_nodes(self) -> list[Address]:
        """Wait until there are nodes; the errors are those of ``ended``."""
        while not (nodes := self.cluster.takers()):
            self.a_moment(NO_NODE)
        self._report_lack(None)
        return nodes

    def a_moment(self, lack: Lack) -> None:
        """Wait briefly for something that is reported as missing; the errors are those of ``ended``."""
        wait([Future()], CHECKED_EVERY_S)
        self._look(lack)

    def _look(self, lack: Lack | None = None) -> None:
        if self.stopped():
            raise Interrupted
        there: list[Address] = []
        try:
            there = self.cluster.addresses()
            self._incidents.look(there, self.cluster.scheduler)
            lack = self._found(there) or lack
        except NetworkError:
            self._incidents.cut_off()
            lack = NO_SCHEDULER
        lack = NO_SCHEDULER if self.dispatcher.is_cut_off else lack
        takers = [node for node in there if node.takes_work]
        if lack is not None and lack != NO_SCHEDULER and (lack.code is LackCode.NODES or not takers):
            which = MORE_NODES if takers and lack.what == MORE_NODES.what else NO_NODE
            lack = lack_of_nodes(which, there, self.expected())
        self._report_lack(lack)
        if lack is None or self._proceeds(lack, takers):
            self._proceeded = time.monotonic()
        elif time.monotonic() - self._proceeded > self.patience_s:
            raise WaitError(lack, lasting(self.patience_s))

    def _found(self, there: Sequence[Address]) -> Lack | None:
        """Return what tasks of this search, or its merges on nodes, wait for."""
        takers = [node for node in there if node.takes_work]
        of_merges = [lack for node in there if (lack := node.waiting.get(str(self.run)))]
        wanted = {*self.dispatcher.wanted, *(frozenset(names) for lack in of_merges for names in lack.volumes)}
        lack = lacking(wanted, self.generation, self.shards, [node.member.state for node in takers])
        if lack is not None and not (lack == NO_NODE and takers):  # any node takes a task that needs no volumes
            return lack
        is_full = bool(takers) and all(len(node.doing) >= node.member.state.cores for node in takers)
        if not is_full or self._runs(there):
            self._ran = time.monotonic()
        is_busy = time.monotonic() - self._ran > BUSY_AFTER_S
        which = f"all {len(takers)} are" if len(takers) > 1 else "the only one is"
        return replace(NO_FREE_NODE, detail=f"{which} busy with other searches") if is_busy else None

    def _runs(self, there: Iterable[Address]) -> bool:
        """Return whether a node works on this search."""
        return any(key.startswith(str(self.run)) for node in there for key in node.doing)

    def _proceeds(self, lack: Lack, there: Sequence[Address]) -> bool:
        """Return whether a node works on this search, could run a waiting task, or is starting."""
        is_coming = lack.what == MORE_NODES.what
        return self._runs(there) or is_coming or (lack != NO_SCHEDULER and can_go_on(lack, self.generation, there))

    def _report_lack(self, lack: Lack | None) -> None:
        if lack != self._reported:
            self._reported = lack
            self.notify(SearchWaits(lack))


@dataclass(frozen=True, slots=True)
class Preparation:
    waiting: Waiting
    """What waits for the tasks of the search that is prepared."""
    replicas: int
    priority: int
    is_asked: bool = False
    """Whether users asked for warming itself: a share that is larger than half of a node's memory is warmed too."""

    def prepare(self) -> None:
        """Stage and warm shards on the nodes that are to hold them; the errors are those of ``Waiting``."""
        there = self._nodes()
        has = self._held(there)
        wanted = self._volumes_of_nodes(there, has)
        missing = {name: volumes - has[name] for name, volumes in wanted.items() if volumes - has[name]}
        if missing:
            total = {name: staged_bytes(self.waiting.generation, volumes) for name, volumes in missing.items()}
            self.waiting.notify(PhaseBegun(Phase.STAGING, sum(total.values())))
            for name in self._prepare(node_tasks.stage, Phase.STAGING, missing, total):
                wanted.pop(name)
        for name, volumes in wanted.items():
            self.waiting.dispatcher.give(name, volumes)
        self._warm(there, wanted, missing)

    def _nodes(self) -> dict[str, NodeState]:
        """Wait for nodes; wait longer for expected ones if the others have no room for all shards."""
        there = _states(self.waiting.for_nodes())
        until = time.monotonic() + self.waiting.cluster.timings.expected_s
        while self._lacks_nodes(there) and time.monotonic() < until:
            self.waiting.a_moment(MORE_NODES)
            there = _states(self.waiting.cluster.takers())
        return _states(self.waiting.for_nodes())

    def _lacks_nodes(self, there: Mapping[str, NodeState]) -> bool:
        """Return whether nodes are expected and the current ones have no room for a copy of each shard."""
        return (
            len(there) < self.waiting.expected().asked and self._placed(there, self._held(there), 1).problem is not None
        )

    def _held(self, there: Mapping[str, NodeState]) -> dict[str, frozenset[str]]:
        return {
            name: state.held(self.waiting.generation.database, self.waiting.generation.name)
            for name, state in there.items()
        }

    @property
    def _volumes(self) -> dict[str, frozenset[str]]:
        """Names of the volumes of each shard."""
        names = [volume.name for volume in self.waiting.generation.volumes]
        return {str(shard.index): frozenset(names[place] for place in shard.volumes) for shard in self.waiting.shards}

    def _placed(self, there: Mapping[str, NodeState], has: Mapping[str, frozenset[str]], replicas: int) -> Placement:
        needs = self._volumes
        held = {index: [node for node, own in has.items() if need <= own] for index, need in needs.items()}
        shared = staged_bytes(self.waiting.generation, ())
        rooms = [
            NodeRoom(state.name, state.memory_bytes, max(room_for(self.waiting.generation, state) - shared, 0))
            for state in there.values()
        ]
        shards = [need_of(self.waiting.generation.volumes, shard, str(shard.index)) for shard in self.waiting.shards]
        return place(shards, rooms, replicas, held)

    def _volumes_of_nodes(
        self, there: Mapping[str, NodeState], has: Mapping[str, frozenset[str]]
    ) -> dict[str, frozenset[str]]:
        placed, needs = self._placed(there, has, self.replicas), self._volumes
        if placed.problem is not None:
            log.warning("%s", placed.problem, extra={"search_id": self.waiting.run.search})
        volumes: dict[str, frozenset[str]] = {}
        for index, nodes in placed.nodes.items():
            for node in nodes:
                more = volumes.get(node, frozenset()) | needs[index]
                if has_room(
                    self.waiting.generation, there[node], more
                ):  # otherwise its tasks wait for a node with room
                    volumes[node] = more
        return volumes

    def _warm(
        self, there: Mapping[str, NodeState], wanted: Mapping[str, frozenset[str]], staged: Mapping[str, frozenset[str]]
    ) -> None:
        """Read cold volumes into memory on nodes whose share fits there."""
        cold: dict[str, frozenset[str]] = {}
        total: dict[str, int] = {}
        mapped = {volume.name: volume.mapped_bytes for volume in self.waiting.generation.volumes}
        for node, state in there.items():
            volumes = wanted.get(node, frozenset())
            warm = {
                volume.name
                for held in state.generations
                if (held.database, held.generation) == (self.waiting.generation.database, self.waiting.generation.name)
                for volume in held.volumes
                if volume.is_warm
            }
            new = frozenset() if self.is_asked else staged.get(node, frozenset())  # they are in memory, most likely
            rest = volumes - warm - new
            share = 1.0 if self.is_asked else MEMORY_SHARE
            if rest and sum(mapped[name] for name in volumes) <= state.memory_bytes * share:
                cold[node], total[node] = rest, sum(mapped[name] for name in rest)
        if cold:
            self.waiting.notify(PhaseBegun(Phase.WARMING, sum(total.values())))
            self._prepare(node_tasks.warm, Phase.WARMING, cold, total)

    def _prepare(
        self,
        function: Any,
        phase: Phase,
        volumes: Mapping[str, Collection[str]],
        total: Mapping[str, int],
    ) -> Collection[str]:
        """Have nodes stage or warm volumes; return those that can't now, but may later. Lost nodes are skipped."""
        run, key = self.waiting.run, f"{self.waiting.run}-{phase}"
        futures = {
            self.waiting.dispatcher.submit(
                NodeTask(f"{phase}-{node}", function, (run, key, sorted(names)), priority=self.priority, node=node)
            ): node
            for node, names in volumes.items()
        }
        pending = list(futures)
        while pending:
            self.waiting.ended(pending)
            there = {node.name: node.staging for node in self.waiting.cluster.takers()}
            pending = [future for future in futures if not future.done()]
            left = {futures[future] for future in pending}
            known = {node: min(there.get(node, {}).get(key, 0), total[node]) for node in left}
            done = sum(known[node] if node in left else total[node] for node in volumes)
            self.waiting.notify(PhaseCounted(phase, done))
            if not left & there.keys():
                break
        failed = {node: error for future, node in futures.items() if future.done() and (error := future.exception())}
        for error in failed.values():
            if not (isinstance(error, ShardblastError) and type(error).passes):
                raise error
        return failed


def _states(nodes: Sequence[Address]) -> dict[str, NodeState]:
    return {node.name: node.member.state for node in nodes}
