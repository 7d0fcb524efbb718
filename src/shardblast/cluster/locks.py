"""Locks on files and folders, for threads and processes alike; the kernel ends them with who held them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shardblast.core.errors import Interrupted

_LOOK_AGAIN_S = 0.05


@contextmanager
def alone(file: Path, stopped: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """Wait until nobody else has this file, which is made if it is missing; yield its descriptor.

    Raises:
        Interrupted: It was stopped while it waited.
    """
    while (held := _locked(file, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX)) is None:
        if stopped():
            raise Interrupted
        time.sleep(_LOOK_AGAIN_S)
    try:
        yield held
    finally:
        os.close(held)


def use(folder: Path) -> int:
    """Share a folder, made if it is missing, with all others that use it; return the descriptor that holds it."""
    while True:
        with suppress(FileNotFoundError):  # the folder above was just removed, being empty
            folder.mkdir(parents=True, exist_ok=True)
        held = _locked(folder, os.O_RDONLY | os.O_DIRECTORY, fcntl.LOCK_SH)
        if held is not None:
            return held
        time.sleep(_LOOK_AGAIN_S)


@contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Tell whether nobody uses a folder, and see that nobody does until this ends."""
    held = _locked(folder, os.O_RDONLY | os.O_DIRECTORY, fcntl.LOCK_EX)
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)


def _locked(path: Path, flags: int, kind: int) -> int | None:
    """Return a descriptor with a lock on what the path names now, or None if another has it or has removed it."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
