"""Tasks kept running on nodes that hold what they need, whatever becomes of nodes and scheduler, until they end well.

Dask chooses the least busy of the nodes that a task is allowed on, and repeats what ran on a node that died on another
of them. It can't allow others: where none is left, tasks are taken back here, and wait until a node has what they
need: the one that returns, or another that is given it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from distributed import Client
from distributed import Future as DaskFuture
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from shardblast.cluster.assignment import Holders, NodeTask, Sending, Stragglers, TaskState, cancel
from shardblast.cluster.connection import Address, Cluster
from shardblast.cluster.messages import RunFacts
from shardblast.core.database import Generation
from shardblast.core.errors import (
    DatabaseError,
    EngineError,
    Interrupted,
    NetworkError,
    OutOfMemory,
    OutputError,
    ShardblastError,
    UnknownFailure,
)

TICK_S = 0.25
ATTEMPTS = 3
"""Of a task whose failure may be a node's or a process's, and not the search's."""
SOON_S, DOUBLINGS = 0.1, 7
"""Between sendings of the same task: at first, and how often that doubles."""
MANY, TOGETHER_S = 20, 0.05
"""With more tasks than that, ends are seen to together that come within this time: each look costs the same."""
WAITS_AFTER_S = 1.0
"""What is not sent sooner counts as waiting."""
READINGS = 5
"""Of results of a task: when so many could not be read, it is not done again."""
AGAIN = (DatabaseError, OutOfMemory, OutputError, UnknownFailure, KilledWorker)
"""Errors, beside those that say so themselves, after which the same task may succeed."""

Doing = Mapping[tuple[str, str], float]
"""The keys of tasks and the names of the nodes that do them, with the seconds for which they do."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends tasks of one search from a thread of its own."""

    def __init__(
        self,
        cluster: Cluster,
        generation: Generation,
        stopped: Callable[[], bool],
        prefix: str,
        seen: Callable[[Doing], None] = lambda doing: None,
    ) -> None:
        """Begin.

        Args:
            cluster: Where to.
            generation: Whose volumes tasks need.
            stopped: Is asked whether to give up everything.
            prefix: Of keys, different for different dispatchers.
            seen: Is told again and again what nodes say that they do.
        """
        self._cluster = cluster
        self._holders = Holders(generation, cluster.timings.grace_s)
        self._stopped = stopped
        self._prefix = prefix
        self._seen = seen
        self._states: dict[str, TaskState] = {}
        self._unsent: dict[str, TaskState] = {}
        self._sent: dict[str, TaskState] = {}
        self._stragglers = Stragglers(cluster.timings.late_s)
        self._takers: frozenset[str] = frozenset()
        """The workers to which tasks could be sent when we looked last."""
        self._wanted: frozenset[frozenset[str]] = frozenset()
        self._ended: queue.SimpleQueue[tuple[str, DaskFuture[Any] | None]] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._closed = False
        self._reachable = True
        self._gatherer = ThreadPoolExecutor(4, thread_name_prefix="gather")
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def submit(self, task: NodeTask) -> Future[Any]:
        """Have a task done; the future fails when it can't be done by any node, or all is given up."""
        return self.submit_all([task])[0]

    def submit_all(self, tasks: Iterable[NodeTask]) -> list[Future[Any]]:
        """Have tasks done, those of equal priority in this order."""
        states = [TaskState(task, Future()) for task in tasks]
        with self._lock:
            for state in states:
                if self._closed:
                    state.result.set_exception(Interrupted())
                    continue
                self._states[state.task.key] = self._unsent[state.task.key] = state
        self._ended.put(("", None))
        return [state.result for state in states]

    def give(self, node: str, volumes: Iterable[str]) -> None:
        """Note that a node has volumes, or is to bring them when a task needs them."""
        with self._lock:
            self._holders.give(node, volumes)

    @property
    def wanted(self) -> frozenset[frozenset[str]]:
        """Of tasks that wait because no node takes them, the volumes that a node must hold for each."""
        return self._wanted  # without the lock: a node's event loop asks, for which its holder may wait

    def nodes(self, *, now: bool = False) -> list[Address]:
        """Return the nodes that are connected, as far as that is known; see ``Cluster.addresses``."""
        try:
            return self._cluster.addresses(now=now)
        except NetworkError:
            return []

    @property
    def is_cut_off(self) -> bool:
        """Whether the scheduler can't be reached now."""
        return not self._reachable

    def close(self) -> None:
        """Give up what has not ended."""
        with self._lock:
            self._closed = True
        self._ended.put(("", None))
        self._thread.join()
        self._gatherer.shutdown(wait=False, cancel_futures=True)

    def _loop(self) -> None:
        try:
            looked = 0.0
            while not self._closed and not self._stopped():
                if self._unsent or time.monotonic() - looked > TICK_S:
                    looked = time.monotonic()
                    self._send()
                self._collect()
        except Exception as error:  # whoever waits for a task must not wait for ever
            log.exception("tasks can't be sent")
            self._give_up(error)
        else:
            self._give_up(Interrupted())

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            self._closed = True
            states, self._states, self._unsent, self._sent = list(self._states.values()), {}, {}, {}
        cancel([attempt for state in states for attempt in state.attempts])
        for state in states:
            state.result.set_exception(error)

    def _send(self) -> None:
        """Send what can be sent, and take back what no node that is there may do."""
        try:
            client, there = self._cluster.client, self._cluster.addresses()
        except NetworkError:
            self._reachable = False
            return
        self._reachable = True
        leaving = [one for one in there if not one.takes_work]
        queued = self._cluster.queued(leaving) if leaving else frozenset()
        groups: dict[tuple[Callable[..., Any], frozenset[str], int], list[TaskState]] = {}
        with self._lock:
            withdrawn = self._take_back(there, queued)
            now, look = time.monotonic(), self._holders.look(there)
            for state in [one for one in self._unsent.values() if one.not_before <= now]:
                if allowed := look.allowed(state):
                    groups.setdefault((state.task.function, allowed, state.task.priority), []).append(state)
            for state, one in self._stragglers.late(self._sent, there, look.holds):
                log.info("a task is late and started a second time", extra={"task": state.task.key, "node": one.name})
                groups.setdefault((state.task.function, frozenset([one.worker]), state.task.priority), []).append(state)
            self._wanted = self._wants(now, {state for states in groups.values() for state in states})
            doing = {
                (self._sent[key].task.key, one.name): seconds
                for one in there
                for key, seconds in one.doing.items()
                if key in self._sent
            }
        self._seen(doing)
        cancel(withdrawn)
        for (function, allowed, priority), states in groups.items():
            self._send_group(client, function, allowed, priority, states)

    def _wants(self, now: float, sent: Set[TaskState]) -> frozenset[frozenset[str]]:
        """Return what nodes lack for the tasks that could not be sent for a while, and are not sent now."""
        unsent = [state for state in self._unsent.values() if state.not_before <= now and state not in sent]
        waiting = [state.task for state in unsent if state.waits_since < now - WAITS_AFTER_S]
        return frozenset(task.volumes for task in waiting if task.node is None)

    def _take_back(self, there: Sequence[Address], queued: frozenset[str]) -> list[Sending]:
        """Withdraw what no node will do: all that may are gone, or are about to leave and have not begun it."""
        workers = {one.worker for one in there}
        before, takers = self._takers, frozenset(one.worker for one in there if one.takes_work)
        self._takers = takers
        if takers == workers == before:
            return []  # with very many tasks it takes long to look at all of them
        doing = {key for one in there for key in one.doing}
        withdrawn = []
        for state in list(self._states.values()):
            for one in list(state.attempts):
                is_left = one.workers.isdisjoint(takers) and one.key not in doing and one.future.status == "pending"
                if is_left or one.workers.isdisjoint(workers) or one.key in queued:
                    self._withdraw(state, one)
                    withdrawn.append(one)
        return withdrawn

    def _send_group(
        self,
        client: Client,
        function: Callable[..., Any],
        allowed: frozenset[str],
        priority: int,
        states: Sequence[TaskState],
    ) -> None:
        for state in states:
            state.sendings += 1
        keys = [f"{self._prefix}-{state.task.key}-{state.sendings}" for state in states]
        columns = [list(column) for column in zip(*(state.task.arguments for state in states), strict=True)]
        try:
            sent = client.map(
                function,
                *columns,
                key=keys,
                workers=sorted(allowed),
                allow_other_workers=False,
                priority=priority,
                pure=False,
                batch_size=None,
            )
        except (OSError, TimeoutError, CommClosedError, RuntimeError):
            log.info("tasks can't be sent now", exc_info=True)
            return
        with self._lock:
            for state, key, future in zip(states, keys, sent, strict=True):
                state.is_doubled = bool(state.attempts)
                state.attempts.append(Sending(key, future, allowed))
                self._sent[key] = state
                self._unsent.pop(state.task.key, None)
        for state, future in zip(states, sent, strict=True):
            future.add_done_callback(lambda one, key=state.task.key: self._ended.put((key, one)))

    def _withdraw(self, state: TaskState, attempt: Sending) -> None:
        """Give up one sending of a task; if it has no other one, it is sent again. Dask forgets it later, unlocked."""
        state.attempts.remove(attempt)
        state.is_doubled = len(state.attempts) > 1
        self._sent.pop(attempt.key, None)
        if not state.attempts:
            now = time.monotonic()
            state.waits_since = now
            state.not_before = now + SOON_S * 2 ** min(state.sendings - 1, DOUBLINGS)
            self._unsent[state.task.key] = state

    def _collect(self) -> None:
        """Wait a little for ends, then see to all that there are."""
        ended: list[tuple[TaskState, Sending]] = []
        with_timeout = True
        while True:
            try:
                key, future = self._ended.get(timeout=TICK_S) if with_timeout else self._ended.get_nowait()
            except queue.Empty:
                break
            if with_timeout and len(self._states) > MANY:
                time.sleep(TOGETHER_S)
            with_timeout = False
            with self._lock:
                state = self._states.get(key)
                attempt = None if state is None or future is None else state.attempt_of(future)
                if state is not None and attempt is not None:
                    ended.append((state, attempt))
        finished = [pair for pair in ended if pair[1].future.status == "finished"]
        if finished:
            self._gather(finished)
        for state, attempt in ended:
            if attempt.future.status == "error":
                self._failed(state, attempt)
            elif attempt.future.status in ("cancelled", "lost"):
                self._lost(state, attempt)

    def _gather(self, finished: Sequence[tuple[TaskState, Sending]]) -> None:
        """Read results; a node that died since has them no more, so they are made again."""
        futures = [attempt.future for _, attempt in finished]
        gathering = self._gatherer.submit(lambda: self._cluster.client.gather(futures))
        try:
            results = gathering.result(self._cluster.timings.gather_s)
        except Exception:
            log.info("results can't be read, and are made again", exc_info=True)
            for state, attempt in finished:
                self._unread(state, attempt)
            return
        for (state, attempt), result in zip(finished, results, strict=True):
            if attempt not in state.attempts:
                continue  # another sending ended just before
            self._stragglers.note(state.task, result)
            if state.is_doubled and isinstance(result, RunFacts):
                result = replace(result, is_doubled=True)
            self._end(state, attempt)
            state.result.set_result(result)

    def _lost(self, state: TaskState, attempt: Sending) -> None:
        with self._lock:
            if attempt in state.attempts:
                self._withdraw(state, attempt)
        cancel([attempt])

    def _unread(self, state: TaskState, attempt: Sending) -> None:
        """Have a task done again whose result could not be read, unless that was so too often."""
        if attempt not in state.attempts:
            return
        state.unread += 1
        if state.unread < READINGS or len(state.attempts) > 1:
            self._lost(state, attempt)
            return
        self._end(state, attempt)
        state.result.set_exception(
            NetworkError(
                f"The result of a task could not be read from its node, {READINGS} times.",
                remedy="See that nodes, scheduler and service reach each other, and that none of them is overloaded.",
            )
        )

    def _failed(self, state: TaskState, attempt: Sending) -> None:
        if attempt not in state.attempts:
            return
        error = attempt.future.exception(timeout=self._cluster.timings.gather_s)
        if error is None or (isinstance(error, Interrupted) and not self._stopped()):
            self._lost(state, attempt)  # the node that did it is about to end, or has
            return
        fails = state.task.key, getattr(error, "problem", repr(error))
        log.warning("a task failed: %s: %s", *fails)
        retried = isinstance(error, AGAIN) or (isinstance(error, ShardblastError) and error.retryable)
        state.failures += 1
        if isinstance(error, ShardblastError) and error.node is not None:
            state.failed_on.add(error.node)
        if len(state.attempts) > 1 or (retried and state.failures < ATTEMPTS):  # the other sending may end well
            self._lost(state, attempt)
            return
        self._end(state, attempt)
        state.result.set_exception(_ours(error))

    def _end(self, state: TaskState, attempt: Sending) -> None:
        """Forget a task; a second sending of it ends, with its processes."""
        with self._lock:
            self._states.pop(state.task.key, None)
            others = [one for one in state.attempts if one is not attempt]
            for one in state.attempts:
                self._sent.pop(one.key, None)
            state.attempts = []
        if others:
            cancel(others)
            for one in others:
                self._cluster.drop(one.key, one.workers if one.worker is None else [one.worker])


def _ours(error: BaseException | None) -> BaseException:
    if isinstance(error, KilledWorker):
        return EngineError(
            "The nodes that did a piece of the search died, one after the other.",
            remedy="Look at their logs: most likely they lack memory for it.",
        )
    return error if error is not None else EngineError("A task failed.", remedy="Look at the nodes' logs.")
