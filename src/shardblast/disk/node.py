"""A node: the volumes on its disk and in its memory, measured on request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shardblast.core.database import Generation, VolumeMetadata
from shardblast.core.node import HeldGeneration, HeldVolume, NodeState, summed
from shardblast.disk.memory import resident_bytes
from shardblast.disk.staging import Stager
from shardblast.engine.workspace import this_machine


@dataclass(frozen=True, slots=True)
class Placed:
    """A generation, and the folders on this machine that hold its volumes."""

    generation: Generation
    folders: Mapping[str, Path]
    """Folder of each volume that is here, by the volume's name."""
    in_place: bool
    """Whether the files are the operator's own rather than copies made by the node."""

    @property
    def key(self) -> tuple[str, str]:
        """The names of the database and of the generation."""
        return self.generation.database, self.generation.name

    @property
    def volumes(self) -> list[VolumeMetadata]:
        """The volumes that are here, in OID order."""
        return [volume for volume in self.generation.volumes if volume.name in self.folders]

    @property
    def mapped_files(self) -> list[Path]:
        """The files of these volumes that searches map into memory, and that warming reads."""
        return [file for volume in self.volumes for file in self.mapped_of(volume)]

    def mapped_of(self, volume: VolumeMetadata) -> list[Path]:
        """Return the files of a volume that searches map into memory."""
        return [self.folders[volume.name] / file.name for file in volume.mapped]


@dataclass(frozen=True, slots=True)
class Node:
    """This machine, with its staged copies and the databases that it uses in place."""

    name: str
    stager: Stager

    def staged(self) -> list[Placed]:
        """Return the complete volumes among the node's copies."""
        return [
            Placed(generation, {volume.name: path for volume in generation.volumes if volume.name in names}, False)
            for generation, path, names in self.stager.held()
        ]

    def state(self, in_place: Iterable[Placed] = ()) -> NodeState:
        """Return what is on the disk and in memory now, including databases used in place."""
        machine, budget = this_machine(), self.stager.budget
        placed = [*self.staged(), *in_place]
        used = self.stager.used()
        files = [file for each in placed for file in each.mapped_files]
        resident = dict(zip(files, resident_bytes(files), strict=True))
        return NodeState(
            name=self.name,
            cores=machine.cores,
            memory_bytes=machine.memory_bytes,
            disk_budget_bytes=budget.total_bytes,
            disk_used_bytes=budget.used_bytes,
            disk_free_bytes=budget.free_bytes,
            generations=tuple(
                _held(each, resident, taken)
                for each in placed
                if (taken := 0 if each.in_place else used.get(each.key, 0)) or each.folders
            ),
        )


def _held(placed: Placed, resident: Mapping[Path, int | None], used_bytes: int) -> HeldGeneration:
    generation = placed.generation
    volumes = tuple(
        HeldVolume(
            name=volume.name,
            size_bytes=volume.size_bytes,
            mapped_bytes=volume.mapped_bytes,
            resident_bytes=summed(resident[file] for file in placed.mapped_of(volume)),
        )
        for volume in placed.volumes
    )
    total = len(generation.volumes)
    return HeldGeneration(generation.database, generation.name, placed.in_place, volumes, total, used_bytes)
