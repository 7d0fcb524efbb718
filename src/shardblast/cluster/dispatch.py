"""Keeps tasks running on nodes that hold what they need until they succeed, whatever happens to nodes and scheduler.

Dask chooses the least busy of the nodes that a task is allowed on. If that node dies, Dask repeats the task on another
of them, but it can't allow further nodes. If none of them is left, the task is withdrawn and waits here until a node
has its volumes: the lost one when it returns, or another one that stages them.
"""

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
from shardblast.cluster.incidents import runs_again
from shardblast.core.database import Generation
from shardblast.core.errors import Attempts, Interrupted, NetworkError, NodesDied, ShardblastError, pause_s
from shardblast.core.events import Notify, ignore
from shardblast.core.report import PieceReport

TICK_S = 0.25
MANY, TOGETHER_S = 20, 0.05
"""With more than MANY tasks, completions within TOGETHER_S are handled together, which costs no more than one."""
WAITS_AFTER_S = 1.0
"""A task that was not sent for this long counts as waiting."""
UNREAD = "The result of a task could not be read from its node."
CHECK_NETWORK = "Check that nodes, scheduler and service can reach each other and that none is overloaded."

Doing = Mapping[tuple[str, str], float]
"""Seconds for which nodes have been running tasks, by the keys of the tasks and the names of the nodes."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends the tasks of one search, from its own thread."""

    def __init__(
        self,
        cluster: Cluster,
        generation: Generation,
        stopped: Callable[[], bool],
        prefix: str,
        seen: Callable[[Doing], None] = lambda doing: None,
        notify: Notify = ignore,
    ) -> None:
        """Start the thread, for tasks that need volumes of a generation, until ``stopped`` returns true.

        ``prefix`` begins Dask's keys and is unique to this dispatcher. ``seen`` gets the tasks that nodes report
        running, and ``notify`` the first failure of each task that runs again.
        """
        self.cluster = cluster
        self._holders = Holders(generation, cluster.timings.grace_s)
        self._stopped = stopped
        self._prefix = prefix
        self._seen = seen
        self._notify = notify
        self._states: dict[str, TaskState] = {}
        self._unsent: dict[str, TaskState] = {}
        self._sent: dict[str, TaskState] = {}
        self._stragglers = Stragglers(cluster.timings.late_s)
        self._takers: frozenset[str] = frozenset()
        """Workers that accepted tasks when the nodes were last read."""
        self._wanted: frozenset[frozenset[str]] = frozenset()
        self._ended: queue.SimpleQueue[tuple[str, DaskFuture[Any] | None]] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._closed = False
        self.is_cut_off = False
        """Whether the scheduler can't be reached now."""
        self._gatherer = ThreadPoolExecutor(4, thread_name_prefix="gather")
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def submit(self, task: NodeTask) -> Future[Any]:
        """Run a task. Its future fails when no node can run it, or the dispatcher is closed."""
        return self.submit_all([task])[0]

    def submit_all(self, tasks: Iterable[NodeTask]) -> list[Future[Any]]:
        """Run tasks; those of equal priority start in this order."""
        limit_s, limit_of_node_s = self.cluster.timings.retry_s, self.cluster.timings.grace_s
        states = [TaskState(task, Future(), Attempts(limit_of_node_s if task.node else limit_s)) for task in tasks]
        with self._lock:
            for state in states:
                if self._closed:
                    state.result.set_exception(Interrupted())
                    continue
                self._states[state.task.key] = self._unsent[state.task.key] = state
        self._ended.put(("", None))
        return [state.result for state in states]

    def give(self, node: str, volumes: Iterable[str]) -> None:
        """Note that a node has volumes, or stages them when a task needs them."""
        with self._lock:
            self._holders.give(node, volumes)

    @property
    def wanted(self) -> frozenset[frozenset[str]]:
        """For each task that waits because no node accepts it, the volumes that a node must hold."""
        return self._wanted  # without the lock, whose holder may wait for the event loop that reads this

    def close(self) -> None:
        """Give up tasks that have not ended."""
        with self._lock:
            self._closed = True
        self._ended.put(("", None))
        self._thread.join()
        self._gatherer.shutdown(wait=False, cancel_futures=True)

    def _loop(self) -> None:
        try:
            sent_at = 0.0
            while not self._closed and not self._stopped():
                if self._unsent or time.monotonic() - sent_at > TICK_S:
                    sent_at = time.monotonic()
                    self._send()
                self._collect()
        except Exception as error:  # otherwise the callers would wait forever
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
        """Send the tasks that nodes may run, and withdraw those that no current node may run."""
        try:
            client, there = self.cluster.client, self.cluster.addresses()
        except NetworkError:
            self.is_cut_off = True
            return
        self.is_cut_off = False
        leaving = [node for node in there if not node.takes_work]
        queued = self.cluster.queued(leaving) if leaving else frozenset()
        groups: dict[tuple[Callable[..., Any], frozenset[str], int], list[TaskState]] = {}
        with self._lock:
            gone = self._gone(there, queued)
            now, look = time.monotonic(), self._holders.look(there)
            for state in [unsent for unsent in self._unsent.values() if unsent.not_before <= now]:
                if allowed := look.allowed(state):
                    groups.setdefault((state.task.function, allowed, state.task.priority), []).append(state)
            for state, node in self._stragglers.late(self._sent, there, look.holds):
                log.info("a task is late and started a second time", extra={"task": state.task.key, "node": node.name})
                only = frozenset([node.worker])
                groups.setdefault((state.task.function, only, state.task.priority), []).append(state)
            self._wanted = self._wants(now, {state for states in groups.values() for state in states})
            doing = {
                (self._sent[key].task.key, node.name): seconds
                for node in there
                for key, seconds in node.doing.items()
                if key in self._sent
            }
        self._seen(doing)
        for state, attempt, is_dead in gone:
            if is_dead:
                self._repeat(state, attempt, NodesDied())
            else:
                self._lost(state, attempt)
        for (function, allowed, priority), states in groups.items():
            self._send_group(client, function, allowed, priority, states)

    def _wants(self, now: float, sent: Set[TaskState]) -> frozenset[frozenset[str]]:
        """Return the sets of volumes that nodes lack for tasks that have waited for a while and are not sent now."""
        unsent = [state for state in self._unsent.values() if state.not_before <= now and state not in sent]
        waiting = [state.task for state in unsent if state.waits_since < now - WAITS_AFTER_S]
        return frozenset(task.volumes for task in waiting if task.node is None)

    def _gone(self, there: Sequence[Address], queued: frozenset[str]) -> list[tuple[TaskState, Sending, bool]]:
        """Return submissions that no node will finish, and whether their node died while it ran them."""
        workers = {node.worker for node in there}
        before, takers = self._takers, frozenset(node.worker for node in there if node.takes_work)
        self._takers = takers
        if takers == workers == before:
            return []  # the check of very many tasks takes long
        doing = {key for node in there for key in node.doing}
        gone = []
        for state in self._states.values():
            for attempt in state.attempts:
                is_idle = attempt.key not in doing and attempt.future.status == "pending"
                is_left = is_idle and attempt.workers.isdisjoint(takers)
                is_gone = attempt.workers.isdisjoint(workers)
                if is_left or is_gone or attempt.key in queued:
                    gone.append((state, attempt, is_gone and attempt.worker in before))
        return gone

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
            future.add_done_callback(lambda ended, key=state.task.key: self._ended.put((key, ended)))

    def _lost(self, state: TaskState, attempt: Sending) -> None:
        """Give up one submission of a task, and send the task again if it has no other."""
        with self._lock:
            if attempt in state.attempts:
                state.attempts.remove(attempt)
                state.is_doubled = len(state.attempts) > 1
                self._sent.pop(attempt.key, None)
                if not state.attempts:
                    state.waits_since = time.monotonic()
                    state.not_before = state.waits_since + pause_s(state.sendings)
                    self._unsent[state.task.key] = state
        cancel([attempt])

    def _collect(self) -> None:
        """Wait briefly for a completion, then handle all that have arrived."""
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
                if state is not None:
                    ended += [(state, attempt) for attempt in state.attempts if attempt.future is future]
        finished = [pair for pair in ended if pair[1].future.status == "finished"]
        if finished:
            self._gather(finished)
        for state, attempt in ended:
            if attempt.future.status == "error":
                self._failed(state, attempt)
            elif attempt.future.status in ("cancelled", "lost"):
                self._lost(state, attempt)

    def _gather(self, finished: Sequence[tuple[TaskState, Sending]]) -> None:
        """Read results. Results of a node that died meanwhile are computed again."""
        futures = [attempt.future for _, attempt in finished]
        gathering = self._gatherer.submit(lambda: self.cluster.client.gather(futures))
        try:
            results = gathering.result(self.cluster.timings.gather_s)
        except Exception:
            log.info("results can't be read and are computed again", exc_info=True)
            for state, attempt in finished:
                self._repeat(state, attempt, NetworkError(UNREAD, remedy=CHECK_NETWORK))
            return
        for (state, attempt), result in zip(finished, results, strict=True):
            if attempt not in state.attempts:
                continue  # another submission ended just before
            self._stragglers.note(state.task, result)
            if state.is_doubled and isinstance(result, PieceReport):
                result = replace(result, is_doubled=True)
            self._end(state, attempt)
            state.result.set_result(result)

    def _failed(self, state: TaskState, attempt: Sending) -> None:
        error = _translated(attempt.future.exception(timeout=self.cluster.timings.gather_s))
        if error is None or (isinstance(error, Interrupted) and not self._stopped()):
            self._lost(state, attempt)  # its node is ending or has ended
        else:
            self._repeat(state, attempt, error)

    def _repeat(self, state: TaskState, attempt: Sending, error: BaseException) -> None:
        """Send a failed task again, unless its error does not pass or it was tried for too long."""
        if attempt not in state.attempts:
            return
        is_repeated = isinstance(error, ShardblastError) and state.failed.may_follow(error, time.monotonic())
        level = logging.INFO if is_repeated and state.failed.failures > 1 else logging.WARNING
        log.log(level, "a task failed: %s: %s", state.task.key, getattr(error, "problem", repr(error)))
        if is_repeated and state.failed.failures == 1 and not isinstance(error, NodesDied):
            self._notify(runs_again(state.task.key, getattr(error, "problem", "")))
        if isinstance(error, ShardblastError) and error.node is not None:
            state.failed_on.add(error.node)
        if is_repeated or len(state.attempts) > 1:  # the other submission may succeed
            self._lost(state, attempt)
            return
        self._end(state, attempt)
        state.result.set_exception(error)

    def _end(self, state: TaskState, attempt: Sending) -> None:
        """Forget a task, and end the processes of its second submission."""
        with self._lock:
            self._states.pop(state.task.key, None)
            attempts, state.attempts = state.attempts, []
            for submission in attempts:
                self._sent.pop(submission.key, None)
        if others := [submission for submission in attempts if submission is not attempt]:
            cancel(others)
            for other in others:
                self.cluster.drop(other.key, other.workers if other.worker is None else [other.worker])


def _translated(error: BaseException | None) -> BaseException | None:
    if isinstance(error, KilledWorker):
        return NodesDied()
    if isinstance(error, OSError):  # others are translated on the node
        problem = f"A node lost its connection to the cluster: {error or type(error).__name__}."
        return NetworkError(problem, remedy=CHECK_NETWORK)
    return error
