"""The nodes of a service without a cluster: followed, but not scaled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.sequences import real
from tests.service.server import END_WITHIN_S, Server

LONG = "".join(one.fasta for one in real("proteins")[:400])


@contextmanager
def following(server: Server, path: str, token: str | None = None) -> Iterator[Iterator[ServerSentEvent]]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with connect_sse(server.http, "GET", path, headers=headers, timeout=END_WITHIN_S) as source:
        yield (one for one in source.iter_sse() if one.event != "message")


def test_a_stream_of_nodes_begins_with_their_state_and_continues_with_changes(own_server: Server) -> None:
    with following(own_server, "/nodes/events") as events:
        first, scaling = next(events), next(events)
        search = own_server.submit("blastp", "proteins", LONG, "-evalue 1000")["id"]
        busy = next(one for one in events if one.event == "node" and json.loads(one.data)["running"] > 0)
        own_server.http.post(f"/searches/{search}/cancel")
        idle = next(one for one in events if one.event == "node" and json.loads(one.data)["running"] == 0)

    (node,) = json.loads(first.data)
    listed = own_server.http.get("/nodes").json()[0]
    assert first.event == "nodes"
    assert node.keys() == listed.keys()
    assert json.loads(busy.data)["name"] == json.loads(idle.data)["name"] == node["name"] == listed["name"]
    assert (scaling.event, json.loads(scaling.data)) == ("scaling", own_server.http.get("/nodes/scaling").json())


def test_a_service_without_kubernetes_says_that_it_can_not_scale(server: Server) -> None:
    answer = server.http.get("/nodes/scaling").json()

    refused = server.http.post("/nodes/scaling", json={"nodes": 2})

    assert (answer["is_possible"], answer["asked"], answer["needed"]) == (False, None, None)
    assert refused.status_code == 409
    assert refused.json()["code"] == "conflict"
    assert refused.json()["detail"] == answer["problem"] == "This service runs on a single machine."


@pytest.mark.parametrize("nodes", [-1, 10_001, "many", None])
def test_a_number_of_nodes_is_a_number(server: Server, nodes: object) -> None:
    assert server.http.post("/nodes/scaling", json={"nodes": nodes}).status_code == 422


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """A service that requires tokens."""
    one = Server(tmp_path / "home", "--auth", "token")
    one.start()
    yield one
    one.close()


def test_only_administrators_scale_and_streams_show_only_what_their_readers_may_see(guarded: Server) -> None:
    made = [guarded.run("token", "create", name, "--owner", "ada", "--scope", name) for name in ("read", "search")]
    reader, searcher = (one.stdout.strip() for one in made)

    def scale(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return guarded.http.post("/nodes/scaling", json={"nodes": 1}, headers=headers).status_code

    assert (scale(reader), scale(searcher)) == (403, 403)
    assert guarded.http.get("/nodes/events").status_code == 401
    with following(guarded, "/nodes/events", reader) as events:
        assert next(events).event == "nodes"
