"""Before pieces run: volumes placed, staged and warmed, and the wait for what is missing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol

from shardblast.blast.process import Processes
from shardblast.cluster import node_tasks
from shardblast.cluster.assignment import NodeTask, can_go_on
from shardblast.cluster.connection import Address, Cluster
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.messages import RunId
from shardblast.core.cutting import Shard
from shardblast.core.database import Generation
from shardblast.core.errors import Interrupted, NetworkError, WaitError
from shardblast.core.node import NodeState
from shardblast.core.placement import NodeRoom, Placement, lacking, need_of, place
from shardblast.core.waiting import MORE_NODES, NO_NODE, NO_SCHEDULER, Lack, lasting

LOOKED_EVERY_S = 0.2

STAGED, WARMED = "staged", "warmed"

log = logging.getLogger(__name__)


class Phases(Protocol):
    """Is told what a search does."""

    def staging(self, total_bytes: int) -> None:
        """Volumes are brought to nodes."""
        ...

    def staged(self, done_bytes: int) -> None:
        """So many bytes are there."""
        ...

    def warming(self, total_bytes: int) -> None:
        """Volumes are read into memory."""
        ...

    def warmed(self, done_bytes: int) -> None:
        """So many bytes were read, or were there."""
        ...

    def searching(self, pieces: int) -> None:
        """Pieces are searched."""
        ...

    def waiting(self, lack: Lack | None) -> None:
        """Something does not go on until there is this; None: all goes on."""
        ...


class SilentPhases:
    """Tells nobody."""

    def staging(self, total_bytes: int) -> None: ...

    def staged(self, done_bytes: int) -> None: ...

    def warming(self, total_bytes: int) -> None: ...

    def warmed(self, done_bytes: int) -> None: ...

    def searching(self, pieces: int) -> None: ...

    def waiting(self, lack: Lack | None) -> None: ...


class Waiting:
    """Waits for tasks of one search, and says what keeps them waiting; ends the search when nothing of it goes on."""

    def __init__(
        self,
        run: RunId,
        cluster: Cluster,
        dispatcher: Dispatcher,
        generation: Generation,
        shards: Sequence[Shard],
        phases: Phases,
        processes: Processes,
        patience_s: float,
    ) -> None:
        self._run = str(run)
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._generation = generation
        self._shards = shards
        self._phases = phases
        self._processes = processes
        self._patience_s = patience_s
        self._told: Lack | None = None
        self._went_on = time.monotonic()

    def ended(self, futures: Collection[Future[Any]]) -> set[Future[Any]]:
        """Wait a little; return the futures that have ended.

        Raises:
            Interrupted: The search was stopped.
            WaitError: Nothing of it can go on.
        """
        ended, _ = wait(futures, LOOKED_EVERY_S, FIRST_COMPLETED)
        if ended:
            self._went_on = time.monotonic()
        self._look()
        return ended

    def result(self, future: Future[Any]) -> Any:
        """Wait for a result.

        Raises:
            Interrupted: The search was stopped.
            WaitError: Nothing of it can go on.
        """
        while not self.ended([future]):
            pass
        return future.result()

    def for_nodes(self) -> list[Address]:
        """Wait until there are nodes.

        Raises:
            Interrupted: The search was stopped.
            WaitError: None came.
        """
        while not (found := self.there()):
            self.a_moment(NO_NODE)
        self._tell(None)
        return found

    def a_moment(self, lack: Lack) -> None:
        """Wait a little for something that is told.

        Raises:
            Interrupted: The search was stopped.
            WaitError: It did not come.
        """
        wait([Future()], LOOKED_EVERY_S)
        self._look(lack)

    def there(self) -> list[Address]:
        """Return the nodes that take work; none if the scheduler can't be asked."""
        try:
            return [one for one in self._cluster.addresses() if one.takes_work]
        except NetworkError:
            return []

    def _look(self, lack: Lack | None = None) -> None:
        if self._processes.is_stopped():
            raise Interrupted
        there = self.there()
        if self._dispatcher.is_cut_off:
            lack = NO_SCHEDULER
        else:
            lack = lacking(self._dispatcher.wanted, self._generation, self._shards) or self._nodes_wait(there) or lack
            lack = NO_NODE if lack is not None and not there else lack
        self._tell(lack)
        if lack is None or self._goes_on(lack, there):
            self._went_on = time.monotonic()
        elif time.monotonic() - self._went_on > self._patience_s:
            raise WaitError(lack, lasting(self._patience_s))

    def _nodes_wait(self, there: Iterable[Address]) -> Lack | None:
        """Return what a node that merges waits for."""
        told = (one.waiting.get(self._run) for one in there)
        return next((one for one in told if one), None)

    def _goes_on(self, lack: Lack, there: Sequence[Address]) -> bool:
        """Tell whether a node does something of this search, or could do what waits, or is on its way."""
        is_done = any(key.startswith(self._run) for one in there for key in one.doing)
        return is_done or lack == MORE_NODES or (lack != NO_SCHEDULER and can_go_on(lack, self._generation, there))

    def _tell(self, lack: Lack | None) -> None:
        if lack != self._told:
            self._told = lack
            self._phases.waiting(lack)


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
            self._prepare(node_tasks.stage, STAGED, missing, total)
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
            self._prepare(node_tasks.warm, WARMED, cold, total)

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
                NodeTask(f"{what}-{node}", function, (self.run, key, sorted(some)), priority=self.priority, node=node)
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
