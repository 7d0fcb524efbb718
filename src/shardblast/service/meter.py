"""Counts bytes as they are done, and tells of them now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TELLS_EVERY_S = 0.2


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
