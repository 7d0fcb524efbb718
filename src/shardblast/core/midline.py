"""What BLAST+ prints between the two rows of an alignment."""

from __future__ import annotations

from collections.abc import Set

GAP = "-"


def midline(query: str, subject: str, positive: Set[str] | None) -> str:
    """Return a bar for each pair of nucleotides that are alike; of proteins the letter, and ``+`` for positive pairs.

    Args:
        query: The row of the query, gaps included.
        subject: That of the subject, as long.
        positive: Pairs of different letters that score above 0, the query's first; None for nucleotides.
    """
    if positive is None:
        return "".join("|" if one == other != GAP else " " for one, other in zip(query, subject, strict=True))
    return "".join(
        one if one == other != GAP else "+" if one + other in positive else " "
        for one, other in zip(query, subject, strict=True)
    )
