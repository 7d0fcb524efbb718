"""Joins what ``blast_formatter`` prints of many one-query archives into what BLAST+ prints of many queries.

``blast_formatter`` repeats headers and footers for every archive, lacks the parameters of the length correction, and
has lost what BLAST+ had to say of queries that it could not search. What is missing is taken from a run of BLAST+
itself on the probe. All markers are lines that no query or title can forge: XML escapes ``<``, JSON escapes line ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

BLOCK_BYTES = 1 << 20

_STATISTICS = b"\n\nLambda "
_STATISTICS_END = re.compile(rb"(?<=\n)Effective search space used: \d+\n")
_QUERY = re.compile(rb"\n\n(?:<b>)?Query= ?(?:</b>)?")
PROCESSED = b"# BLAST processed %d queries\n"
"""Ends tabular output with comments that is whole."""
_PROCESSED = re.compile(rb"# BLAST processed \d+ queries\n")
_COUNTED = re.compile(rb"# (\d+) hits found\n")
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


@dataclass(frozen=True, slots=True)
class Markers:
    """How one query's part of a document begins and ends."""

    begin: bytes
    end: bytes


MARKERS = {
    5: Markers(b"<Iteration>\n", b"</Iteration>\n"),
    15: Markers(b'{\n    "report": {', b"\n    }\n  }\n"),
    16: Markers(b"<BlastOutput2>\n", b"</BlastOutput2>\n"),
}

Correction = Callable[[int, bytes], bytes]
"""Takes a query's 0-based position and its part as ``blast_formatter`` prints it; returns the part as it must be."""


def stitch_marked(source: BinaryIO, target: BinaryIO, markers: Markers, correct: Correction) -> None:
    """Copy an XML or JSON document, each query's part corrected."""
    query = 0
    for part in _ended(source, markers.end):
        begin = part.find(markers.begin)
        if begin < 0:
            target.write(part)
            continue
        target.write(part[:begin])
        target.write(correct(query, part[begin:]))
        query += 1


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


def stitch_pairwise(source: BinaryIO, target: BinaryIO, correct: Correction) -> None:
    """Copy formats 0 to 4: the first header, each query's part corrected, the last footer."""
    header = footer = b""
    for query, text in enumerate(_documents(source)):
        if not query:
            header, footer = _frame(text)
            target.write(header)
        target.write(correct(query, text[len(header) : len(text) - len(footer)]))
    target.write(footer)


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


def stitch_comments(source: BinaryIO, target: BinaryIO, correct: Correction) -> None:
    """Copy tabular output with comments, each query's part corrected, without the lines that count queries."""
    for query, part in enumerate(commented_parts(source)):
        target.write(correct(query, part))


def commented_parts(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each query's part of tabular output with comments.

    Comments have an order: the program, the query, the database, the columns where there are rows, and the number of
    these, which is missing where BLAST+ searched nothing. So no title is taken for another comment.
    """
    stream = iter(lines)
    line = next(stream, None)
    while line is not None:
        if _PROCESSED.fullmatch(line):
            line = next(stream, None)
            continue
        part = [line, *islice(stream, 2)]
        line = next(stream, None)
        if line is not None and line.startswith(b"# Fields: "):
            part.append(line)
            line = next(stream, None)
        if line is not None and (counted := _COUNTED.fullmatch(line)):
            part += [line, *islice(stream, int(counted[1]))]
            line = next(stream, None)
        yield b"".join(part)


def counted_as(part: bytes, probed: bytes) -> bytes:
    """Return a query's part of tabular output with comments, which counts its hits only if another part of it does."""
    return part if probed.endswith(_NO_HITS) else part.removesuffix(_NO_HITS)


def stitch_sam(source: BinaryIO, target: BinaryIO, rows: BinaryIO, command_line: bytes) -> None:
    """Copy SAM: one header that names every query, then all rows.

    Args:
        source: Documents of one query each, joined.
        target: Where the whole goes.
        rows: A temporary file for the rows, since every header line comes before them.
        command_line: For ``@PG``, as BLAST+ would have written it.
    """
    started = False
    program = b""
    for line in source:
        if line.startswith(b"@PG\t"):
            program = re.sub(rb"\tCL:[^\t]*\t", lambda _: b"\tCL:" + command_line + b"\t", line)
        elif line.startswith(b"@HD\t"):
            if not started:
                target.write(line)
            started = True
        elif line.startswith(b"@SQ\t"):
            target.write(line)
        else:
            rows.write(line)
    target.write(program)
    rows.seek(0)
    while block := rows.read(BLOCK_BYTES):
        target.write(block)


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
