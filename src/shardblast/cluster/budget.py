"""How much of its disk a node may fill with databases, and which of them makes room for another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shardblast.cluster.locks import alone, unused
from shardblast.cluster.volumes import GenerationFolder, Part, folders
from shardblast.core.errors import DiskFull


class Budget:
    """The disk space of a cache. What is used is counted from what lies there, never kept beside it."""

    def __init__(self, cache: Path, budget_bytes: int | None) -> None:
        """Take a cache's folder.

        Args:
            cache: The folder, made if it is missing.
            budget_bytes: What it may hold; None: as much as the disk does.
        """
        cache.mkdir(parents=True, exist_ok=True)
        self._cache = cache
        self._budget_bytes = budget_bytes

    @property
    def total_bytes(self) -> int:
        """The budget, or what the disk has for us if that is less."""
        to_come = sum(max(_size(folder) - folder.disk_bytes, 0) for folder in folders(self._cache))
        on_disk = self.used_bytes + max(shutil.disk_usage(self._cache).free - to_come, 0)
        return on_disk if self._budget_bytes is None else min(self._budget_bytes, on_disk)

    @property
    def used_bytes(self) -> int:
        """What volumes take, and what those will take that are being fetched."""
        return sum(_size(folder) for folder in folders(self._cache))

    @property
    def free_bytes(self) -> int:
        """What is left for more volumes, without dropping any."""
        return max(self.total_bytes - self.used_bytes, 0)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Keep others from making or taking room while this lasts."""
        with alone(self._cache / ".budget.lock"):
            yield

    def reserve(self, folder: GenerationFolder, parts: Sequence[Part]) -> None:
        """Keep room for parts that are to be fetched into a folder that is in use, as its locks' lengths.

        Generations that nothing uses go for it, the least recently used first, and only if that is enough.

        Raises:
            DiskFull: It is not enough; nothing was dropped.
        """
        known = folder.sizes
        missing = [part for part in parts if part.name not in known]
        needed = sum(part.size_bytes for part in missing)
        if needed > self.free_bytes:
            self._make_room(needed)
        try:
            for part in missing:
                reserve(folder, part)
        except OSError:
            for part in missing:
                folder.lock(part).unlink(missing_ok=True)
            raise

    def _make_room(self, needed: int) -> None:
        with ExitStack() as held:
            candidates = [one for one in folders(self._cache) if held.enter_context(unused(one.path))]
            candidates.sort(key=lambda one: one.last_used_ns)
            droppable = sum(map(_size, candidates))
            free = self.free_bytes
            if needed > free + droppable:
                raise _does_not_fit(needed, self.total_bytes, self.used_bytes - droppable)
            for candidate in candidates:
                if needed <= free:
                    break
                free += _size(candidate)
                candidate.remove()


def reserve(folder: GenerationFolder, part: Part) -> None:
    """Let a part's lock be as long as the part; it takes no space, being all hole."""
    lock = folder.lock(part)
    lock.touch()
    os.truncate(lock, part.size_bytes)


def _size(folder: GenerationFolder) -> int:
    return sum(folder.sizes.values())


def _does_not_fit(needed: int, budget: int, in_use: int) -> DiskFull:
    return DiskFull(
        f"There is no room for {_mib(needed)} of volumes: this node may hold {_mib(budget)}, "
        f"and searches use {_mib(in_use)} of what is there.",
        remedy="Wait until they end, give the node a larger disk or budget, or spread the database over more nodes.",
    )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.1f} MiB"
