"""Alignments and HSPs in an archive, parsed from their text.

The text of a ``Seq-align`` is passed on as BLAST+ wrote it; only ids and scores are parsed.

A ``Seq-align`` contains one gapped HSP of a subject (``denseg``, or ``std`` if one side is translated), or all its
ungapped ones (``dendiag``, or ``std`` whose elements have scores of their own).

Source: NCBI C++ Toolkit, objects/seqalign/seqalign.asn; algo/blast/api/blast_seqalign.cpp (s_BuildScoreList for the
names of scores, BLASTHspListToSeqAlign).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from mmap import mmap

from shardblast.core.errors import ArchiveError

NEXT_ALIGNMENT = b"\n      },\n      {\n"
"""Separator of alignments."""
_IDS = re.compile(rb"\n( +)ids \{\n\1  (.*?),\n\1  (?=[a-z])(.*?)\n\1\}", re.S)
_EVALUE = re.compile(rb'id str "(?:e_value|sum_e)",\n +value real \{ (-?\d+), 10, (-?\d+) \}')
_RAW_SCORE = re.compile(rb'id str "score",\n +value int (-?\d+)')
_BIT_SCORE = re.compile(rb'id str "bit_score",\n +value real \{ (-?\d+), 10, (-?\d+) \}')
_QUERY_NUMBER = re.compile(rb'(local str "Query_)(\d+)(?="(?:,\n|\n +\},\n +(?:int \{|empty )))')
"""The query's id is the first of two, as is its location; a comma follows, then the subject's."""
_EVALUE_NAMES = (b'id str "e_value"', b'id str "sum_e"')
"""Ids of scores; ids of sequences never have the form ``id str``."""
_ORDINAL_ID = re.compile(rb'(db "BL_ORD_ID",\n +tag id )(\d+)')
_RECORDED = (
    b',\n        ext {\n          {\n            type str "use_this_seqid",\n            data {\n              {\n'
    b'                label str "SEQIDS",\n                num %d,\n                data strs {\n%s\n'
    b"                }\n              }\n            }\n          }\n        }"
)

_LINE = 78
"""Maximum number of characters of a line of a string."""


def written_string(text: bytes, column: int) -> bytes:
    """Return printable text in quotes and lines as BLAST+ writes it from a 0-based column on.

    Source: NCBI C++ Toolkit, serial/objostrasn.cpp (CObjectOStreamAsn::WriteString), util/strbuffer.cpp
    (COStreamBuffer::PutEolAtWordEnd).
    """
    line, lines = b" " * column + b'"', []
    for place in range(len(text)):
        if len(line) > _LINE:
            end = _line_end(line)
            lines.append(line[:end])
            line = line[end:]
        line += text[place : place + 1].replace(b'"', b'""')
    return b"\n".join([*lines, line + b'"'])[column:]


def _line_end(line: bytes) -> int:
    """Return where BLAST+ breaks a line: before a blank or apostrophe, or between letters but not doubled quotes."""
    quote = line.rfind(b'"')
    word = max(line.rfind(mark, 0, _LINE + 1) for mark in (b" ", b"'"))
    if word > max(quote, 0):
        return word
    return len(line[: max(quote, _LINE)].rstrip(b'"'))


@dataclass(frozen=True, slots=True)
class AlignmentIds:
    """The ids of the two aligned sequences, as ASN.1 text."""

    query: bytes
    subject: bytes


def alignment_ids(block: bytes) -> AlignmentIds:
    match = _IDS.search(block)
    if match is None:
        raise ArchiveError("An alignment in the archive does not name its two sequences.")
    return AlignmentIds(match[2], match[3])


def with_query_number(block: bytes, shift: int) -> bytes:
    """Return an alignment with ``shift`` added to the number of its query, ``Query_N``; the subject keeps its id."""
    return _QUERY_NUMBER.sub(lambda match: b"%s%d" % (match[1], int(match[2]) + shift), block) if shift else block


def with_recorded(block: bytes, recorded: Mapping[bytes, Sequence[str]]) -> bytes:
    """Return an alignment that records the ids of its subject that a list names, given by subject."""
    ids = recorded.get(alignment_ids(block).subject) if recorded else None
    listed = b",\n".join(b" " * 18 + written_string(name.encode(), 18) for name in ids or ())
    return block + _RECORDED % (len(ids), listed) if ids else block


def evalue(block: bytes) -> float:
    """Return the lowest E-value of an alignment's HSPs, with all 15 digits of the archive."""
    values = _EVALUE.findall(block)
    if not values:
        raise ArchiveError("An alignment in the archive has no E-value.")
    return min(float(b"%se%s" % value) for value in values)


def count_hsps(block: bytes) -> int:
    """Return the number of HSPs of an alignment: each has one E-value, its own or that of the linked HSPs."""
    return sum(block.count(name) for name in _EVALUE_NAMES)


def raw_score(block: bytes) -> int:
    """Return the raw score of an alignment's first HSP."""
    match = _RAW_SCORE.search(block)
    if match is None:
        raise ArchiveError("An alignment in the archive has no score.")
    return int(match[1])


def bit_score(block: bytes) -> float:
    """Return the bits of an alignment's first HSP."""
    match = _BIT_SCORE.search(block)
    if match is None:
        raise ArchiveError("An alignment in the archive has no score in bits.")
    return float(b"%se%s" % match.groups())


def ordinal_id(subject: bytes) -> int | None:
    """Return the OID, 0-based in the searched database, that names a subject without id; None for other subjects."""
    match = _ORDINAL_ID.search(subject)
    return int(match[2]) if match else None


def ordinal_ids(text: bytes | mmap) -> Iterator[int]:
    """Yield the OIDs of all subjects without id in a text, with repetitions."""
    return (int(match[2]) for match in _ORDINAL_ID.finditer(text))


def with_oid(block: bytes, oid: int) -> bytes:
    """Return an alignment with another OID of its subject, which has no id."""
    return _ORDINAL_ID.sub(rb"\g<1>%d" % oid, block)


@dataclass(frozen=True, slots=True)
class ArchivedHsp:
    """The scores of an HSP, with all 15 digits of the archive."""

    evalue: float
    bit_score: float
    raw_score: int


def hsps_of(block: bytes) -> list[ArchivedHsp]:
    """Return the HSPs of a ``Seq-align`` in order. Raises ArchiveError if one of them lacks a score."""
    scores = [pattern.findall(block) for pattern in (_EVALUE, _BIT_SCORE, _RAW_SCORE)]
    if not scores[0] or len(set(map(len, scores))) > 1:
        raise ArchiveError("An HSP in the archive lacks its E-value or score.")
    return [
        ArchivedHsp(float(b"%se%s" % expected), float(b"%se%s" % bits), int(raw))
        for expected, bits, raw in zip(*scores, strict=True)
    ]
