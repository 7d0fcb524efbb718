"""What a node says of itself: what is on its disk, and what of that is in its memory, now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args


@dataclass(frozen=True, slots=True)
class HeldVolume:
    """A volume that is whole on a node's disk."""

    name: str
    size_bytes: int
    """Of all its files."""
    mapped_bytes: int
    """Of what a search maps into memory: the index and the sequences."""
    resident_bytes: int | None
    """How much of that is in the page cache; None if the kernel does not tell."""

    @property
    def is_warm(self) -> bool | None:
        """Whether all that a search maps is in memory; None if that is not known."""
        return None if self.resident_bytes is None else self.resident_bytes >= self.mapped_bytes


@dataclass(frozen=True, slots=True)
class HeldGeneration:
    """What a node has of a generation."""

    database: str
    generation: str
    in_place: bool
    """Whether its files are the operator's own, and not copies that the node made."""
    volumes: tuple[HeldVolume, ...]
    """Those that are here, in OID order."""
    num_volumes: int
    """Of the whole generation."""

    @property
    def size_bytes(self) -> int:
        """Of the volumes' files here, without those that volumes share."""
        return sum(volume.size_bytes for volume in self.volumes)

    @property
    def mapped_bytes(self) -> int:
        """What searches of the volumes here map into memory."""
        return sum(volume.mapped_bytes for volume in self.volumes)

    @property
    def resident_bytes(self) -> int | None:
        """How much of that is in memory; None if it is not known of each volume."""
        return summed(volume.resident_bytes for volume in self.volumes)


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node, as it is now."""

    name: str
    cores: int
    memory_bytes: int
    disk_budget_bytes: int
    """What its copies may take: as it was told, or what the disk has if that is less."""
    disk_used_bytes: int
    """What they take, with those that are being fetched."""
    disk_free_bytes: int
    generations: tuple[HeldGeneration, ...]

    def held(self, database: str, generation: str) -> frozenset[str]:
        """Return the names of the volumes of a generation that are here."""
        for one in self.generations:
            if (one.database, one.generation) == (database, generation):
                return frozenset(volume.name for volume in one.volumes)
        return frozenset()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> NodeState:
        """Return a state from what ``dataclasses.asdict`` made of it."""
        generations = tuple(
            HeldGeneration(**{**one, "volumes": tuple(HeldVolume(**volume) for volume in one["volumes"])})
            for one in values["generations"]
        )
        known = {name: values[name] for name in cls.__slots__ if name != "generations"}
        return cls(**known, generations=generations)


Standing = Literal["connected", "draining", "lost"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)


@dataclass(frozen=True, slots=True)
class Member:
    """A node as others see it."""

    state: NodeState
    is_connected: bool
    last_seen: float
    """In seconds since 1970."""
    running: int
    """BLAST+ processes."""
    is_draining: bool = False
    """Whether it ends what it does, and takes nothing more."""

    @property
    def standing(self) -> Standing:
        """How it stands to the cluster."""
        if not self.is_connected:
            return "lost"
        return "draining" if self.is_draining else "connected"


@dataclass(frozen=True, slots=True)
class Warmed:
    """What is in memory after warming, as the kernel says."""

    resident_bytes: int | None
    """None if it does not say: then every byte was read."""
    total_bytes: int


def summed(values: Iterable[int | None]) -> int | None:
    """Return a sum that is only known when each value is."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
