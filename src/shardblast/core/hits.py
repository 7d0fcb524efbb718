"""What a search found, as the library returns it: queries, hits and HSPs with their midlines."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

GAP = "-"


@dataclass(frozen=True, slots=True)
class Hsp:
    """A high-scoring pair: one local alignment of a query and a subject.

    Positions are 1-based and inclusive, as BLAST+'s tabular formats print them. Of nucleotide sequences they count
    bases, translated or not, and on the minus strand the start is larger than the end.
    """

    evalue: float
    """With the 15 digits that BLAST+'s archives hold. HSPs that BLAST+ links share one."""
    bit_score: float
    """With 15 digits."""
    raw_score: int
    identities: int
    """Identical residues or bases; ``nident``."""
    positives: int
    """Pairs with a positive score; ``positive``, which for blastn is the identities."""
    query_start: int
    query_end: int
    subject_start: int
    subject_end: int
    query_frame: int
    """1 to 3 and -1 to -3 of a translated query, 1 of blastn's, 0 of a protein; ``qframe``."""
    subject_frame: int
    """The same of the subject, and -1 for blastn's minus strand; ``sframe``."""
    length: int
    """Columns of the alignment, gaps included: residues, or bases for blastn."""
    gaps: int
    """Columns in which one of the two has a gap."""
    gap_openings: int
    """Runs of such columns; ``gapopen``."""

    @property
    def mismatches(self) -> int:
        """Columns with two different letters; ``mismatch``."""
        return self.length - self.identities - self.gaps


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject and its HSPs."""

    subject_id: str
    """As BLAST+ prints it in the column ``sseqid``."""
    hsps: tuple[Hsp, ...]
    """In BLAST+'s order."""

    @property
    def evalue(self) -> float:
        """The lowest of the HSPs."""
        return min(hsp.evalue for hsp in self.hsps)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A query and all its hits."""

    query_id: str
    """The first word of its title, or ``Query_N`` for the N-th query if it has none."""
    title: str
    """The defline without ``>``."""
    length: int
    """Letters."""
    hits: tuple[Hit, ...]
    """In BLAST+'s order, at most ``max_target_seqs``; empty if there are none."""


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
