"""What a service must know of queries before it searches them: how many, how long, what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.fasta import (
    is_archivable,
    is_plausible,
    is_regular,
    letters_of,
    open_queries,
    reading_errors,
    records,
)
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
    """As BLAST+ counts them, of all queries."""
    longest: int = 0
    """Of the longest query."""
    molecule: Molecule | None = None
    """What they look like; None if they hold nothing that tells."""
    empty: int = 0
    """Queries without letters."""
    implausible: int = 0
    """Queries with letters that BLAST+ does not take for sequences."""
    not_archivable: int = 0
    """Queries whose title is not printable ASCII."""
    irregular: int = 0
    """Queries that are no plain FASTA: with comments, gap lines, or carriage returns within."""


def survey(path: Path, molecule: Molecule | None, *, most_queries: int, most_letters: int) -> Survey:
    """Read a file of queries as a stream.

    Args:
        path: The file.
        molecule: That the program takes; None if there is no such program.
        most_queries: That are allowed.
        most_letters: That are allowed, of all queries.

    Raises:
        NotFasta: It does not start with a defline.
        InputError: It can't be read.
        TooLargeError: It holds more than is allowed.
    """
    found = Survey()
    nucleotides = told = 0
    with open_queries(str(path)) as stream, reading_errors():
        for record in records(stream):
            defline, *lines = record
            residues = letters_of(lines, Molecule.PROTEIN)
            letters = len(residues) if molecule is not Molecule.NUCLEOTIDE else len(letters_of(lines, molecule))
            found.queries += 1
            found.letters += letters
            found.longest = max(found.longest, letters)
            found.empty += not letters
            found.implausible += letters > 0 and not is_plausible(lines, molecule or Molecule.PROTEIN)
            found.not_archivable += not is_archivable(defline)
            found.irregular += not is_regular(record)
            if told < SAMPLED_LETTERS:
                sequence = residues.upper()
                nucleotides += sum(map(sequence.count, (b"A", b"C", b"G", b"T", b"U")))
                told += len(sequence) - sum(map(sequence.count, (b"N", b"X", b"*")))
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
