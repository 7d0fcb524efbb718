"""Searches over HTTP, from the request to the bytes of BLAST+."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from shardblast.core.search import Phase
from tests.databases import make_database
from tests.sequences import Sequence, real
from tests.service.processes import blast, blast_runs
from tests.service.server import Server
from tests.waiting import until

RNA = "".join(one.fasta for one in real("16s-queries")[:4])
SHORT_RNA = "".join(replace(one, letters=one.letters[:240]).fasta for one in real("16s-queries")[:2])
PROTEINS = "".join(one.fasta for one in real("protein-queries")[:6])
MANY = "".join(one.fasta for one in real("proteins")[:400])
SOME = "".join(one.fasta for one in real("proteins")[:40])
FORMATS = ("0", "5", "6", "7", "10", "12", "15", "16", "17", "18", "6 qseqid sseqid evalue stitle")


def without_command(sam: bytes) -> bytes:
    return b"\n".join(line for line in sam.split(b"\n") if not line.startswith(b"@PG"))


@pytest.mark.parametrize(
    ("program", "database", "query", "options"),
    [
        ("blastn", "16s", RNA, ["-max_target_seqs", "20", "-evalue", "1e-20"]),
        ("blastp", "proteins", PROTEINS, []),
        ("blastx", "proteins", SHORT_RNA, ["-evalue", "1000", "-max_hsps", "1"]),
        ("tblastn", "16s", PROTEINS, ["-evalue", "100", "-culling_limit", "2"]),
    ],
)
def test_every_format_is_printed_as_blast_prints_it(
    server: Server, served: dict[str, Path], tmp_path: Path, program: str, database: str, query: str, options: list[str]
) -> None:
    search = server.submit(program, database, query, " ".join(options))

    assert server.ended(search["id"])["state"] == "completed"

    for outfmt in FORMATS:
        if outfmt == "17" and program != "blastn":
            continue
        expected = blast(program, served[database], database, query, options, outfmt, tmp_path)
        actual = server.result(search["id"], outfmt)
        if outfmt == "17":
            expected, actual = without_command(expected), without_command(actual)
        assert expected
        assert actual == expected, outfmt


def test_formats_that_show_the_length_of_a_part_of_a_query_are_refused(
    server: Server, served: dict[str, Path], tmp_path: Path
) -> None:
    options = ["-query_loc", "5-60"]
    search = server.submit("blastp", "proteins", PROTEINS, " ".join(options))["id"]
    ended = server.ended(search)
    assert ended["state"] == "completed", ended["failure"]

    for outfmt in ("5", "15", "6 qseqid qlen"):
        refused = server.http.get(f"/searches/{search}/results", params={"outfmt": outfmt})
        assert (refused.status_code, refused.json()["code"]) == (422, "input"), refused.text
    for outfmt in ("0", "7"):
        expected = blast("blastp", served["proteins"], "proteins", PROTEINS, options, outfmt, tmp_path)
        assert server.result(search, outfmt) == expected


def test_queries_that_end_before_a_part_are_refused_by_name(
    server: Server, served: dict[str, Path], tmp_path: Path
) -> None:
    short = f"{PROTEINS}>short and sweet\n{real('protein-queries')[0].letters[:30]}\n"
    body = {"program": "blastp", "database": "proteins", "query": short, "options": "-query_loc 31-60"}

    refused = server.http.post("/searches", json=body)
    search = server.submit("blastp", "proteins", short, "-query_loc 30-60")["id"]

    assert (refused.status_code, refused.json()["code"]) == (422, "refused"), refused.text
    assert refused.json()["detail"] == "The query 'short' ends before the start of -query_loc."
    assert server.ended(search)["state"] == "completed"
    expected = blast("blastp", served["proteins"], "proteins", short, ["-query_loc", "30-60"], "7", tmp_path)
    assert server.result(search, "7") == expected


def test_one_query_is_printed_as_if_it_were_alone(server: Server, served: dict[str, Path], tmp_path: Path) -> None:
    search = server.submit("blastp", "proteins", PROTEINS)
    server.ended(search["id"])

    for outfmt in ("0", "6", "5"):
        third = real("protein-queries")[2].fasta
        expected = blast("blastp", served["proteins"], "proteins", third, [], outfmt, tmp_path)
        assert server.result(search["id"], outfmt, query=2) == expected


def test_a_search_goes_through_its_phases_in_order(server: Server) -> None:
    search = server.submit("blastp", "proteins", SOME, {"evalue": 1e-5})

    shown = [(event.event, json.loads(event.data)) for event in server.events(search["id"])]

    assert shown[0][0] == "snapshot"
    documents = [data for kind, data in shown if kind in ("snapshot", "search")]
    states = [data["state"] for data in documents]
    assert sorted(set(states), key=states.index) == [one for one in ("queued", "running", "completed") if one in states]
    phases = [data["phase"] for data in documents if data["phase"]]
    order = list(Phase)
    assert sorted(set(phases), key=phases.index) == [phase for phase in order if phase in phases]
    last = shown[-1][1]
    for phase in last["phases"]:
        done = {Phase.STAGING: {"skipped"}, Phase.WARMING: {"skipped", "completed"}}  # warm already, or read again
        assert phase["status"] in done.get(phase["name"], {"completed"})
        assert phase["done"] == phase["total"]
    for data in documents:
        assert all(0 <= one["done"] <= one["total"] or not one["total"] for one in data["phases"])


def test_running_pieces_are_reported_while_they_run_and_events_ever_after(server: Server) -> None:
    search = server.submit("blastp", "proteins", SOME * 2, {"evalue": 1e-5})["id"]

    began: list[dict[str, Any]] = []
    for event in server.events(search):
        if event.event == "started" and not began:
            began = server.http.get(f"/searches/{search}/running").json() or [json.loads(event.data)]
    pieces = server.http.get(f"/searches/{search}/pieces").json()
    log = server.http.get(f"/searches/{search}/log").json()

    assert began
    assert {(one["batch"], one["shard"], one["node"]) for one in began} <= {
        (one["batch"], one["shard"], one["node"]) for one in pieces
    }
    assert server.http.get(f"/searches/{search}/running").json() == []
    assert log[0]["text"].startswith("Submitted: blastp in proteins")
    assert log[-1]["text"].startswith("Completed")
    assert [one["at"] for one in log] == sorted(one["at"] for one in log)
    assert str(server.home) not in str(log)


def test_a_piece_is_reported_with_its_shard_seconds_and_memory(server: Server) -> None:
    search = server.submit("blastp", "proteins", PROTEINS)
    server.ended(search["id"])

    pieces = server.http.get(f"/searches/{search['id']}/pieces").json()

    assert pieces
    assert all(piece["seconds"] > 0 and piece["peak_memory_bytes"] > 0 and piece["node"] for piece in pieces)


def test_a_reader_that_reconnects_misses_no_event(server: Server) -> None:
    search = server.submit("blastp", "proteins", SOME, {"evalue": 1e-6})
    whole = [(event.id, event.event) for event in server.events(search["id"])]
    start = int(whole[0][0])

    again = [(event.id, event.event) for event in server.events(search["id"], last=str(start))]

    assert again == whole[1:]


def test_list_and_detail_agree_at_once(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA)

    ended = server.ended(search["id"])

    (listed,) = [one for one in server.http.get("/searches").json()["searches"] if one["id"] == search["id"]]
    assert listed == ended
    assert ended["state"] == "completed"


def test_the_same_key_is_one_search(server: Server) -> None:
    headers = {"Idempotency-Key": "once"}

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: server.submit("blastn", "16s", RNA, headers=headers)["id"], range(16)))

    assert len(ids) == 1
    body = {"program": "blastp", "database": "proteins", "query": PROTEINS}
    assert server.http.post("/searches", json=body, headers=headers).status_code == 409


def test_one_key_for_different_requests_at_once_searches_the_accepted_one(server: Server) -> None:
    queries = [one.fasta for one in real("16s-queries")[:6]]

    def send(query: str) -> tuple[int, dict[str, Any]]:
        body = {"program": "blastn", "database": "16s", "query": query, "options": "-max_target_seqs 5"}
        answer = server.http.post("/searches", json=body, headers={"Idempotency-Key": "one for many"})
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, queries))

    (accepted,) = [place for place, (status, _) in enumerate(answers) if status == 202]
    assert sorted(status for status, _ in answers) == [202] + [409] * 5
    search = server.ended(answers[accepted][1]["id"])
    assert search["state"] == "completed"
    (query,) = server.http.get(f"/searches/{search['id']}/queries").json()["rows"]
    assert query["id"] == queries[accepted][1:].split()[0]


def test_a_key_is_free_again_when_its_search_is_deleted(server: Server) -> None:
    headers = {"Idempotency-Key": "again"}
    first = server.submit("blastn", "16s", RNA, headers=headers)
    server.ended(first["id"])
    server.http.delete(f"/searches/{first['id']}")

    second = server.submit("blastn", "16s", RNA, headers=headers)

    assert second["id"] != first["id"]
    assert server.ended(second["id"])["state"] == "completed"


def test_a_reader_that_reconnects_after_the_end_receives_the_end(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA)
    ids = [event.id for event in server.events(search["id"])]

    assert [event.id for event in server.events(search["id"], last=ids[-2])] == ids[-1:]
    assert list(server.events(search["id"], last=ids[-1])) == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_may_be_plain_or_compressed(server: Server, packed: bool) -> None:
    content = gzip.compress(RNA.encode()) if packed else RNA.encode()
    fields = {"program": "blastn", "database": "16s", "options": '{"evalue": 1e-10}', "title": "a file"}

    answer = server.http.post("/searches", data=fields, files={"query": ("q.fa", content)})

    assert answer.status_code == 202, answer.text
    assert answer.json()["queries"] == 4
    assert answer.json()["options"] == ["-evalue", "1e-10"]


def test_many_submissions_at_once_all_run_once(own_server: Server) -> None:
    server = own_server

    def submit(number: int) -> str:
        with server.client() as http:
            search = server.submit("blastn", "16s", Sequence(f"q{number}", "ACGTTGCATC" * 5).fasta, http=http)
        return str(search["id"])

    with ThreadPoolExecutor(100) as pool:
        ids = list(pool.map(submit, range(100)))

    assert len(set(ids)) == 100
    assert {server.ended(one)["state"] for one in ids} == {"completed"}
    runs = Counter(one["search_id"] for one in server.records if one.get("state") == "running")
    assert runs == Counter(ids)
    assert all(len(server.http.get(f"/searches/{one}/pieces").json()) == 1 for one in ids)


def test_a_small_search_overtakes_large_ones_that_wait(narrow_server: Server) -> None:
    server = narrow_server
    busy = [server.submit("blastp", "proteins", MANY, {"evalue": 1000 + number})["id"] for number in range(2)]
    large = [server.submit("blastp", "proteins", SOME, {"evalue": 10 + number})["id"] for number in range(3)]
    small = server.submit("blastn", "16s", RNA)["id"]
    waiting = {one: server.search(one)["waiting"] for one in (*large, small)}
    for one in busy:  # two run at once, so all others have waited until now
        server.http.post(f"/searches/{one}/cancel")

    small_started = server.ended(small)["started"]

    assert {(one["code"], one["sentence"]) for one in waiting.values()} == {("turn", "The search waits for its turn.")}
    assert small_started < min(server.ended(one)["started"] for one in large)


def test_cancelling_stops_blast_and_leaves_only_the_queries(server: Server) -> None:
    search = server.submit("blastp", "proteins", MANY * 5, {"evalue": 1000})
    for event in server.events(search["id"]):
        if '"phase": "searching"' in event.data:
            break
    folder = server.home / "searches" / search["id"]
    until(lambda: blast_runs(folder))

    answer = server.http.post(f"/searches/{search['id']}/cancel")

    assert answer.json()["state"] in ("cancelling", "cancelled")
    assert server.ended(search["id"])["state"] == "cancelled"
    assert blast_runs(folder) == []
    assert [file.name for file in folder.iterdir()] == ["query.fa"]
    assert server.search(search["id"])["phase"] is None
    assert server.http.post(f"/searches/{search['id']}/cancel").status_code == 200
    retried = server.http.post(f"/searches/{search['id']}/retry")
    assert (retried.status_code, retried.json()["attempt"]) == (202, 2)
    server.http.post(f"/searches/{search['id']}/cancel")


def test_the_next_attempt_begins_after_the_cancelled_one_has_left_no_process(
    own_server: Server, served: dict[str, Path], tmp_path: Path
) -> None:
    query = SOME * 5
    search = own_server.submit("blastp", "proteins", query)["id"]

    for attempt in range(2, 6):
        next(event for event in own_server.events(search) if '"phase": "searching"' in event.data)
        cancelled = own_server.http.post(f"/searches/{search}/cancel")
        assert cancelled.status_code == 200, cancelled.text
        assert own_server.ended(search)["state"] == "cancelled"
        again = own_server.http.post(f"/searches/{search}/retry")
        assert (again.status_code, again.json().get("attempt")) == (202, attempt), again.text

    ended = own_server.ended(search)
    assert (ended["state"], ended["attempt"]) == ("completed", 5)
    expected = blast("blastp", served["proteins"], "proteins", query, [], "7", tmp_path)
    assert own_server.result(search, "7") == expected


def test_a_search_is_deleted_with_all_its_files(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])

    assert server.http.delete(f"/searches/{search['id']}").status_code == 204

    assert server.http.get(f"/searches/{search['id']}").status_code == 404
    assert [path for path in server.home.rglob("*") if search["id"] in str(path)] == []


def test_a_failed_search_says_why_and_what_to_do_and_shows_no_paths(own_server: Server, tmp_path: Path) -> None:
    path = make_database(tmp_path / "lost" / "db", "prot", real("proteins")[:20])
    own_server.add_database("lost", path)
    busy = [own_server.submit("blastp", "proteins", MANY * 5, {"evalue": 1000 + number}) for number in range(2)]
    search = own_server.submit("blastp", "lost", MANY * 9)  # larger, so it waits for one of these
    shutil.rmtree(path.parent)
    for one in busy:
        own_server.http.post(f"/searches/{one['id']}/cancel")

    ended = own_server.ended(search["id"])

    assert ended["state"] == "failed"
    assert ended["failure"]["problem"]
    assert ended["failure"]["remedy"]
    assert str(tmp_path) not in json.dumps(ended)
    assert own_server.http.get(f"/searches/{search['id']}/results").status_code == 409


@pytest.mark.parametrize(
    ("program", "options", "said"),
    [
        ("blastp", "-gapopen 3 -gapextend 7", "Gap existence and extension values of 3 and 7 not supported"),
        ("blastp", "-matrix NONE", "NONE is not a supported matrix"),
        ("blastn", "-template_type coding", "template_length"),
        ("blastn", "-culling_limit 2 -best_hit_overhang 0.1", "culling_limit"),
    ],
)
def test_options_that_blast_itself_refuses_are_reported_before_a_search_is_queued(
    server: Server, program: str, options: str, said: str
) -> None:
    database, query = ("16s", RNA) if program == "blastn" else ("proteins", PROTEINS)
    body = {"program": program, "database": database, "query": query, "options": options}

    answer = server.http.post("/searches", json=body)

    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert said in problem["detail"]


@pytest.mark.parametrize("outfmt", ["13", "14"])
def test_the_files_of_a_format_are_sent_in_an_archive(server: Server, served: dict[str, Path], outfmt: str) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])
    folder = server.home.parent / f"files{outfmt}"
    folder.mkdir()

    answer = server.http.get(f"/searches/{search['id']}/results", params={"outfmt": outfmt})

    blast("blastn", served["16s"], "16s", RNA, ["-out", str(folder / "results")], outfmt, folder)
    with ZipFile(io.BytesIO(answer.content)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {file.name: file.read_bytes() for file in folder.glob("results*")}
    assert len(found) == 5
    assert answer.headers["Content-Type"] == "application/zip"
    for out in ("r", "r.json", "R.XML"):
        (expected, actual) = (folder / f"{side} {out}" for side in ("blast", "command"))
        expected.mkdir()
        actual.mkdir()
        blast("blastn", served["16s"], "16s", RNA, ["-out", str(expected / out)], outfmt, folder)
        done = server.run("results", search["id"], "-outfmt", outfmt, "-out", str(actual / out))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        files = [{file.name: file.read_bytes() for file in place.iterdir()} for place in (actual, expected)]
        assert files[0] == files[1]


def test_hits_are_paged_sorted_and_filtered(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA, "-max_target_seqs 50")
    server.ended(search["id"])
    base = f"/searches/{search['id']}"

    queries = server.http.get(f"{base}/queries").json()["rows"]
    first = server.http.get(f"{base}/hits", params={"query": 0, "limit": 7}).json()
    second = server.http.get(f"{base}/hits", params={"query": 0, "limit": 7, "after": first["next"]}).json()
    by_length = server.http.get(f"{base}/hits", params={"query": 0, "sort": "length", "limit": 500}).json()["rows"]
    hsps = server.http.get(f"{base}/hsps", params={"query": 0, "hit": 0}).json()["rows"]

    rows = [
        line.split("\t")
        for line in server.result(search["id"], "6 qseqid saccver evalue", query=0).decode().splitlines()
    ]
    subjects = list(dict.fromkeys(row[1] for row in rows))
    assert [one["subject"] for one in first["rows"] + second["rows"]] == subjects[:14]
    assert queries[0]["hits"] == len(subjects) == len(by_length)
    assert [one["length"] for one in by_length] == sorted((one["length"] for one in by_length), reverse=True)
    word = by_length[3]["title"].split()[1]
    found = server.http.get(f"{base}/hits", params={"query": 0, "text": word.upper(), "limit": 500}).json()["rows"]
    assert {one["subject"] for one in found} == {
        one["subject"] for one in by_length if word.lower() in one["title"].lower()
    }
    assert hsps[0]["query_row"].replace("-", "").upper() in real("16s-queries")[0].letters.upper()
    assert server.http.get(f"{base}/hits", params={"sort": "1; DROP TABLE hits"}).status_code == 422


def test_a_result_has_a_name_a_type_and_ranges(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA, title='16S "of" ../../today')
    server.ended(search["id"])

    answer = server.http.get(
        f"/searches/{search['id']}/results", params={"outfmt": "6"}, headers={"Range": "bytes=0-9"}
    )

    assert answer.status_code == 206
    assert answer.content == server.result(search["id"], "6")[:10]
    assert answer.headers["content-type"].startswith("text/tab-separated-values")
    assert 'filename="16S-of-..-..-today.tsv"' in answer.headers["content-disposition"]


def test_the_report_contains_verdicts_versions_and_the_command(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA, "-evalue 1e-9")
    server.ended(search["id"])

    report = server.http.get(f"/searches/{search['id']}/report").json()

    assert sum(report["verdicts"].values()) == 4
    assert report["command"] == ["blastn", "-db", "16s", "-query", "query.fa", "-evalue", "1e-9"]
    assert report["blast_version"][0].isdigit()
    assert "Camacho" in report["citation"]


def test_a_result_is_printed_when_its_database_was_replaced_and_when_it_was_removed(
    own_server: Server, tmp_path: Path
) -> None:
    genes = [Sequence(f"gene{number}", one.letters) for number, one in enumerate(real("16s")[:90])]
    path = make_database(tmp_path / "mine" / "db", "nucl", genes[:50], "-parse_seqids")
    own_server.add_database("mine", path)
    search = own_server.submit("blastn", "mine", RNA, "-max_target_seqs 5")
    own_server.ended(search["id"])
    before = {outfmt: own_server.result(search["id"], outfmt) for outfmt in ("0", "5", "7", "17")}

    make_database(path, "nucl", genes[50:], "-parse_seqids")
    own_server.add_database("mine", path)
    replaced = {outfmt: own_server.result(search["id"], outfmt) for outfmt in before}
    own_server.http.delete("/databases/mine")
    shutil.rmtree(path.parent)
    removed = {outfmt: own_server.result(search["id"], outfmt) for outfmt in before}

    assert before == replaced == removed
    assert own_server.http.get(f"/searches/{search['id']}/report").json()["self_contained"]
