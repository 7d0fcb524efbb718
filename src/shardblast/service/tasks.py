"""Tasks on databases: begun by a request, run durably, watched and cancelled like searches."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from shardblast.core.errors import ConflictError, Interrupted, ShardblastError, file_error, without_folders
from shardblast.core.search import Failure, State
from shardblast.core.task import Step, Task, TaskId, TaskKind, task_cancelled, task_moved
from shardblast.store.databases import TaskStore

TELLS_EVERY_S = 0.2

logger = logging.getLogger(__name__)


class Meter:
    """Is called with bytes from any thread; tells their sum at most five times a second, and at the end."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._done = 0
        self._told = 0
        self._told_at = -TELLS_EVERY_S

    def __call__(self, size_bytes: int) -> None:
        with self._lock:
            self._done += size_bytes
            if time.monotonic() - self._told_at >= TELLS_EVERY_S:
                self._now()

    def close(self) -> None:
        """Tell what has not been told."""
        with self._lock:
            if self._done != self._told:
                self._now()

    def _now(self) -> None:
        self._tell(self._done)
        self._told, self._told_at = self._done, time.monotonic()


class TaskQueue(Protocol):
    """Runs tasks, whatever happens to this process."""

    def enqueue_task(self, task: Task) -> None:
        """Run a task when its turn comes; does nothing if it is queued already."""
        ...


class Watch:
    """How a task tells of its progress, and learns that it is to stop."""

    def __init__(
        self,
        tell: Callable[[Step, int, int], None],
        stopped: Callable[[], bool],
        is_cancelled: Callable[[], bool],
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self._tell = tell
        self.stopped = stopped
        self.is_cancelled = is_cancelled
        """Whether it is never to go on."""
        self.settle = settle
        """Begins what is not taken back; raises Interrupted if the task was cancelled before."""

    def begin(self, step: Step, total: int = 0) -> Meter:
        """Begin a step of so many bytes; return what counts them."""
        self._tell(step, 0, total)
        return Meter(lambda done: self._tell(step, done, total))

    def tell(self, step: Step, done: int, total: int) -> None:
        """Tell of a step whose total is learnt on the way."""
        self._tell(step, done, total)


Work = Callable[[Task, Watch], str]
"""Does a task; returns what came of it, for people to read."""


class Tasks:
    """Begins, runs and ends tasks."""

    def __init__(self, store: TaskStore, works: Mapping[TaskKind, Work]) -> None:
        self._store = store
        self._works = works
        self._running: dict[TaskId, threading.Event] = {}
        self._stopping = threading.Event()

    def get(self, task_id: TaskId) -> Task:
        """Return a task.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self._store.get(task_id)

    def snapshot(self, task_id: TaskId) -> tuple[Task, int]:
        """Return a task and the id of the last event that it includes."""
        return self._store.snapshot(task_id)

    def newest(self, database: str | None, limit: int) -> Sequence[Task]:
        """Return tasks, newest first, of one database or of all."""
        return self._store.newest(database, limit)

    def some(self, ids: Collection[TaskId]) -> Sequence[Task]:
        """Return those of some tasks that are there."""
        return self._store.some(ids)

    def active(self, database: str | None = None) -> Sequence[Task]:
        """Return the tasks that are not over, oldest first."""
        return self._store.active(database)

    def begin(self, queue: TaskQueue, kind: TaskKind, database: str, owner: str, details: Mapping[str, Any]) -> Task:
        """Queue a task; one that would do the same and is not over is returned in its place."""
        for known in self._store.active(database):
            if known.kind is kind and known.details == details:
                return known
        task = Task(TaskId(secrets.token_hex(16)), kind, database, owner, details, time.time())
        queue.enqueue_task(task)  # what it runs adds the task too, so a crash before the next line loses nothing
        return self._store.add(task)

    def cancel(self, task_id: TaskId) -> Task:
        """Stop a task for good; it is ``cancelled`` once nothing of it runs.

        Raises:
            ConflictError: It is over, or so near its end that it can't be.
        """
        task = self._store.change(task_id, lambda one: task_cancelled(one, time.time()))
        self.look(task_id)
        return task

    def dismiss(self, task_id: TaskId) -> None:
        """Remove a task that has ended.

        Raises:
            NotFoundError: There is no such task.
            ConflictError: It has not ended.
        """
        if not self._store.get(task_id).state.is_final:
            raise ConflictError("The task has not ended.", remedy="Cancel it first.")
        self._store.remove_ended(task_id)

    def look(self, task_id: str) -> None:
        """Stop a task that runs here, if it was cancelled."""
        running = self._running.get(TaskId(task_id))
        if running is not None and self._store.get(TaskId(task_id)).state is State.CANCELLING:
            running.set()

    def runs(self, task_id: str) -> bool:
        """Tell whether a task runs here."""
        return TaskId(task_id) in self._running

    def look_at_all(self) -> None:
        """Stop what runs here and was cancelled."""
        for task_id in list(self._running):
            self.look(task_id)

    def stop_all(self) -> None:
        """Stop all that runs; it goes on with the next start."""
        self._stopping.set()

    def run(self, task: Task) -> None:
        """Do a task, or what is left of it."""
        self._store.add(task)
        task = self._store.change(task.id, _started)
        if task.state.is_final:
            return
        stop = self._running.setdefault(task.id, threading.Event())
        self.look(task.id)  # it may have been cancelled before it was noted here
        watch = Watch(
            lambda step, done, total: self._told(task.id, step, done, total),
            lambda: stop.is_set() or self._stopping.is_set(),
            stop.is_set,
            lambda: self._settle(task.id, stop),
        )
        try:
            outcome = self._works[task.kind](task, watch)
            self._end(task.id, State.COMPLETED, outcome=outcome)
        except Interrupted:
            while self._stopping.is_set():
                time.sleep(1)  # this process is about to end, and the task to be done by the next
            self._end(task.id, State.FAILED, failure=Failure("interrupted", "It was stopped.", "Start it again."))
        except ShardblastError as error:
            self._fail(task.id, error)
        except OSError as error:
            self._fail(task.id, file_error(error))
        except Exception:
            number = secrets.token_hex(4)
            logger.exception("a bug ended a task (%s)", number)
            problem = f"The service failed; its log tells more under {number}."
            self._end(task.id, State.FAILED, failure=Failure("internal", problem, "Tell who runs the service."))
        finally:
            self._running.pop(task.id, None)

    def expire(self, days: float) -> None:
        """Forget tasks that ended so long ago."""
        self._store.remove_ended_before(time.time() - days * 86400)

    def _told(self, task_id: TaskId, step: Step, done: int, total: int) -> None:
        self._store.change(task_id, _at(step, done, total))

    def _settle(self, task_id: TaskId, stop: threading.Event) -> None:
        """Begin the last step, in the transaction that sees that nobody has cancelled the task."""
        if self._store.change(task_id, _at(Step.SWITCHING, 0, 0)).state is not State.RUNNING:
            stop.set()
            raise Interrupted

    def _fail(self, task_id: TaskId, error: ShardblastError) -> None:
        failure = Failure(error.code, without_folders(error.problem), error.remedy)
        logger.warning("a task failed: %s", error.problem, extra={"code": error.code})
        self._end(task_id, State.FAILED, failure=failure)

    def _end(self, task_id: TaskId, state: State, **changes: Any) -> None:
        def change(one: Task) -> Task:
            if one.state is State.CANCELLING:
                return task_moved(one, State.CANCELLED, time.time())
            return one if one.state.is_final else task_moved(one, state, time.time(), **changes)

        self._store.change(task_id, change)


def _started(task: Task) -> Task:
    return task_moved(task, State.RUNNING, time.time()) if task.state is State.QUEUED else task


def _at(step: Step, done: int, total: int) -> Callable[[Task], Task]:
    """Return what notes how far a task is, as long as it runs."""
    return lambda one: replace(one, step=step, done=done, total=total) if one.state is State.RUNNING else one
