"""Invalid and hostile requests."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import zstandard
from hypothesis import HealthCheck, given, settings

from shardblast.blast.compression import Decompressed
from shardblast.cli.serve import without_password
from tests.identity.comparison import arguments
from tests.sequences import real
from tests.service.server import END_WITHIN_S, Server, get

RNA = real("16s-queries")[0].fasta
PROTEIN = real("protein-queries")[0].fasta
LONG_TITLES = "".join(f">q{one.title} {'x' * 60_000}\n{one.fasta.split(chr(10), 1)[1]}" for one in real("proteins")[:2])
PACKED = {"gzip": gzip.compress, "zstd": zstandard.compress}


def refused(server: Server, body: Any) -> dict[str, Any]:
    answer = server.http.post("/searches", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    shown: dict[str, Any] = answer.json()
    assert all(shown[name] for name in ("code", "detail", "remedy"))
    return shown


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"program": "rm"}, ["program-unknown"]),
        ({"database": "../../etc/passwd"}, ["database-unknown"]),
        (
            {"database": "absent", "program": "psiblast", "query": "ACGT"},
            ["program-unknown", "query-not-fasta", "database-unknown"],
        ),
        ({"query": PROTEIN}, ["query-molecule"]),
        ({"program": "blastp"}, ["query-molecule", "database-molecule"]),
        ({"query": ""}, ["query-none"]),
        ({"query": ">a\n>b\nACGT\n"}, ["query-empty"]),
        ({"query": f"{RNA}>j\n****\n"}, ["query-empty"]),
        ({"query": f"{RNA}>j\nACGT....................\n"}, ["query-implausible"]),
        ({"query": ">\u00e9\nACGTACGTACGT\n"}, ["query-title"]),
        ({"query": ">a\x7f\nACGTACGTACGT\n"}, ["query-title"]),
        ({"options": "-out /tmp/x -evalue y"}, ["option-not-permitted", "option-value"]),
        ({"options": "-remote"}, ["option-not-permitted"]),
        ({"options": {"culling_limit": 1, "best_hit_overhang": 0.1}}, ["options"]),
        ({"exactness": "sloppy"}, ["exactness"]),
        ({"query": f"{RNA}>short\nACGTACGTACGTACG\n", "options": "-query_loc 17-90"}, ["input"]),
        ({"query": f"{RNA}>short\nACGTACGTACGTACG\n", "options": "-query_loc 16-90"}, ["input"]),
    ],
)
def test_every_problem_of_a_search_is_reported(server: Server, changes: dict[str, Any], codes: list[str]) -> None:
    body = {"program": "blastn", "database": "16s", "query": RNA, **changes}

    shown = refused(server, body)

    assert [one["code"] for one in shown["problems"]] == codes
    preflight = server.http.post("/searches/preflight", json=body).json()
    assert (preflight["ok"], [one["code"] for one in preflight["problems"]]) == (False, codes)


def test_preflight_shows_the_plan_of_a_search(server: Server) -> None:
    body = {"program": "blastn", "database": "16s", "query": RNA, "options": {"evalue": 1e-5}}

    shown = server.http.post("/searches/preflight", json=body).json()

    assert shown["ok"]
    assert (shown["queries"], shown["molecule"], shown["fits_in_memory"]) == (1, "nucleotide", True)
    assert shown["command"] == ["blastn", "-db", "16s", "-query", "query.fa", "-evalue", "1e-05"]
    assert shown["shards"] >= 1
    assert shown["why"]


@pytest.mark.parametrize(
    ("program", "query", "options"),
    [
        ("blastn", RNA, ""),
        ("blastn", RNA, "-sum_stats true"),
        ("blastn", RNA, "-culling_limit 1"),
        ("blastp", PROTEIN, ""),
        ("blastp", LONG_TITLES, ""),  # many bytes, few residues
        ("blastp", LONG_TITLES, "-culling_limit 1"),
    ],
)
def test_a_search_is_cut_as_preflight_says(server: Server, program: str, query: str, options: str) -> None:
    if "-sum_stats" in options and "sum_stats" not in arguments(program):
        options = "-ungapped"  # later versions have no such option
    database = "16s" if program == "blastn" else "proteins"
    body = {"program": program, "database": database, "query": query, "options": options}
    shown = server.http.post("/searches/preflight", json=body).json()

    search = server.submit(program, database, query, options)["id"]

    assert server.ended(search)["state"] == "completed"
    report = server.http.get(f"/searches/{search}/report").json()
    assert (shown["shards"], shown["why"]) == (report["shards"], report["why"])


def test_preflight_counts_the_letters_that_blast_reads(server: Server) -> None:
    numbered = "".join(f"{at:>9} acgtacgtac----gtacgtac..gt\n" for at in range(1, 200, 22))

    shown = server.http.post(
        "/searches/preflight", json={"program": "blastn", "database": "16s", "query": f">a\n{numbered}>b\nACGT\n"}
    ).json()

    assert shown["ok"]
    assert (shown["queries"], shown["letters"], shown["longest"], shown["molecule"]) == (2, 204, 200, "nucleotide")


@pytest.mark.parametrize("body", ["", "[]", "{", '{"program": 1}', '{"program": "blastn", "extra": 1}', "\x00"])
def test_an_invalid_body_is_refused(server: Server, body: str) -> None:
    answer = server.http.post("/searches", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


def test_damaged_and_endless_packed_files_are_refused(server: Server) -> None:
    fields = {"program": "blastn", "database": "16s"}
    whole = gzip.compress(RNA.encode() * 1000)

    cut = server.http.post("/searches", data=fields, files={"query": ("q.gz", whole[:-20])})
    bomb = gzip.compress(b">a\n" + b"A" * (1_100_000_000))
    endless = server.http.post("/searches", data=fields, files={"query": ("q.gz", bomb)})

    assert (cut.status_code, cut.json()["code"]) == (422, "input")
    assert (endless.status_code, endless.json()["code"]) == (413, "too-large")
    assert list((server.home / "incoming").iterdir()) == []


def test_nothing_sent_becomes_a_path(server: Server) -> None:
    for search_id in ("..%2f..%2fetc%2fpasswd", "a" * 5000, "%00", "'; DROP TABLE searches; --"):
        assert server.http.get(f"/searches/{search_id}").status_code == 404


def test_another_sites_page_changes_nothing(server: Server) -> None:
    body = {"program": "blastn", "database": "16s", "query": RNA}

    answer = server.http.post("/searches", json=body, headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")
    assert "access-control-allow-origin" not in answer.headers
    assert server.http.post("/searches", json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    address = f"{server.url}/blast/Blast.cgi"
    put = {"CMD": "Put", "PROGRAM": "blastn", "DATABASE": "16s", "QUERY": RNA}
    assert get(address, params=put, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert server.http.get("/searches").headers["content-security-policy"].startswith("default-src 'none'")


def test_another_name_for_this_machine_is_not_answered(server: Server) -> None:
    answer = server.http.get("/searches", headers={"Host": "evil.example"})

    assert (answer.status_code, answer.json()["code"]) == (403, "host")


@pytest.mark.parametrize("outfmt", ["6 delim=\0", "19", "20", "21", "99", "x", "6 " + "x" * 600])
def test_an_invalid_format_is_refused(server: Server, outfmt: str) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])

    assert server.http.get(f"/searches/{search['id']}/results", params={"outfmt": outfmt}).status_code == 422


def test_options_that_are_nested_without_end_are_refused(server: Server) -> None:
    fields = {"program": "blastn", "database": "16s", "options": '{"a":' * 50_000}

    assert server.http.post("/searches", data=fields, files={"query": ("q.fa", RNA)}).status_code == 422


@pytest.mark.parametrize("last", ["99999999999999999999", "-1", "x"])
def test_an_unknown_last_event_starts_from_the_beginning(server: Server, last: str) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])

    assert [event.event for event in server.events(search["id"], last=last)] == ["snapshot"]


def test_passwords_in_addresses_are_not_printed() -> None:
    for address in ("s3://key:sekret@bucket/x", "postgresql://ada:sekret@host/db"):
        assert "sekret" not in without_password(address)
    assert without_password("file:///home/x") == "file:///home/x"


def test_answers_never_contain_paths_of_the_server(server: Server) -> None:
    shown = server.http.get("/databases").text + server.http.get("/searches").text

    assert str(server.home) not in shown
    assert str(server.home.parent) not in shown


def test_without_sign_in_only_this_machine_can_connect(server: Server) -> None:
    started = server.run("serve", "--host", "0.0.0.0", "--port", "1")

    assert started.returncode == 1
    assert "could use the service" in started.stderr
    assert "--auth token" in started.stderr


def test_tokens_decide_who_may_do_what(tmp_path: Path, served: dict[str, Path]) -> None:
    server = Server(tmp_path / "home", "--auth", "token")
    server.add_database("16s", served["16s"])
    make = ["token", "create", "for a test", "--owner"]
    ada, bob, reader, void = (
        server.run(*make, *words).stdout.strip()
        for words in (("ada",), ("bob",), ("ada", "--scope", "read"), ("ada", "--days", "0"))
    )
    admin = server.run(*make, "root", "--scope", "admin").stdout.strip()
    server.start()
    body = {"program": "blastn", "database": "16s", "query": RNA}

    def ask(token: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return server.http.request(method, path, headers=headers, **more)

    try:
        search = ask(ada, "POST", "/searches", json=body).json()
        path = f"/searches/{search['id']}"
        assert search["owner"] == "ada"
        assert [ask(token, "GET", path).status_code for token in (ada, reader, admin)] == [200] * 3
        assert ask(bob, "GET", path).status_code == 404
        assert ask(bob, "GET", "/searches").json()["searches"] == []
        assert ask(reader, "POST", "/searches", json=body).status_code == 403
        assert ask(ada, "POST", "/databases", json={"name": "x", "source": "/x"}).status_code == 403
        assert [ask(token, "GET", "/me").status_code for token in (None, "sb_wrong", void)] == [401] * 3
        assert ask(None, "GET", "/me").headers["www-authenticate"] == "Bearer"
        rid = search["id"]
        address = f"{server.url}/blast/Blast.cgi"
        for values in ({"CMD": "Delete", "RID": rid}, {"CMD": "Put", "QUERY": RNA}):
            assert get(address, params=values, headers={"Authorization": f"Bearer {reader}"}).status_code == 403
        only = server.run(*make, "ada", "--scope", "search").stdout.strip()
        assert [ask(only, "GET", f"{path}{part}").status_code for part in ("", "/pieces", "/results")] == [403] * 3
        listed = server.run("token", "list").stdout
        assert ada not in listed
        number = next(line.split()[0] for line in listed.splitlines() if "  ada  read  " in line)
        server.run("token", "revoke", number)
        assert ask(reader, "GET", path).status_code == 401
        assert ada not in server.log
        ask(ada, "GET", f"{path}/events")  # until it is over
        assert not server.keeps(ada)
    finally:
        server.close()


def test_requests_made_from_the_document_never_break_it(server: Server) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")
    left_out = {"/api/v1/searches/events", "/api/v1/searches/{search_id}/events"}
    checked = 0
    for operation in schema.get_all_operations():
        found = operation.ok()
        if found.path in left_out:
            continue

        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=found.as_strategy())
        def try_it(case: Any) -> None:
            is_stream = case.path.endswith("/events")  # of which the timeout is how long it is read
            answer = case.call() if is_stream else case.call(timeout=END_WITHIN_S)
            assert answer.status_code < 500, (case.method, case.path, answer.text)

        try_it()
        checked += 1
    assert checked > 15


def test_endless_options_are_refused_before_they_are_read(server: Server) -> None:
    body = {"program": "blastn", "database": "16s", "query": ">a\nACGT"}

    for options in ("a" * 1_000_000, {f"o{number}": 1 for number in range(1000)}):
        answer = server.http.post("/searches/preflight", json={**body, "options": options})

        assert answer.status_code == 422
        assert len(answer.content) < 100_000


def test_options_that_would_make_blast_search_long_are_not_waited_for(server: Server) -> None:
    body = {"program": "tblastn", "database": "16s", "query": ">a\nMKVLAAGIVGLCAKWYEDHNPQRSTFMK"}

    answer = server.http.post("/searches/preflight", json={**body, "options": {"threshold": 1, "word_size": 6}})

    assert answer.json()["problems"] == []


def test_a_small_file_that_stands_for_a_large_one_is_unpacked_bit_by_bit(tmp_path: Path) -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(b"A" * (100 << 20))
    reader = Decompressed(io.BytesIO(bomb))
    block = bytearray(1 << 16)
    length = 0
    tracemalloc.start()
    while taken := reader.readinto(memoryview(block)):
        length += taken
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert length == 100 << 20
    assert peak < 80 << 20


@pytest.mark.parametrize("outer", PACKED)
@pytest.mark.parametrize("inner", PACKED)
@pytest.mark.parametrize("kind", ["query", "seqidlist"])
def test_an_upload_that_was_compressed_twice_is_refused(server: Server, outer: str, inner: str, kind: str) -> None:
    twice = PACKED[outer](PACKED[inner](RNA.encode()))
    files = {"query": RNA.encode(), kind: twice}

    for path in ("/searches", "/searches/preflight"):
        answer = server.http.post(path, data={"program": "blastn", "database": "16s"}, files=files)

        assert (answer.status_code, answer.json()["code"]) == (422, "input"), answer.text
        assert "compressed twice" in answer.json()["detail"]
    assert not any((server.home / "incoming").iterdir())


def test_a_name_that_is_not_text_is_refused(server: Server) -> None:
    fields = {"program": "blastn", "database": "16s", "options": '{"\\ud800": "1"}'}

    answer = server.http.post("/searches/preflight", data=fields, files={"query": ("q.fa", b">a\nACGT")})

    assert answer.status_code in (200, 422)
    assert "traceback" not in server.log
