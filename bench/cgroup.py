"""Control groups with little memory or a slow disk, and a page cache without the database in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NAME = "shardblast-bench"
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


class NoCgroup(Exception):
    """Memory can't be limited here; the message says why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A group that commands can be run in."""

    folder: Path

    @property
    def _file(self) -> Path:
        first = self.folder / "memory.limit_in_bytes"
        return first if first.exists() else self.folder / "memory.max"

    def limit(self, limit_bytes: int) -> None:
        """Let its processes hold so much from now on.

        Raises:
            OSError: They hold more, and the kernel can't take enough of it away.
        """
        self._file.write_text(str(limit_bytes))

    def argv(self, command: Sequence[str]) -> list[str]:
        """Return a command that enters the group and becomes the given one."""
        enter = 'echo $$ > "$1" && shift && exec "$@"'
        return ["sh", "-c", enter, "sh", str(self.folder / "cgroup.procs"), *command]


@contextmanager
def limited_memory(limit_bytes: int, name: str = _NAME) -> Iterator[Cgroup]:
    """Make a group whose processes can hold so much, page cache included, and no swap.

    Args:
        limit_bytes: What they can hold together.
        name: Of the group; others with the same name are the same group.

    Raises:
        NoCgroup: It can't be made.
    """
    if os.geteuid() != 0:
        raise NoCgroup("limiting memory and dropping the page cache need root")
    folder = _make(limit_bytes, name)
    try:
        yield Cgroup(folder)
    finally:
        with suppress(OSError):
            (folder / "memory.force_empty").write_text("0")
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def slow_disk(path: Path, bytes_per_s: int) -> Iterator[Cgroup]:
    """Make a group whose processes read at this speed from the disk of a path; version 1 of control groups.

    Raises:
        NoCgroup: It can't be made.
    """
    folder = _ROOT / "blkio" / _NAME
    device = path.stat().st_dev
    try:
        folder.mkdir(exist_ok=True)
        limit = f"{os.major(device)}:{os.minor(device)} {bytes_per_s}"
        (folder / "blkio.throttle.read_bps_device").write_text(limit)
    except OSError as error:
        raise NoCgroup(f"no control group with a slow disk can be made: {error.strerror}") from error
    try:
        yield Cgroup(folder)
    finally:
        with suppress(OSError):
            folder.rmdir()


def cold_cache(programs: Sequence[Sequence[str]]) -> None:
    """Empty the page cache, then load the programs again: their pages count neither as read nor against the limit.

    Args:
        programs: Commands that load them.

    Raises:
        NoCgroup: The cache can't be emptied.
    """
    os.sync()
    try:
        _DROP_CACHES.write_text("1")
    except OSError as error:
        raise NoCgroup(f"the page cache can't be dropped: {error.strerror}") from error
    for argv in programs:
        subprocess.run(argv, capture_output=True, check=True)


def _make(limit_bytes: int, name: str) -> Path:
    first = (_ROOT / "memory").is_dir()
    folder = (_ROOT / "memory" if first else _ROOT) / name
    no_swap = ("memory.swappiness", "0") if first else ("memory.swap.max", "0")
    try:
        if not first:
            (_ROOT / "cgroup.subtree_control").write_text("+memory")
        folder.mkdir(exist_ok=True)
        Cgroup(folder).limit(limit_bytes)
    except OSError as error:
        raise NoCgroup(f"no control group with a memory limit can be made: {error.strerror}") from error
    with suppress(OSError):
        (folder / no_swap[0]).write_text(no_swap[1])
    return folder
