"""Format 7: rows under comment lines, read query by query.

Titles and columns may hold any text, also that of a comment line. So a line is known by its place, never by a part of
it: a query has a line each for program, query and database, then perhaps the names of the columns, then perhaps the
number of its rows, and just so many rows.

Source:
    NCBI C++ Toolkit, objtools/align_format/tabular.cpp, CBlastTabularInfo::PrintHeader().
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from shardblast.core.errors import EngineError

_PROCESSED = re.compile(rb"# BLAST processed (\d+) queries\n")
_FOUND = re.compile(rb"# (\d+) hits found\n")
_DATABASE = b"# Database: "
_FIELDS = b"# Fields: "
_STARTS = (b"# ", b"# Query:", _DATABASE)


@dataclass(frozen=True, slots=True)
class Comments:
    """The comment lines of one query, with their ends; the number of rows is not among them."""

    program: bytes
    query: bytes
    database: bytes
    fields: bytes | None
    """None where the query has no hits."""
    counted: bool
    """Whether BLAST+ tells the number of rows; it does not where it could search no query."""

    def lines(self, rows: int) -> list[bytes]:
        """Return the lines as BLAST+ prints them over so many rows."""
        fields = [] if self.fields is None else [self.fields]
        found = [b"# %d hits found\n" % rows] if self.counted else []
        return [self.program, self.query, self.database, *fields, *found]

    def of(self, database: bytes, columns: int) -> Comments:
        """Return the same for a database of this name and the first so many columns."""
        fields = self.fields
        if fields is not None:
            names = fields.removeprefix(_FIELDS).removesuffix(b"\n").split(b", ")
            fields = _FIELDS + b", ".join(names[:columns]) + b"\n"
        return Comments(self.program, self.query, _DATABASE + database + b"\n", fields, self.counted)


@dataclass(frozen=True, slots=True)
class Commented:
    """What is printed of one query."""

    comments: Comments
    rows: list[bytes]

    @property
    def text(self) -> bytes:
        """All of it."""
        return b"".join((*self.comments.lines(len(self.rows)), *self.rows))


def processed(queries: int) -> bytes:
    """Return the line that ends an output of so many queries."""
    return b"# BLAST processed %d queries\n" % queries


def read_commented(lines: Iterable[bytes]) -> Iterator[Commented]:
    """Yield every query, hits or not, of the lines of outputs of which one may follow the other.

    Raises:
        EngineError: The stream ends early, lacks lines, or is of another format.
    """
    stream = iter(lines)
    queries = 0
    line = next(stream, b"")
    while line:
        if end := _PROCESSED.fullmatch(line):
            if int(end[1]) != queries:
                raise incomplete()
            queries, line = 0, next(stream, b"")
            continue
        start = (line, next(stream, b""), next(stream, b""))
        if not all(map(bytes.startswith, start, _STARTS)):
            raise incomplete()
        fields, line = None, next(stream, b"")
        if line.startswith(_FIELDS):
            fields, line = line, next(stream, b"")
        rows: list[bytes] = []
        found = _FOUND.fullmatch(line)
        if found is not None:
            rows = list(islice(stream, int(found[1])))
            if len(rows) < int(found[1]):
                raise incomplete()
            line = next(stream, b"")
        queries += 1
        yield Commented(Comments(*start, fields, found is not None), rows)
    if queries:
        raise incomplete()


def check_count(found: int, queries: int) -> None:
    """Refuse results of another number of queries than were searched.

    Raises:
        EngineError: The numbers differ.
    """
    if found != queries:
        problem = f"BLAST+ was given {queries} queries and wrote the results of {found}."
        raise EngineError(problem, remedy="Check that the disk is not full, and search again.")


def incomplete() -> EngineError:
    """Return the error that says that a program of BLAST+ printed less than all, though it ended well."""
    return EngineError(
        "What BLAST+ printed ends early, or parts of it are missing.",
        remedy="Check that the disk is not full, and search again.",
    )
