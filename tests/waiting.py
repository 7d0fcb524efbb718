"""Waiting for what nothing announces: a log's line, a file, a process's end, a program that begins to answer."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_S = 300.0
"""A test machine may be very busy."""


def until(holds: Callable[[], object], why: Callable[[], object] = lambda: "", within_s: float = WITHIN_S) -> None:
    """Wait for a condition; ``why`` tells what there is instead."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
