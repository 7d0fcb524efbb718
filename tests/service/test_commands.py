"""The commands for a service's searches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shardblast.core.units import size
from shardblast.disk.memory import resident_bytes
from tests.cold import cool
from tests.databases import make_database
from tests.sequences import real
from tests.service.server import Server, get
from tests.service.terminal import on_terminal
from tests.waiting import until

RNA = "".join(one.fasta for one in real("16s-queries")[:4])
PROTEINS = "".join(one.fasta for one in real("protein-queries")[:2])
MANY = "".join(one.fasta for one in real("proteins")[:400])
PREFLIGHT = ("preflight", "blastn", "-db", "16s")


@pytest.fixture
def completed(server: Server) -> str:
    search_id: str = server.submit("blastn", "16s", RNA, "-max_target_seqs 20")["id"]
    server.ended(search_id)
    return search_id


@pytest.fixture
def running(server: Server) -> Iterator[str]:
    search_id: str = server.submit("blastp", "proteins", MANY, {"evalue": 1000})["id"]
    yield search_id
    server.http.post(f"/searches/{search_id}/cancel")


def test_a_cancelled_search_is_retried(server: Server, running: str) -> None:
    assert server.run("cancel", running).stdout == "cancelled\n"

    again = server.run("retry", running)

    assert again.returncode == 0
    assert again.stdout in ("queued\n", "running\n")  # its turn may come before the answer
    assert server.search(running)["attempt"] == 2


def test_a_completed_search_is_not_retried(server: Server, completed: str) -> None:
    again = server.run("retry", completed)

    assert again.returncode == 1
    assert "The search is completed.\nshardblast: Only failed and cancelled searches can be retried." in again.stderr


def test_searches_are_deleted_and_those_that_cannot_be_are_reported(
    server: Server, completed: str, running: str
) -> None:
    other = server.submit("blastn", "16s", RNA)["id"]
    server.ended(other)

    done = server.run("delete", completed, running, "0" * 32, other)

    assert done.returncode == 1
    assert f"{running}: The search is " in done.stderr
    assert f"{'0' * 32}: There is no such search." in done.stderr
    assert {server.http.get(f"/searches/{one}").status_code for one in (completed, other)} == {404}
    assert server.search(running)["state"] in ("queued", "running")


def test_a_report_is_json_in_a_pipe_and_tables_on_a_terminal(server: Server, completed: str) -> None:
    piped = json.loads(server.run("report", completed).stdout)
    status, shown = on_terminal(server, "report", completed)
    _, asked = on_terminal(server, "report", completed, "--json")

    assert piped == server.http.get(f"/searches/{completed}/report").json() == json.loads(asked)
    assert status == 0
    for word in (*piped["verdicts"], "Peak memory", "MiB", "blastn -db 16s -query query.fa"):
        assert word in shown


def test_a_report_of_a_search_that_is_not_over_is_refused(server: Server, running: str) -> None:
    assert "so it has no result" in server.run("report", running).stderr


def test_a_link_is_made_listed_and_revoked(server: Server, completed: str) -> None:
    url = server.run("share", completed).stdout.strip()
    listed = server.run("share", completed, "--list").stdout.splitlines()

    shared = get(url)
    ((share_id, created),) = (line.split("\t") for line in listed)
    revoked = server.run("share", completed, "--revoke", share_id)

    assert shared.json()["id"] == completed
    assert len(created) == len("2026-11-24 02:10")
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert get(url).status_code == 404
    assert server.run("share", completed, "--list").stdout == ""
    assert server.run("share", completed, "--list", "--revoke", share_id).returncode == 1
    assert server.run("share", completed, "--revoke", share_id).returncode == 1


def test_preflight_shows_the_plan_of_a_search(server: Server, tmp_path: Path) -> None:
    query = tmp_path / "q.fa"
    query.write_text(RNA)

    done = server.run(*PREFLIGHT, "--query", str(query), "-evalue", "1e-10")
    status, shown = on_terminal(server, *PREFLIGHT, "-query", str(query), "-evalue", "1e-10")

    received = dict(line.split("\t") for line in done.stdout.splitlines())
    assert done.returncode == status == 0
    assert received["command"] == "blastn -db 16s -query query.fa -evalue 1e-10"
    assert received["queries"].startswith("4, nucleotide; ")
    assert received["shards"][0].isdigit()
    assert "\x1b" not in done.stdout
    assert all(words in shown for words in received if words != "command")


def test_preflight_reports_every_problem_with_its_remedy(server: Server) -> None:
    words = ("preflight", "blastn", "--db", "absent", "-evalue", "-1", "-num_threads", "4")

    done = server.run(*words, sent=PROTEINS)
    as_json = server.run(*words, "--json", sent=PROTEINS)

    problems = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("problem")]
    assert done.returncode == as_json.returncode == 1
    assert [one[1] for one in problems] == ["database", "options.evalue", "options.num_threads", "query"]
    assert all(len(one) == 4 and all(one) for one in problems)
    assert [one["field"] for one in json.loads(as_json.stdout)["problems"]] == [one[1] for one in problems]
    assert server.run(*words, "-subject", "/etc/hostname", sent=PROTEINS).returncode == 1


def test_problems_are_a_table_on_a_terminal(server: Server, tmp_path: Path) -> None:
    query = tmp_path / "q.fa"
    query.write_text(PROTEINS)

    status, shown = on_terminal(server, *PREFLIGHT, "-query", str(query), "-num_threads", "4")

    assert status == 1
    assert "options.num_threads" in shown
    assert "Leave it out." in shown


@pytest.mark.parametrize("search_id", ["", "a/b?c"])
def test_text_that_is_not_an_id_is_reported(server: Server, search_id: str) -> None:
    for command in ("status", "retry", "delete", "report", "share"):
        done = server.run(command, "--", search_id)

        assert done.returncode == 1
        assert f"{search_id!r} is not the id of a search." in done.stderr


def test_a_list_shows_when_searches_were_made_how_long_they_ran_and_their_hits(server: Server) -> None:
    title = "[red]a \x1b[31m title\tof mine :smile:"
    search = server.ended(server.submit("blastn", "16s", RNA, "-max_target_seqs 7", title=title)["id"])
    server.environment["TZ"] = "Asia/Kathmandu"

    lines = server.run("list").stdout.splitlines()
    status, shown = on_terminal(server, "list", columns=60)

    row = next(line.split("\t") for line in lines if line.startswith(search["id"]))
    made = datetime.fromtimestamp(search["created"], ZoneInfo("Asia/Kathmandu")).strftime("%Y-%m-%d %H:%M")
    ran = f"{search['finished'] - search['started']:.1f}"
    printed = "[red]a  [31m title of mine :smile:"
    assert row == [search["id"], "completed", "blastn", "16s", made, ran, str(search["hits"]), printed, ""]
    assert int(row[6]) > 0
    assert status == 0
    assert "\x1b[31m title" not in shown
    assert all(word in shown for word in ("Created", *row[:6], "[red]a"))


def test_a_list_is_paged(server: Server) -> None:
    ids = [server.submit("blastn", "16s", RNA, title=f"page {number}")["id"] for number in range(5)][::-1]

    first = server.run("list", "--limit", "2")
    cursor = first.stderr.split("--cursor ")[1].split()[0]
    second = server.run("list", "--limit", "2", "--cursor", cursor, "--json")
    every = server.run("list", "--limit", "1", "--all")

    assert [line.split("\t")[0] for line in first.stdout.splitlines()] == ids[:2]
    assert [one["id"] for one in json.loads(second.stdout)] == ids[2:4]
    assert [line.split("\t")[0] for line in every.stdout.splitlines()][:5] == ids
    assert not every.stderr
    for wrong in ("nonsense", f"{cursor}."):
        assert server.run("list", "--cursor", wrong).returncode == 1


def test_status_shows_the_progress_of_each_phase(server: Server, completed: str) -> None:
    done = server.run("status", completed)

    assert done.returncode == 0
    assert f"  blastn in 16s: 4 queries, {server.search(completed)['letters']:,} letters\n" in done.stdout
    for phase in server.search(completed)["phases"]:
        counts = f"{phase['done']}/{phase['total']} "
        if phase["name"] in ("staging", "warming"):  # none of the bytes that are in memory already
            counts = f"{size(phase['done'])} of {size(phase['total'])}\n"
        assert (phase["status"] == "skipped") == (
            f"  {phase['name']:<11} {phase['status']:<10} {counts}" not in done.stdout
        )


def test_status_shows_warming_in_bytes(server: Server, tmp_path: Path) -> None:
    path = make_database(tmp_path / "cold" / "cold", "nucl", real("16s")[:600])  # which no other test searches
    server.add_database("cold", path)
    sequences = path.with_name("cold.nsq")  # the service itself may keep the index mapped

    def is_cold() -> bool:
        cool(sequences)  # drops nothing that a process still maps
        return resident_bytes([sequences]) == [0]

    until(is_cold, lambda: resident_bytes([sequences]))
    search_id = server.submit("blastn", "cold", RNA)["id"]
    server.ended(search_id)

    warming = next(one for one in server.search(search_id)["phases"] if one["name"] == "warming")

    assert warming["status"] == "completed"
    assert f"  warming     completed  {size(warming['done'])} of {size(warming['total'])}\n" in (
        server.run("status", search_id).stdout
    )


def test_waiting_for_several_searches_returns_the_worst_status(server: Server, completed: str) -> None:
    stopped = server.submit("blastp", "proteins", MANY)["id"]
    server.http.post(f"/searches/{stopped}/cancel")
    other = server.submit("blastn", "16s", RNA)["id"]

    assert server.run("wait", completed, other).returncode == 0
    assert server.run("wait", completed, stopped, other).returncode == 11
    assert server.run("wait", completed, "0" * 32).returncode == 1


def test_waiting_on_a_terminal_shows_every_phase(server: Server) -> None:
    ids = [server.submit("blastp", "proteins", PROTEINS, title=title)["id"] for title in ("first", "second")]

    status, shown = on_terminal(server, "wait", *ids)

    assert status == 0
    assert all(
        word in shown for word in ("queued", "searching", "merging", "publishing", "2/2 queries", *ids, "second")
    )
