"""The output of BLAST+: tabular rows with comment lines, and parts joined into one document.

``blast_formatter`` repeats headers and footers for every archive, and omits the parameters of the length correction and
messages about queries that could not be searched. These are taken from a run of BLAST+ itself on the probe.

Titles, names and columns may contain any text, so no marker may be one that they can imitate: XML escapes ``<``, JSON
escapes quotes and line ends, and in text a marker begins with empty lines, which no title can produce. A comment line
is recognised by its position, never by its content: each query has a line for program, query and database, then
possibly the column names, then possibly the number of rows, followed by exactly that many rows. Everything printed is
counted, so that the caller can verify that the output is complete.

Source: NCBI C++ Toolkit, objtools/align_format/tabular.cpp, CBlastTabularInfo::PrintHeader().
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from shardblast.core.errors import EngineError
from shardblast.core.units import counted

BLOCK_BYTES = 1 << 20

_STATISTICS = b"\n\nLambda "
_STATISTICS_END = re.compile(rb"\n\nEffective search space used: \d+\n")
_QUERY = re.compile(rb"(?<=\n)\n\n(?:<b>)?Query= ?(?:</b>)?")
_SCORE = re.compile(rb"\n\n Score = ")
_TABLE = re.compile(
    rb"\n\n(?:<b>)?Query=(?:</b>)? (?:[^\n]+\n(?:[^\n]+\n)*)?\nLength=\d+\n"
    rb"[^\n]*\nSequences producing significant alignments: [^\n]*\n\n((?:[^\n]+\n)+)"
)
"""The descriptions of a query's hits, a line for each; an empty line ends a title unless that is blank."""
_NO_HITS = b"# 0 hits found\n"
_NUMBER = re.compile(
    rb"((?:<Iteration_iter-num>|<Iteration_query-ID>Query_|<query-id>Query_)(?=\d+<)"
    rb'|"query_id": "Query_(?=\d+"))(\d+)'
)
_MESSAGE = re.compile(
    rb'(?P<before><Iteration_message>|<message>|"message": ")(?P<text>Query_(?P<number>\d+)'
    rb"(?: (?P<label>[^\n]*?: ) Query_(?P=number) (?P=label))?[^\n]*)"
)
"""A message names its query by number and title, once or twice in the same form."""
LONGEST_MARK = 120
"""Maximum length of the mark of an HSP or a query, in bytes."""

_PROCESSED = re.compile(rb"# BLAST processed (\d+) queries\n")
_FOUND = re.compile(rb"# (\d+) hits found\n")
_DATABASE = b"# Database: "
_FIELDS = b"# Fields: "
_STARTS = (b"# ", b"# Query:", _DATABASE)


@dataclass(frozen=True, slots=True)
class Printed:
    """The amount of output; None if the format does not show it."""

    queries: int | None = None
    hsps: int | None = None
    descriptions: int | None = None


@dataclass(frozen=True, slots=True)
class Markers:
    """The beginning and the end of a query's part of a document."""

    begin: bytes
    end: bytes
    hsp: bytes
    """The beginning of each HSP."""
    last: bytes
    """The end of the document."""


_XML_HSP = b"<Hsp>\n"
_JSON_HSP = b'"bit_score": '
MARKERS = {
    5: Markers(b"<Iteration>\n", b"</Iteration>\n", _XML_HSP, b"</BlastOutput_iterations>\n</BlastOutput>\n\n"),
    15: Markers(b'{\n    "report": {', b"\n    }\n  }\n", _JSON_HSP, b"]\n}\n"),
    16: Markers(b"<BlastOutput2>\n", b"</BlastOutput2>\n", _XML_HSP, b"</BlastXML2>\n"),
}
FILE_MARKERS = {
    13: Markers(b"{\n", b"}\n", _JSON_HSP, b"}\n"),
    14: Markers(b"<?xml", b"</BlastOutput2>\n", _XML_HSP, b"</BlastOutput2>\n"),
}
"""Markers in formats with a file per query."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The text that is counted in an output that is copied unchanged."""

    mark: re.Pattern[bytes]
    """A mark of each HSP, at most LONGEST_MARK bytes."""
    last: bytes | tuple[bytes, ...]
    """The end of the output, or several possible ends, unless it is empty."""
    of_queries: bool = False
    """Whether there is a mark per query rather than per HSP.

    Format 18 has a row for each title with a known taxid; archives contain neither titles nor taxids of subjects.
    """


_LINE = Marks(re.compile(rb"\n"), b"\n")
COPIED = {
    6: _LINE,
    8: Marks(re.compile(rb'\n +id str "(?:e_value|sum_e)"'), b"\n}\n"),
    9: Marks(re.compile(rb"(?:e_value|sum_e)\0\0\0\0\xa1\x80\xa0\x80\x09"), b"\0\0"),
    10: _LINE,
    12: Marks(re.compile(rb'"id": \{\n +"str": "(?:e_value|sum_e)"'), b"\n}\n"),
    13: _LINE,
    14: _LINE,
    18: Marks(
        re.compile(rb"\n {42}Tax BLAST report {42}\n|<h1>Tax BLAST report</h1><pre><b>Query=</b>"),
        (b"\n", b"</table>"),
        of_queries=True,
    ),
}

Correction = Callable[[int, bytes], bytes]
"""Takes a query's 0-based position and its part as printed by ``blast_formatter``; returns the corrected part."""


def stitch_marked(source: BinaryIO, target: BinaryIO, markers: Markers, correct: Correction) -> Printed:
    """Copy an XML or JSON document, correcting each query's part; return its numbers of queries and HSPs."""
    queries = hsps = 0
    last = b""
    for last in _ended(source, markers.end):
        begin = last.find(markers.begin)
        if begin < 0:
            target.write(last)
            continue
        target.write(last[:begin])
        part = correct(queries, last[begin:])
        target.write(part)
        hsps += part.count(markers.hsp)
        queries += 1
    if not last.endswith(markers.last):
        raise incomplete()
    return Printed(queries, hsps)


def copy(source: BinaryIO, target: BinaryIO, marks: Marks) -> Printed:
    """Copy an output unchanged; return its number of queries or HSPs."""
    count = 0
    kept = last = b""
    while block := source.read(BLOCK_BYTES):
        target.write(block)
        last = (last + block)[-LONGEST_MARK:]
        if marks is _LINE:
            count += block.count(b"\n")
            continue
        kept += block
        end = 0
        for match in marks.mark.finditer(kept):
            count, end = count + 1, match.end()
        kept = kept[max(end, len(kept) - LONGEST_MARK) :]
    if last and not last.endswith(marks.last):
        raise incomplete()
    return Printed(count) if marks.of_queries else Printed(None, count)


def hsps_in_file(document: bytes, markers: Markers) -> int:
    """Return the number of HSPs in the file of a query."""
    if not document.endswith(markers.last):
        raise incomplete()
    return document.count(markers.hsp)


def marked_parts(document: bytes, markers: Markers) -> list[bytes]:
    """Return each query's part of a document."""
    parts = document.split(markers.end)[:-1]
    return [part[part.find(markers.begin) :] + markers.end for part in parts]


def stitch_pairwise(source: BinaryIO, target: BinaryIO, correct: Correction) -> Printed:
    """Copy formats 0 to 4: the first header, each query's corrected part, the last footer; return their counts.

    The source must contain one additional document, which is omitted: a document's end shows only in what follows.
    """
    header = footer = b""
    hsps = descriptions = 0
    queries = -1
    waiting = b""
    for text in _documents(source):
        if queries < 0:
            header, footer = _frame(text)
            target.write(header)
        if not (footer and text.startswith(header) and text.endswith(footer)):
            raise incomplete()
        if queries >= 0:
            part = correct(queries, waiting)
            target.write(part)
            hsps += len(_SCORE.findall(part))
            table = _TABLE.match(part)
            descriptions += table[1].count(b"\n") if table else 0
        queries, waiting = queries + 1, text[len(header) : len(text) - len(footer)]
    target.write(footer)
    return Printed(queries, hsps, descriptions)


def pairwise_parts(document: bytes) -> list[bytes]:
    """Return each query's part of a document in formats 0 to 4, none of whose queries has hits."""
    header, footer = _frame(document)
    body = document[len(header) : len(document) - len(footer)]
    starts = [match.end() for match in _STATISTICS_END.finditer(body)]
    return [body[begin:end] for begin, end in zip([0, *starts], starts, strict=False)]


def with_statistics_of(part: bytes, probed: bytes) -> bytes:
    """Return a query's part with the statistical parameters at the end of another part of the same query."""
    at, other = part.rfind(_STATISTICS), probed.rfind(_STATISTICS)
    if at < 0 or other < 0:
        return part
    return part[:at] + probed[other:]


def stitch_comments(source: BinaryIO, target: BinaryIO, correct: Correction) -> Printed:
    """Copy tabular output with comments, correcting each query's part, without the lines that count queries."""
    queries = hsps = 0
    for query in read_commented(source):
        target.write(correct(queries, query.text))
        queries, hsps = queries + 1, hsps + len(query.rows)
    return Printed(queries, hsps)


def counted_as(part: bytes, probed: bytes) -> bytes:
    """Return a query's part of tabular output with a line for 0 hits only if the probed part has this line."""
    return part if probed.endswith(_NO_HITS) else part.removesuffix(_NO_HITS)


def stitch_sam(source: BinaryIO, target: BinaryIO, rows: BinaryIO, command_line: bytes) -> Printed:
    """Copy SAM: one header that names every query with hits, then all rows; return the number of rows.

    ``source`` has a document for each query with hits. ``rows`` is a temporary file for the rows, since all header
    lines precede them, and ``command_line`` is that of ``@PG``, as BLAST+ would write it.
    """
    first = last = source.readline()
    target.write(first)
    program = b""
    count = 0
    in_header = True
    for line in source:
        last = line
        if line == first:  # it has fewer columns than any row
            in_header = True
        elif not in_header:
            rows.write(line)
            count += 1
        elif line.startswith(b"@PG\t"):
            before, _, after = line.partition(b"\tCL:")
            program = before + b"\tCL:" + command_line + b"\tPN:" + after.rpartition(b"\tPN:")[2]
            in_header = False
        else:
            target.write(line)
    if first and (in_header or not last.endswith(b"\n")):
        raise incomplete()
    target.write(program)
    rows.seek(0)
    while block := rows.read(BLOCK_BYTES):
        target.write(block)
    return Printed(None, count)


def renumbered(part: bytes, shift: int) -> bytes:
    """Return a query's part of XML or JSON with ``shift`` added to its number, in its own fields and in messages."""
    if not shift:
        return part
    part = _NUMBER.sub(lambda match: b"%s%d" % (match[1], int(match[2]) + shift), part)
    return _MESSAGE.sub(lambda match: match["before"] + _renumbered_message(match, shift), part)


@dataclass(frozen=True, slots=True)
class Comments:
    """The comment lines of a query with their line ends, except the number of rows."""

    program: bytes
    query: bytes
    database: bytes
    fields: bytes | None
    """The column names; None if the query has no hits."""
    counted: bool
    """Whether BLAST+ prints the number of rows; it does not if it could not search any query."""

    def lines(self, rows: int) -> list[bytes]:
        """Return the lines that BLAST+ prints above this many rows."""
        fields = [] if self.fields is None else [self.fields]
        count = [b"# %d hits found\n" % rows] if self.counted else []
        return [self.program, self.query, self.database, *fields, *count]

    def of(self, database: bytes, columns: int) -> Comments:
        """Return the comments for a database name and the first ``columns`` columns."""
        fields = self.fields
        if fields is not None:
            names = fields.removeprefix(_FIELDS).removesuffix(b"\n").split(b", ")
            fields = _FIELDS + b", ".join(names[:columns]) + b"\n"
        return Comments(self.program, self.query, _DATABASE + database + b"\n", fields, self.counted)


@dataclass(frozen=True, slots=True)
class Commented:
    """The output for a query."""

    comments: Comments
    rows: list[bytes]

    @property
    def text(self) -> bytes:
        return b"".join((*self.comments.lines(len(self.rows)), *self.rows))


def processed(queries: int) -> bytes:
    """Return the line that ends an output of this many queries."""
    return b"# BLAST processed %d queries\n" % queries


def read_commented(lines: Iterable[bytes]) -> Iterator[Commented]:
    """Yield every query of one or several outputs. Raises EngineError if one is truncated or in another format."""
    stream = iter(lines)
    queries = 0
    line = next(stream, b"")
    while line:
        if end := _PROCESSED.fullmatch(line):
            if int(end[1]) != queries:
                raise incomplete()
            queries, line = 0, next(stream, b"")
            continue
        program, query, database = line, next(stream, b""), next(stream, b"")
        if not all(map(bytes.startswith, (program, query, database), _STARTS)):
            raise incomplete()
        fields, line = None, next(stream, b"")
        if line.startswith(_FIELDS):
            fields, line = line, next(stream, b"")
        rows: list[bytes] = []
        count = _FOUND.fullmatch(line)
        if count is not None:
            rows = list(islice(stream, int(count[1])))
            if len(rows) < int(count[1]):
                raise incomplete()
            line = next(stream, b"")
        queries += 1
        yield Commented(Comments(program, query, database, fields, count is not None), rows)
    if queries:
        raise incomplete()


def check_count(results: int, queries: int) -> None:
    """Check that results are those of all searched queries."""
    if results != queries:
        problem = f"BLAST+ was given {counted(queries, 'query', 'queries')} but returned results for {results}."
        raise EngineError(problem, remedy="Check that the disk is not full, then search again.")


def incomplete() -> EngineError:
    """Return the error for incomplete output of a BLAST+ program that ended successfully."""
    return EngineError(
        "The output of BLAST+ is truncated, or parts of it are missing.",
        remedy="Check that the disk is not full, then search again.",
    )


def _ended(source: BinaryIO, end: bytes) -> Iterator[bytes]:
    """Yield the pieces of a stream that end with a marker, then the remainder."""
    buffer = b""
    searched = 0
    while block := source.read(BLOCK_BYTES):
        buffer += block
        while (at := buffer.find(end, searched)) >= 0:
            at += len(end)
            yield buffer[:at]
            buffer, searched = buffer[at:], 0
        searched = max(0, len(buffer) - len(end))
    yield buffer


def _documents(source: BinaryIO) -> Iterator[bytes]:
    """Yield the stream's documents, all of which begin with the same header."""
    buffer = b""
    header = None
    searched = 0
    while block := source.read(BLOCK_BYTES):
        buffer += block
        if header is None:
            start = _QUERY.search(buffer)
            if start is None:
                continue
            header = buffer[: start.start()]
        while (at := buffer.find(header, max(searched, 1))) >= 0:
            yield buffer[:at]
            buffer, searched = buffer[at:], 0
        searched = max(0, len(buffer) - len(header))
    if buffer:
        yield buffer


def _frame(document: bytes) -> tuple[bytes, bytes]:
    """Return a document's header and footer."""
    query = _QUERY.search(document)
    ends = list(_STATISTICS_END.finditer(document))
    if query is None or not ends:
        return document, b""
    return document[: query.start()], document[ends[-1].end() :]


def _renumbered_message(match: re.Match[bytes], shift: int) -> bytes:
    text, number = match["text"], match["number"]
    later = b"Query_%d" % (int(number) + shift)
    if match["label"] is None:
        return later + text.removeprefix(b"Query_" + number)
    label = b" " + match["label"]
    return text.replace(b"Query_" + number + label, later + label)
