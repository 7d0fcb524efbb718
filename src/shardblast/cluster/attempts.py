"""What a dispatcher knows of a task: what it is, and each of its sendings that may still end."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from distributed import Future as DaskFuture
from distributed.comm.core import CommClosedError

from shardblast.cluster.membership import Address
from shardblast.cluster.order import RunFacts
from shardblast.core.stragglers import Pace, late_after_s

REMEMBERED = 200
"""Finished runs of a kind by which others are judged."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
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
class Attempt:
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
class State:
    """A task that has not ended."""

    task: Task
    result: Future[Any]
    failures: int = 0
    unread: int = 0
    """How often it was done and its result could not be read."""
    failed_on: set[str] = field(default_factory=set)
    """The names of nodes that others are tried before."""
    sendings: int = 0
    """So that each has a key of its own."""
    attempts: list[Attempt] = field(default_factory=list)
    """None: it waits. Two: the first is late."""
    is_doubled: bool = False
    """Whether a second sending runs beside the first, which is late."""
    waits_since: float = field(default_factory=time.monotonic)
    not_before: float = 0.0

    def attempt_of(self, future: DaskFuture[Any]) -> Attempt | None:
        """Return the sending that a future is of, if it still counts."""
        return next((one for one in self.attempts if one.future is future), None)


class Stragglers:
    """Which of one search's runs take far longer than their like, and who could do them as well."""

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._finished: dict[str, deque[Pace]] = {}

    def note(self, task: Task, result: object) -> None:
        """Note what a task took, if it was a run."""
        if task.kind and isinstance(result, RunFacts):
            self._finished.setdefault(task.kind, deque(maxlen=REMEMBERED)).append(Pace(result.seconds, task.size))

    def late(
        self, sent: Mapping[str, State], there: Sequence[Address], holds: Callable[[Task, Address], bool]
    ) -> Iterator[tuple[State, Address]]:
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

    def _may(self, state: State, node: Address) -> bool:
        """Tell whether a node is neither the slow one nor one on which the task has failed."""
        return node.worker != state.attempts[0].worker and node.name not in state.failed_on

    def _seen(self, state: State | None, key: str, node: Address, now: float) -> State | None:
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


def cancel(attempts: Sequence[Attempt]) -> None:
    """Have Dask forget sendings; what runs of them goes on until it is told to end."""
    try:
        for one in attempts:
            one.future.cancel(force=True)
    except (OSError, TimeoutError, CommClosedError, RuntimeError):
        log.info("tasks can't be cancelled now", exc_info=True)
