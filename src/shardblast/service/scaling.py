"""Scaling: adds nodes when searches and warming need them, and removes them stepwise when they have been idle."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from shardblast.core.cutting import BATCH_LETTERS
from shardblast.core.database import CataloguedDatabase
from shardblast.core.errors import ConflictError, NotFoundError, ShardblastError
from shardblast.core.lack import ExpectedNodes
from shardblast.core.node import Member
from shardblast.core.program import Program
from shardblast.core.scaling import (
    Demand,
    Need,
    NodeCount,
    NodeSize,
    Scale,
    ScalingRule,
    SearchedDatabase,
    check_most,
    kept,
    need,
    scaled,
)
from shardblast.core.search import State
from shardblast.core.task import TaskKind
from shardblast.core.units import counted
from shardblast.store.databases import TaskStore
from shardblast.store.searches import Unended, Workload

CHECKED_EVERY_S = 2.0
GONE_S = 30.0
"""Time after which a pod that was asked to end, and is not connected, counts as that of a lost machine."""
UNKNOWN_DISK = 1 << 62
"""Assumed disk space of nodes that have not reported yet."""

logger = logging.getLogger(__name__)


class ScalableNodes(Protocol):
    """The nodes, as the layer ``cluster`` provides them."""

    def count(self) -> NodeCount:
        """Return the current number of nodes."""

    def scale(self, nodes: int) -> None:
        """Request a number of nodes. If there are more, the last ones are removed."""

    def replace(self, node: str) -> None:
        """Let another node start in place of one that was asked to end and whose machine is lost."""

    def place(self, node: str) -> int | None:
        """Return a node's ordinal, 0-based; None if it is none of these nodes."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """The requested and the current number of nodes."""

    asked: int
    ready: int
    need: Need
    problem: str | None
    """Why these values may be stale, or why pods are not ready; None if all is well."""
    why_pending: str = ""
    """Why pods wait."""

    @property
    def expected(self) -> ExpectedNodes:
        """The nodes that were asked for."""
        return ExpectedNodes(self.asked, self.ready, self.why_pending)


@dataclass(slots=True, eq=False)
class Scaling:
    """Adjusts the number of nodes periodically.

    It reads the need from the database and the nodes, so several servers decide alike. Each server measures by itself
    how long the need has lasted.
    """

    _workload: Workload
    _tasks: TaskStore
    _database: Callable[[str, str], CataloguedDatabase]
    _members: Callable[[], Sequence[Member]]
    _nodes: ScalableNodes
    rule: ScalingRule
    state: Scaled = field(init=False)
    """The result of the last adjustment."""
    _scale: Scale | None = field(default=None, init=False)
    _lost: dict[str, float] = field(default_factory=dict, init=False)
    """When nodes that were asked to end were first seen without a connection, by a monotonic clock."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.state = Scaled(0, 0, Need(0, 0, 0, self.rule.most), "The number of nodes has not been read yet.")

    def start(self) -> None:
        """Adjust periodically for the life of the service."""
        threading.Thread(target=self._watch, name="scaling", daemon=True).start()

    def look(self) -> None:
        """Request the number of nodes that is needed, if it differs from the current one."""
        with self._lock:
            count, needed = self._counted()
            self._replace_lost(count)
            scale = scaled(self.rule, self._scale, count.wanted, needed.nodes, time.time())
            self._scale = replace(scale, nodes=self._kept(scale.nodes, count))
            if self._scale.nodes != count.wanted:
                logger.info("nodes are scaled", extra={"before": count.wanted, "nodes": self._scale.nodes})
                self._nodes.scale(self._scale.nodes)
            self.state = _scaled(self._scale.nodes, count, needed)

    def ask(self, nodes: int) -> Scaled:
        """Request nodes, which stay until they have been idle for long.

        Raises ConflictError if searches need more, or the operator allows fewer.
        """
        check_most(nodes, self.rule.most)
        with self._lock:
            count, needed = self._counted()
            if nodes < needed.nodes:
                problem = f"The current searches need {counted(needed.nodes, 'node')}."
                raise ConflictError(problem, remedy="Wait until they have ended, or cancel them.")
            nodes = self._kept(nodes, count)
            logger.info("nodes are scaled by hand", extra={"before": count.wanted, "nodes": nodes})
            self._nodes.scale(nodes)
            self.state = _scaled(nodes, count, needed)
            return self.state

    def _kept(self, nodes: int, count: NodeCount) -> int:
        """Return a number of nodes that leaves ready nodes in place of those that are not, see ``kept``."""
        places = (self._nodes.place(pod.name) for pod in count.pods if pod.is_ready)
        return kept(nodes, count.wanted, [place for place in places if place is not None])

    def _replace_lost(self, count: NodeCount) -> None:
        """Replace nodes that were asked to end and have not been connected for ``GONE_S``.

        A node that drains is connected until it ends. The pod of a lost machine would be asked to end for ever.
        """
        connected = {member.state.name for member in self._members() if member.is_connected}
        ending = {pod.name for pod in count.pods if pod.is_ending and not pod.is_ready} - connected
        now = time.monotonic()
        self._lost = {name: self._lost.get(name, now) for name in ending}
        for name, since in self._lost.items():
            if now - since >= GONE_S:
                logger.warning("a node is replaced, since its machine is lost", extra={"node": name})
                self._nodes.replace(name)

    def removed(self, node: str) -> bool:
        """Return whether a node is one of those that were last asked to go."""
        place = self._nodes.place(node)
        return self._scale is not None and place is not None and place >= self.state.asked

    def _counted(self) -> tuple[NodeCount, Need]:
        count, members, unended = self._nodes.count(), self._members(), self._workload.unended()
        tasks = [task for task in self._tasks.active() if task.kind is TaskKind.WARM]
        warmed = {(task.database, task.details["generation"]) for task in tasks}
        busy = min(self._busy(members, unended, warmed), count.wanted)
        demand = Demand(tuple(self._used(unended, warmed)), busy, _size_of(members, count))
        return count, need(self.rule, demand)

    def _used(self, unended: Sequence[Unended], warmed: Iterable[tuple[str, str]]) -> Iterator[SearchedDatabase]:
        """Yield the databases of searches that wait or run, and those that are being warmed."""
        batches = Counter(dict.fromkeys(warmed, 0))
        for group in unended:
            least = math.ceil(group.letters / BATCH_LETTERS[Program(group.program)])
            batches[group.database, group.generation] += max(group.searches, least)
        for (name, generation), number in sorted(batches.items()):
            with suppress(NotFoundError):
                volumes = self._database(name, generation).facts.volumes
                yield SearchedDatabase(f"{name}/{generation}", volumes, number)

    def _busy(self, members: Sequence[Member], unended: Sequence[Unended], warmed: Set[tuple[str, str]]) -> int:
        """Return the number of nodes up to the last one that runs something or holds a database in use."""
        searched = warmed | {(group.database, group.generation) for group in unended if group.state is State.RUNNING}
        places = (self._nodes.place(member.state.name) for member in members if _is_busy(member, searched))
        return max((place + 1 for place in places if place is not None), default=0)

    def _watch(self) -> None:
        failing = False
        while True:
            try:
                self.look()
                failing = False
            except ShardblastError as error:
                if not failing:
                    logger.warning("nodes can't be scaled: %s", error)
                failing = True
                last = self.state
                self.state = Scaled(last.asked, last.ready, last.need, error.problem)
            time.sleep(CHECKED_EVERY_S)


def _scaled(asked: int, count: NodeCount, needed: Need) -> Scaled:
    pending = max(asked - count.ready, 0)
    why = f"{counted(pending, 'node is', 'nodes are')} pending: {count.why_pending}"
    return Scaled(asked, count.ready, needed, why if pending and count.why_pending else None, count.why_pending)


def _is_busy(member: Member, searched: Set[tuple[str, str]]) -> bool:
    if member.standing != "connected":
        return False
    held = {(generation.database, generation.generation) for generation in member.state.generations}
    return member.running > 0 or not held.isdisjoint(searched)


def _size_of(members: Sequence[Member], count: NodeCount) -> NodeSize | None:
    """Return the size of each node: the smallest reported one, or that of a new one."""
    states = [member.state for member in members]
    if states:
        sizes = ((state.memory_bytes, state.disk_budget_bytes, state.cores) for state in states)
        return NodeSize(*map(min, zip(*sizes, strict=True)))
    if count.memory_bytes is None:
        return None
    return NodeSize(count.memory_bytes, UNKNOWN_DISK, count.cores or 1)
