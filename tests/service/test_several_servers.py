"""Several services with one PostgreSQL and one object store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from httpx_sse import connect_sse

from tests.postgres import free_port, postgres
from tests.sequences import real
from tests.service.processes import blast_runs
from tests.service.server import END_WITHIN_S, Server
from tests.waiting import until

QUERIES = "".join(one.fasta for one in real("proteins")[:150])
ONE = real("proteins")[0].fasta
RUNNING = 3


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Iterator[tuple[Server, Server]]:
    tmp_path = tmp_path_factory.mktemp("servers")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with postgres(Path(folder)) as address:
            variables = {"SHARDBLAST_DATABASE_URL": address, "SHARDBLAST_STORAGE": (tmp_path / "objects").as_uri()}
            first = Server(tmp_path / "first", "--running", str(RUNNING), variables=variables)
            first.add_database("proteins", served["proteins"])
            second = Server(tmp_path / "second", "--running", str(RUNNING), variables=variables)
            first.start()
            second.start()
            yield first, second
            first.close()
            second.close()


def runs_on(search_id: str, *servers: Server) -> Server:
    """Return the server that runs a search, once it searches."""
    for event in servers[0].events(search_id):
        if '"phase": "searching"' in event.data:
            break
    return next(server for server in servers if (server.home / "searches" / search_id / "plan.json").exists())


def test_the_searches_of_a_server_that_was_killed_are_taken_over(servers: tuple[Server, Server]) -> None:
    search = servers[0].submit("blastp", "proteins", QUERIES, "-max_target_seqs 5")
    killed = runs_on(search["id"], *servers)
    (other,) = set(servers) - {killed}

    killed.kill()

    ended = other.ended(search["id"])
    assert ended["state"] == "completed", ended["failure"]
    again = other.submit("blastp", "proteins", QUERIES, "-max_target_seqs 5")
    other.ended(again["id"])
    assert other.result(search["id"], "6") == other.result(again["id"], "6") != b""
    killed.start()


def test_searches_waiting_on_a_killed_server_are_run_by_another_within_the_limit(
    servers: tuple[Server, Server],
) -> None:
    first, second = servers
    ids = [first.submit("blastp", "proteins", ONE, f"-evalue {number}")["id"] for number in range(1, 13)]
    first.kill()

    ended = [second.ended(one) for one in ids]
    first.start()

    assert [one["state"] for one in ended] == ["completed"] * len(ids)
    begun = sorted(one["started"] for one in ended)
    at_once = [sum(one["started"] <= at < one["finished"] for one in ended) for at in begun]
    assert max(at_once) <= RUNNING


def test_every_server_reports_the_events_of_all(servers: tuple[Server, Server]) -> None:
    search = servers[0].submit("blastp", "proteins", QUERIES, "-max_target_seqs 5")

    with ThreadPoolExecutor(2) as pool:
        received = list(
            pool.map(lambda server: [(event.id, event.event) for event in server.events(search["id"])], servers)
        )

    assert received[0][-1] == received[1][-1]
    pieces = [[one for one, kind in events if kind == "piece"] for events in received]
    assert pieces[0] == pieces[1] != []
    assert servers[0].search(search["id"]) == servers[1].search(search["id"])
    assert servers[1].search(search["id"])["state"] == "completed"


def test_a_link_that_is_revoked_on_one_server_ends_streams_on_the_other(servers: tuple[Server, Server]) -> None:
    first, second = servers
    search = first.submit("blastp", "proteins", QUERIES * 10, "-max_target_seqs 5")
    path = f"/searches/{search['id']}"
    share = first.http.post(f"{path}/share").json()

    params = {"share": share["token"]}
    with connect_sse(second.http, "GET", f"{path}/events", params=params, timeout=END_WITHIN_S) as source:
        for number, _ in enumerate(source.iter_sse()):
            if not number:
                assert first.http.delete(f"{path}/shares/{share['id']}").status_code == 204

    assert second.search(search["id"])["state"] in ("queued", "running")
    first.http.post(f"{path}/cancel")


def test_a_search_that_is_cancelled_and_deleted_on_one_server_ends_on_the_other(servers: tuple[Server, Server]) -> None:
    search = servers[0].submit("blastp", "proteins", QUERIES * 12, "-evalue 1000")
    running = runs_on(search["id"], *servers)
    (other,) = set(servers) - {running}
    folder = running.home / "searches" / search["id"]

    assert other.http.post(f"/searches/{search['id']}/cancel").json()["state"] == "cancelling"

    assert other.ended(search["id"])["state"] == "cancelled"
    assert blast_runs(folder) == []
    assert [file.name for file in folder.iterdir()] == ["query.fa"]
    assert other.http.delete(f"/searches/{search['id']}").status_code == 204
    until(lambda: not folder.exists())


def test_a_server_whose_connection_was_cut_follows_the_others_again(servers: tuple[Server, Server]) -> None:
    with psycopg.connect(servers[0].environment["SHARDBLAST_DATABASE_URL"], autocommit=True) as connection:
        listening = "FROM pg_stat_activity WHERE query IN ('LISTEN shardblast_searches', 'SELECT 1')"
        cut = connection.execute(f"SELECT pg_terminate_backend(pid) {listening}").fetchall()
    search = servers[0].submit("blastp", "proteins", QUERIES * 12, "-evalue 1000")
    running = runs_on(search["id"], *servers)
    (other,) = set(servers) - {running}

    other.http.post(f"/searches/{search['id']}/cancel")

    until(lambda: not blast_runs(running.home / "searches" / search["id"]))
    assert len(cut) >= 2
    for server in servers:
        server.logged(lambda record: "lost the connection" in record["message"])


def test_one_key_is_one_search_on_all_servers(servers: tuple[Server, Server]) -> None:
    def submit(number: int) -> str:
        headers = {"Idempotency-Key": f"key{number // 4}"}
        return str(servers[number % 2].submit("blastp", "proteins", ONE, headers=headers)["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(submit, range(24)))

    assert [len(set(ids[at : at + 4])) for at in range(0, 24, 4)] == [1] * 6
    assert len(set(ids)) == 6
    assert {servers[0].ended(one)["state"] for one in ids} == {"completed"}


def test_a_home_is_used_by_one_service(servers: tuple[Server, Server]) -> None:
    refused = servers[0].run("serve", "--port", str(free_port()))

    assert refused.returncode != 0
    assert "Another service uses the folder" in refused.stderr
