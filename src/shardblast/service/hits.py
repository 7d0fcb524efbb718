"""An index of a finished search's hits, so that a page of them is read without reading the result.

A SQLite file per search, written once when the result is published.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from shardblast.core.errors import InputError
from shardblast.engine.stored import StoredQuery

_COLUMNS = (
    "sseqid saccver slen staxids sscinames evalue bitscore score pident nident positive length gaps gapopen "
    "qstart qend sstart send qframe sframe qcovs qcovhsp qseq sseq stitle"
)
COLUMNS = tuple(_COLUMNS.split())
OUTFMT = "7 " + " ".join(COLUMNS)
"""Format 7, since it marks where a query begins; the title comes last because it may hold tabs."""
SORTS = {
    "rank": "rank",
    "evalue": "evalue, rank",
    "bit_score": "bit_score DESC, rank",
    "total_score": "total_score DESC, rank",
    "coverage": "coverage DESC, rank",
    "identity": "identity DESC, rank",
    "length": "length DESC, rank",
}
_SCHEMA = """
CREATE TABLE queries (number INTEGER PRIMARY KEY, id TEXT, hits INTEGER, hsps INTEGER, verdict TEXT);
CREATE TABLE hits (query INTEGER, rank INTEGER, id TEXT, subject TEXT, title TEXT, length INTEGER,
    taxids TEXT, names TEXT, evalue REAL, bit_score REAL, total_score REAL, coverage REAL, identity REAL, hsps INTEGER,
    PRIMARY KEY (query, rank)) WITHOUT ROWID;
CREATE TABLE hsps (query INTEGER, rank INTEGER, number INTEGER, evalue REAL, bit_score REAL, raw_score INTEGER,
    identities INTEGER, positives INTEGER, length INTEGER, gaps INTEGER, gap_openings INTEGER,
    query_start INTEGER, query_end INTEGER, subject_start INTEGER, subject_end INTEGER,
    query_frame INTEGER, subject_frame INTEGER, coverage REAL, query_row TEXT, subject_row TEXT,
    PRIMARY KEY (query, rank, number)) WITHOUT ROWID;
"""
_HIT_COLUMNS = 14
_HSP_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """A part of a table, as dictionaries, and where the next part begins."""

    rows: Sequence[dict[str, Any]]
    next: int | None


def write_index(path: Path, queries: Iterable[StoredQuery], printed: BinaryIO) -> None:
    """Write the index; it gets its name when it is whole.

    Args:
        path: The file.
        queries: All queries.
        printed: The result in OUTFMT.
    """
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + _SCHEMA)
        listed = [(one.number, one.id, one.hits, one.hsps, one.verdict.value) for one in queries]
        connection.executemany("INSERT INTO queries VALUES (?, ?, ?, ?, ?)", listed)
        for query, rows in _by_query(printed):
            for rank, hsps in enumerate(_by_subject(rows)):
                connection.execute(f"INSERT INTO hits VALUES ({_marks(_HIT_COLUMNS)})", _hit(query, rank, hsps))
                values = [_hsp(query, rank, number, hsp) for number, hsp in enumerate(hsps)]
                connection.executemany(f"INSERT INTO hsps VALUES ({_marks(_HSP_COLUMNS)})", values)
        connection.execute("COMMIT")
    partial.replace(path)


class HitIndex:
    """Reads an index."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row

    def close(self) -> None:
        self._connection.close()

    def queries(self, *, text: str, after: int, limit: int) -> Rows:
        """Return queries whose id holds a text, from a 0-based number on."""
        return self._rows(
            "SELECT * FROM queries WHERE number >= ? AND instr(id, ?) ORDER BY number",
            [after, text] if text else [after, ""],
            limit,
            lambda row: int(row["number"]) + 1,
        )

    def hits(self, query: int, *, text: str, sort: str, offset: int, limit: int) -> Rows:
        """Return hits of a query.

        Args:
            query: Its 0-based number.
            text: Only those whose id or title holds it, whatever the case.
            sort: One of SORTS.
            offset: How many to pass over.
            limit: How many to return.

        Raises:
            InputError: There is no such order.
        """
        if sort not in SORTS:
            raise InputError(f"{sort!r} is no order of hits.", remedy=f"Use one of {', '.join(SORTS)}.")
        where = "query = ? AND (? = '' OR instr(lower(subject || ' ' || title), lower(?)))"
        sql = f"SELECT * FROM hits WHERE {where} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?"
        found = self._connection.execute(sql, [query, text, text, limit + 1, offset]).fetchall()
        return Rows([_plain(row) for row in found[:limit]], offset + limit if len(found) > limit else None)

    def ids(self) -> Sequence[str]:
        """Return the ids of all subjects, each once."""
        return [row[0] for row in self._connection.execute("SELECT DISTINCT id FROM hits")]

    def hsps(self, query: int, rank: int, *, after: int, limit: int) -> Rows:
        """Return HSPs of a hit with their alignment rows, from a 0-based number on."""
        sql = "SELECT * FROM hsps WHERE query = ? AND rank = ? AND number >= ? ORDER BY number"
        return self._rows(sql, [query, rank, after], limit, lambda row: int(row["number"]) + 1)

    def _rows(self, sql: str, values: list[Any], limit: int, following: Any) -> Rows:
        found = self._connection.execute(f"{sql} LIMIT ?", [*values, limit + 1]).fetchall()
        kept = [_plain(row) for row in found[:limit]]
        return Rows(kept, following(found[limit - 1]) if len(found) > limit else None)


def _by_query(printed: BinaryIO) -> Iterator[tuple[int, list[list[str]]]]:
    number = -1
    rows: list[list[str]] = []
    for line in printed:
        if line.startswith(b"# Query: ") or line == b"# Query:\n":
            if rows:
                yield number, rows
            number, rows = number + 1, []
        elif not line.startswith(b"#"):
            rows.append(line.decode(errors="replace").rstrip("\n").split("\t", len(COLUMNS) - 1))
    if rows:
        yield number, rows


def _by_subject(rows: list[list[str]]) -> Iterator[list[dict[str, str]]]:
    hsps: list[dict[str, str]] = []
    for row in rows:
        hsp = dict(zip(COLUMNS, row, strict=True))
        if hsps and _subject(hsps[0]) != _subject(hsp):
            yield hsps
            hsps = []
        hsps.append(hsp)
    if hsps:
        yield hsps


def _subject(hsp: dict[str, str]) -> tuple[str, str, str]:
    return hsp["sseqid"], hsp["stitle"], hsp["slen"]


def _hit(query: int, rank: int, hsps: list[dict[str, str]]) -> tuple[Any, ...]:
    best = hsps[0]
    return (
        query,
        rank,
        best["sseqid"],
        best["saccver"],
        best["stitle"],
        int(best["slen"]),
        _known(best["staxids"]),
        _known(best["sscinames"]),
        min(float(hsp["evalue"]) for hsp in hsps),
        float(best["bitscore"]),
        sum(float(hsp["bitscore"]) for hsp in hsps),
        float(best["qcovs"]),
        float(best["pident"]),
        len(hsps),
    )


def _hsp(query: int, rank: int, number: int, hsp: dict[str, str]) -> tuple[Any, ...]:
    whole = ("score", "nident", "positive", "length", "gaps", "gapopen", "qstart", "qend", "sstart", "send")
    frames = (int(hsp["qframe"]), int(hsp["sframe"]))
    numbers = (int(hsp[name]) for name in whole)
    scores = (float(hsp["evalue"]), float(hsp["bitscore"]))
    return (query, rank, number, *scores, *numbers, *frames, float(hsp["qcovhsp"]), hsp["qseq"], hsp["sseq"])


def _known(text: str) -> str | None:
    return None if text in ("N/A", "0", "") else text


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    return dict(row)
