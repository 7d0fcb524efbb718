"""Checksums of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from shardblast.core.errors import Interrupted

BLOCK_BYTES = 1 << 20


def sha256_of(
    file: Path, told: Callable[[int], None] = lambda size_bytes: None, stopped: Callable[[], bool] = lambda: False
) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Args:
        file: To be read.
        told: Gets bytes as they are read.
        stopped: Whether to give up.

    Raises:
        Interrupted: It was stopped.
    """
    digest, block = hashlib.sha256(), bytearray(BLOCK_BYTES)
    with file.open("rb", buffering=0) as source:
        while size := source.readinto(block):
            digest.update(memoryview(block)[:size])
            told(size)
            if stopped():
                raise Interrupted
    return digest.hexdigest()
