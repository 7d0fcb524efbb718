"""A pool of threads that each drive one BLAST+ process at a time, most urgent work first."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from itertools import count
from typing import Any, TypeVar

from shardblast.core.errors import Interrupted

T = TypeVar("T")
Priority = tuple[int, ...]


class Pool:
    """Runs tasks in order of their priority, at most ``size`` at once.

    ``concurrent.futures`` starts tasks in the order they came, but candidates are to be searched before later batches.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._tasks: list[tuple[Priority, int, Future[Any], Callable[[], Any]]] = []
        self._order = count()
        self._ready = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Callable[[], T], priority: Priority) -> Future[T]:
        """Queue a task; the lowest priority starts first, and a cancelled one never."""
        future: Future[T] = Future()
        with self._ready:
            heapq.heappush(self._tasks, (priority, next(self._order), future, task))
            self._ready.notify()
        return future

    def withdraw(self, futures: Collection[Future[Any]]) -> None:
        """Drop those of some tasks that have not begun; whoever waits for one is told that it was interrupted."""
        with self._ready:
            dropped = [entry for entry in self._tasks if entry[2] in futures]
            self._tasks = [entry for entry in self._tasks if entry[2] not in futures]
            heapq.heapify(self._tasks)
        for _, _, future, _ in dropped:
            if future.set_running_or_notify_cancel():
                future.set_exception(Interrupted())

    def close(self) -> None:
        """Drop the tasks that wait and wait for those that run."""
        with self._ready:
            self._closed = True
            self._tasks.clear()
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._ready:
                while not self._tasks and not self._closed:
                    self._ready.wait()
                if self._closed:
                    return
                _, _, future, task = heapq.heappop(self._tasks)
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except (Exception, Interrupted) as error:
                future.set_exception(error)
