"""Storage in a folder of this machine: objects are files, and files of the same file system need no copy."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from shardblast.core.errors import Interrupted

READ_BYTES = 1 << 20


def take(lies: Path, path: Path, told: Callable[[int], None], stopped: Callable[[], bool]) -> tuple[int, str]:
    """Give a file a second name, or copy it where that can't be, and read it once.

    Args:
        lies: The file.
        path: Its new name.
        told: Is told of bytes that were read.
        stopped: Is asked now and then.

    Returns:
        Size in bytes, and SHA-256 in hexadecimal digits.

    Raises:
        Interrupted: ``stopped`` said so.
    """
    copies = not _linked(lies, path)
    digest, size = hashlib.sha256(), 0
    with lies.open("rb") as source, path.open("wb" if copies else "rb") as target:
        while chunk := source.read(READ_BYTES):
            if stopped():
                raise Interrupted
            if copies:
                target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            told(len(chunk))
        if copies:
            target.flush()
            os.fsync(target.fileno())
    return size, digest.hexdigest()


def give(path: Path, lies: Path) -> bool:
    """Name a file as an object, which appears at once; return whether that could be done.

    Until then it has a name that obstore does not list.
    """
    lies.parent.mkdir(parents=True, exist_ok=True)
    hidden = lies.with_name(f"{lies.name}#{uuid4().int}")
    if not _linked(path, hidden):
        return False
    try:
        hidden.replace(lies)
    finally:
        hidden.unlink(missing_ok=True)  # two names of one file: replace leaves both
    return True


def _linked(old: Path, new: Path) -> bool:
    """Give a file a second name; false where the file system, or a rule of the system, does not allow it."""
    try:
        os.link(old.resolve(strict=True), new)
    except OSError:
        return False
    return True
