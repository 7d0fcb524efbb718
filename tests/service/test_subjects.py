"""Subjects of results as FASTA."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.sequences import Sequence, real
from tests.service.server import Server, get

RNA = real("16s-queries")[0].fasta + real("16s-queries")[1].fasta
SUBJECTS = [Sequence(f"s{number} a gene of 16S rRNA", one.letters) for number, one in enumerate(real("16s")[:400])]
COMPLEMENT = str.maketrans("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("subjects")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A service whose databases have ids or none, in several volumes."""
    one = Server(folder / "home")
    small = ("-max_file_sz", "100000")
    one.add_database("plain", make_database(folder / "plain" / "plain", "nucl", SUBJECTS, *small))
    one.add_database("ids", make_database(folder / "ids" / "ids", "nucl", SUBJECTS, "-parse_seqids", *small))
    one.add_database("prot", make_database(folder / "prot" / "prot", "prot", real("proteins")[:600]))
    one.start()
    yield one
    one.close()


def searched(server: Server, database: str, options: str = "") -> str:
    found = server.submit("blastn", database, RNA, options)
    assert server.ended(found["id"])["state"] == "completed"
    return str(found["id"])


def fasta(server: Server, search: str, **values: object) -> list[Sequence]:
    answer = server.http.get(f"/searches/{search}/subjects", params=values)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    records = answer.text.split(">")[1:]
    return [
        Sequence(title, letters.replace("\n", "")) for title, _, letters in (one.partition("\n") for one in records)
    ]


def hits(server: Server, search: str, query: int = 0) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = server.http.get(
        f"/searches/{search}/hits", params={"query": query, "limit": 1000}
    ).json()["rows"]
    return rows


def known(hit: dict[str, object]) -> str:
    return next(one.letters for one in SUBJECTS if one.title.split()[0] == hit["subject"])


@pytest.mark.parametrize("database", ["plain", "ids"])
def test_subjects_are_those_of_the_hits_in_their_order(server: Server, database: str) -> None:
    search = searched(server, database)
    found = hits(server, search)
    assert len(found) > 8

    some = fasta(server, search, query=0, hit="7,2-3")
    of_query = fasta(server, search, query=0)
    of_all = fasta(server, search)

    assert [one.letters for one in some] == [known(found[rank]) for rank in (2, 3, 7)]
    assert [one.title.split()[0] for one in some] == [found[rank]["subject"] for rank in (2, 3, 7)]
    assert [one.letters for one in of_query] == [known(hit) for hit in found]
    both = {hit["subject"]: None for query in (0, 1) for hit in hits(server, search, query)}
    assert sorted(one.title.split()[0] for one in of_all) == sorted(both)


@pytest.mark.parametrize("database", ["plain", "ids"])
def test_a_region_is_cut_out_of_either_strand(server: Server, database: str) -> None:
    search = searched(server, database)
    hit = hits(server, search)[5]
    letters = known(hit)

    (plus,) = fasta(server, search, query=0, hit=5, start=11, end=300)
    (minus,) = fasta(server, search, query=0, hit=5, start=11, end=300, strand="minus")

    assert plus.letters == letters[10:300]
    assert minus.letters == letters[10:300][::-1].translate(COMPLEMENT)
    assert plus.title.startswith(f"{hit['subject']}:11-300 ")
    assert minus.title.startswith(f"{hit['subject']}:c300-11 ")


@pytest.mark.parametrize("database", ["plain", "ids"])
def test_kept_sequences_stand_in_for_a_database_that_is_gone(server: Server, folder: Path, database: str) -> None:
    name = f"{database}-gone"
    copied = folder / name
    shutil.copytree(folder / database, copied)
    server.add_database(name, copied / database)
    search = searched(server, name)
    before = fasta(server, search, query=0, hit="1,4")
    cut = fasta(server, search, query=0, hit=1, start=3, end=90)

    shutil.rmtree(copied)

    assert fasta(server, search, query=0, hit="1,4") == before
    assert fasta(server, search, query=0, hit=1, start=3, end=90) == cut


def test_sequences_that_are_gone_are_reported(folder: Path, tmp_path: Path) -> None:
    own = Server(tmp_path / "home")
    copied = tmp_path / "copied"
    shutil.copytree(folder / "plain", copied)
    own.add_database("copied", copied / "plain")
    own.start()
    try:
        search = searched(own, "copied")
        own.http.get(f"/searches/{search}/hits", params={"query": 0}).raise_for_status()
        own.http.delete("/databases/copied").raise_for_status()
        shutil.rmtree(own.home / "searches" / search / "hits")

        answer = own.http.get(f"/searches/{search}/subjects", params={"query": 0, "hit": 0})

        assert answer.status_code == 404
        assert "sequences could not be kept" in answer.json()["detail"]
        assert answer.json()["remedy"]
    finally:
        own.close()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hit": 0, "start": 0, "end": 5}, "request is not valid"),
        ({"hit": 0, "start": 1, "end": 10_000_000}, "no such region"),
        ({"hit": 0, "start": 9, "end": 5}, "no such region"),
        ({"hit": 0, "start": 9}, "a start and an end"),
        ({"hit": 0, "strand": "minus"}, "a start and an end"),
        ({"hit": "0-1", "start": 1, "end": 5}, "single subject"),
        ({"start": 1, "end": 5}, "single subject"),
        ({"hit": 0, "strand": "../../x"}, "request is not valid"),
    ],
)
def test_invalid_regions_are_refused(server: Server, values: dict[str, str | int], says: str) -> None:
    search = searched(server, "plain")

    answer = server.http.get(f"/searches/{search}/subjects", params={"query": 0, **values})

    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_a_protein_has_one_strand(server: Server) -> None:
    found = server.submit("blastp", "prot", real("proteins")[3].fasta)["id"]
    server.ended(found)
    place = {"query": 0, "hit": 0, "start": 1, "end": 20}

    assert fasta(server, found, **place)[0].letters == real("proteins")[3].letters[:20]
    answer = server.http.get(f"/searches/{found}/subjects", params={**place, "strand": "minus"})
    assert (answer.status_code, "minus strand" in answer.json()["detail"]) == (422, True)


def test_a_share_link_shows_subjects_and_nobody_else_sees_them(folder: Path, tmp_path: Path) -> None:
    own = Server(tmp_path / "home", "--auth", "token")
    own.add_database("plain", folder / "plain" / "plain")
    ada, bob = (
        own.run("token", "create", name, "--owner", name, "--scope", "read", "--scope", "search").stdout.strip()
        for name in ("ada", "bob")
    )
    own.start()
    try:
        own.http.headers["Authorization"] = f"Bearer {ada}"
        search = searched(own, "plain")
        made = own.http.post(f"/searches/{search}/share")
        assert made.status_code == 201, made.text
        link = made.json()["token"]
        values = {"query": 0, "hit": 0}

        def status(headers: dict[str, str]) -> int:
            return get(f"{own.url}/api/v1/searches/{search}/subjects", params=values, headers=headers).status_code

        assert status({"Authorization": f"Bearer {ada}"}) == 200
        assert status({"X-Share-Token": link}) == 200
        assert status({"Authorization": f"Bearer {bob}"}) == 404
        assert status({}) == 401
        assert status({"X-Share-Token": "x"}) in (401, 404)
    finally:
        own.close()
