"""Organisms of hits, and hits of organisms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import make_database
from tests.sequences import changed, real
from tests.service.server import Server
from tests.taxonomy import write_names, write_taxonomy

GENE = real("16s")[0]
TAXIDS = (511145, 83333, 9606, 10090, 0)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 relatives of a gene, of four organisms, and of none, in turn."""
    folder = tmp_path_factory.mktemp("organisms")
    genes = [changed(GENE, "nucl", share=number % 5 / 50, seed=number, title=f"s{number}") for number in range(40)]
    lines = [f"s{number} {TAXIDS[number % len(TAXIDS)]}\n" for number in range(len(genes))]
    (folder / "map").write_text("".join(line for line in lines if not line.endswith(" 0\n")))
    return make_database(folder / "db", "nucl", genes, "-parse_seqids", "-taxid_map", str(folder / "map"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("service") / "home")
    one.add_database("db", database)
    one.start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def search(server: Server) -> str:
    found = server.submit("blastn", "db", GENE.fasta, "-task blastn -evalue 1000")
    assert server.ended(found["id"])["hits"] == 40
    return str(found["id"])


def asked(server: Server, search: str, what: str, **values: object) -> dict[str, Any]:
    found: dict[str, Any] = server.http.get(f"/searches/{search}/{what}", params=values).raise_for_status().json()
    return found


def test_organisms_are_a_list_where_their_lineages_are_unknown(server: Server, search: str) -> None:
    answer = asked(server, search, "organisms")

    assert not answer["has_lineages"]
    assert answer["unknown"] == 8
    assert sorted((one["taxid"], one["hits"], one["level"]) for one in answer["rows"]) == [
        (9606, 8, 0),
        (10090, 8, 0),
        (83333, 8, 0),
        (511145, 8, 0),
    ]
    assert asked(server, search, "hits", organism="83333")["total"] == 8
    assert asked(server, search, "hits", organism="562")["total"] == 0


def test_organisms_are_a_tree_with_names_where_the_taxonomy_is(server: Server, search: str) -> None:
    write_taxonomy(server.home / "taxonomy")
    write_names(server.home / "taxonomy")

    answer = asked(server, search, "organisms")
    lines = [(one["name"], one["parent"], one["hits"], one["own_hits"]) for one in answer["rows"]]

    assert answer["has_lineages"]
    assert lines[0] == ("Escherichia coli", None, 16, 0)
    assert (None, None, 16, 0) in lines
    assert ("Homo sapiens", 2759, 8, 8) in lines
    assert next(one["via"] for one in answer["rows"]) == ["2"]
    assert asked(server, search, "hits", organism="562")["total"] == 16
    assert asked(server, search, "hits", organism="2759", evalue=1e9)["total"] == 16
    assert asked(server, search, "hits", organism="7")["total"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"evalue": "nan"},
        {"evalue": -1},
        {"identity": 101},
        {"coverage": "inf"},
        {"text": "\0"},
        {"organism": "x" * 201},
    ],
)
def test_invalid_filters_are_refused(server: Server, search: str, values: dict[str, object]) -> None:
    assert server.http.get(f"/searches/{search}/hits", params=values).status_code == 422  # type: ignore[arg-type]


def test_hits_are_filtered_by_the_columns_of_the_list(server: Server, search: str) -> None:
    rows = asked(server, search, "hits", limit=1000)["rows"]
    some = sorted(row["identity"] for row in rows)[20]

    found = asked(server, search, "hits", identity=some, coverage=10, limit=1000)

    assert found["rows"] == [row for row in rows if row["identity"] >= some and row["coverage"] >= 10]
    assert 0 < found["total"] == len(found["rows"]) < 40
