"""A node: the volumes on its disk and in its memory, read when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shardblast.core.database import Generation, VolumeMetadata
from shardblast.core.node import HeldGeneration, HeldVolume, NodeState, Warmed, summed
from shardblast.disk.memory import resident_bytes, warm
from shardblast.disk.staging import Stager
from shardblast.engine.workspace import this_machine

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


@dataclass(frozen=True, slots=True)
class Placed:
    """A generation, and where on this machine its volumes lie."""

    generation: Generation
    folders: Mapping[str, Path]
    """By the names of those volumes that are here."""
    in_place: bool
    """Whether the files are the operator's own, and not copies that the node made."""

    @property
    def volumes(self) -> list[VolumeMetadata]:
        """Those that are here, in OID order."""
        return [volume for volume in self.generation.volumes if volume.name in self.folders]

    @property
    def mapped_files(self) -> list[Path]:
        """What searches of the volumes here map into memory: what there is to warm."""
        return [file for volume in self.volumes for file in self.mapped_of(volume)]

    def mapped_of(self, volume: VolumeMetadata) -> list[Path]:
        """Return the files of a volume that a search maps into memory."""
        return [self.folders[volume.name] / file.name for file in volume.mapped]


class Node:
    """This machine, with its copies and with the databases that lie on it anyway."""

    def __init__(self, name: str, stager: Stager) -> None:
        self.name = name
        self.stager = stager

    def start(self) -> None:
        """Remove what an earlier process left half done; see ``Stager.start``."""
        self.stager.start()

    def folder(self, generation: Generation) -> Path:
        """Return where a generation's files are, if they are on the disk."""
        return self.stager.folder(generation)

    def missing_bytes(self, generation: Generation) -> int:
        """Return how much of a generation is not on the disk yet."""
        return self.stager.missing_bytes(generation)

    def using(self, generation: Generation) -> AbstractContextManager[Path]:
        """Keep what is held of a generation from being dropped; see ``Stager.using``."""
        return self.stager.using(generation)

    def stage(self, generation: Generation, told: Callable[[int], None], stopped: Callable[[], bool]) -> Path:
        """Have a whole generation on the disk; see ``Stager.stage``."""
        return self.stager.stage(generation, None, told, stopped)

    def stage_shared(self, generation: Generation) -> Path:
        """Have the files that all volumes of a generation share on the disk; see ``Stager.stage``."""
        return self.stager.stage(generation, ())

    def verify(self, generation: Generation) -> list[Path]:
        """Read what is held of a generation; drop the volumes that are damaged, and return them."""
        return self.stager.verify(generation)

    def forget(self, database: str, generation: str) -> None:
        """Drop a generation; see ``Stager.forget``."""
        self.stager.forget(database, generation)

    def resident_bytes(self, files: Sequence[Path]) -> int | None:
        """Return how much of files is in memory now; None if the kernel does not tell."""
        return summed(resident_bytes(files))

    def warm(self, files: Sequence[Path], told: Callable[[int], None], stopped: Callable[[], bool]) -> Warmed:
        """Have files in memory; see ``warm``."""
        return warm(files, told, stopped)

    def staged(self) -> list[Placed]:
        """Return what is whole among the node's copies."""
        return [
            Placed(generation, {volume.name: path for volume in generation.volumes if volume.name in names}, False)
            for generation, path, names in self.stager.held()
        ]

    def state(self, in_place: Iterable[Placed] = ()) -> NodeState:
        """Return what is on the disk and in the memory now.

        Args:
            in_place: Databases that searches use where they lie.
        """
        machine, budget = this_machine(), self.stager.budget
        placed = [*self.staged(), *in_place]
        files = [file for one in placed for file in one.mapped_files]
        resident = dict(zip(files, resident_bytes(files), strict=True))
        return NodeState(
            name=self.name,
            cores=machine.cores,
            memory_bytes=machine.memory_bytes,
            disk_budget_bytes=budget.total_bytes,
            disk_used_bytes=budget.used_bytes,
            disk_free_bytes=budget.free_bytes,
            generations=tuple(_held(one, resident) for one in placed if one.folders),
        )


def _held(placed: Placed, resident: Mapping[Path, int | None]) -> HeldGeneration:
    generation = placed.generation
    volumes = tuple(
        HeldVolume(
            name=volume.name,
            size_bytes=sum(file.size_bytes for file in volume.files),
            mapped_bytes=volume.mapped_bytes,
            resident_bytes=summed(resident[file] for file in placed.mapped_of(volume)),
        )
        for volume in placed.volumes
    )
    return HeldGeneration(generation.database, generation.name, placed.in_place, volumes, len(generation.volumes))
