"""The part of a database that a search sees: which sequences a list of ids or taxids leaves, and their totals.

A user's list makes SeqDB forget what an alias says of sizes and add up what the list leaves in the volumes at hand.
A mask of OIDs in the alias itself does not, so a shard can have the totals that the list leaves in the whole database.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbimpl.cpp (the constructor and x_ScanTotals), seqdboidlist.cpp
    (x_GetOidMask) and seqdbalias.cpp (CSeqDB_MinLengthWalker).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Totals:
    """Sizes of what a search sees."""

    num_seqs: int
    letters: int
    min_length: int | None = None
    """Letters of the shortest sequence; None without a filter, when BLAST+ does not look for it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sequences of a database a search sees."""

    kept: tuple[bytes, ...]
    """For each volume a byte for each OID: 1 if the search sees it, else 0; empty where only the count is known."""
    counts: tuple[int, ...]
    """How many sequences of each volume the search sees."""
    totals: Totals
    line: str | None = None
    """The line of an alias that filters ids and titles too, where some sequences have others than the listed ones."""
    taxids: tuple[int, ...] = ()
    """Those of sequences that are seen, if the filter lists taxids."""

    @property
    def hides_titles(self) -> bool:
        """Whether the ids and titles that are seen can't be told from the sequences that are."""
        return self.line is not None

    def kept_in(self, volumes: Iterable[int], oids: range | None = None) -> int:
        """Return how many sequences are seen of these volumes, or of these OIDs of one."""
        if oids is None:
            return sum(self.counts[place] for place in volumes)
        return sum(self.kept[place].count(1, oids.start, oids.stop) for place in volumes)

    def mask(self, volume: int, oids: range | None = None) -> bytes:
        """Return a mask file for a volume: the last OID, then a bit for each OID, the first in the highest bit."""
        kept = self.kept[volume]
        if oids is not None:
            kept = bytes(oids.start) + kept[oids.start : oids.stop] + bytes(len(kept) - oids.stop)
        padded = kept + bytes(-len(kept) % 32)
        bits = int(padded.translate(_DIGITS), 2).to_bytes(len(padded) // 8, "big")
        return struct.pack(">I", len(kept) - 1) + bits


_DIGITS = bytes([ord("0"), ord("1"), *range(2, 256)])
