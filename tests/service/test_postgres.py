"""The service on PostgreSQL with an object store."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgres import away, postgres
from tests.sequences import real
from tests.service.databases import add, database, many, task_ended
from tests.service.server import Server, get
from tests.waiting import until

VARIABLES = ("SHARDBLAST_DATABASE_URL", "SHARDBLAST_STORAGE")
QUERIES = "".join(one.fasta for one in real("proteins")[:300])


@pytest.fixture
def place() -> Iterator[Path]:
    """The folder of PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def server(tmp_path: Path, served: dict[str, Path], place: Path) -> Iterator[Server]:
    with postgres(place) as address:
        variables = {"SHARDBLAST_DATABASE_URL": address, "SHARDBLAST_STORAGE": (tmp_path / "objects").as_uri()}
        one = Server(tmp_path / "home", variables=variables)
        one.add_database("proteins", served["proteins"])
        one.start()
        yield one
        one.close()


def test_a_search_survives_a_kill_and_is_printed_by_another_server(
    server: Server, tmp_path: Path, served: dict[str, Path]
) -> None:
    search = server.submit("blastp", "proteins", QUERIES, "-max_target_seqs 5")
    for event in server.events(search["id"]):
        if event.event == "piece":
            break
    server.kill()
    server.start()
    ended = server.ended(search["id"])
    assert ended["state"] == "completed", ended["failure"]
    printed = server.result(search["id"], "6")
    server.stop()
    other = Server(tmp_path / "another home", variables={name: server.environment[name] for name in VARIABLES})

    other.start()

    try:
        assert other.search(search["id"]) == ended
        assert other.result(search["id"], "6") == printed != b""
    finally:
        other.close()
    assert not (server.home / "shardblast.sqlite").exists()
    assert any((tmp_path / "objects" / "searches").iterdir())


def test_a_task_outlasts_an_outage_of_the_database(server: Server, place: Path, tmp_path: Path) -> None:
    task = add(server, "many", many(tmp_path / "many.fa"))
    for event in server.task_events(task["id"]):
        if json.loads(event.data)["done"]:
            break

    with away(place):
        server.logged(lambda one: one["message"].startswith("a task waits: "))
    until(lambda: server.http.get(f"/tasks/{task['id']}").is_success)

    ended = task_ended(server, task["id"])
    assert ended["state"] == "completed", ended["failure"]
    assert "80,000 sequences" in ended["outcome"]
    assert database(server, "many")["num_seqs"] == 80_000


def test_nul_characters_are_refused(server: Server) -> None:
    for address in ("/searches?text=%00", f"/searches/{'0' * 32}/hits?text=a%00", "/searches?text=x&cursor=%00"):
        assert 400 <= server.http.get(address).status_code < 500, address
    assert 400 <= server.http.get("/searches/a%00b").status_code < 500
    body = {"program": "blastp", "database": "proteins", "query": QUERIES, "title": "a\0b"}
    assert server.http.post("/searches", json=body).status_code == 422


def test_a_database_that_may_only_be_read_is_reported(server: Server) -> None:
    assert get(f"{server.url}/ready").json()["checks"]["database"] == "ok"
    with psycopg.connect(server.environment["SHARDBLAST_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ALTER ROLE tester SET default_transaction_read_only = on")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    answer = get(f"{server.url}/ready")

    assert answer.status_code == 200
    assert answer.json()["status"] == "impaired"
    assert "read-only" in answer.json()["checks"]["database"]
