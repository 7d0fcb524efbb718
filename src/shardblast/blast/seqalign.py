"""Alignments in an archive: what merging must know of one, read from its text.

The text of a ``Seq-align`` is passed on as BLAST+ wrote it; only ids, E-value and raw score are looked at.

Source:
    NCBI C++ Toolkit, objects/seqalign/seqalign.asn; the names of scores are in
    algo/blast/api/blast_seqalign.cpp (s_BuildScoreList).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from shardblast.core.errors import ArchiveError

NEXT_ALIGNMENT = b"\n      },\n      {\n"
"""What parts alignments."""
_IDS = re.compile(rb"\n( +)ids \{\n\1  (.*?),\n\1  (?=[a-z])(.*?)\n\1\}", re.S)
_EVALUE = re.compile(rb'id str "(?:e_value|sum_e)",\n +value real \{ (-?\d+), 10, (-?\d+) \}')
_SCORE = re.compile(rb'id str "score",\n +value int (-?\d+)')
_QUERY_NUMBER = re.compile(rb'(local str "Query_)(\d+)(?="(?:,\n|\n +\},\n +(?:int \{|empty )))')
"""The query's id is the first of two, and so is its location: a comma follows, and then the subject's."""
_EVALUE_NAMES = (b'id str "e_value"', b'id str "sum_e"')
"""Ids of scores; those of sequences are never ``id str``."""
_ORDINAL_ID = re.compile(rb'(db "BL_ORD_ID",\n +tag id )(\d+)')


@dataclass(frozen=True, slots=True)
class AlignmentIds:
    """Who is aligned with whom, as ASN.1 text."""

    query: bytes
    subject: bytes


def alignment_ids(block: bytes) -> AlignmentIds:
    """Return the ids of an alignment.

    Raises:
        ArchiveError: The text is no alignment of two sequences.
    """
    match = _IDS.search(block)
    if match is None:
        raise ArchiveError("An alignment in the archive does not name its two sequences.")
    return AlignmentIds(match[2], match[3])


def with_query_number(block: bytes, shift: int) -> bytes:
    """Return an alignment whose query, which BLAST+ named ``Query_N``, has a number that is larger by ``shift``.

    The subject keeps its id, whatever that is.
    """
    return _QUERY_NUMBER.sub(lambda match: b"%s%d" % (match[1], int(match[2]) + shift), block) if shift else block


def evalue(block: bytes) -> float:
    """Return the lowest E-value of an alignment's HSPs, with all the digits that the archive holds (15)."""
    values = _EVALUE.findall(block)
    if not values:
        raise ArchiveError("An alignment in the archive has no E-value.")
    return min(float(b"%se%s" % value) for value in values)


def count_hsps(block: bytes) -> int:
    """Return how many HSPs an alignment holds: each has one E-value, of its own or of all that it is linked with."""
    return sum(block.count(name) for name in _EVALUE_NAMES)


def raw_score(block: bytes) -> int:
    """Return the raw score of an alignment's first HSP."""
    match = _SCORE.search(block)
    if match is None:
        raise ArchiveError("An alignment in the archive has no score.")
    return int(match[1])


def ordinal_id(subject: bytes) -> int | None:
    """Return the OID that stands for the id of a subject without one, 0-based in the database that was searched."""
    match = _ORDINAL_ID.search(subject)
    return int(match[2]) if match else None


def ordinal_ids(text: bytes | mmap) -> Iterator[int]:
    """Yield the OIDs of all subjects in a text that are known by them alone, repeated as they come."""
    return (int(match[2]) for match in _ORDINAL_ID.finditer(text))


def with_oid(block: bytes, oid: int) -> bytes:
    """Return an alignment whose subject, known by its OID alone, has this OID."""
    return _ORDINAL_ID.sub(rb"\g<1>%d" % oid, block)
