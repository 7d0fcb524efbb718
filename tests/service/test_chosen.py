"""Results of selected queries or hits."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.sequences import Sequence, gene, real
from tests.service.server import Server

RNA = [one.fasta for one in real("16s-queries")[:6]] + [">\n" + real("16s-queries")[6].letters + "\n"]
PROTEINS = [one.fasta for one in real("proteins")[3:3000:400]]
FORMATS = ["0", "1", "5", "6 std staxids", "7", "10", "11", "12", "15", "16", "17", "18"]


@pytest.fixture(scope="module")
def search(server: Server) -> str:
    """A completed search of seven genes, the last without a title, whose hits come from several shards."""
    found = server.submit("blastn", "16s", "".join(RNA), "-max_target_seqs 40")
    assert server.ended(found["id"])["state"] == "completed"
    return str(found["id"])


def blast(program: str, database: Path, folder: Path, queries: list[str], *words: str) -> bytes:
    (folder / "query.fa").write_text("".join(queries))
    argv = [program, "-db", database.name, "-query", "query.fa", *words]
    environment = {**os.environ, "BLASTDB": str(database.parent)}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=True).stdout


@pytest.mark.parametrize("outfmt", FORMATS)
def test_some_queries_are_printed_as_if_they_had_been_searched_alone(
    server: Server, search: str, served: dict[str, Path], tmp_path: Path, outfmt: str
) -> None:
    chosen = [RNA[number] for number in (1, 2, 4, 6)]
    words = ["-outfmt", outfmt, "-max_target_seqs", "40"]

    printed = server.result(search, outfmt, query="1-2,4,6")

    expected = blast("blastn", served["16s"], tmp_path, chosen, *words)
    if outfmt == "11":
        printed, expected = (_printed_again(one, served["16s"], tmp_path) for one in (printed, expected))
    assert printed == expected


def _printed_again(archive: bytes, database: Path, folder: Path) -> bytes:
    (folder / "archive").write_bytes(archive)
    argv = ["blast_formatter", "-archive", "archive", "-outfmt", "6"]
    environment = {**os.environ, "BLASTDB": str(database.parent)}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=True).stdout


def test_files_of_some_queries_are_numbered_from_one(server: Server, search: str) -> None:
    printed = server.result(search, "13", query="2,5")

    with zipfile.ZipFile(io.BytesIO(printed)) as files:
        assert len(files.namelist()) == 3


@pytest.mark.parametrize(
    ("program", "database", "queries", "options"),
    [
        ("blastn", "16s", RNA[:3], ""),
        ("blastn", "16s", RNA[:3], "-ungapped"),
        ("blastp", "proteins", PROTEINS, "-evalue 1000"),
        ("tblastn", "16s", PROTEINS[:4], "-evalue 1000"),
        ("tblastx", "16s", RNA[:2], "-max_target_seqs 20"),
        ("blastx", "proteins", [gene(real("proteins")[3]).fasta], "-evalue 1000"),
    ],
)
def test_chosen_hits_are_the_rows_of_their_subjects(
    server: Server, program: str, database: str, queries: list[str], options: str
) -> None:
    found = server.submit(program, database, "".join(queries), options)["id"]
    server.ended(found)
    counts = [row["hits"] for row in server.http.get(f"/searches/{found}/queries").json()["rows"]]
    query = max(range(len(counts)), key=counts.__getitem__)
    rows = server.result(found, "6 saccver evalue bitscore qseq sseq", query=query).decode().splitlines()
    subjects = list(dict.fromkeys(row.split("\t")[0] for row in rows))
    assert len(subjects) > 4

    printed = server.result(found, "6 saccver evalue bitscore qseq sseq", query=query, hit="1,3-4").decode()

    wanted = {subjects[1], subjects[3], subjects[4]}
    assert printed.splitlines() == [row for row in rows if row.split("\t")[0] in wanted]
    pairwise = server.result(found, "0", query=query, hit="1,3-4").decode()
    assert [line[1:].split()[0] for line in pairwise.splitlines() if line.startswith(">")] == [
        subjects[rank] for rank in (1, 3, 4)
    ]
    whole = server.result(found, "0", query=query).decode()
    assert pairwise[: pairwise.index("Sequences producing")] == whole[: whole.index("Sequences producing")]
    assert pairwise[pairwise.index("Lambda") :] == whole[whole.index("Lambda") :]


def test_all_hits_chosen_are_the_whole_result(server: Server, search: str) -> None:
    for outfmt in ("0", "5", "11"):
        assert server.result(search, outfmt, query=2, hit="0-39") == server.result(search, outfmt, query=2)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"query": 7}, "no such query"),
        ({"query": "2-1"}, "ends before it begins"),
        ({"query": "-1"}, "request is not valid"),
        ({"query": "0;1"}, "request is not valid"),
        ({"query": "../x"}, "request is not valid"),
        ({"query": "1" * 20_000}, None),
        ({"query": "0-1", "hit": 0}, "for a single query"),
        ({"hit": 0}, "for a single query"),
        ({"query": 0, "hit": 1000}, "no such hit"),
    ],
)
def test_missing_queries_and_hits_are_reported(
    server: Server, search: str, values: dict[str, str | int], says: str | None
) -> None:
    for what in ("results", "subjects"):
        answer = server.http.get(f"/searches/{search}/{what}", params=values)

        assert 400 <= answer.status_code < 500
        assert says is None or says in answer.json()["detail"]


def test_many_hits_are_named_in_one_address(server: Server, search: str) -> None:
    every_other = ",".join(str(rank) for rank in range(0, 4000, 2))[:11_999].rstrip(",")

    printed = server.result(search, "6 saccver", query=0, hit=every_other)

    subjects = list(dict.fromkeys(server.result(search, "6 saccver", query=0).split()))
    assert list(dict.fromkeys(printed.split())) == subjects[::2]


@pytest.mark.parametrize("outfmt", [*FORMATS, "13"])
def test_a_selection_in_a_body_is_printed_like_one_in_an_address(server: Server, search: str, outfmt: str) -> None:
    for named in ({"query": "1-2,4"}, {"query": "2", "hit": "0,3-5,39"}):
        sent = server.http.post(f"/searches/{search}/results", params={"outfmt": outfmt}, json=named)

        read = server.http.get(f"/searches/{search}/results", params={"outfmt": outfmt, **named})
        assert _files(sent.content) == _files(read.content)
        compared = ("status", "content-type", "content-disposition")
        assert [sent.headers.get(name) for name in compared] == [read.headers.get(name) for name in compared]
        assert sent.headers["content-disposition"].startswith("attachment")


def _files(printed: bytes) -> object:
    """Return what is printed; of an archive without the times of its files."""
    if not printed.startswith(b"PK"):
        return printed
    with zipfile.ZipFile(io.BytesIO(printed)) as files:
        return {name: files.read(name) for name in files.namelist()}


def test_a_body_may_name_the_hits_of_an_address_and_how_they_are_printed(server: Server, search: str) -> None:
    place = {"outfmt": "0", "line_length": 90, "query": 1}

    answer = server.http.post(f"/searches/{search}/results", params=place, json={"hit": "2,7"})

    assert answer.content == server.result(search, "0", line_length=90, query=1, hit="2,7")
    region = {"start": 5, "end": 40}
    subject = server.http.post(f"/searches/{search}/subjects", params=region, json={"query": "1", "hit": "2"})
    assert (
        subject.content
        == server.http.get(f"/searches/{search}/subjects", params=region | {"query": 1, "hit": 2}).content
    )


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a database of 5,000 subjects that a query finds."""
    folder = tmp_path_factory.mktemp("crowded")
    letters = real("16s")[0].letters[:90]
    subjects = [Sequence(f"s{number}", letters) for number in range(5000)]
    one = Server(folder / "home")
    one.add_database("crowd", make_database(folder / "db", "nucl", subjects, "-parse_seqids"))
    one.start()
    yield one
    one.close()


def test_any_hits_of_the_most_there_can_be_are_printed(crowded: Server) -> None:
    query = real("16s")[0].letters[:90]
    search = crowded.submit("blastn", "crowd", f">q\n{query}\n", "-max_target_seqs 5000")["id"]
    assert crowded.ended(search)["hits"] == 5000
    ranks = [rank for rank in range(5000) if rank % 3 < 2]
    named = {"query": "0", "hit": ",".join(map(str, ranks))}
    rows = crowded.result(search, "6").splitlines()
    subjects = [row.split(b"\t")[1] for row in rows]

    printed = crowded.http.post(f"/searches/{search}/results", params={"outfmt": "6"}, json=named)
    fasta = crowded.http.post(f"/searches/{search}/subjects", json=named)

    assert crowded.http.get(f"/searches/{search}/results", params=named).status_code == 422
    assert printed.content.splitlines() == [rows[rank] for rank in ranks]
    records = [line[1:].split()[0] for line in fasta.content.splitlines() if line.startswith(b">")]
    assert records == [subjects[rank] for rank in ranks]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ('{"query": "0", "hit": "1-x"}', 422, "request is not valid"),
        ('{"query": "0", "hits": "1"}', 422, "request is not valid"),
        ('{"query": "0", "hit": "2-1"}', 422, "ends before it begins"),
        ('{"hit": "1"}', 422, "for a single query"),
        ("query=0&hit=1", 422, "request is not valid"),
        ("", 422, "request is not valid"),
        ('{"query": "' + "1," * (1 << 19) + '1"}', 413, "longer than 1,048,576 bytes"),
    ],
)
def test_an_invalid_selection_in_a_body_is_reported(
    server: Server, search: str, body: str, status: int, says: str
) -> None:
    for what in ("results", "subjects"):
        answer = server.http.post(f"/searches/{search}/{what}", content=body)

        assert answer.status_code == status
        assert says in answer.json()["detail"]


def test_a_body_is_accepted_from_readers_and_from_no_other_site(server: Server, search: str) -> None:
    link = server.http.post(f"/searches/{search}/share").json()["token"]
    other = server.submit("blastn", "16s", RNA[0])["id"]

    def asked(of: str, headers: dict[str, str]) -> int:
        return server.http.post(f"/searches/{of}/results", json={"query": "0"}, headers=headers).status_code

    assert asked(search, {"X-Share-Token": link}) == 200
    assert asked(other, {"X-Share-Token": link}) == 404
    assert asked(search, {"Origin": server.url}) == 200
    assert asked(search, {"Origin": "https://elsewhere.example"}) == 403
    assert asked(search, {"Sec-Fetch-Site": "cross-site"}) == 403
