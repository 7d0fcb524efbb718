"""What a service must know of queries before it searches them: how many, how long, what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.fasta import open_queries, reading_errors, records
from shardblast.core.errors import TooLargeError
from shardblast.core.program import Molecule

SAMPLED_LETTERS = 1_000_000
NUCLEOTIDE_SHARE = 0.9
"""Of letters other than N and X that are A, C, G, T or U, as in BLAST's own guess; proteins have about a third."""


@dataclass(slots=True)
class Survey:
    """The queries of a search."""

    queries: int = 0
    letters: int = 0
    longest: int = 0
    molecule: Molecule | None = None
    """What they look like; None if they hold nothing that tells."""
    empty: int = 0
    """Queries without letters."""
    not_ascii: int = 0
    """Queries whose title is not ASCII."""
    irregular: int = 0
    """Lines that are no plain FASTA: comments, gap lines, carriage returns within."""


def survey(path: Path, *, most_queries: int, most_letters: int) -> Survey:
    """Read a file of queries as a stream.

    Raises:
        NotFasta: It does not start with a defline.
        InputError: It can't be read.
        TooLargeError: It holds more than is allowed.
    """
    found = Survey()
    nucleotides = told = 0
    with open_queries(str(path)) as stream, reading_errors():
        for record in records(stream):
            sequence = b"".join(b"".join(record[1:]).split()).upper()
            found.queries += 1
            found.letters += len(sequence)
            found.longest = max(found.longest, len(sequence))
            found.empty += not sequence
            found.not_ascii += not record[0].isascii()
            found.irregular += record[0].startswith(b">?") or any(line[:1] in (b";", b"!", b"#") for line in record[1:])
            if told < SAMPLED_LETTERS:
                nucleotides += sum(map(sequence.count, (b"A", b"C", b"G", b"T", b"U")))
                told += len(sequence) - sum(map(sequence.count, (b"N", b"X", b"-", b"*")))
            _check(found, most_queries, most_letters)
    if told:
        alike = nucleotides >= NUCLEOTIDE_SHARE * told
        found.molecule = Molecule.NUCLEOTIDE if alike else Molecule.PROTEIN
    return found


def _check(found: Survey, most_queries: int, most_letters: int) -> None:
    if found.queries > most_queries:
        raise TooLargeError(f"There are more than {most_queries:,} queries.", remedy="Submit them in parts.")
    if found.letters > most_letters:
        raise TooLargeError(f"The queries hold more than {most_letters:,} letters.", remedy="Submit them in parts.")
