"""Folders for what a search needs while it runs; those that a killed search left are removed by a later one."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

PREFIX = "search-"
LOCK = "lock"
YOUNG_S = 60.0
"""A folder of this age may not have its lock yet."""


@contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """Make a folder, locked as long as it is needed, and remove it.

    Raises:
        OSError: It can't be made.
    """
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    folder = Path(mkdtemp(prefix=PREFIX, dir=cache))
    lock = _locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _sweep(cache: Path) -> None:
    """Remove folders whose process is gone."""
    for left in cache.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < YOUNG_S:
                continue
            lock = _locked(left)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """Take the folder's lock, which the kernel gives back when this process ends; None if another has it."""
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
