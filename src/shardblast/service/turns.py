"""Turns at a search's files, which requests, its attempts and the search itself make at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shardblast.core.search import SearchId


class Turns:
    """Lets one thread at a time to each search; a thread that has its turn may take it again."""

    def __init__(self) -> None:
        self._locks: dict[SearchId, tuple[threading.RLock, int]] = {}
        """The lock of a search, and how many hold it or wait for it."""
        self._lock = threading.Lock()

    @contextmanager
    def of(self, search_id: SearchId) -> Iterator[None]:
        """Wait for the turn, and have it as long as the context lasts."""
        with self._lock:
            turn, count = self._locks.get(search_id, (threading.RLock(), 0))
            self._locks[search_id] = turn, count + 1
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, count = self._locks.pop(search_id)
                if count > 1:
                    self._locks[search_id] = turn, count - 1
