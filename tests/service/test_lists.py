"""Lists of ids and taxids that users send to the service."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.databases import make_database
from tests.sequences import Sequence, real
from tests.service.processes import blast
from tests.service.server import Server
from tests.taxonomy import NAMES, write_names, write_taxonomy

TAXIDS = (511145, 9606, 10090)
QUERIES = "".join(one.fasta for one in real("protein-queries")[:3] + real("proteins")[20:23])
FORMATS = ("0", "5", "6 std staxids salltitles", "7", "8")


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Proteins with ids and taxids; each tenth has two ids and two taxids, each thirtieth accessions."""
    folder = tmp_path_factory.mktemp("named")
    sequences, taxids = [], []
    for number, one in enumerate(real("proteins")[:600]):
        title = f"S{number}.1 first"
        taxids.append(f"S{number}.1 {TAXIDS[number % 3]}")
        if number % 10 == 0:
            title += f"\x01T{number}.1 second"
            taxids.append(f"T{number}.1 {TAXIDS[(number + 1) % 3]}")
        if number % 30 == 15:
            title = f"NP_{number:06}.1 first\x01NP_9{number:05}.1 second\x01S{number}.1 third"
        sequences.append(Sequence(title, one.letters))
    (folder / "taxids").write_text("\n".join(taxids) + "\n")
    options = ("-parse_seqids", "-taxid_map", str(folder / "taxids"), "-max_file_sz", "60000")
    return make_database(folder / "named", "prot", sequences, *options)


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory, named: Path, served: dict[str, Path]) -> Iterator[Server]:
    """A service with a database that has ids and one that has none."""
    one = Server(tmp_path_factory.mktemp("listing") / "home")
    one.add_database("named", named)
    one.add_database("proteins", served["proteins"])
    one.start()
    yield one
    one.close()


@pytest.fixture
def taxonomy(listing: Server) -> Iterator[Path]:
    """The service's folder of taxonomy files, with files in it."""
    folder = listing.home / "taxonomy"
    write_taxonomy(folder)
    write_names(folder)
    yield folder
    shutil.rmtree(folder)


def expected(named: Path, name: str, text: str, outfmt: str, folder: Path) -> bytes:
    (folder / "list").write_text(text)
    return blast("blastp", named, "named", QUERIES, [f"-{name}", str(folder / "list")], outfmt, folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seqidlist", "".join(f"S{number}.1\n" for number in range(600) if number % 10 and number % 3)),
        ("negative_seqidlist", "".join(f"S{number}.1\n" for number in range(600) if number % 10 and number % 3)),
        ("seqidlist", "".join(f"T{number}.1\n" for number in range(0, 600, 10)) + "S3.1\n"),
        ("seqidlist", "".join(f"NP_9{number:05}\nS{number}.1\n" for number in range(15, 600, 10))),
        ("taxidlist", "9606\n10090\n"),
    ],
    ids=["ids", "all but ids", "second ids", "accessions", "taxids"],
)
def test_a_list_is_obeyed_in_every_format(listing: Server, named: Path, name: str, text: str, tmp_path: Path) -> None:
    search = listing.submit("blastp", "named", QUERIES, lists={name: text})

    ended = listing.ended(search["id"])

    assert ended["state"] == "completed", ended["failure"]
    for outfmt in FORMATS:
        wanted = expected(named, name, text, outfmt, tmp_path)
        assert wanted
        assert listing.result(search["id"], outfmt) == wanted, outfmt


def test_a_list_is_part_of_the_command_and_of_the_fingerprint_of_a_search(listing: Server) -> None:
    key = {"headers": {"Idempotency-Key": "with-a-list"}}
    first = listing.submit("blastp", "named", QUERIES, lists={"seqidlist": "S1.1\nS2.1\n"}, **key)
    again = listing.submit("blastp", "named", QUERIES, lists={"seqidlist": "S1.1\nS2.1\n"}, **key)
    body = {"program": "blastp", "database": "named", "query": QUERIES, "lists": {"seqidlist": "S1.1\nS3.1\n"}}
    other = listing.http.post("/searches", json=body, **key)

    listing.ended(first["id"])

    assert again["id"] == first["id"]
    assert other.status_code == 409
    command = listing.http.get(f"/searches/{first['id']}/report").json()["command"]
    assert command[-2:] == ["-seqidlist", "seqidlist.txt"]


def test_a_list_may_be_a_file_of_a_form(listing: Server, named: Path, tmp_path: Path) -> None:
    fields = {"program": "blastp", "database": "named", "negative_seqidlist": "S1.1\n"}
    for files in ({"query": QUERIES.encode()}, {"query": QUERIES.encode(), "negative_seqidlist": b"S1.1\n"}):
        sent = {name: value for name, value in fields.items() if name not in files}
        answer = listing.http.post("/searches", data=sent, files=files)
        assert answer.status_code == 202, answer.text

        assert listing.ended(answer.json()["id"])["state"] == "completed"
        wanted = expected(named, "negative_seqidlist", "S1.1\n", "6", tmp_path)
        assert listing.result(answer.json()["id"], "6") == wanted


def test_a_list_may_be_packed(listing: Server) -> None:
    text = "S1.1\nS2.1\n"
    fields = {"program": "blastp", "database": "named", "query": QUERIES}
    key = {"Idempotency-Key": "packed-or-not"}
    plain = listing.submit("blastp", "named", QUERIES, lists={"seqidlist": text}, headers=key)["id"]

    for pack in (gzip.compress, zstandard.compress):
        files = {"seqidlist": pack(text.encode())}
        assert listing.http.post("/searches", data=fields, files=files, headers=key).json()["id"] == plain

    broken = listing.http.post("/searches", data=fields, files={"seqidlist": gzip.compress(text.encode())[:-9]})
    assert (broken.status_code, "The upload can't be read" in broken.json()["detail"]) == (422, True)
    assert listing.http.get(f"/searches/{plain}/lists/seqidlist").text == text


def test_readers_of_a_search_can_read_its_list_as_it_was_sent(listing: Server) -> None:
    found = listing.submit("blastp", "named", QUERIES, lists={"seqidlist": "S1.1\n\nS2.1"})["id"]

    assert listing.http.get(f"/searches/{found}/lists/seqidlist").text == "S1.1\n\nS2.1"
    for name in ("taxidlist", "..%2Fquery.fa", "query.fa"):
        assert listing.http.get(f"/searches/{found}/lists/{name}").status_code == 404, name


def test_the_command_sends_lists(listing: Server, tmp_path: Path) -> None:
    (tmp_path / "q.fa").write_text(QUERIES)
    (tmp_path / "ids").write_text("S21.1\n")
    words = ["submit", "blastp", "--db", "named", "--query", str(tmp_path / "q.fa")]

    sent = listing.run(*words, "-seqidlist", str(tmp_path / "ids"))
    wrong = listing.run(*words, "-gilist", str(tmp_path / "ids"))
    absent = listing.run(*words, "-seqidlist", str(tmp_path / "absent"))

    assert sent.returncode == 0, sent.stderr
    assert listing.ended(sent.stdout.strip())["state"] == "completed"
    assert {row.split(b"\t")[1] for row in listing.result(sent.stdout.strip(), "6").splitlines()} == {b"S21.1"}
    assert wrong.returncode == 1
    assert "names a local file" in wrong.stderr
    assert absent.returncode == 1
    assert "can't be read" in absent.stderr


@pytest.mark.parametrize(
    ("database", "more", "codes"),
    [
        ("named", {"lists": {"gilist": "1\n"}}, ["list-unknown"]),
        ("named", {"lists": {"seqidlist": "fine\nnot f\u00efne\n", "taxidlist": "x\n"}}, ["list-line", "list-line"]),
        ("named", {"lists": {"seqidlist": "S1.1\n"}, "options": "-taxids 9606"}, ["options"]),
        ("named", {"options": "-taxids human"}, ["option-value"]),
        ("named", {"options": "-seqidlist /etc/passwd"}, ["option-not-permitted"]),
        ("proteins", {"lists": {"seqidlist": "a\n"}}, ["database-ids"]),
        ("proteins", {"options": "-taxids 9606"}, ["database-taxids"]),
    ],
)
def test_every_problem_of_a_list_is_reported(
    listing: Server, database: str, more: dict[str, object], codes: list[str]
) -> None:
    body = {"program": "blastp", "database": database, "query": QUERIES, **more}

    shown = listing.http.post("/searches/preflight", json=body).json()
    refused = listing.http.post("/searches", json=body)

    assert [one["code"] for one in shown["problems"]] == codes
    assert refused.status_code == 422


def test_a_list_that_leaves_nothing_ends_the_search_with_a_reason(listing: Server) -> None:
    search = listing.submit("blastp", "named", QUERIES, lists={"seqidlist": "ABSENT7.1\n"})

    ended = listing.ended(search["id"])

    assert ended["state"] == "failed"
    assert "leaves nothing" in ended["failure"]["problem"]


def test_taxids_include_their_descendants(listing: Server, taxonomy: Path, named: Path, tmp_path: Path) -> None:
    body = {"program": "blastp", "database": "named", "query": QUERIES, "options": "-taxids 562,9606"}
    search = listing.submit("blastp", "named", QUERIES, "-taxids 562,9606")

    assert listing.http.post("/searches/preflight", json=body).json()["remarks"] == []
    assert listing.ended(search["id"])["state"] == "completed"

    wanted = expected(named, "taxidlist", "511145\n9606\n", "6", tmp_path)
    assert listing.result(search["id"], "6") == wanted
    report = listing.http.get(f"/searches/{search['id']}/report").json()
    assert report["taxids"] == {"with_descendants": True, "taxids": 4}
    assert report["command"][-2:] == ["-taxids", "562,9606"]


def test_without_a_taxonomy_taxids_exclude_their_descendants_and_the_remark_says_so(
    listing: Server, named: Path, tmp_path: Path
) -> None:
    body = {"program": "blastp", "database": "named", "query": QUERIES, "options": "-taxids 9606"}
    search = listing.submit("blastp", "named", QUERIES, "-taxids 9606")

    (remark,) = listing.http.post("/searches/preflight", json=body).json()["remarks"]
    assert "do not include their descendants" in remark
    assert listing.ended(search["id"])["state"] == "completed"

    assert listing.result(search["id"], "6") == expected(named, "taxidlist", "9606\n", "6", tmp_path)
    report = listing.http.get(f"/searches/{search['id']}/report").json()
    assert report["taxids"] == {"with_descendants": False, "taxids": None}


def test_scientific_names_come_from_the_services_taxonomy(listing: Server, taxonomy: Path) -> None:
    search = listing.submit("blastp", "named", QUERIES, "-taxids 9606")
    listing.ended(search["id"])

    printed = listing.result(search["id"], "6 staxids sscinames").decode().splitlines()

    assert set(printed) == {f"9606\t{NAMES[9606][0]}"}


def test_a_database_that_results_need_is_removed_only_by_users_who_give_them_up(listing: Server, named: Path) -> None:
    listing.add_database("needed", named)
    ids = "".join(f"T{number}.1\n" for number in range(0, 600, 10))
    hiding = listing.submit("blastp", "needed", QUERIES, lists={"seqidlist": ids})["id"]
    plain = listing.submit("blastp", "needed", QUERIES)["id"]
    printed = {search: listing.result(listing.ended(search)["id"], "0") for search in (hiding, plain)}

    use = listing.http.get("/databases/needed/use").json()
    over_http = listing.http.delete("/databases/needed")
    by_command = listing.run("db", "remove", "needed")
    kept = {search: listing.result(search, "0") for search in (hiding, plain)}
    forced = listing.run("db", "remove", "needed", "--force")

    assert (use["searches"], use["results"]) == (0, 1)
    assert (over_http.status_code, over_http.json()["allowed_with"]) == (409, "force")
    assert over_http.json()["detail"] == "1 finished search can't be printed without 'needed'."
    assert "--" not in over_http.text
    assert (by_command.returncode, by_command.stderr) == (
        1,
        "1 finished search can't be printed without 'needed'.\n"
        "shardblast: Download these results first. Or use --force.\n",
    )
    assert kept == printed
    assert (forced.returncode, forced.stderr) == (0, "")
    assert listing.result(plain, "0") == printed[plain]
    assert listing.http.get(f"/searches/{hiding}/results", params={"outfmt": "0"}).status_code == 404


def test_a_generation_is_kept_as_long_as_a_result_needs_it_to_be_printed(
    listing: Server, named: Path, tmp_path: Path
) -> None:
    def add(path: Path, *words: str) -> str:
        added = listing.run("db", "add", "renewed", str(path), "--copy", "--quiet", *words)
        assert added.returncode == 0, added.stderr
        return str(listing.http.get("/databases/renewed").json()["generation"])

    stored = listing.home / "storage" / "databases" / "renewed"
    first = add(named)
    ids = "".join(f"T{number}.1\n" for number in range(0, 600, 10))
    hiding = listing.submit("blastp", "renewed", QUERIES, lists={"seqidlist": ids})["id"]
    printed = listing.result(listing.ended(hiding)["id"], "0")

    second = add(make_database(tmp_path / "other", "prot", real("proteins")[:50]), "--replace")
    third = add(make_database(tmp_path / "third", "prot", real("proteins")[:60]), "--replace")

    assert {first, third} <= {folder.name for folder in stored.iterdir()}
    assert not (stored / second).exists()
    assert listing.result(hiding, "0") == printed
    outcome = listing.http.get("/tasks", params={"database": "renewed"}).json()[0]["outcome"]
    assert outcome.endswith("The earlier version is kept, because 1 result needs it.")

    assert listing.http.delete(f"/searches/{hiding}").status_code == 204
    assert not (stored / first).exists()
