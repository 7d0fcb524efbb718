"""Joins what ``blast_formatter`` prints of many one-query archives into what BLAST+ prints of many queries.

``blast_formatter`` repeats headers and footers for every archive, lacks the parameters of the length correction, and
has lost what BLAST+ had to say of queries that it could not search. What is missing is taken from a run of BLAST+
itself on the probe.

Titles and names may hold any text, so no marker is one that they can forge: XML escapes ``<``, JSON escapes quotes and
line ends, and in text a marker begins with empty lines, which no title brings forth. What was printed is counted, so
that the caller can tell whether all of it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shardblast.blast.comments import incomplete, read_commented

BLOCK_BYTES = 1 << 20

_STATISTICS = b"\n\nLambda "
_STATISTICS_END = re.compile(rb"\n\nEffective search space used: \d+\n")
_QUERY = re.compile(rb"(?<=\n)\n\n(?:<b>)?Query= ?(?:</b>)?")
_SCORE = re.compile(rb"\n\n Score = ")
_NO_HITS = b"# 0 hits found\n"
_NUMBER = re.compile(
    rb"(<Iteration_iter-num>)(\d+)(?=<)"
    rb"|(<Iteration_query-ID>Query_|<query-id>Query_)(\d+)(?=<)"
    rb'|("query_id": "Query_)(\d+)(?=")'
)
_MESSAGE = re.compile(
    rb'(?P<before><Iteration_message>|<message>|"message": ")(?P<text>Query_(?P<number>\d+)'
    rb"(?: (?P<label>[^\n]*?: ) Query_(?P=number) (?P=label))?[^\n]*)"
)
"""A message names its query by number and title, once or twice in the same way."""
LONGEST_MARK = 120
"""Bytes that a mark of an HSP or a query takes, at most."""


@dataclass(frozen=True, slots=True)
class Printed:
    """How much was printed; None where the format does not tell."""

    queries: int | None = None
    hsps: int | None = None


@dataclass(frozen=True, slots=True)
class Markers:
    """How one query's part of a document begins and ends."""

    begin: bytes
    end: bytes
    hsp: bytes
    """What begins each HSP."""
    last: bytes
    """What the document ends with."""


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
"""Of the file of a query."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what is counted in an output that is copied as it is."""

    mark: re.Pattern[bytes]
    """Of each HSP, at most LONGEST_MARK bytes."""
    last: bytes | tuple[bytes, ...]
    """What the output ends with, or one of several ends, unless it is empty."""
    of_queries: bool = False
    """Whether the mark is one of each query."""


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
"""Takes a query's 0-based position and its part as ``blast_formatter`` prints it; returns the part as it must be."""


def stitch_marked(source: BinaryIO, target: BinaryIO, markers: Markers, correct: Correction) -> Printed:
    """Copy an XML or JSON document, each query's part corrected; return what it holds.

    Raises:
        EngineError: It ends early.
    """
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
    """Copy an output as it is; return what it holds.

    Raises:
        EngineError: It ends early.
    """
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
    """Return how many HSPs the file of a query holds.

    Raises:
        EngineError: It ends early.
    """
    if not document.endswith(markers.last):
        raise incomplete()
    return document.count(markers.hsp)


def marked_parts(document: bytes, markers: Markers) -> list[bytes]:
    """Return each query's part of a document."""
    parts = document.split(markers.end)[:-1]
    return [part[part.find(markers.begin) :] + markers.end for part in parts]


def _ended(source: BinaryIO, end: bytes) -> Iterator[bytes]:
    """Yield the pieces of a stream that end with a marker, and what follows the last."""
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


def stitch_pairwise(source: BinaryIO, target: BinaryIO, correct: Correction) -> Printed:
    """Copy formats 0 to 4: the first header, each query's part corrected, the last footer; return what they hold.

    The last document is left out. It must be there, since only what follows a document shows where that ends.

    Raises:
        EngineError: A document is not whole.
    """
    header = footer = b""
    hsps = 0
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
        queries, waiting = queries + 1, text[len(header) : len(text) - len(footer)]
    target.write(footer)
    return Printed(queries, hsps)


def _documents(source: BinaryIO) -> Iterator[bytes]:
    """Yield the stream's documents, which all begin with the same header."""
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


def pairwise_parts(document: bytes) -> list[bytes]:
    """Return each query's part of a document in formats 0 to 4 in which no query has hits."""
    header, footer = _frame(document)
    body = document[len(header) : len(document) - len(footer)]
    starts = [match.end() for match in _STATISTICS_END.finditer(body)]
    return [body[begin:end] for begin, end in zip([0, *starts], starts, strict=False)]


def with_statistics_of(part: bytes, probed: bytes) -> bytes:
    """Return a query's part with the statistical parameters that another part of the same query ends with."""
    at, other = part.rfind(_STATISTICS), probed.rfind(_STATISTICS)
    if at < 0 or other < 0:
        return part
    return part[:at] + probed[other:]


def stitch_comments(source: BinaryIO, target: BinaryIO, correct: Correction) -> Printed:
    """Copy tabular output with comments, each query's part corrected, without the lines that count queries.


    Raises:
        EngineError: It ends early.
    """
    queries = hsps = 0
    for found in read_commented(source):
        target.write(correct(queries, found.text))
        queries, hsps = queries + 1, hsps + len(found.rows)
    return Printed(queries, hsps)


def counted_as(part: bytes, probed: bytes) -> bytes:
    """Return a query's part of tabular output with comments, which counts its hits only if another part of it does."""
    return part if probed.endswith(_NO_HITS) else part.removesuffix(_NO_HITS)


def stitch_sam(source: BinaryIO, target: BinaryIO, rows: BinaryIO, command_line: bytes) -> Printed:
    """Copy SAM: one header that names every query with hits, then all rows; return how many rows there are.

    Args:
        source: Documents of one query each, joined; of a query without hits there is none.
        target: Where the whole goes.
        rows: A temporary file for the rows, since every header line comes before them.
        command_line: For ``@PG``, as BLAST+ would have written it.

    Raises:
        EngineError: It ends early.
    """
    first = last = source.readline()
    target.write(first)
    program = b""
    count = 0
    in_header = True
    for line in source:
        last = line
        if line == first:  # which has fewer columns than any row
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
    """Return a query's part of an XML or JSON document with its number in a later place.

    The number is in fields of its own, which no title can imitate, and at the start of messages.
    """
    if not shift:
        return part
    part = _NUMBER.sub(lambda match: _later(match, shift), part)
    return _MESSAGE.sub(lambda match: match["before"] + _renumbered_message(match, shift), part)


def _later(match: re.Match[bytes], shift: int) -> bytes:
    before, number = (group for group in match.groups() if group is not None)
    return b"%s%d" % (before, int(number) + shift)


def _renumbered_message(match: re.Match[bytes], shift: int) -> bytes:
    text, number = match["text"], match["number"]
    later = b"Query_%d" % (int(number) + shift)
    if match["label"] is None:
        return later + text.removeprefix(b"Query_" + number)
    label = b" " + match["label"]
    return text.replace(b"Query_" + number + label, later + label)
