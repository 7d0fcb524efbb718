"""What a search on a cluster waits for, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shardblast.core.generation import Generation
from shardblast.core.planning import Shard
from shardblast.core.sizes import size

NAMED_SHARDS = 5


def lacking(wanted: Collection[frozenset[str]], generation: Generation, shards: Sequence[Shard]) -> str | None:
    """Return what must be there so that all tasks of a search can be done.

    Args:
        wanted: Of each task that waits the names of the volumes that its node must hold; none: any node would do.
        generation: That is searched.
        shards: In which it is searched.

    Returns:
        What is lacking; None if nothing is.
    """
    if not wanted:
        return None
    names = [one.name for one in generation.volumes]
    if frozenset(names) in wanted:
        return f"a node whose disk has room for the whole database ({size(generation.size_bytes)})"
    volumes = frozenset().union(*wanted)
    lack = [shard.index + 1 for shard in shards if {names[at] for at in shard.volumes} & volumes]
    if not lack:
        return "a node of the cluster"
    listed = ", ".join(map(str, lack[:NAMED_SHARDS]))
    more = " and others" if len(lack) > NAMED_SHARDS else ""
    return f"a node that holds shard {listed}{more} of {len(shards)}"
