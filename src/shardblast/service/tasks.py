"""Tasks on databases: started by a request, run durably, retried, and watched and cancelled like searches."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from shardblast.blast.process import Processes
from shardblast.core.errors import (
    Attempts,
    ConflictError,
    DiskFull,
    Interrupted,
    ShardblastError,
    StorageError,
    StoreError,
    file_error,
    pause_s,
    without_folders,
)
from shardblast.core.search import Failure, State
from shardblast.core.task import Step, Task, TaskId, TaskKind, task_cancelled, task_moved
from shardblast.store.databases import TaskStore

REPORTED_EVERY_S = 0.2

logger = logging.getLogger(__name__)


class Meter:
    """Sums bytes from any thread, and reports the sum at most five times a second and at the end."""

    def __init__(self, report: Callable[[int], object]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._done = 0
        self._reported = 0
        self._reported_at = -REPORTED_EVERY_S

    def __call__(self, size_bytes: int) -> None:
        with self._lock:
            self._done += size_bytes
            if time.monotonic() - self._reported_at >= REPORTED_EVERY_S:
                self._report_now()

    def close(self) -> None:
        """Report the bytes that have not been reported."""
        with self._lock:
            if self._done != self._reported:
                self._report_now()

    def _report_now(self) -> None:
        self._report(self._done)
        self._reported, self._reported_at = self._done, time.monotonic()


@dataclass(frozen=True, slots=True)
class Watch:
    """Reports a task's progress, and says whether it is to stop."""

    report: Callable[[Step, int, int], None]
    """Called with a step, the bytes done, and the total number of bytes."""
    stopped: Callable[[], bool]
    is_cancelled: Callable[[], bool]
    """Returns whether the task is never to resume."""
    waits: Callable[[str], None] = lambda why: None
    """Called with the reason for a wait, as a sentence."""
    settle: Callable[[], None] = lambda: None
    """Begins the part that can't be undone; raises Interrupted if the task was cancelled before."""

    def begin(self, step: Step, total: int = 0) -> Meter:
        """Begin a step of a number of bytes; return the meter that counts them."""
        self.report(step, 0, total)
        return Meter(lambda done: self.report(step, done, total))


Work = Callable[[Task, Watch], str]
"""Runs a task; returns its outcome as text for users."""


@dataclass(frozen=True, slots=True, eq=False)
class Tasks:
    store: TaskStore
    works: Mapping[TaskKind, Work]
    enqueue: Callable[[Task], None]
    """Runs a task when its turn comes. Does nothing if it is queued already."""
    _running: dict[TaskId, threading.Event] = field(default_factory=dict, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def begin(self, kind: TaskKind, database: str, owner: str, details: Mapping[str, Any]) -> Task:
        """Queue a task. If an identical task has not ended, return that one instead."""
        for known in self.store.active(database):
            if known.kind is kind and known.details == details:
                return known
        task = Task(TaskId(secrets.token_hex(16)), kind, database, owner, details, time.time())
        self.enqueue(task)  # ``run`` adds the task too, so a crash before the next line loses nothing
        return self.store.add(task)

    def cancel(self, task_id: TaskId) -> Task:
        """Stop a task for good.

        It becomes ``cancelled`` when nothing of it runs. Raises ConflictError if it is in its last step.
        """
        task = self.store.change(task_id, lambda current: task_cancelled(current, time.time()))
        self.look(task_id)
        return task

    def dismiss(self, task_id: TaskId) -> None:
        """Remove a task that has ended. Raises ConflictError if it has not."""
        if not self.store.get(task_id).state.is_final:
            raise ConflictError("The task has not ended.", remedy="Cancel it first.")
        self.store.remove_ended(task_id)

    def look(self, task_id: str) -> None:
        """Stop a task that runs on this server if it was cancelled."""
        running = self._running.get(TaskId(task_id))
        if running is not None and self.store.get(TaskId(task_id)).state is State.CANCELLING:
            running.set()

    def runs(self, task_id: str) -> bool:
        return TaskId(task_id) in self._running

    def look_at_all(self) -> None:
        """Stop the tasks on this server that were cancelled."""
        for task_id in list(self._running):
            self.look(task_id)

    def stop_all(self) -> None:
        """Stop all running tasks; they resume with the next start."""
        self._stopping.set()

    def run(self, task: Task) -> None:
        stop = Processes().persist(lambda: self._begun(task))
        if stop is None:
            return
        watch = Watch(
            partial(self._record, task.id),
            lambda: stop.is_set() or self._stopping.is_set(),
            stop.is_set,
            lambda why: self._waits(task.id, why),
            lambda: self._settle(task.id, stop),
        )
        try:
            outcome = self._outcome(task, watch, stop)
            self._end(task.id, State.COMPLETED, outcome=outcome)
        except Exception as error:
            while self._stopping.is_set():
                time.sleep(1)  # shutting down: leave the task to the next process
            failure = Failure("interrupted", "The task was stopped.", "Start it again.")
            if not isinstance(error, Interrupted):
                failure = failure_of(error, "task")
                logger.warning("a task failed: %s", error, extra={"code": failure.code})
            self._end(task.id, State.FAILED, failure=failure)
        finally:
            self._running.pop(task.id, None)

    def _begun(self, task: Task) -> threading.Event | None:
        """Mark a task as running; return the event that stops it, or None if the task has ended."""
        self.store.add(task)
        if self.store.change(task.id, _started).state.is_final:
            return None
        stop = self._running.setdefault(task.id, threading.Event())
        self.look(task.id)  # it may have been cancelled before it was registered here
        return stop

    def _outcome(self, task: Task, watch: Watch, stop: threading.Event) -> str:
        """Return what a task's work returns, which is begun again while the storage or the database is away."""
        attempts = Attempts()
        while True:
            try:
                return self.works[task.kind](task, watch)
            except (StorageError, StoreError) as error:
                if isinstance(error, DiskFull) or watch.stopped() or not attempts.may_follow(error, time.monotonic()):
                    raise
                reason = f"{without_folders(error.problem)} It is retried."
                logger.warning("a task waits: %s", reason)
                with suppress(StoreError):
                    self._waits(task.id, reason)
            stop.wait(pause_s(attempts.failures))  # if it is cancelled, the work removes what it has made

    def expire(self, days: float) -> None:
        """Delete tasks that ended more than this number of days ago."""
        self.store.remove_ended_before(time.time() - days * 86400)

    def _record(self, task_id: TaskId, step: Step, done: int, total: int) -> None:
        self.store.change(task_id, _at(step, done, total))

    def _waits(self, task_id: TaskId, why: str) -> None:
        self.store.change(task_id, lambda task: replace(task, outcome=why) if task.state is State.RUNNING else task)

    def _settle(self, task_id: TaskId, stop: threading.Event) -> None:
        """Begin the last step, in the same transaction that checks for a cancellation."""
        if self.store.change(task_id, _at(Step.SWITCHING, 0, 0)).state is not State.RUNNING:
            stop.set()
            raise Interrupted

    def _end(self, task_id: TaskId, state: State, **changes: Any) -> None:
        def change(task: Task) -> Task:
            if task.state is State.CANCELLING:
                return task_moved(task, State.CANCELLED, time.time(), outcome=None)
            return task if task.state.is_final else task_moved(task, state, time.time(), **{"outcome": None, **changes})

        Processes().persist(lambda: self.store.change(task_id, change))


def failure_of(error: Exception, what: str, **about: str) -> Failure:
    """Return what users see of the error that ended a search or a task. Bugs are logged under a number."""
    known = file_error(error) if isinstance(error, OSError) else error
    if isinstance(known, ShardblastError):
        return Failure(known.code, without_folders(known.problem), known.remedy)
    number = secrets.token_hex(4)
    logger.error("a bug ended a %s (%s)", what, number, exc_info=error, extra=about)
    problem = f"The service failed. Its log has the details under {number}."
    return Failure("internal", problem, "Try again, and inform the administrator of the service.")


def _started(task: Task) -> Task:
    return task_moved(task, State.RUNNING, time.time()) if task.state is State.QUEUED else task


def _at(step: Step, done: int, total: int) -> Callable[[Task], Task]:
    """Return a change that records the progress of a running task."""
    changes: dict[str, Any] = {"step": step, "done": done, "total": total, "outcome": None}
    return lambda task: replace(task, **changes) if task.state is State.RUNNING else task
