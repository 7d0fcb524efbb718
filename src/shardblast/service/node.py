"""What the service asks of the node on its own machine; the layer ``cluster`` has one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from shardblast.core.generation import Generation
from shardblast.core.node import Warmed

Told = Callable[[int], None]
"""Gets bytes as they are done."""
Stopped = Callable[[], bool]


class LocalNode(Protocol):
    """Keeps databases on this machine's disk and in its memory."""

    def missing_bytes(self, generation: Generation) -> int:
        """Return how much of a generation is not on the disk yet."""
        ...

    def stage(self, generation: Generation, told: Told, stopped: Stopped) -> Path:
        """Bring a generation from the storage to the disk, if it is not there; return its folder.

        Tells of all its bytes, also of those that were there before.

        Raises:
            Interrupted: It was stopped.
            StorageError: It can't be read, is damaged, or does not fit.
        """
        ...

    def stage_shared(self, generation: Generation) -> Path:
        """Bring the files that all volumes of a generation share to the disk; return their folder.

        Raises:
            StorageError: They can't be read, are damaged, or do not fit.
        """
        ...

    def folder(self, generation: Generation) -> Path:
        """Return where a generation's files are, if they are on the disk."""
        ...

    def using(self, generation: Generation) -> AbstractContextManager[Path]:
        """Keep a generation on the disk as long as the context lasts."""
        ...

    def verify(self, generation: Generation) -> Sequence[Path]:
        """Read what is on the disk of a generation; drop what is damaged, so that it is brought again."""
        ...

    def forget(self, database: str, generation: str) -> None:
        """Remove a generation that nothing uses from the disk."""
        ...

    def resident_bytes(self, files: Sequence[Path]) -> int | None:
        """Return how much of files is in memory now, as the kernel says; None if that can't be told here."""
        ...

    def warm(self, files: Sequence[Path], told: Told, stopped: Stopped) -> Warmed:
        """Read files into memory; return how much of them is there now. Tells also of bytes that were there before.

        Raises:
            Interrupted: It was stopped.
            ShardblastError: Not all of them can be kept in memory, or read.
        """
        ...
