"""Compares two outputs of BLAST+ byte for byte, and tells differences query by query.

Outputs are read as streams: of each part only its place and a digest are kept.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile, zip_longest
from pathlib import Path

from shardblast.blast.comments import read_commented
from shardblast.core.outfmt import MANY_FILES, SAM, OutputFormat

WHOLE = "(whole output)"
HEADER = "(header)"
FOOTER = "(footer)"
FILES = "(list of files)"
ORDER = "(order of the queries)"
COMMENTED = 7
NO_QUERIES = frozenset({WHOLE, HEADER, FOOTER, FILES, ORDER})
"""Ids of differences that lie in no query."""

_QUERY_COLUMNS = ("qseqid", "qacc", "qaccver", "qgi")
_SAM_QUERY_COLUMN = 2
_SAM_COMMAND = b"@PG"

Namer = Callable[[bytes], "str | None"]
"""Names the part that a line starts or belongs to: None goes on with the part before, "" has its name inside."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line in which two outputs differ for one query."""

    id: str
    """The query's id; in parentheses if it is no query that differs."""
    line: int
    """1-based in what is printed of the query."""
    unsharded: str | None
    """None: the output ends before."""
    sharded: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out."""

    differing: list[Difference]
    rows: int | None
    """Rows of the unsharded output; None if it is not tabular."""
    parts: int | None
    """Queries that the unsharded output has a part for; None if that can't be told from it."""


@dataclass(frozen=True, slots=True)
class _Part:
    id: str
    path: Path
    start: int
    """Offset in bytes."""
    lines: int
    digest: bytes


_Key = tuple[str, int]
"""A part's id, and how many parts before it have the same."""


def compare(unsharded: Path, sharded: Path, outfmt: OutputFormat) -> Comparison:
    """Compare two outputs.

    Args:
        unsharded: What ``-out`` of the unsharded run named.
        sharded: What ``-out`` of the sharded run named; of the same file name for formats that write many files.
        outfmt: Of both.
    """
    ours = list(_parts(sharded, outfmt))
    theirs = list(_parts(unsharded, outfmt))
    differing = list(_differences(theirs, ours))
    rows = _rows(unsharded, outfmt) if outfmt.is_tabular else None
    # Tabular formats but 7 print nothing of a query without hits.
    countable = outfmt.number in _NAMERS or outfmt.number in MANY_FILES
    parts = sum(part.id not in NO_QUERIES for part in theirs) if countable else None
    return Comparison(differing, rows, parts)


def _differences(unsharded: Sequence[_Part], sharded: Sequence[_Part]) -> Iterator[Difference]:
    theirs, ours = _by_key(unsharded), _by_key(sharded)
    equal = True
    for key in {**theirs, **ours}:
        their, our = theirs.get(key), ours.get(key)
        if their is None or our is None or their.digest != our.digest:
            equal = False
            yield _difference(key[0], their, our)
    if equal and list(theirs) != list(ours):
        place, (their_key, our_key) = next(
            (place, keys) for place, keys in enumerate(zip(theirs, ours, strict=True)) if keys[0] != keys[1]
        )
        yield Difference(ORDER, place + 1, their_key[0], our_key[0])


def _by_key(parts: Sequence[_Part]) -> Mapping[_Key, _Part]:
    seen: dict[str, int] = {}
    keyed = {}
    for part in parts:
        seen[part.id] = seen.get(part.id, 0) + 1
        keyed[part.id, seen[part.id]] = part
    return keyed


def _difference(query_id: str, unsharded: _Part | None, sharded: _Part | None) -> Difference:
    pairs = zip_longest(_lines_of(unsharded), _lines_of(sharded))
    for number, (their, our) in enumerate(pairs, start=1):
        if their != our:
            return Difference(query_id, number, _text(their), _text(our))
    raise AssertionError("parts of different digests hold the same lines")


def _lines_of(part: _Part | None) -> Iterator[bytes]:
    if part is None:
        return
    with part.path.open("rb") as file:
        file.seek(part.start)
        for _ in range(part.lines):
            line = file.readline()
            if not line.startswith(_SAM_COMMAND):
                yield line


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="replace").removesuffix("\n")


def _rows(path: Path, outfmt: OutputFormat) -> int:
    with path.open("rb") as file:
        if outfmt.number == COMMENTED:
            return sum(len(found.rows) for found in read_commented(file))
        return sum(1 for _ in file)


def _parts(out: Path, outfmt: OutputFormat) -> Iterator[_Part]:
    if outfmt.number not in MANY_FILES:
        yield from _split(out, _namer(outfmt), HEADER if outfmt.number in _NAMERS else WHOLE)
        return
    documents = (Path(outfmt.file_of(str(out), query)) for query in count(1))
    for document in takewhile(Path.exists, documents):
        yield from _split(document, lambda line: None, "")
    yield from _split(out, lambda line: None, FILES)


def _split(path: Path, name: Namer, first: str) -> Iterator[_Part]:
    """Yield the parts of a file; lines before the first named one are a part too."""
    part_id, inner_id, start, place, lines, marked = first, None, 0, 0, 0, 0
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for line in file:
            named = name(line)
            # A marker starts a part even if the part before has the same id; a row only if its id is another.
            if named is not None and (named != part_id or not named) and lines:
                yield _Part(part_id or inner_id or f"Query_{marked}", path, start, lines, digest.digest())
                start, lines, inner_id, digest = place, 0, None, hashlib.blake2b(digest_size=16)
            part_id = part_id if named is None else named
            marked += named == ""
            if not part_id:
                inner_id = inner_id or _inner_id(line)
            if not line.startswith(_SAM_COMMAND):
                digest.update(line)
            lines += 1
            place += len(line)
    if lines:
        yield _Part(part_id or inner_id or f"Query_{marked}", path, start, lines, digest.digest())


_INNER_IDS = tuple(
    re.compile(pattern)
    for pattern in (
        rb"# Query: (\S+)",
        rb"(?:<b>)?Query=(?:</b>)?\s(\S+)",
        rb"\s*<Iteration_query-def>(\S+?)(?:\s|</)",
        rb"\s*<query-title>(\S+?)(?:\s|</)",
        rb'\s*"query_title": "(\S+?)[\s"]',
    )
)


def _inner_id(line: bytes) -> str | None:
    for pattern in _INNER_IDS:
        if match := pattern.match(line):
            found = match[1].decode(errors="replace")
            return html.unescape(found) if line.lstrip().startswith(b"<") else found
    return None


def _marked(start: bytes, footer: bytes) -> Namer:
    """Return a namer of parts that start with a line of this form and have their id inside."""
    starts, ends = re.compile(start), re.compile(footer)

    def name(line: bytes) -> str | None:
        if starts.match(line):
            return ""
        return FOOTER if ends.match(line) else None

    return name


_PAIRWISE = _marked(rb"(?:<b>)?Query=", rb"  Database: ")
_NAMERS: Mapping[int, Namer] = {
    **dict.fromkeys(range(5), _PAIRWISE),
    5: _marked(rb"<Iteration>", rb"</BlastOutput_iterations>"),
    7: _marked(rb"# T?BLAST[NPX] \d", rb"# BLAST processed "),
    15: _marked(rb'\s*"report": \{', rb"\]"),
    16: _marked(rb"\s*<report>", rb"</BlastXML2>"),
}


def _namer(outfmt: OutputFormat) -> Namer:
    if outfmt.number in _NAMERS:
        return _NAMERS[outfmt.number]
    if outfmt.number == SAM:
        return _name_sam_row
    column = next((place for place, name in enumerate(outfmt.columns) if name in _QUERY_COLUMNS), None)
    if outfmt.delimiter is None or column is None:
        return lambda line: None
    delimiter = outfmt.delimiter.encode()
    return lambda line: _field(line, delimiter, column)


def _name_sam_row(line: bytes) -> str | None:
    return HEADER if line.startswith(b"@") else _field(line, b"\t", _SAM_QUERY_COLUMN)


def _field(line: bytes, delimiter: bytes, column: int) -> str | None:
    fields = line.rstrip(b"\n").split(delimiter, column + 1)
    return fields[column].decode(errors="replace") if column < len(fields) else None
