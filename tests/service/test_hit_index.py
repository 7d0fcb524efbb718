"""Pages of a query's hits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from shardblast.core.report import Verdict
from shardblast.engine.stored import StoredQuery
from shardblast.service.hit_index import SORTS, HitFilter, HitIndex, write_index

HITS = 40
ORGANISMS = ("N/A\tN/A", "562\tEscherichia coli", "562;9606\tEscherichia coli;Homo sapiens")
KEYS = {
    "rank": lambda hit: 0,
    "evalue": lambda hit: hit["evalue"],
    "bit_score": lambda hit: -hit["bit_score"],
    "total_score": lambda hit: -hit["total_score"],
    "coverage": lambda hit: -hit["coverage"],
    "identity": lambda hit: -hit["identity"],
    "length": lambda hit: -hit["length"],
}


def line(hit: int) -> str:
    """Return a row of a hit; many hits are alike, so that their ranks decide."""
    score = hit * 7 % 5
    numbers = f"{10.0**-score}\t{score}\t{score}\t{hit % 3}\t9\t9\t{hit % 4}\t0\t0\t1\t9\t1\t9\t0\t0\t{hit % 6}\t9"
    organism = ORGANISMS[hit % len(ORGANISMS)]
    return f"id{hit}\tid{hit}\t{hit % 8}\t9\t{organism}\t{numbers}\tA\tA\ttitle of {hit % 10}\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "hits.sqlite"
    rows = "".join(map(line, range(HITS)))
    queries = [StoredQuery(number, str(number), HITS, HITS, Verdict.MERGED) for number in range(2)]
    printed = "".join(f"# BLASTN\n# Query: {n}\n# Database: d\n# {HITS} hits found\n{rows}" for n in range(2))
    write_index(path, queries, BytesIO(f"{printed}# BLAST processed 2 queries\n".encode()))
    return path


def test_queries_without_hits_are_listed_between_those_with_hits(tmp_path: Path) -> None:
    path, found = tmp_path / "hits.sqlite", {1: 2, 4: 3}
    queries = [StoredQuery(n, f"q{n}", found.get(n, 0), found.get(n, 0), Verdict.MERGED) for n in range(6)]
    parts = (
        f"# B\n# Query: q\n# Database: d\n# {hits} hits found\n{''.join(map(line, range(hits)))}"
        for hits in found.values()
    )
    write_index(path, queries, BytesIO("".join([*parts, "# BLAST processed 2 queries\n"]).encode()))

    with closing(HitIndex(path)) as index:
        rows = index.queries(text="", after=0, limit=9).rows
        assert [(row["id"], row["hits"], row["length"]) for row in rows] == [
            (f"q{n}", found.get(n, 0), 9 if n in found else None) for n in range(6)
        ]
        assert [len(index.hits(n, offset=0, limit=9).rows) for n in range(6)] == [found.get(n, 0) for n in range(6)]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(("text", "count"), [("", HITS), ("TITLE of 3", 4), ("absent", 0)])
def test_pages_in_any_order_are_the_whole_list_once(index: Path, sort: str, text: str, count: int) -> None:
    with closing(HitIndex(index)) as pages:
        listed = list(pages.hits(1, offset=0, limit=1000).rows)
        found, at = [], 0
        while at is not None:
            page = pages.hits(1, wanted=HitFilter(text), sort=sort, offset=at, limit=7)
            assert page.total == count
            found += page.rows
            at = page.next

    wanted = [hit for hit in listed if text.lower() in hit["title"]]
    assert found == sorted(wanted, key=KEYS[sort])
    assert len(found) == count
    assert all(hit["query"] == 1 for hit in found)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (HitFilter(evalue=1e-2), lambda hit: hit["evalue"] <= 1e-2),
        (HitFilter(identity=1.5), lambda hit: hit["identity"] >= 1.5),
        (HitFilter(coverage=5), lambda hit: hit["coverage"] == 5),
        (HitFilter(organism="SAPIENS"), lambda hit: hit["rank"] % 3 == 2),
        (HitFilter(taxids={"9606", "7"}), lambda hit: hit["rank"] % 3 == 2),
        (HitFilter(taxids={"56"}), lambda hit: False),
        (HitFilter(taxids=frozenset()), lambda hit: False),
        (HitFilter("of 4", evalue=1, coverage=2), lambda hit: "of 4" in hit["title"] and hit["coverage"] >= 2),
        (HitFilter(evalue=-1.0), lambda hit: False),
    ],
)
def test_hits_are_those_that_match_all_filters(
    index: Path, wanted: HitFilter, fits: Callable[[dict[str, Any]], bool]
) -> None:
    with closing(HitIndex(index)) as pages:
        listed = pages.hits(1, offset=0, limit=1000).rows
        found = pages.hits(1, wanted=wanted, sort="identity", offset=0, limit=1000)

    assert found.rows == sorted(filter(fits, listed), key=KEYS["identity"])
    assert found.total == len(found.rows)


def test_spans_are_the_hsps_of_the_first_hits_in_columns(index: Path) -> None:
    with closing(HitIndex(index)) as pages:
        some = pages.spans(1, hits=5, limit=100)
        few = pages.spans(1, hits=5, limit=3)
        none = pages.spans(7, hits=5, limit=3)
        (_, query) = pages.queries(text="", after=0, limit=10).rows

    assert some["rank"] == [0, 1, 2, 3, 4]
    assert some["query_start"] == [1] * 5
    assert some["query_end"] == [9] * 5
    assert few["rank"] == [0, 1, 2]
    assert none["rank"] == none["bit_score"] == []
    assert query["length"] == 9
