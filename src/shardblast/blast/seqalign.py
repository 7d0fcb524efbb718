"""Alignments and HSPs in an archive, parsed from their text.

The text of a ``Seq-align`` is passed on as BLAST+ wrote it; only ids, E-value and raw score are parsed.

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
from shardblast.core.program import Molecule, Program

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

_SCORE = re.compile(rb'id str "(\w+)",\n +value (?:int (-?\d+)|real \{ (-?\d+), 10, (-?\d+) \})')
_SEGS = re.compile(rb"\n        segs (denseg|dendiag|std) \{\n")
_ELEMENT_END = b"\n          }"
_STARTS = re.compile(rb"\n +starts \{([-\d,\s]*)\}")
_LENS = re.compile(rb"\n +lens \{([\d,\s]*)\}")
_LEN = re.compile(rb"\n +len (\d+)")
_STRANDS = re.compile(rb"\n +strands \{([a-z,\s]*)\}")
_PLACE = re.compile(
    rb"\n +(?:(?:int \{\n +from (\d+),\n +to (\d+),(?:\n +strand (\w+),)?)|pnt \{\n +point (\d+),"
    rb"(?:\n +strand (\w+),)?|empty )"
)
_CODON = 3


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
    """An HSP as stored in an archive; positions as in ``shardblast.core.result.Hsp``."""

    evalue: float
    bit_score: float
    raw_score: int
    identities: int
    """Count of the search, without masked residues, so sometimes lower than what BLAST+ prints."""
    positives: int | None
    """Count of the search, with the matrix adjusted to the subject; None for nucleotides."""
    query_start: int
    query_end: int
    subject_start: int
    subject_end: int
    query_strand: int
    """1 or -1; 0 for a protein."""
    subject_strand: int
    length: int
    gaps: int
    gap_openings: int


def hsps_of(block: bytes, program: Program) -> list[ArchivedHsp]:
    """Return the HSPs of a ``Seq-align`` by ``program``, in order. Raises ArchiveError if it is not by BLAST+."""
    segs = _SEGS.search(block)
    if segs is None:
        raise ArchiveError("An alignment in the archive has no segments.")
    head, body, kind = block[: segs.start()], block[segs.end() :], segs[1]
    try:
        if kind == b"denseg":
            return [_hsp(head, list(_dense_segments(body)), program)]
        elements = body.split(_ELEMENT_END)[:-1]
        if kind == b"dendiag":
            return [_hsp(element, [_diagonal(element)], program) for element in elements]
        segments = [_standard_segment(element, program) for element in elements]
        if b" score {" in head:
            return [_hsp(head, segments, program)]
        return [_hsp(element, [segment], program) for element, segment in zip(elements, segments, strict=True)]
    except (ValueError, IndexError, OverflowError) as error:
        raise ArchiveError(f"An alignment in the archive is damaged: {error}.") from error


@dataclass(frozen=True, slots=True)
class _Side:
    """One sequence's part of an HSP, 0-based, with inclusive ends."""

    low: int
    high: int
    strand: int

    def positions(self, *, reverse: bool) -> tuple[int, int]:
        return (self.high + 1, self.low + 1) if reverse else (self.low + 1, self.high + 1)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A run of columns; a side with a gap is None."""

    sides: tuple[_Side | None, _Side | None]
    length: int


def _hsp(text: bytes, segments: Sequence[_Segment], program: Program) -> ArchivedHsp:
    scores = {
        name.decode(): int(whole) if whole else float(b"%se%s" % (mantissa, exponent))
        for name, whole, mantissa, exponent in _SCORE.findall(text)
    }
    query, subject = _extent(segments, 0), _extent(segments, 1)
    # BLAST+ prints nucleotide alignments along the query's plus strand, and translated ones unchanged.
    turned = program is Program.BLASTN and query.strand < 0
    query_strand, subject_strand = (1, -subject.strand) if turned else (query.strand, subject.strand)
    gapped = [segment.sides.index(None) if None in segment.sides else None for segment in segments]
    query_start, query_end = query.positions(reverse=query_strand < 0)
    subject_start, subject_end = subject.positions(reverse=subject_strand < 0)
    return ArchivedHsp(
        evalue=_required(scores, "e_value", "sum_e"),
        bit_score=_required(scores, "bit_score"),
        raw_score=int(_required(scores, "score")),
        identities=int(_required(scores, "num_ident")),
        positives=int(scores["num_positives"]) if "num_positives" in scores else None,
        query_start=query_start,
        query_end=query_end,
        subject_start=subject_start,
        subject_end=subject_end,
        query_strand=query_strand,
        subject_strand=subject_strand,
        length=sum(segment.length for segment in segments),
        gaps=sum(segment.length for segment, gap in zip(segments, gapped, strict=True) if gap is not None),
        gap_openings=sum(gap is not None for gap in gapped),
    )


def _required(scores: dict[str, float], *names: str) -> float:
    for name in names:
        if name in scores:
            return scores[name]
    raise ArchiveError(f"An alignment in the archive lacks its {names[0]}.")


def _extent(segments: Sequence[_Segment], place: int) -> _Side:
    sides = [side for segment in segments if (side := segment.sides[place]) is not None]
    return _Side(min(side.low for side in sides), max(side.high for side in sides), sides[0].strand)


def _dense_segments(body: bytes) -> Iterator[_Segment]:
    starts, lens, strands = _numbers(_STARTS, body), _numbers(_LENS, body), _strands(body)
    if len(starts) != 2 * len(lens):
        raise ValueError("its segments are incomplete")
    for number, length in enumerate(lens):
        query, subject = starts[2 * number : 2 * number + 2]
        yield _Segment((_side(query, length, strands[0]), _side(subject, length, strands[1])), length)


def _diagonal(element: bytes) -> _Segment:
    (query, subject), strands = _numbers(_STARTS, element), _strands(element)
    (length,) = _numbers(_LEN, element)
    return _Segment((_side(query, length, strands[0]), _side(subject, length, strands[1])), length)


def _standard_segment(element: bytes, program: Program) -> _Segment:
    query, subject = [_located(place) for place in _PLACE.finditer(element)]
    side, translated = (query, program.query_molecule) if query is not None else (subject, program.database_molecule)
    if side is None:
        raise ValueError("a segment has neither query nor subject")
    length = side.high - side.low + 1
    return _Segment((query, subject), length // _CODON if translated is Molecule.NUCLEOTIDE else length)


def _located(place: re.Match[bytes]) -> _Side | None:
    if place[4] is not None:
        return _Side(int(place[4]), int(place[4]), _strand(place[5]))
    return None if place[1] is None else _Side(int(place[1]), int(place[2]), _strand(place[3]))


def _side(start: int, length: int, strand: int) -> _Side | None:
    return None if start < 0 else _Side(start, start + length - 1, strand)


def _strands(text: bytes) -> list[int]:
    match = _STRANDS.search(text)
    return [_strand(word) for word in match[1].replace(b",", b" ").split()] if match else [0, 0]


def _strand(word: bytes | None) -> int:
    return {b"plus": 1, b"minus": -1}.get(word or b"", 0)


def _numbers(pattern: re.Pattern[bytes], text: bytes) -> list[int]:
    match = pattern.search(text)
    if match is None:
        raise ValueError("a part is missing")
    return [int(number) for number in match[1].replace(b",", b" ").split()]
