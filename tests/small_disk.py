"""A small disk for one test, and how to fill it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Make a folder that is a disk in memory, as long as the context lasts."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, left: int) -> Path:
    """Take all space but so many bytes; return the file that does."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        facts = os.statvfs(folder)
        free = facts.f_bavail * facts.f_frsize - left
        while free > 0:
            try:
                free -= file.write(b"\0" * min(free, 1 << 16))
                file.flush()
            except OSError:
                break
    return ballast
