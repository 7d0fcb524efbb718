"""When a query's hits in the shards are provably the unsharded run's, and how many candidates to keep when not.

Before the traceback BLAST keeps a limited list of subjects per query. A query for which more subjects pass is
*saturated*: the unsharded run drops some by preliminary score, and which ones, the shards can't tell.

Source:
    NCBI C++ Toolkit, algo/blast/core/blast_options.c (GetPrelimHitlistSize) and blast_hits.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Verdict(StrEnum):
    """What is guaranteed for a query's result."""

    MERGED = "merged"
    """Unsaturated: the shards' hits in order are provably what the unsharded run prints."""
    RESEARCHED = "researched"
    """Saturated: the candidates of all shards were searched again, with the unsharded run's preliminary cut."""
    UNSHARDED = "unsharded"
    """Searched in the whole database by BLAST+ itself."""
    COMPLETE = "complete"
    """Saturated: the best of all hits that any shard kept; more than BLAST+ reports, so not its bytes."""


def is_unsaturated(counts: Sequence[int], *, max_target_seqs: int, shard_limit: int) -> bool:
    """Tell whether a query is certainly unsaturated.

    Args:
        counts: Subjects found in each shard.
        max_target_seqs: The user's limit.
        shard_limit: The limit that the shards were searched with.
    """
    return sum(counts) <= max_target_seqs and all(count < shard_limit for count in counts)
