"""Decides how many nodes a cluster should have: enough to hold the searched databases, and more while work waits.

The number grows at once. It falls step by step, after an idle time in which fewer nodes were needed.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

from shardblast.core.cutting import MEMORY_SHARE, shards_for
from shardblast.core.database import VolumeMetadata
from shardblast.core.errors import ConflictError
from shardblast.core.placement import NodeRoom, ShardNeed, cut_for, need_of, place
from shardblast.core.units import counted

PIECES_OF_A_CORE = 4
"""The number of pieces that may wait for each core before another node is wanted."""
STEPS = 4
"""The number of steps down in an idle time, after the first one."""


@dataclass(frozen=True, slots=True)
class ScalingRule:
    """The operator's limits."""

    most: int
    """The largest number of nodes."""
    idle_s: float
    """How long nodes stay after they were last needed; 0 keeps them for ever."""
    replicas: int = 1
    """The number of nodes that should hold each shard."""


def check_most(nodes: int, most: int) -> None:
    """Raise ConflictError if more nodes are asked for than the operator allows."""
    if nodes > most:
        problem = f"At most {counted(most, 'node')} may be asked for, not {nodes:,}."
        remedy = "Ask for fewer, or allow more: --most-nodes of the service, SHARDBLAST_MOST_NODES."
        raise ConflictError(problem, remedy=remedy)


@dataclass(frozen=True, slots=True)
class NodePod:
    """The pod of a node."""

    name: str
    is_ready: bool
    is_ending: bool
    """Whether it was asked to end, which only its machine can confirm."""


@dataclass(frozen=True, slots=True)
class NodeCount:
    wanted: int
    """Nodes that were requested."""
    ready: int
    """Nodes whose pods are ready."""
    memory_bytes: int | None = None
    """Memory that each node may use; None if its pods set neither a limit nor a request."""
    cores: int | None = None
    """Cores that each node may use; None if its pods set neither a limit nor a request."""
    why_pending: str = ""
    """Why pods wait, as Kubernetes reports it; empty if none does, or nobody knows."""
    pods: tuple[NodePod, ...] = ()
    """The pods; empty if nobody knows them."""


@dataclass(frozen=True, slots=True)
class NodeSize:
    memory_bytes: int
    disk_bytes: int
    """Disk space for shards."""
    cores: int


@dataclass(frozen=True, slots=True)
class SearchedDatabase:
    """A database with waiting or running searches."""

    name: str
    """The name of the database with its generation."""
    volumes: tuple[VolumeMetadata, ...]
    """The volumes in OID order."""
    batches: int
    """The number of query batches of these searches."""

    def shards(self, nodes: int) -> int:
        """Return the number of shards into which the database is cut for this many nodes."""
        letters = sum(volume.letters for volume in self.volumes)
        return shards_for(nodes, len(self.volumes), letters)[0]


@dataclass(frozen=True, slots=True)
class Demand:
    """The work that waits or runs."""

    databases: tuple[SearchedDatabase, ...] = ()
    busy: int = 0
    """One more than the index of the last node that is in use. Nodes are removed from the end of the list."""
    size: NodeSize | None = None
    """The size of each node; None if unknown."""


@dataclass(frozen=True, slots=True)
class Need:
    """The number of nodes that each purpose needs."""

    to_hold: int
    """Nodes that hold the searched databases in half of their memory."""
    for_work: int
    """Nodes that the waiting pieces would keep busy."""
    busy: int
    """Nodes that can't be removed now."""
    most: int

    @property
    def nodes(self) -> int:
        """The number of nodes needed for all purposes together."""
        return max(self.busy, min(self.most, max(self.to_hold, self.for_work)))


@dataclass(frozen=True, slots=True)
class Scale:
    """The requested number of nodes, and the history that led to it."""

    nodes: int
    needs: tuple[tuple[float, int], ...]
    """Recent needs as pairs of time and nodes, from the oldest and largest to the current one."""
    changed: float
    """When the number of nodes last changed, in seconds since 1970."""


def need(rule: ScalingRule, demand: Demand) -> Need:
    """Return how many nodes the work needs; if the size of a node is unknown, any work needs all nodes."""
    if not demand.databases:
        return Need(0, 0, demand.busy, rule.most)
    if demand.size is None:
        return Need(rule.most, rule.most, demand.busy, rule.most)
    to_hold = _nodes_to_hold(demand.databases, demand.size, rule.replicas, rule.most)
    return Need(to_hold, _nodes_for_work(demand.databases, demand.size, rule), demand.busy, rule.most)


def scaled(rule: ScalingRule, before: Scale | None, present: int, needed: int, now: float) -> Scale:
    """Return how many nodes to request, from the previous result (None in the beginning) and the number requested now.

    If more nodes are needed, they are requested at once. If fewer were needed during the whole idle time, half of the
    surplus is removed, so nodes that are needed from time to time stay. A number that somebody else requested counts as
    needed at that moment. ``now`` is in seconds since 1970.
    """
    if before is None or before.nodes != present:
        needs = () if before is None else before.needs
        before = Scale(present, _noted(needs, present, now, rule.idle_s), now)
    needs = _noted(before.needs, needed, now, rule.idle_s)
    lately = needs[0][1]
    if needed > present:
        return Scale(needed, needs, now)
    if rule.idle_s and lately < present and now - before.changed >= rule.idle_s / STEPS:
        return Scale(present - math.ceil((present - lately) / 2), needs, now)
    return Scale(present, needs, before.changed)


def kept(nodes: int, wanted: int, ready: Collection[int]) -> int:
    """Return how many nodes to request so that ``nodes`` of them are ready, or all that are.

    Nodes are removed from the end of the list. ``ready`` has the indices of those that are ready, such as none whose
    machine is lost; ``wanted`` is the number requested now.
    """
    first = sorted(index for index in ready if index < wanted)[:nodes]
    return max([nodes, *(index + 1 for index in first)]) if nodes < wanted else nodes


def _noted(
    needs: tuple[tuple[float, int], ...], needed: int, now: float, idle_s: float
) -> tuple[tuple[float, int], ...]:
    """Return needs with a new one, without those that are too old or not larger than the new one."""
    kept = ((at, number) for at, number in needs if number > needed and now - at < idle_s)
    return (*kept, (now, needed))


def _nodes_for_work(databases: tuple[SearchedDatabase, ...], size: NodeSize, rule: ScalingRule) -> int:
    """Return how many nodes the pieces would keep busy, at most the number of nodes that hold a shard."""
    pieces = sum(database.batches * len(database.volumes) for database in databases)
    holders = sum(database.shards(rule.most) for database in databases) * rule.replicas
    return min(math.ceil(pieces / (PIECES_OF_A_CORE * size.cores)), holders)


@lru_cache(16)  # called every other second with the same arguments as long as the same databases are searched
def _nodes_to_hold(databases: tuple[SearchedDatabase, ...], size: NodeSize, replicas: int, most: int) -> int:
    """Return the smallest number of nodes on which the databases can be placed; ``most`` if no number is enough."""
    room = int(size.memory_bytes * MEMORY_SHARE)
    mapped = sum(volume.mapped_bytes for database in databases for volume in database.volumes)
    if not room or not _fits(databases, size, replicas, most):
        return most
    fewest = max(replicas, math.ceil(mapped * replicas / room), 1)
    return next((nodes for nodes in range(fewest, most) if _fits(databases, size, replicas, nodes)), most)


def _fits(databases: tuple[SearchedDatabase, ...], size: NodeSize, replicas: int, nodes: int) -> bool:
    rooms = [NodeRoom(str(number), size.memory_bytes, size.disk_bytes) for number in range(nodes)]
    return place(list(_needs(databases, nodes)), rooms, replicas).problem is None


def _needs(databases: tuple[SearchedDatabase, ...], nodes: int) -> Iterator[ShardNeed]:
    for database in databases:
        for shard in cut_for(database.volumes, database.shards(nodes)):
            yield need_of(database.volumes, shard, f"{database.name}/{shard.index}")
