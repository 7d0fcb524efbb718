"""How a database is cut for nodes: the shards, what each node gets, and whether that fits in its memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shardblast.core.choice import MEMORY_SHARE
from shardblast.core.generation import VolumeMetadata
from shardblast.core.placement import ShardNeed
from shardblast.core.planning import Shard, VolumeSize, cut_shards

MOST_NODES = 10_000
"""More are not thought of."""


@dataclass(frozen=True, slots=True)
class NodeShare:
    """What one node would hold and search."""

    shard: Shard
    volumes: tuple[str, ...]
    """That it stages."""
    staged_bytes: int
    """Of these volumes' files."""
    mapped_bytes: int
    """That its searches map into memory."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A database over nodes."""

    shares: tuple[NodeShare, ...]
    """One for each node that gets something."""
    memory_bytes: int
    """Of each node."""
    balance: float
    """Letters of the largest shard over the mean."""
    problem: str | None
    """Why it does not do; None if it does."""
    remedy: str | None

    @property
    def fits(self) -> bool:
        """Whether each node's share stays under half of its memory."""
        return self.problem is None


def plan_nodes(volumes: Sequence[VolumeMetadata], nodes: int, memory_bytes: int) -> NodePlan:
    """Cut a database into as many shards of about equal letters as there are nodes.

    A shard is whole volumes, or a part of the OIDs of one volume where there are fewer volumes than nodes: its node
    stages that volume whole and maps its part.

    Args:
        volumes: In OID order.
        nodes: How many.
        memory_bytes: Of each.
    """
    shards = cut_for(volumes, nodes)
    shares = tuple(_share(volumes, shard) for shard in shards)
    mean = sum(one.letters for one in volumes) / len(shards)
    balance = max(shard.letters for shard in shards) / mean if mean else 1.0
    largest = max(share.mapped_bytes for share in shares)
    if largest <= MEMORY_SHARE * memory_bytes:
        return NodePlan(shares, memory_bytes, balance, None, None)
    total = sum(one.mapped_bytes for one in volumes)
    enough = _fewest_nodes(volumes, memory_bytes, MOST_NODES) if total <= MOST_NODES * memory_bytes else None
    problem = (
        f"A node's share would be {largest:,} bytes, more than half of its {memory_bytes:,} bytes of memory, so that "
        "searches would read it from disk again and again."
    )
    more = f"Use {enough} nodes of this size, or " if enough else "Use "
    remedy = f"{more}{nodes} nodes with {math.ceil(largest / MEMORY_SHARE):,} bytes each."
    return NodePlan(shares, memory_bytes, balance, problem, remedy)


def cut_for(volumes: Sequence[VolumeMetadata], shards: int) -> tuple[Shard, ...]:
    """Cut a database into so many shards of about equal letters, or as many as can be.

    Volumes are cut by sequences: where letters are is known only from a volume's index, which need not be here.
    """
    sizes = [VolumeSize(one.num_seqs, one.letters) for one in volumes]
    return cut_shards(
        sizes, shards, lambda place, parts: [sizes[place].num_seqs * part // parts for part in range(parts + 1)]
    )


def need_of(volumes: Sequence[VolumeMetadata], shard: Shard, name: str) -> ShardNeed:
    """Return what a shard needs of its node, under a name.

    Args:
        volumes: All of the database's, in OID order.
        shard: A part of it.
        name: As placement is to call it.
    """
    own = [volumes[place] for place in shard.volumes]
    mapped = sum(one.mapped_bytes for one in own)
    if shard.oids is not None:
        mapped = math.ceil(mapped * len(shard.oids) / max(own[0].num_seqs, 1))
    staged = sum(file.size_bytes for one in own for file in one.files)
    return ShardNeed(name, shard.letters, mapped, staged)


def _fewest_nodes(volumes: Sequence[VolumeMetadata], memory_bytes: int, most: int) -> int | None:
    """Return the fewest nodes for which each share fits; None if no number up to ``most`` does."""

    def fits(nodes: int) -> bool:
        return (
            max(_share(volumes, shard).mapped_bytes for shard in cut_for(volumes, nodes)) <= MEMORY_SHARE * memory_bytes
        )

    low, high = 1, most
    if not fits(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


def _share(volumes: Sequence[VolumeMetadata], shard: Shard) -> NodeShare:
    needed = need_of(volumes, shard, str(shard.index))
    names = tuple(volumes[place].name for place in shard.volumes)
    return NodeShare(shard, names, needed.staged_bytes, needed.mapped_bytes)
