"""The order in which BLAST reports the subjects of a query.

Source:
    NCBI C++ Toolkit, algo/blast/core/blast_hits.c (s_EvalueCompareHSPLists): E-value of the best HSP ascending, raw
    score of the first HSP descending, OID descending.
"""

from __future__ import annotations

EVALUE_FLOOR = 1e-180
"""Two E-values below this are equal to BLAST."""


def hit_key(evalue: float, raw_score: int, shard: int, place: int) -> tuple[float, int, int, int]:
    """Return the key that sorts the hits of all shards as the unsharded run orders them.

    Shards lie in OID order and each lists equal hits by descending OID, so the later shard comes first.

    Args:
        evalue: Of the hit's best HSP.
        raw_score: Of its first HSP.
        shard: Index of the shard.
        place: Position of the hit in the shard's list.
    """
    return (0.0 if evalue < EVALUE_FLOOR else evalue, -raw_score, -shard, place)
