"""How many nodes a cluster is to have: what holds the databases that are searched, more as work waits.

More come at once; fewer step by step, after a time in which so many were not needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from shardblast.core.cutting import MEMORY_SHARE, SMALL_SHARD_LETTERS
from shardblast.core.database import VolumeMetadata
from shardblast.core.placement import NodeRoom, ShardNeed, cut_for, need_of, place

PIECES_OF_A_CORE = 4
"""That may wait for each core before another node is wanted."""
STEPS = 4
"""Steps down in an idle time, once the first was made."""


@dataclass(frozen=True, slots=True)
class ScalingRule:
    """What the operator wants."""

    most: int
    """Nodes, however much work waits."""
    idle_s: float
    """Fewer nodes follow when so many were not needed for so long; 0 keeps them."""
    replicas: int = 1
    """Nodes that are to hold each shard."""


@dataclass(frozen=True, slots=True)
class NodeSize:
    """What a node has."""

    memory_bytes: int
    disk_bytes: int
    """For shards."""
    cores: int


@dataclass(frozen=True, slots=True)
class SearchedDatabase:
    """A database that searches which wait or run are in."""

    name: str
    """With its generation."""
    volumes: tuple[VolumeMetadata, ...]
    """In OID order."""
    batches: int
    """Of the queries of these searches."""

    def shards(self, nodes: int) -> int:
        """Return into how many shards so many nodes would have it cut."""
        letters = sum(one.letters for one in self.volumes)
        return max(len(self.volumes), min(nodes, letters // SMALL_SHARD_LETTERS))


@dataclass(frozen=True, slots=True)
class Demand:
    """What there is to do."""

    databases: tuple[SearchedDatabase, ...] = ()
    busy: int = 0
    """Nodes up to the last that runs something or holds shards in which a search runs: the last go first."""
    size: NodeSize | None = None
    """Of each node; None if it is not known."""


@dataclass(frozen=True, slots=True)
class Need:
    """How many nodes are needed, and for what."""

    to_hold: int
    """The databases that are searched, in half of the nodes' memory."""
    for_work: int
    """That would be busy with the pieces that wait."""
    busy: int
    """That can't go now."""
    most: int

    @property
    def nodes(self) -> int:
        """All things considered."""
        return max(self.busy, min(self.most, max(self.to_hold, self.for_work)))


@dataclass(frozen=True, slots=True)
class Scale:
    """How many nodes are asked for, and what led there."""

    nodes: int
    needs: tuple[tuple[float, int], ...]
    """What was needed lately: when last so many, from the most and oldest to what is needed now."""
    changed: float
    """When the number of nodes changed, in seconds since 1970."""


def need(rule: ScalingRule, demand: Demand) -> Need:
    """Return how many nodes the work needs; where the size of a node is not known, all as soon as there is work."""
    if not demand.databases:
        return Need(0, 0, demand.busy, rule.most)
    if demand.size is None:
        return Need(rule.most, rule.most, demand.busy, rule.most)
    to_hold = _nodes_to_hold(demand.databases, demand.size, rule.replicas, rule.most)
    return Need(to_hold, _nodes_for_work(demand.databases, demand.size, rule), demand.busy, rule.most)


def scaled(rule: ScalingRule, before: Scale | None, present: int, needed: int, now: float) -> Scale:
    """Return how many nodes to ask for.

    What is needed, at once, where that is more. Where it is less, and was for the whole idle time, half of the nodes go
    that were needed at no moment of that time; so what is needed from time to time stays. What somebody else asked for
    counts as needed at that moment.

    Args:
        rule: What the operator wants.
        before: What was returned last; None at the beginning.
        present: Nodes that are asked for.
        needed: As of ``Need``.
        now: In seconds since 1970.
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


def _noted(
    needs: tuple[tuple[float, int], ...], needed: int, now: float, idle_s: float
) -> tuple[tuple[float, int], ...]:
    """Return needs with one more, without those that are too old or were surpassed since."""
    kept = ((at, number) for at, number in needs if number > needed and now - at < idle_s)
    return (*kept, (now, needed))


def _nodes_for_work(databases: tuple[SearchedDatabase, ...], size: NodeSize, rule: ScalingRule) -> int:
    """Return how many nodes the pieces would keep busy; no more than hold some shard."""
    pieces = sum(one.batches * len(one.volumes) for one in databases)
    holders = sum(one.shards(rule.most) for one in databases) * rule.replicas
    return min(math.ceil(pieces / (PIECES_OF_A_CORE * size.cores)), holders)


@lru_cache(16)  # asked for every other second, and the same for as long as the same databases are searched
def _nodes_to_hold(databases: tuple[SearchedDatabase, ...], size: NodeSize, replicas: int, most: int) -> int:
    """Return the fewest nodes that hold the databases as placement wants it; all if none do."""
    room = int(size.memory_bytes * MEMORY_SHARE)
    mapped = sum(volume.mapped_bytes for one in databases for volume in one.volumes)
    if not room or not _fits(databases, size, replicas, most):
        return most
    fewest = max(replicas, math.ceil(mapped * replicas / room), 1)
    return next((nodes for nodes in range(fewest, most) if _fits(databases, size, replicas, nodes)), most)


def _fits(databases: tuple[SearchedDatabase, ...], size: NodeSize, replicas: int, nodes: int) -> bool:
    rooms = [NodeRoom(str(place), size.memory_bytes, size.disk_bytes) for place in range(nodes)]
    return place(list(_needs(databases, nodes)), rooms, replicas).problem is None


def _needs(databases: tuple[SearchedDatabase, ...], nodes: int) -> Iterator[ShardNeed]:
    for one in databases:
        for shard in cut_for(one.volumes, one.shards(nodes)):
            yield need_of(one.volumes, shard, f"{one.name}/{shard.index}")
