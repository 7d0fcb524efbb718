"""An index of a completed search's hits, from which filtered pages are read without reading the result.

Each search has one SQLite file, written once when the result is published.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from shardblast.blast.output import read_commented
from shardblast.core.errors import InputError
from shardblast.core.units import Numbers
from shardblast.engine.stored import StoredQuery

_COLUMNS = (
    "sseqid saccver slen qlen staxids sscinames evalue bitscore score pident nident positive length gaps gapopen "
    "qstart qend sstart send qframe sframe qcovs qcovhsp qseq sseq stitle"
)
COLUMNS = tuple(_COLUMNS.split())
FILE = "hits-2.sqlite"
"""Name with the version of the tables. An index of an older version is written again on demand."""
OUTFMT = "7 " + " ".join(COLUMNS)
"""Format 7, because it marks where a query begins. The title comes last because it may contain tabs."""
_LARGEST_FIRST = ("bit_score", "total_score", "coverage", "identity", "length")
SORTS = {"rank": "rank", "evalue": "evalue, rank", **{name: f"{name} DESC, rank" for name in _LARGEST_FIRST}}
_SCHEMA = """
CREATE TABLE queries (number INTEGER PRIMARY KEY, id TEXT, length INTEGER, hits INTEGER, hsps INTEGER, verdict TEXT);
CREATE TABLE hits (query INTEGER, rank INTEGER, id TEXT, subject TEXT, title TEXT, length INTEGER,
    taxids TEXT, names TEXT, evalue REAL, bit_score REAL, total_score REAL, coverage REAL, identity REAL, hsps INTEGER,
    PRIMARY KEY (query, rank)) WITHOUT ROWID;
CREATE TABLE hsps (query INTEGER, rank INTEGER, number INTEGER, evalue REAL, bit_score REAL, raw_score INTEGER,
    identities INTEGER, positives INTEGER, length INTEGER, gaps INTEGER, gap_openings INTEGER,
    query_start INTEGER, query_end INTEGER, subject_start INTEGER, subject_end INTEGER,
    query_frame INTEGER, subject_frame INTEGER, coverage REAL, query_row TEXT, subject_row TEXT,
    PRIMARY KEY (query, rank, number)) WITHOUT ROWID;
"""
_EVALUE, _BIT_SCORE, _COVERAGE = map(COLUMNS.index, ("evalue", "bitscore", "qcovhsp"))
_subject = itemgetter(*map(COLUMNS.index, ("sseqid", "stitle", "slen")))
_aligned = itemgetter(*map(COLUMNS.index, ("qseq", "sseq")))
_INTEGERS = "score nident positive length gaps gapopen qstart qend sstart send qframe sframe"
_integers = itemgetter(*map(COLUMNS.index, _INTEGERS.split()))
_HIT_MARKS, _HSP_MARKS = ", ".join("?" * 14), ", ".join("?" * 20)


@dataclass(frozen=True, slots=True)
class HitFilter:
    """Conditions for the hits to list."""

    text: str = ""
    """Text in the id or the title, case-insensitive."""
    evalue: float | None = None
    """Upper bound."""
    identity: float | None = None
    """Lower bound in percent."""
    coverage: float | None = None
    """Lower bound in percent."""
    organism: str = ""
    """Text in a scientific name, case-insensitive."""
    taxids: Set[str] | None = None
    """Taxids of which the hit must have one."""

    @property
    def sql(self) -> tuple[str, list[Any]]:
        """The SQL condition, and the values in it."""
        conditions: dict[str, Any] = {
            "instr(lower(subject || ' ' || title), lower(?))": self.text or None,
            "evalue <= ?": self.evalue,
            "identity >= ?": self.identity,
            "coverage >= ?": self.coverage,
            "instr(lower(names), lower(?))": self.organism or None,
            "shares_taxid(taxids, ?)": None if self.taxids is None else ";".join(self.taxids),
        }
        given = {sql: value for sql, value in conditions.items() if value is not None}
        return " AND ".join(["query = ?", *given]), list(given.values())


ALL_HITS = HitFilter()


def shares_taxid(taxids: str | None, wanted: str) -> bool:
    """Return whether two semicolon-separated lists of taxids have one in common; an SQL function."""
    return taxids is not None and not _taxids(wanted).isdisjoint(taxids.split(";"))


@dataclass(frozen=True, slots=True)
class RowPage:
    """A page of a table, as dictionaries, and the start of the next page."""

    rows: Sequence[dict[str, Any]]
    next: int | None
    total: int | None = None
    """Number of rows on all pages, if counted."""


@dataclass(frozen=True, slots=True)
class ChosenHit:
    id: str
    """As ``sseqid`` prints it."""
    length: int
    """Bases or residues of the subject."""
    first_hsp: int
    """0-based position of its first HSP among all HSPs of the query."""
    hsps: int

    @property
    def places(self) -> range:
        """Positions of its HSPs among all HSPs of the query."""
        return range(self.first_hsp, self.first_hsp + self.hsps)


def write_index(
    path: Path, queries: Iterable[StoredQuery], printed: Iterable[bytes], going_on: Callable[[], None] = lambda: None
) -> None:
    """Write the index from all queries and the lines of those with hits in OUTFMT, whole or not at all.

    ``going_on`` is called for each query and each hit; an exception that it raises ends the work.
    """
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + _SCHEMA)
        found = []
        for query in queries:
            values = (query.number, query.id, query.hits, query.hsps, query.verdict.value)
            connection.execute("INSERT INTO queries VALUES (?, ?, NULL, ?, ?, ?)", values)
            found += [query.number] if query.hsps else []
        for number, rows in zip(found, _rows_of_queries(printed), strict=True):
            going_on()
            length = int(rows[0][COLUMNS.index("qlen")])
            connection.execute("UPDATE queries SET length = ? WHERE number = ?", [length, number])
            hits, hsps = [], []
            for rank, (_, same) in enumerate(groupby(rows, key=_subject)):
                going_on()
                of_hit = list(same)
                hits.append(_hit(number, rank, of_hit))
                hsps += [_hsp(number, rank, place, hsp) for place, hsp in enumerate(of_hit)]
            connection.executemany(f"INSERT INTO hits VALUES ({_HIT_MARKS})", hits)
            connection.executemany(f"INSERT INTO hsps VALUES ({_HSP_MARKS})", hsps)
        connection.execute("COMMIT")
    partial.replace(path)


class HitIndex:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        self._connection.create_function("shares_taxid", 2, shares_taxid, deterministic=True)

    def close(self) -> None:
        self._connection.close()

    def queries(self, *, text: str, after: int, limit: int) -> RowPage:
        """Return queries whose id contains a text, from a 0-based number on."""
        sql = "SELECT * FROM queries WHERE number >= ? AND instr(id, ?) ORDER BY number"
        return self._rows(sql, [after, text], limit)

    def hits(self, query: int, *, wanted: HitFilter = ALL_HITS, sort: str = "rank", offset: int, limit: int) -> RowPage:
        """Return hits of a query (0-based number), sorted by one of SORTS, after the first ``offset`` ones."""
        if sort not in SORTS:
            raise InputError(f"Hits can't be sorted by {sort!r}.", remedy=f"Use one of {', '.join(SORTS)}.")
        where, values = wanted.sql
        # Only ranks are sorted. Sorting whole rows takes many times as long for 100,000 hits.
        page = f"SELECT rank FROM hits WHERE {where} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?"
        sql = f"SELECT * FROM hits WHERE query = ? AND rank IN ({page}) ORDER BY {SORTS[sort]}"
        rows = self._connection.execute(sql, [query, query, *values, limit + 1, offset]).fetchall()
        (total,) = self._connection.execute(f"SELECT count(*) FROM hits WHERE {where}", [query, *values]).fetchone()
        return RowPage([dict(row) for row in rows[:limit]], offset + limit if len(rows) > limit else None, total)

    def chosen(self, query: int, ranks: Numbers | None) -> list[ChosenHit]:
        """Return the hits of a query with these 0-based ranks, or all, with the positions of their HSPs."""
        rows = self._connection.execute(
            "SELECT rank, id, length, hsps FROM hits WHERE query = ? ORDER BY rank", [query]
        )
        chosen = []
        place = 0
        for row in rows:
            if ranks is None or row["rank"] in ranks:
                chosen.append(ChosenHit(row["id"], row["length"], place, row["hsps"]))
            place += row["hsps"]
        return chosen

    def organisms(self, query: int) -> Sequence[dict[str, Any]]:
        """Return the taxids and names of a query's hits, with the number of their hits and the best scores."""
        sql = (
            "SELECT taxids, names, count(*) AS hits, max(bit_score) AS bit_score, min(evalue) AS evalue "
            "FROM hits WHERE query = ? GROUP BY taxids, names"
        )
        return [dict(row) for row in self._connection.execute(sql, [query])]

    def ids(self) -> Sequence[str]:
        """Return the ids of all subjects, each once."""
        return [row[0] for row in self._connection.execute("SELECT DISTINCT id FROM hits")]

    def hsps(self, query: int, rank: int, *, after: int, limit: int) -> RowPage:
        """Return HSPs of a hit with their alignment rows, from a 0-based number on."""
        sql = "SELECT * FROM hsps WHERE query = ? AND rank = ? AND number >= ? ORDER BY number"
        return self._rows(sql, [query, rank, after], limit)

    def spans(self, query: int, *, hits: int, limit: int) -> dict[str, list[Any]]:
        """Return the positions on the query of its first hits' HSPs, by column; at most ``limit`` HSPs."""
        percent = "CAST(1000.0 * identities / length + 0.5 AS INTEGER) / 10.0"  # round() takes longer
        sql = (
            f"SELECT rank, query_start, query_end, bit_score, evalue, {percent} AS identity, length FROM hsps "
            "WHERE query = ? AND rank < ? ORDER BY rank, number LIMIT ?"
        )
        cursor = self._connection.cursor()
        cursor.row_factory = None  # tuples take half the time for tens of thousands of rows
        cursor.execute(sql, [query, hits, limit])
        names = [column[0] for column in cursor.description]
        columns = zip(*cursor.fetchall(), strict=True)
        return dict(zip(names, map(list, columns), strict=False)) or {name: [] for name in names}

    def coverage(self, query: int) -> list[float]:
        """Return the coverage of all hits of a query, in percent, by rank."""
        found = self._connection.execute("SELECT coverage FROM hits WHERE query = ? ORDER BY rank", [query])
        return [row[0] for row in found]

    def has_hit(self, query: int, rank: int) -> bool:
        """Return whether a query has a hit of this 0-based rank."""
        found = self._connection.execute("SELECT 1 FROM hits WHERE query = ? AND rank = ?", [query, rank])
        return found.fetchone() is not None

    def _rows(self, sql: str, values: list[Any], limit: int) -> RowPage:
        found = [dict(row) for row in self._connection.execute(f"{sql} LIMIT ?", [*values, limit + 1])]
        return RowPage(found[:limit], found[limit - 1]["number"] + 1 if len(found) > limit else None)


@lru_cache(maxsize=8)
def _taxids(text: str) -> frozenset[str]:
    return frozenset(text.split(";"))


def _rows_of_queries(printed: Iterable[bytes]) -> Iterator[list[list[str]]]:
    for query in read_commented(printed):
        lines = (row.decode(errors="replace").rstrip("\n") for row in query.rows)
        yield [line.split("\t", len(COLUMNS) - 1) for line in lines]


def _hit(query: int, rank: int, rows: Sequence[Sequence[str]]) -> tuple[Any, ...]:
    best = dict(zip(COLUMNS, rows[0], strict=True))
    subject = (best["sseqid"], best["saccver"], best["stitle"], int(best["slen"]))
    organism = (_known(best["staxids"]), _known(best["sscinames"]))
    evalue, total_score = min(float(row[_EVALUE]) for row in rows), sum(float(row[_BIT_SCORE]) for row in rows)
    scores = (evalue, float(best["bitscore"]), total_score, float(best["qcovs"]), float(best["pident"]))
    return (query, rank, *subject, *organism, *scores, len(rows))


def _hsp(query: int, rank: int, number: int, row: Sequence[str]) -> tuple[Any, ...]:
    """Return the values of a row of the table; SQLite converts the integers."""
    scores = float(row[_EVALUE]), float(row[_BIT_SCORE])
    return (query, rank, number, *scores, *_integers(row), float(row[_COVERAGE]), *_aligned(row))


def _known(text: str) -> str | None:
    return None if text in ("N/A", "0", "") else text
