"""Searches that have expired."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardblast.bootstrap.databases import settings_of
from shardblast.bootstrap.service import Service
from tests.sequences import real
from tests.service.server import Server

RNA = real("16s-queries")[0].fasta
DAYS = 7.0


@pytest.fixture
def stopped(tmp_path: Path, served: dict[str, Path]) -> Iterator[tuple[Server, list[str]]]:
    """A service that is down, with three searches that are over."""
    server = Server(tmp_path / "home", "--retention-days", str(DAYS))
    server.add_database("16s", served["16s"])
    server.start()
    ids = [server.submit("blastn", "16s", RNA, f"-max_target_seqs {5 + number}")["id"] for number in range(3)]
    for one in ids:
        assert server.ended(one)["state"] == "completed"
    server.stop()
    yield server, ids
    server.close()


def test_expired_searches_are_deleted_with_all_their_files(
    stopped: tuple[Server, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, (old, young, other) = stopped
    monkeypatch.setenv("BLASTDB", "")
    ago = time.time() - (DAYS + 1) * 86400
    database = server.home / "shardblast.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE searches SET finished = ? WHERE id = ?", (ago, old))
        connection.execute("UPDATE searches SET finished = ? WHERE id = ?", (ago + 2 * 86400, young))
    connection.close()
    wired = Service(settings_of(home=server.home))

    assert wired.searches.expire(DAYS) == 1

    assert [path for path in server.home.rglob("*") if old in str(path)] == []
    with sqlite3.connect(database) as connection:
        for table in ("events", "pieces"):
            (left,) = connection.execute(f"SELECT count(*) FROM {table} WHERE search_id = ?", (old,)).fetchone()
            assert left == 0
    connection.close()
    wired.queue.close()
    server.start()
    assert server.http.get(f"/searches/{old}").status_code == 404
    assert [one["id"] for one in server.http.get("/searches").json()["searches"]] == [other, young]
    for one in (young, other):
        assert server.result(one, "6")
