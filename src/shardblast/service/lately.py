"""What was found out a moment ago, so that many who ask at once cost as much as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """Calls a function at most once in a while; used by any thread."""

    def __init__(self, find: Callable[[], T], while_s: float) -> None:
        self._find = find
        self._while_s = while_s
        self._found: tuple[float, T] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """Return what the function returned lately, or returns now."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > self._while_s:
                self._found = (time.monotonic(), self._find())
            return self._found[1]
