"""Searches that survive a crash of their service."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import installation
from tests.sequences import real
from tests.service.processes import blast, blast_runs
from tests.service.server import Server, get, post
from tests.waiting import until

MANY = "".join(one.fasta for one in real("proteins")[:310])  # two batches
MORE_THAN_THREADS = 33
"""More requests than asyncio has threads."""
OPTIONS = ["-max_target_seqs", "5"]


@pytest.fixture(scope="module")
def answer(served: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The output of BLAST+."""
    return blast("blastp", served["proteins"], "proteins", MANY, OPTIONS, "6", tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("phase", ["preparing", "searching", "merging", "publishing"])
def test_a_search_resumes_after_a_kill_in_any_phase(own_server: Server, phase: str, answer: bytes) -> None:
    asked, key = ("blastp", "proteins", MANY, " ".join(OPTIONS)), {"Idempotency-Key": "k"}
    search = own_server.submit(*asked, headers=key)
    finished = 0
    for event in own_server.events(search["id"]):
        shown = json.loads(event.data)
        finished += event.event == "piece"
        if event.event == "search" and shown["phase"] == phase and (phase != "searching" or finished):
            break
    own_server.kill()
    before = own_server.home / "searches" / search["id"]
    pieces = sorted(before.glob("batch*.piece.?")) + sorted((before / "merged").glob("*.json"))
    times = {path: path.stat().st_mtime_ns for path in pieces}

    own_server.start()

    ended = own_server.ended(search["id"])
    assert ended["state"] == "completed", ended["failure"]
    assert ended["attempt"] == 1
    assert {path: path.stat().st_mtime_ns for path in pieces if path.exists()}.items() <= times.items()
    assert own_server.submit(*asked, headers=key)["id"] == search["id"]
    shown = own_server.http.get(f"/searches/{search['id']}/pieces").json()
    assert len({(piece["batch"], piece["shard"]) for piece in shown}) == len(shown)
    assert own_server.result(search["id"], "6") == answer != b""


def test_no_blast_outlives_a_killed_service(own_server: Server) -> None:
    search = own_server.submit("blastp", "proteins", MANY * 3, "-evalue 1000")
    for event in own_server.events(search["id"]):
        if '"phase": "searching"' in event.data:
            break
    folder = own_server.home / "searches" / search["id"]

    own_server.kill()

    until(lambda: not blast_runs(folder))


def test_a_search_resumes_after_an_orderly_stop(own_server: Server) -> None:
    search = own_server.submit("blastp", "proteins", MANY, "-max_target_seqs 5")
    for event in own_server.events(search["id"]):
        if event.event == "piece":
            break

    assert own_server.stop() == 0
    own_server.start()

    assert own_server.ended(search["id"])["state"] == "completed"


@pytest.mark.parametrize("is_mount_point", [False, True], ids=["missing", "mount point"])
def test_a_storage_that_is_away_for_a_while_costs_no_search_and_keeps_none_from_being_cancelled(
    own_server: Server, answer: bytes, is_mount_point: bool
) -> None:
    storage, away = own_server.home / "storage", own_server.home / "away"
    search = own_server.submit("blastp", "proteins", MANY, " ".join(OPTIONS))["id"]
    other = own_server.submit("blastp", "proteins", MANY, "-max_target_seqs 6")["id"]

    storage.rename(away)
    if is_mount_point:
        storage.mkdir()
    for one in (search, other):
        own_server.logged(lambda record, one=one: record.get("search_id") == one and "is retried" in record["message"])
    own_server.http.post(f"/searches/{other}/cancel")
    assert own_server.ended(other)["state"] == "cancelled"
    if is_mount_point:
        storage.rmdir()  # fails unless it is empty
    assert not storage.exists()
    away.rename(storage)

    ended = own_server.ended(search)
    assert ended["state"] == "completed", ended["failure"]
    assert own_server.result(search, "6") == answer


def test_a_service_that_starts_while_its_storage_is_not_mounted_loses_nothing(
    own_server: Server, fasta: Path, answer: bytes
) -> None:
    storage, away = own_server.home / "storage", own_server.home / "away"
    added = own_server.run("db", "add", "stored", str(fasta))
    assert added.returncode == 0, added.stderr
    search = own_server.submit("blastp", "proteins", MANY, " ".join(OPTIONS))["id"]
    other = own_server.submit("blastp", "stored", MANY, "-max_target_seqs 5")["id"]
    assert [own_server.ended(one)["state"] for one in (search, other)] == ["completed"] * 2
    generation = own_server.http.get("/databases/stored").json()["generation"]
    own_server.stop()

    storage.rename(away)
    storage.mkdir()
    own_server.start()
    missing = own_server.http.get("/databases/stored")
    refused = own_server.run("db", "update", "stored")
    body = {"program": "blastp", "database": "proteins", "query": MANY}
    submitted = own_server.http.post("/searches", json=body)
    ready = get(f"{own_server.url}/ready")
    storage.rmdir()  # fails unless it is empty
    away.rename(storage)

    for one in (missing, submitted):
        assert (one.status_code, one.json()["code"]) == (503, "storage"), one.text
    assert "empty or not mounted" in refused.stderr
    assert (ready.status_code, "empty or not mounted" in ready.text) == (200, True)
    assert own_server.http.get("/databases/stored").json()["generation"] == generation
    assert own_server.result(search, "6") == answer


def test_a_search_that_was_resumed_very_often_is_resumed_again(own_server: Server, answer: bytes) -> None:
    search = own_server.submit("blastp", "proteins", MANY, " ".join(OPTIONS))["id"]
    until(lambda: own_server.search(search)["state"] == "running")
    own_server.kill()
    with closing(sqlite3.connect(own_server.home / "steps.sqlite", isolation_level=None)) as steps:
        steps.execute("UPDATE workflow_status SET recovery_attempts = 1000")

    own_server.start()

    assert own_server.ended(search)["state"] == "completed"
    assert own_server.result(search, "6") == answer


def test_a_service_ends_although_a_thread_never_returns_and_blast_ignores_signals(
    stocked: Path, tmp_path: Path
) -> None:
    mark, blastp = tmp_path / "pid", installation(tmp_path / "bin") / "blastp"
    blastp.unlink()
    deaf = f'trap "" TERM INT HUP; echo $$ > {mark}; while :; do sleep 1; done'
    blastp.write_text(f'#!/bin/sh\ncase "$*" in *piece*) {deaf};; esac\nexec {shutil.which("blastp")} "$@"\n')
    blastp.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and never answers
        receiver = f"http://127.0.0.1:{silent.getsockname()[1]}"
        variables = {
            "PATH": f"{blastp.parent}:{os.environ['PATH']}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,  # the last spans are sent while the service stops
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
        }
        server = Server(Path(shutil.copytree(stocked, tmp_path / "home")), variables=variables)
        server.start()
        server.submit("blastp", "proteins", MANY)
        until(lambda: mark.exists() and mark.read_text().strip())
        wrapper = Path("/proc", mark.read_text().strip())
        assert wrapper.exists()

        assert server.stop() == 0

    until(lambda: not wrapper.exists())
    server.close()


def test_long_requests_are_answered_that_the_server_stops(own_server: Server) -> None:
    body = {"program": "blastp", "database": "proteins", "query": MANY}
    with (
        closing(sqlite3.connect(own_server.home / "shardblast.sqlite", isolation_level=None)) as database,
        socket.create_connection(("127.0.0.1", own_server.port)) as slow,
        ThreadPoolExecutor(MORE_THAN_THREADS) as pool,
    ):
        database.execute("BEGIN IMMEDIATE")  # submissions wait for it
        slow.sendall(b"POST /api/v1/searches/preflight HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        asked = [pool.submit(post, f"{own_server.url}/api/v1/searches", json=body) for _ in range(MORE_THAN_THREADS)]
        until(lambda: any((own_server.home / "incoming").glob("*")))

        assert own_server.stop() == 0

        with slow.makefile("rb") as answer:
            assert b" 503 " in answer.readline()
        codes = {one.result().json()["code"] for one in asked if one.exception() is None}
    assert codes == {"stopping"}
    assert "Traceback" not in own_server.log


def test_a_queued_search_that_is_cancelled_never_runs(narrow_server: Server) -> None:
    first = narrow_server.submit("blastp", "proteins", MANY, "-max_target_seqs 5")
    narrow_server.submit("blastp", "proteins", MANY, "-max_target_seqs 7")  # two run at once
    second = narrow_server.submit("blastp", "proteins", MANY * 2, "-max_target_seqs 6")

    cancelled = narrow_server.http.post(f"/searches/{second['id']}/cancel").json()
    narrow_server.ended(first["id"])

    assert cancelled["state"] == "cancelled"
    assert narrow_server.search(second["id"])["started"] is None
