"""The results that the library returns: queries, hits and HSPs with their midlines."""

from collections.abc import Set
from dataclasses import dataclass

GAP = "-"


@dataclass(frozen=True, slots=True)
class Hsp:
    """A high-scoring pair: one local alignment of a query and a subject.

    Positions are 1-based and inclusive, as BLAST+'s tabular formats print them. In nucleotide sequences they count
    bases, translated or not, and on the minus strand the start is larger than the end.
    """

    evalue: float
    """15 significant digits, as in BLAST+'s archives. HSPs that BLAST+ links share one E-value."""
    bit_score: float
    """15 significant digits."""
    raw_score: int
    identities: int
    """Identical residues or bases; ``nident``."""
    positives: int
    """Pairs with a positive score; ``positive``. For blastn these are the identities."""
    query_start: int
    query_end: int
    subject_start: int
    subject_end: int
    query_frame: int
    """1 to 3 or -1 to -3 for a translated query, 1 for blastn, 0 for a protein; ``qframe``."""
    subject_frame: int
    """Like ``query_frame``, and -1 for blastn's minus strand; ``sframe``."""
    length: int
    """Columns of the alignment, including gaps: residues, or bases for blastn."""
    gaps: int
    """Columns in which either sequence has a gap."""
    gap_openings: int
    """Runs of columns with gaps; ``gapopen``."""

    @property
    def mismatches(self) -> int:
        """Columns with two different residues or bases; ``mismatch``."""
        return self.length - self.identities - self.gaps


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject and its HSPs."""

    subject_id: str
    """The id that BLAST+ prints in the column ``sseqid``."""
    hsps: tuple[Hsp, ...]
    """In BLAST+'s order."""

    @property
    def evalue(self) -> float:
        """The lowest E-value of the HSPs."""
        return min(hsp.evalue for hsp in self.hsps)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A query and all its hits."""

    query_id: str
    """The first word of the title, or ``Query_N`` for the N-th query if the title is empty."""
    title: str
    """The defline without ``>``."""
    length: int
    """Residues or bases."""
    hits: tuple[Hit, ...]
    """At most ``max_target_seqs`` hits, in BLAST+'s order."""


def midline(query: str, subject: str, positive: Set[str] | None) -> str:
    """Return the line between two rows of equal length: bars or letters where they are equal, ``+`` at positive pairs.

    Equal bases have a bar, equal residues their letter. ``positive`` are pairs of different residues with a positive
    score, the query's first; None for nucleotides.
    """
    pairs = zip(query, subject, strict=True)
    if positive is None:
        return "".join("|" if ours == theirs != GAP else " " for ours, theirs in pairs)
    return "".join(
        ours if ours == theirs != GAP else "+" if ours + theirs in positive else " " for ours, theirs in pairs
    )
