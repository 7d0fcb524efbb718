"""The state of a node: the volumes on its disk, and how much of them is in its memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, get_args

from shardblast.core.database import Generation


@dataclass(frozen=True, slots=True)
class HeldVolume:
    """A complete volume on a node's disk."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    name: str
    size_bytes: int
    """Size of all its files."""
    mapped_bytes: int
    """Size of the files that a search maps into memory."""
    resident_bytes: int | None
    """How much of mapped_bytes is in memory now; null if unknown."""

    @property
    def is_warm(self) -> bool | None:
        """Whether all bytes that a search maps are in memory; None if unknown."""
        return None if self.resident_bytes is None else self.resident_bytes >= self.mapped_bytes


@dataclass(frozen=True, slots=True)
class HeldGeneration:
    """The part of a generation that a node holds."""

    database: str
    generation: str
    in_place: bool
    """Whether its files are the operator's own, rather than copies that the node made."""
    volumes: tuple[HeldVolume, ...]
    """The volumes on this node, in OID order."""
    num_volumes: int
    """The number of volumes in the whole generation."""
    used_bytes: int = 0
    """The space of its copies, including those that are being fetched, while a search uses any of them; otherwise 0."""

    @property
    def size_bytes(self) -> int:
        """The size of the files of its volumes on this node, without shared files."""
        return sum(volume.size_bytes for volume in self.volumes)

    @property
    def mapped_bytes(self) -> int:
        """Bytes that searches of its volumes on this node map into memory."""
        return sum(volume.mapped_bytes for volume in self.volumes)

    @property
    def resident_bytes(self) -> int | None:
        """The part of ``mapped_bytes`` that is in memory; None if it is unknown for any volume."""
        return summed(volume.resident_bytes for volume in self.volumes)


@dataclass(frozen=True, slots=True)
class Presence:
    """How much of a database is on the disks and in the memory of the machines that search it."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    staged_bytes: int
    """Bytes on the disks of nodes, or of the server if it searches alone; copies of a volume count once."""
    resident_bytes: int | None
    """How much of mapped_bytes is in memory there; null if unknown."""
    mapped_bytes: int
    """Size of the files that a search maps into memory."""
    problem: str | None
    """Why the database can't be searched now, or null."""
    nodes: int | None = None
    """Number of nodes that hold any of it; null without a cluster."""


@dataclass(frozen=True, slots=True)
class NodeState:
    name: str
    cores: int
    memory_bytes: int
    disk_budget_bytes: int
    """The space that its copies may take: the configured budget, or the size of the disk if that is smaller."""
    disk_used_bytes: int
    """The space that its copies take, including copies that are being fetched."""
    disk_free_bytes: int
    generations: tuple[HeldGeneration, ...]

    def held(self, database: str, generation: str) -> frozenset[str]:
        """Return the names of the volumes of a generation that the node holds."""
        for held in self.generations:
            if (held.database, held.generation) == (database, generation):
                return frozenset(volume.name for volume in held.volumes)
        return frozenset()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return a state from its ``dataclasses.asdict`` form."""
        generations = tuple(
            HeldGeneration(**{**fields, "volumes": tuple(HeldVolume(**volume) for volume in fields["volumes"])})
            for fields in values["generations"]
        )
        known = {name: values[name] for name in cls.__slots__ if name != "generations"}
        return cls(**known, generations=generations)


Standing = Literal["connected", "draining", "lost"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)


@dataclass(frozen=True, slots=True)
class Member:
    """A node as the rest of the cluster sees it."""

    state: NodeState
    is_connected: bool
    last_seen: float
    """Seconds since 1970."""
    running: int
    is_draining: bool = False
    """Whether it finishes its work and accepts no more."""

    @property
    def standing(self) -> Standing:
        """Its relation to the cluster."""
        if not self.is_connected:
            return "lost"
        return "draining" if self.is_draining else "connected"


@dataclass(frozen=True, slots=True)
class Warmed:
    """The bytes in memory after warming, as reported by the kernel."""

    resident_bytes: int | None
    """None if the kernel does not report it; every byte was read then."""
    total_bytes: int


def presence_on(nodes: Iterable[NodeState], generation: Generation) -> Presence:
    """Return how much of a generation nodes hold. Of several copies of a volume, the one with most in memory counts."""
    own = [
        held
        for state in nodes
        for held in state.generations
        if (held.database, held.generation) == (generation.database, generation.name) and held.volumes
    ]
    resident: dict[str, int | None] = {}
    for volume in (volume for held in own for volume in held.volumes):
        known = [some for some in (resident.get(volume.name), volume.resident_bytes) if some is not None]
        resident[volume.name] = max(known, default=None)
    staged = sum(volume.size_bytes for volume in generation.volumes if volume.name in resident)
    staged += sum(file.size_bytes for file in generation.shared) if own else 0
    return Presence(staged, summed(resident.values()), generation.mapped_bytes, None, len(own))


def summed(values: Iterable[int | None]) -> int | None:
    """Return the sum of values; None if any of them is None."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
