"""Which runs take far longer than their like, so that they are worth starting a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

TIMES = 2.0
LEAST_KNOWN = 1
"""Of finished runs. One is little, but others may wait behind the run that hangs, and only idle nodes are taken."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a finished run took."""

    seconds: float
    size: float
    """Letters of the shard times residues of the queries; 1 of all runs where that is not known."""


def late_after_s(finished: Sequence[Pace], size: float, floor_s: float) -> float | None:
    """Return after how many seconds a run of a size is late, judged by finished runs of its like.

    The time of a run grows with its size, but for what BLAST+ needs to start, which the floor is to cover.

    Args:
        finished: Of the same purpose, in the same search.
        size: In the unit of the finished ones.
        floor_s: No run is late by less; to wait so long costs less than a second start.

    Returns:
        Seconds from its start; None if too little is known.
    """
    if len(finished) < LEAST_KNOWN:
        return None
    return TIMES * median(one.seconds / one.size for one in finished) * size + floor_s
