"""The page as the service serves it, and the data that the page reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from httpx_sse import connect_sse

from shardblast.api import app
from shardblast.core.program import Program
from tests.sequences import real
from tests.service.server import END_WITHIN_S, Server, get

RNA = real("16s-queries")[0].fasta
ADDRESSES = ("/", "/new", "/searches", "/searches/0123?view=report", "/databases", "/nodes")


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_of_the_page_is_its_document(server: Server, address: str) -> None:
    answer = get(f"{server.url}{address}")

    assert answer.status_code == 200, "the page is not built: make setup"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_of_the_page_are_cached_for_ever_and_come_from_the_service(server: Server) -> None:
    document = get(f"{server.url}/").text

    files = re.findall(r'(?:src|href)="([^"]+)"', document)
    assert {Path(one).suffix for one in files} == {".js", ".css", ".svg"}
    for one in files:
        answer = get(f"{server.url}{one}")
        assert one.startswith("/assets/")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_the_script_is_at_most_250_kb_packed(server: Server) -> None:
    document = get(f"{server.url}/").text

    (script,) = re.findall(r'src="([^"]+)"', document)
    with server.http.stream("GET", f"{server.url}{script}", headers={"Accept-Encoding": "gzip"}) as answer:
        size = sum(map(len, answer.iter_raw()))
        assert answer.headers["Content-Encoding"] == "gzip"
    assert size <= 250_000


@pytest.mark.parametrize("name", ["..%2Findex.html", "..%2f..%2fapp.py", "absent.js", "%00"])
def test_no_other_file_is_served(server: Server, name: str) -> None:
    assert get(f"{server.url}/assets/{name}").status_code == 404


def test_a_page_that_is_not_built_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "FILES", tmp_path)

    answer = app.show_page()

    assert answer.status_code == 503
    assert b"make setup" in answer.body


def test_programs_list_the_options_that_searches_may_have(server: Server) -> None:
    programs = server.http.get("/programs").json()

    assert [one["name"] for one in programs] == list(Program)
    options = {one["name"]: one for one in programs[0]["options"]}
    assert options["evalue"]["default"] == "10"
    assert options["task"]["choices"] == ["blastn", "blastn-short", "dc-megablast", "megablast", "rmblastn"]
    assert options["ungapped"]["kind"] == "flag"
    assert (options["perc_identity"]["least"], options["perc_identity"]["most"]) == (0, 100)
    assert (options["max_target_seqs"]["default"], options["max_target_seqs"]["most"]) == ("500", 5000)
    assert not {"db", "query", "out", "outfmt", "remote"} & options.keys()


def test_programs_have_the_formats_and_the_options_of_their_output(server: Server) -> None:
    programs = {program["name"]: program for program in server.http.get("/programs").json()}

    formats = {known["number"]: known for known in programs["blastn"]["formats"]}
    output = {option["name"]: option for option in programs["blastn"]["output"]}
    assert list(formats) == list(range(19))
    assert [known["number"] for known in programs["blastp"]["formats"]] == [*range(17), 18], "SAM is for blastn"
    assert (formats[6]["suffix"], formats[6]["media_type"]) == ("tsv", "text/tab-separated-values")
    assert (formats[13]["suffix"], formats[13]["media_type"]) == ("zip", "application/zip")
    assert {number for number, known in formats.items() if "qcovus" in known["columns"]} == {6, 7, 10}
    assert set(formats[0]["options"]) == set(output) == {*formats[4]["options"], "sorthsps"}
    assert formats[6]["options"] == []
    assert (output["num_alignments"]["default"], output["num_alignments"]["most"]) == ("250", 5000)
    assert (output["sorthits"]["least"], output["sorthits"]["most"]) == (0, 4)


def test_searches_are_found_by_text(server: Server) -> None:
    title = "Of 100% soil_1"
    search = server.submit("blastn", "16s", RNA, title=title)
    other = server.submit("blastn", "16s", RNA, title="of 100 soils")

    def found(text: str) -> set[str]:
        return {one["id"] for one in server.http.get("/searches", params={"text": text}).json()["searches"]}

    assert {search["id"], other["id"]} & found("SOIL") == {search["id"], other["id"]}
    assert found("100% soil_") == {search["id"]}
    assert found(search["id"][:20]) == {search["id"]}
    assert found("absent") == set()


def test_queries_are_read_as_they_were_sent(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA, title="mine")

    answer = server.http.get(f"/searches/{search['id']}/query")

    assert answer.text == RNA
    assert 'filename="mine.fa"' in answer.headers["Content-Disposition"]


def test_spans_are_those_of_the_hsps(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA, "-max_target_seqs 20")
    server.ended(search["id"])

    spans = server.http.get(f"/searches/{search['id']}/spans", params={"hits": 10}).json()

    table = server.result(search["id"], "6 saccver qstart qend bitscore").decode().splitlines()
    rows = [line.split("\t") for line in table]
    ranks = {subject: rank for rank, subject in enumerate(dict.fromkeys(row[0] for row in rows))}
    wanted = [(ranks[row[0]], int(row[1]), int(row[2]), float(row[3])) for row in rows if ranks[row[0]] < 10]
    assert list(zip(spans["rank"], spans["query_start"], spans["query_end"], spans["bit_score"], strict=True)) == wanted
    assert not spans["is_whole"]
    assert server.http.get(f"/searches/{search['id']}/spans", params={"hits": 20}).json()["is_whole"]


def test_a_stream_of_all_searches_reports_each_and_its_end(server: Server) -> None:
    with connect_sse(server.http, "GET", "/searches/events", timeout=END_WITHIN_S) as source:
        events = (one for one in source.iter_sse() if one.event != "message")
        first = next(events)
        search = server.submit("blastn", "16s", RNA)
        states: list[str] = []
        while states[-1:] != ["completed"]:
            shown = json.loads(next(events).data)
            if shown.get("id") == search["id"]:
                states.append(shown["state"])
        server.http.delete(f"/searches/{search['id']}")
        last = next(one for one in events if one.event == "deleted")  # ends may be reported twice

    assert first.event == "reload"
    assert states == sorted(states, key=["queued", "running", "completed"].index)
    assert (last.event, json.loads(last.data)) == ("deleted", {"id": search["id"]})
