"""Waiting for events that nothing announces: a line of a log, a file, the end of a process, a server that answers."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_S = 300.0
"""A test machine may be very busy."""


def until(holds: Callable[[], object], why: Callable[[], object] = lambda: "", within_s: float = WITHIN_S) -> None:
    """Wait for a condition; ``why`` describes the state if it never becomes true."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
