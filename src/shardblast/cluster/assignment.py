"""The tasks of a dispatcher: which nodes may do each, when it was sent where, and which are late."""

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
from shardblast.cluster.messages import RunFacts
from shardblast.core.database import Generation
from shardblast.core.errors import NoRoomError
from shardblast.core.units import size
from shardblast.core.waiting import Lack

REMEMBERED = 200
"""Finished runs of a kind by which others are judged."""

log = logging.getLogger(__name__)

TIMES = 2.0
LEAST_KNOWN = 1
"""Of finished runs. One is little, but others may wait behind the run that hangs, and only idle nodes are taken."""


@dataclass(frozen=True, slots=True)
class NodeTask:
    """A call on some node."""

    key: str
    """Different for different tasks."""
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    volumes: frozenset[str] = frozenset()
    """Names of those that its node must hold; none: any node does."""
    priority: int = 0
    """The highest starts first."""
    node: str | None = None
    """The name of the one node that is to do it."""
    stages: bool = False
    """Whether a node that does not hold the volumes brings them."""
    kind: str = ""
    """Of tasks that are alike, of which one that is late is started a second time; empty: it never is."""
    size: float = 1.0
    """How much there is to do, in a unit that all of its kind share."""


@dataclass(eq=False, slots=True)
class Sending:
    """A sending of a task, as long as it may still end well."""

    key: str
    """By which Dask knows it."""
    future: DaskFuture[Any]
    workers: frozenset[str]
    """That may do it."""
    worker: str | None = None
    """That was seen to do it."""
    since: float = 0.0
    """When that began, by our clock that never goes back."""


@dataclass(eq=False, slots=True)
class TaskState:
    """A task that has not ended."""

    task: NodeTask
    result: Future[Any]
    failures: int = 0
    unread: int = 0
    """How often it was done and its result could not be read."""
    failed_on: set[str] = field(default_factory=set)
    """The names of nodes that others are tried before."""
    sendings: int = 0
    """So that each has a key of its own."""
    attempts: list[Sending] = field(default_factory=list)
    """None: it waits. Two: the first is late."""
    is_doubled: bool = False
    """Whether a second sending runs beside the first, which is late."""
    waits_since: float = field(default_factory=time.monotonic)
    not_before: float = 0.0

    def attempt_of(self, future: DaskFuture[Any]) -> Sending | None:
        """Return the sending that a future is of, if it still counts."""
        return next((one for one in self.attempts if one.future is future), None)


class Stragglers:
    """Which of one search's runs take far longer than their like, and who could do them as well."""

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._finished: dict[str, deque[Pace]] = {}

    def note(self, task: NodeTask, result: object) -> None:
        """Note what a task took, if it was a run."""
        if task.kind and isinstance(result, RunFacts):
            self._finished.setdefault(task.kind, deque(maxlen=REMEMBERED)).append(Pace(result.seconds, task.size))

    def late(
        self, sent: Mapping[str, TaskState], there: Sequence[Address], holds: Callable[[NodeTask, Address], bool]
    ) -> Iterator[tuple[TaskState, Address]]:
        """Yield tasks that are late, each with a node that idles, holds what it needs and is not the slow one.

        Args:
            sent: By the keys of their sendings.
            there: The nodes; one that says nothing any more still counts as doing what it said last.
            holds: Tells whether a node has all that a task needs.
        """
        now = time.monotonic()
        late = [state for one in there for key in one.doing if (state := self._seen(sent.get(key), key, one, now))]
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
        room = {one.worker: one.member.state.cores - len(one.doing) - coming[one.worker] for one in there}
        for state in late:
            fit = [one for one in there if room[one.worker] > 0 and self._may(state, one) and holds(state.task, one)]
            if fit:
                chosen = max(fit, key=lambda one: room[one.worker])
                room[chosen.worker] -= 1
                yield state, chosen

    def _may(self, state: TaskState, node: Address) -> bool:
        """Tell whether a node is neither the slow one nor one on which the task has failed."""
        return node.worker != state.attempts[0].worker and node.name not in state.failed_on

    def _seen(self, state: TaskState | None, key: str, node: Address, now: float) -> TaskState | None:
        """Note that a node does a task; return that if it is late."""
        if state is None:
            return None
        for attempt in state.attempts:
            if attempt.key == key and attempt.worker != node.worker:  # Dask repeats on another what ran on a lost one
                attempt.worker, attempt.since = node.worker, now - node.doing[key]
        if state.is_doubled or len(state.attempts) != 1:
            return None
        after = late_after_s(tuple(self._finished.get(state.task.kind, ())), state.task.size, self._floor_s)
        return state if after is not None and now - state.attempts[0].since > after else None


def cancel(attempts: Sequence[Sending]) -> None:
    """Have Dask forget sendings; what runs of them goes on until it is told to end."""
    try:
        for one in attempts:
            one.future.cancel(force=True)
    except (OSError, TimeoutError, CommClosedError, RuntimeError):
        log.info("tasks can't be cancelled now", exc_info=True)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a finished run took."""

    seconds: float
    size: float
    """Letters of the shard times residues of the queries; 1 of all runs where that is not known."""


def late_after_s(finished: Sequence[Pace], size: float, floor_s: float) -> float | None:
    """Return after how many seconds a run of a size is late, judged by finished runs of its like.

    The time of a run grows with its size, but for what BLAST+ needs to start, which the floor is to cover.

    Args:
        finished: Of the same purpose, in the same search.
        size: In the unit of the finished ones.
        floor_s: No run is late by less; to wait so long costs less than a second start.

    Returns:
        Seconds from its start; None if too little is known.
    """
    if len(finished) < LEAST_KNOWN:
        return None
    return TIMES * median(one.seconds / one.size for one in finished) * size + floor_s


class Holders:
    """What nodes have of one database: what they say, and what they were given to bring."""

    def __init__(self, generation: Generation, grace_s: float) -> None:
        """Begin with what nodes say.

        Args:
            generation: Whose volumes tasks need.
            grace_s: How long a task waits for a node that is gone before its volumes are given to another.
        """
        self._generation = generation
        self._grace_s = grace_s
        self._sizes = {one.name: sum(file.size_bytes for file in one.files) for one in generation.volumes}
        self._given: dict[str, set[str]] = {}

    def give(self, node: str, volumes: Iterable[str]) -> None:
        """Note that a node has volumes, or is to bring them when a task needs them."""
        self._given.setdefault(node, set()).update(volumes)

    def look(self, there: Sequence[Address]) -> Look:
        """Return what may be done where by these nodes."""
        return Look(self, there)

    def has(self, one: Address) -> frozenset[str]:
        """Return the names of the volumes that a node has or was given."""
        held = one.member.state.held(self._generation.database, self._generation.name)
        return held | self._given.get(one.name, set())

    def roomiest(self, volumes: frozenset[str], takers: Sequence[Address]) -> Address | None:
        """Return the node that lacks least of some volumes, of those that have room for all of them."""

        def missing(one: Address) -> int:
            return sum(self._sizes[name] for name in volumes - self.has(one))

        need = sum(self._sizes[name] for name in volumes)
        fit = [one for one in takers if need <= one.member.state.disk_budget_bytes]
        return min(fit, key=lambda one: (missing(one), -one.member.state.disk_free_bytes, one.name), default=None)

    def is_patient(self, state: TaskState) -> bool:
        """Tell whether a task still waits for a node that holds what it needs."""
        return not state.task.stages and time.monotonic() - state.waits_since <= self._grace_s


def can_go_on(lack: Lack, generation: Generation, there: Sequence[Address]) -> bool:
    """Tell whether nodes hold, or have room for, what a search lacks."""
    holders, takers = Holders(generation, grace_s=0.0), [one for one in there if one.takes_work]
    sets = [frozenset(names) for names in lack.volumes] or [frozenset()]
    return all(
        any(volumes <= holders.has(one) for one in takers) or holders.roomiest(volumes, takers) is not None
        for volumes in sets
    )


def check_room(generation: Generation, there: Sequence[Address], why: str, remedy: str) -> None:
    """Refuse what needs the whole database on one node where there are nodes and none of them has room for it.

    Args:
        generation: Of the database.
        there: The nodes that are connected.
        why: Why it is needed.
        remedy: What to do.

    Raises:
        NoRoomError: Where no node has room.
    """
    holders, takers = Holders(generation, grace_s=0.0), [one for one in there if one.takes_work]
    volumes = frozenset(one.name for one in generation.volumes)
    if takers and holders.roomiest(volumes, takers) is None:
        most = max(one.member.state.disk_budget_bytes for one in takers)
        raise NoRoomError(
            f"The search needs the whole database on one node: {why.rstrip('.')}. {generation.database} has "
            f"{size(generation.size_bytes)}, and no node may hold more than {size(most)}.",
            remedy=remedy,
        )


class Look:
    """The nodes that take work at one moment, by what they hold."""

    def __init__(self, holders: Holders, there: Sequence[Address]) -> None:
        self._holders = holders
        self._takers = [one for one in there if one.takes_work]
        self._workers = frozenset(one.worker for one in self._takers)
        self._names = {one.worker: one.name for one in self._takers}
        self._of_volume: dict[str, set[str]] = {}
        for one in self._takers:
            self._note(one.worker, holders.has(one))

    def allowed(self, state: TaskState) -> frozenset[str]:
        """Return the workers that may do a task: of those that hold what it needs first those it has not failed on."""
        task = state.task
        if task.node is not None:
            return frozenset(one.worker for one in self._takers if one.name == task.node)
        if found := self._holding(task.volumes):
            return frozenset(one for one in found if self._names[one] not in state.failed_on) or found
        if self._holders.is_patient(state):
            return frozenset()
        roomy = self._holders.roomiest(task.volumes, self._takers)
        if roomy is None:
            return frozenset()
        self._holders.give(roomy.name, task.volumes)
        self._note(roomy.worker, task.volumes)
        return frozenset([roomy.worker])

    def holds(self, task: NodeTask, one: Address) -> bool:
        """Tell whether a node takes work and has all that a task needs."""
        return one.worker in self._holding(task.volumes)

    def _holding(self, volumes: frozenset[str]) -> frozenset[str]:
        if not volumes:
            return self._workers
        return frozenset.intersection(*(frozenset(self._of_volume.get(name, ())) for name in volumes))

    def _note(self, worker: str, volumes: Iterable[str]) -> None:
        for name in volumes:
            self._of_volume.setdefault(name, set()).add(worker)
