"""The tasks of a dispatcher: which nodes may run each task, where it was sent, and whether it is late."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from distributed import Future as DaskFuture
from distributed.comm.core import CommClosedError

from shardblast.cluster.connection import Address
from shardblast.core.database import Generation
from shardblast.core.errors import Attempts, NoRoomError
from shardblast.core.lack import Lack
from shardblast.core.placement import has_room
from shardblast.core.report import PieceReport
from shardblast.core.units import size

REMEMBERED = 200
"""Number of finished runs of a kind with which a running one is compared."""

log = logging.getLogger(__name__)

TIMES = 2.0


@dataclass(frozen=True, slots=True)
class NodeTask:
    """A call to be made on some node."""

    key: str
    """Unique key of the task."""
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    volumes: frozenset[str] = frozenset()
    """Names of the volumes that its node must hold; empty: any node may run it."""
    priority: int = 0
    """The highest priority starts first."""
    node: str | None = None
    """Name of the only node that may run it."""
    stages: bool = False
    """Whether a node that does not hold the volumes stages them."""
    kind: str = ""
    """Kind of comparable tasks. A late task of a kind is started a second time; without a kind never."""
    size: float = 1.0
    """Amount of work, in a unit that all tasks of its kind share."""


@dataclass(eq=False, slots=True)
class Sending:
    """One submission of a task to Dask, as long as it may still succeed."""

    key: str
    """Key by which Dask knows it."""
    future: DaskFuture[Any]
    workers: frozenset[str]
    """Workers that may run it."""
    worker: str | None = None
    """Worker that was seen to run it."""
    since: float = 0.0
    """Monotonic time at which the worker began it."""


@dataclass(eq=False, slots=True)
class TaskState:
    """A task that has not ended."""

    task: NodeTask
    result: Future[Any]
    failed: Attempts = field(default_factory=Attempts)
    failed_on: set[str] = field(default_factory=set)
    """Names of nodes on which it failed. Other nodes are tried first."""
    sendings: int = 0
    """Number of submissions, which makes their keys unique."""
    attempts: list[Sending] = field(default_factory=list)
    """Current submissions. None: the task waits. Two: the first is late."""
    is_doubled: bool = False
    """Whether a second submission runs because the first is late."""
    waits_since: float = field(default_factory=time.monotonic)
    not_before: float = 0.0


class Stragglers:
    """Detects runs of one search that take far longer than comparable ones, and finds nodes to repeat them."""

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._finished: dict[str, deque[float]] = {}

    def note(self, task: NodeTask, result: object) -> None:
        """Record the cost of a task, if it was a run."""
        if task.kind and isinstance(result, PieceReport):
            self._finished.setdefault(task.kind, deque(maxlen=REMEMBERED)).append(result.seconds / task.size)

    def late(
        self, sent: Mapping[str, TaskState], there: Sequence[Address], holds: Callable[[NodeTask, Address], bool]
    ) -> Iterator[tuple[TaskState, Address]]:
        """Yield late tasks, each with another, idle node that ``holds`` all that the task needs.

        ``sent`` are states by the keys of their submissions. A node that stopped reporting still runs its last tasks.
        """
        now = time.monotonic()
        late = [state for node in there for key in node.doing if (state := self._seen(sent.get(key), key, node, now))]
        if not late:
            return
        coming = Counter(
            worker
            for state in sent.values()
            if state.is_doubled
            for attempt in state.attempts
            if attempt.worker is None
            for worker in attempt.workers
        )
        room = {node.worker: node.member.state.cores - len(node.doing) - coming[node.worker] for node in there}
        for state in late:
            others = [node for node in there if node.worker != state.attempts[0].worker]
            others = [node for node in others if room[node.worker] > 0 and node.name not in state.failed_on]
            fit = [node for node in others if holds(state.task, node)]
            if fit:
                chosen = max(fit, key=lambda node: room[node.worker])
                room[chosen.worker] -= 1
                yield state, chosen

    def _seen(self, state: TaskState | None, key: str, node: Address, now: float) -> TaskState | None:
        """Note that a node runs a task; return the task's state if it is late."""
        if state is None:
            return None
        for attempt in state.attempts:
            if attempt.key == key and attempt.worker != node.worker:  # Dask moved it from a lost worker
                attempt.worker, attempt.since = node.worker, now - node.doing[key]
        if state.is_doubled or len(state.attempts) != 1:
            return None
        after = late_after_s(tuple(self._finished.get(state.task.kind, ())), state.task.size, self._floor_s)
        return state if after is not None and now - state.attempts[0].since > after else None


def cancel(attempts: Sequence[Sending]) -> None:
    """Make Dask forget submissions. Tasks that already run continue until their node is asked to end them."""
    try:
        for attempt in attempts:
            attempt.future.cancel(force=True)
    except (OSError, TimeoutError, CommClosedError, RuntimeError):
        log.info("tasks cannot be cancelled now", exc_info=True)


def late_after_s(paces: Sequence[float], size: float, floor_s: float) -> float | None:
    """Return the seconds after which a run counts as late, compared with finished runs of its kind; None without any.

    The duration of a run is proportional to its size, except for the start of BLAST+, which the floor covers. A single
    finished run suffices: other tasks may wait for the run that hangs, and only idle nodes are used.

    ``paces`` are seconds of the finished runs divided by their sizes, in the unit of ``size``. No run is late by less
    than ``floor_s``, because a second start would cost more than waiting.
    """
    return TIMES * median(paces) * size + floor_s if paces else None


class Holders:
    """The volumes of one database on each node: those it reports, and those it was assigned."""

    def __init__(self, generation: Generation, grace_s: float) -> None:
        """Begin with the volumes that nodes report; ``grace_s`` is that of ``Timings``."""
        self._generation = generation
        self._grace_s = grace_s
        self._sizes = {volume.name: volume.size_bytes for volume in generation.volumes}
        self._given: dict[str, set[str]] = {}

    def give(self, node: str, volumes: Iterable[str]) -> None:
        """Note that a node has volumes, or stages them when a task needs them."""
        self._given.setdefault(node, set()).update(volumes)

    def look(self, there: Sequence[Address]) -> Look:
        """Return what these nodes may run now."""
        return Look(self, there)

    def has(self, node: Address) -> frozenset[str]:
        """Return the names of the volumes that a node has or was assigned."""
        held = node.member.state.held(self._generation.database, self._generation.name)
        return held | self._given.get(node.name, set())

    def roomiest(self, volumes: frozenset[str], takers: Sequence[Address], *, ever: bool = False) -> Address | None:
        """Return the node that lacks the least of some volumes, of those with room for them beside what they have.

        For ``ever`` see ``has_room``.
        """

        def missing(node: Address) -> int:
            return sum(self._sizes[name] for name in volumes - self.has(node))

        def has_room_for(node: Address, wanted: frozenset[str]) -> bool:
            return has_room(self._generation, node.member.state, wanted, ever=ever)

        fit = [node for node in takers if has_room_for(node, volumes | self._given.get(node.name, set()))]
        fit = fit or [node for node in takers if has_room_for(node, volumes)]  # what was assigned may never be staged
        return min(fit, key=lambda node: (missing(node), -node.member.state.disk_free_bytes, node.name), default=None)

    def take_back(self, nodes: Iterable[str], volumes: Iterable[str]) -> None:
        """Note that nodes need not stage volumes, because another node was assigned them."""
        for node in nodes:
            self._given.get(node, set()).difference_update(volumes)

    def is_patient(self, state: TaskState, *, is_held: bool) -> bool:
        """Return whether a task still waits for nodes to hold its volumes, or is repeated on those that do."""
        since = state.failed.since if is_held else state.waits_since
        return (is_held or not state.task.stages) and time.monotonic() - since <= self._grace_s


def can_go_on(lack: Lack, generation: Generation, takers: Sequence[Address]) -> bool:
    """Return whether nodes hold, or have room for, the volumes that a search lacks."""
    holders = Holders(generation, grace_s=0.0)
    sets = [frozenset(names) for names in lack.volumes] or [frozenset()]
    return all(
        any(volumes <= holders.has(node) for node in takers) or holders.roomiest(volumes, takers, ever=True) is not None
        for volumes in sets
    )


def check_room(generation: Generation, takers: Sequence[Address], why: str, remedy: str) -> None:
    """Raise NoRoomError if nodes accept work, but none has room for the whole database."""
    holders = Holders(generation, grace_s=0.0)
    volumes = frozenset(volume.name for volume in generation.volumes)
    if takers and holders.roomiest(volumes, takers, ever=True) is None:
        most = max(node.member.state.disk_budget_bytes for node in takers)
        raise NoRoomError(
            f"The search needs the whole database on one node: {why.rstrip('.')}. {generation.database} has "
            f"{size(generation.size_bytes)}, and no node may hold more than {size(most)}.",
            remedy=remedy,
        )


class Look:
    """The nodes that accept work at one moment, by the volumes that they hold."""

    def __init__(self, holders: Holders, there: Sequence[Address]) -> None:
        self._holders = holders
        self._takers = [node for node in there if node.takes_work]
        self._workers = frozenset(node.worker for node in self._takers)
        self._names = {node.worker: node.name for node in self._takers}
        self._of_volume: dict[str, set[str]] = {}
        for node in self._takers:
            self._note(node.worker, holders.has(node))

    def allowed(self, state: TaskState) -> frozenset[str]:
        """Return the workers that may run a task, preferably those on which it has not failed."""
        task = state.task
        if task.node is not None:
            return frozenset(node.worker for node in self._takers if node.name == task.node)
        holding = self._holding(task.volumes)
        if fresh := frozenset(worker for worker in holding if self._names[worker] not in state.failed_on):
            return fresh
        if self._holders.is_patient(state, is_held=bool(holding)):
            return holding
        others = [node for node in self._takers if node.name not in state.failed_on]
        roomy = self._holders.roomiest(task.volumes, others or ([] if holding else self._takers))
        if roomy is None:
            return holding
        self._holders.take_back(state.failed_on, task.volumes)
        self._holders.give(roomy.name, task.volumes)
        self._note(roomy.worker, task.volumes)
        return frozenset([roomy.worker])

    def holds(self, task: NodeTask, node: Address) -> bool:
        """Return whether a node accepts work and has all that a task needs."""
        return node.worker in self._holding(task.volumes)

    def _holding(self, volumes: frozenset[str]) -> frozenset[str]:
        if not volumes:
            return self._workers
        return frozenset.intersection(*(frozenset(self._of_volume.get(name, ())) for name in volumes))

    def _note(self, worker: str, volumes: Iterable[str]) -> None:
        for name in volumes:
            self._of_volume.setdefault(name, set()).add(worker)
