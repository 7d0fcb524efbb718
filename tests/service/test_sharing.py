"""Share links: anyone with a link can read one search, and nothing more."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.sequences import real
from tests.service.server import END_WITHIN_S, Server, get

RNA = real("16s-queries")[0].fasta
LONG = "".join(one.fasta for one in real("proteins")[:1500])
BODY = {"program": "blastn", "database": "16s", "query": RNA}
READABLE = ("", "/events", "/pieces", "/results", "/report", "/query", "/queries", "/hits", "/hsps", "/spans")


class Shared:
    """A service with Ada's completed search."""

    def __init__(self, server: Server) -> None:
        self.server = server
        make = ["token", "create", "for a test", "--owner"]
        self.ada, self.bob, self.reader, self.admin = (
            server.run(*make, *words).stdout.strip()
            for words in (("ada",), ("bob",), ("ada", "--scope", "read"), ("root", "--scope", "admin"))
        )
        server.start()
        self.search = self.new_search()

    def ask(self, token: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.server.http.request(method, path, headers=headers | more.pop("headers", {}), **more)

    def new_search(self) -> str:
        made = self.ask(self.ada, "POST", "/searches", json=BODY)
        assert made.status_code == 202, made.text
        path = f"/searches/{made.json()['id']}"
        self.ask(self.ada, "GET", f"{path}/events")  # until it is over
        assert self.ask(self.ada, "GET", path).json()["state"] == "completed"
        return path

    def share(self, path: str) -> dict[str, Any]:
        made = self.ask(self.ada, "POST", f"{path}/share")
        assert made.status_code == 201, made.text
        new_link: dict[str, Any] = made.json()
        return new_link


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Iterator[Shared]:
    server = Server(tmp_path_factory.mktemp("service") / "home", "--auth", "token")
    for name, path in served.items():
        server.add_database(name, path)
    yield Shared(server)
    server.close()


def test_anyone_with_a_link_can_read_its_search(shared: Shared) -> None:
    new_link = shared.share(shared.search)

    assert set(new_link) == {"id", "url", "token", "created"}
    for part in READABLE:
        path = shared.search + part
        by_address = shared.ask(None, "GET", path, params={"share": new_link["token"]})
        by_header = shared.ask(None, "GET", path, headers={"X-Share-Token": new_link["token"]})
        own = shared.ask(shared.ada, "GET", path)
        assert (by_address.status_code, by_header.status_code) == (200, 200), part
        assert by_address.content == by_header.content == as_outsiders_see(own.content)
        assert shared.ask(None, "GET", path).status_code == 401
    own = shared.ask(shared.ada, "GET", shared.search).json()
    assert own["owner"] == "ada"
    assert get(new_link["url"]).json() == {**own, "owner": None}
    own = shared.ask(shared.ada, "GET", "/programs").json()
    assert shared.ask(None, "GET", "/programs", headers={"X-Share-Token": new_link["token"]}).json() == own
    assert shared.ask(None, "GET", "/programs").status_code == 401
    assert shared.ask(None, "GET", "/programs", params={"share": "sbs_wrong"}).status_code == 404


def as_outsiders_see(content: bytes) -> bytes:
    """Return an answer without the owner, and with numbers for names of nodes, of which there is one."""
    content = re.sub(rb'"owner":( ?)"ada"', rb'"owner":\1null', content)
    return re.sub(rb'"node":( ?)"[^"]+"', rb'"node":\1"node 1"', content)


def test_a_link_gives_no_other_access(shared: Shared) -> None:
    token = shared.share(shared.search)["token"]
    other = shared.new_search()

    for way in ({"params": {"share": token}}, {"headers": {"X-Share-Token": token}}):
        for part in READABLE:
            answer = shared.ask(None, "GET", other + part, **way)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        for method, path in (
            ("GET", "/searches"),
            ("GET", "/databases"),
            ("GET", "/me"),
            ("POST", "/searches"),
            ("POST", f"{shared.search}/cancel"),
            ("POST", f"{shared.search}/retry"),
            ("DELETE", shared.search),
            ("POST", f"{shared.search}/share"),
            ("GET", f"{shared.search}/shares"),
        ):
            assert shared.ask(None, method, path, **way).status_code == 401, path
            if path.startswith(shared.search):  # nor together with somebody's own token
                assert shared.ask(shared.bob, method, path, **way).status_code == 404, path
    assert shared.ask(token, "GET", shared.search).status_code == 401


@pytest.mark.parametrize("token", ["sbs_wrong", "x", "é", "%00", "a" * 100])
def test_a_wrong_link_is_answered_like_a_missing_search(shared: Shared, token: str) -> None:
    wrong = shared.ask(None, "GET", shared.search, params={"share": token})
    absent = shared.ask(None, "GET", "/searches/absent", params={"share": token})

    assert (wrong.status_code, wrong.json()) == (404, absent.json())


def test_a_revoked_link_is_void(shared: Shared) -> None:
    kept, new_link = shared.share(shared.search), shared.share(shared.search)
    path = f"{shared.search}/shares/{new_link['id']}"
    assert shared.ask(shared.bob, "DELETE", path).status_code == 404

    assert shared.ask(shared.ada, "DELETE", path).status_code == 204

    assert shared.ask(None, "GET", shared.search, params={"share": new_link["token"]}).status_code == 404
    assert shared.ask(None, "GET", shared.search, params={"share": kept["token"]}).status_code == 200
    assert shared.ask(shared.ada, "DELETE", path).status_code == 404


def test_an_event_stream_ends_when_its_link_is_revoked(shared: Shared) -> None:
    body = {"program": "blastp", "database": "proteins", "query": LONG}
    path = f"/searches/{shared.ask(shared.ada, 'POST', '/searches', json=body).json()['id']}"
    kept, new_link = shared.share(path), shared.share(path)
    watching = {"params": {"share": kept["token"]}, "timeout": END_WITHIN_S}

    with connect_sse(shared.server.http, "GET", f"{path}/events", **watching) as other:
        seen = [read_until_revoked(shared, path, new_link)]
        assert shared.ask(shared.ada, "GET", path).json()["state"] in ("queued", "running")
        shared.ask(shared.ada, "POST", f"{path}/cancel")
        seen.append([event.data for event in other.iter_sse() if event.event != "message"])

    assert json.loads(seen[1][-1])["state"] == "cancelled"
    assert not any("ada" in data or socket.gethostname() in data for data in seen[0] + seen[1])


def read_until_revoked(shared: Shared, path: str, new_link: dict[str, Any]) -> list[str]:
    """Watch a search by a link, revoke it at the first event, and return the events until the end of the stream."""
    seen: list[str] = []
    params = {"share": new_link["token"]}
    with connect_sse(shared.server.http, "GET", f"{path}/events", params=params, timeout=END_WITHIN_S) as source:
        for event in source.iter_sse():
            if not seen:
                assert shared.ask(shared.ada, "DELETE", f"{path}/shares/{new_link['id']}").status_code == 204
            seen.append(event.data)
    return seen


def test_only_the_owner_and_administrators_share(shared: Shared) -> None:
    statuses = [
        shared.ask(one, "POST", f"{shared.search}/share").status_code
        for one in (None, shared.bob, shared.reader, shared.admin)
    ]

    assert statuses == [401, 404, 403, 201]


def test_links_are_listed_without_their_tokens_and_never_logged_or_kept(shared: Shared) -> None:
    new_link = shared.share(shared.search)
    shared.ask(None, "GET", f"{shared.search}/results", params={"share": new_link["token"], "outfmt": "nothing"})

    listed = shared.ask(shared.ada, "GET", f"{shared.search}/shares")

    assert {"id": new_link["id"], "created": new_link["created"]} in listed.json()
    assert new_link["token"] not in listed.text + shared.server.log
    assert not shared.server.keeps(new_link["token"])


def test_links_go_with_their_search(shared: Shared) -> None:
    path = shared.new_search()
    token = shared.share(path)["token"]

    assert shared.ask(shared.ada, "DELETE", path).status_code == 204

    assert shared.ask(None, "GET", path, params={"share": token}).status_code == 404


def test_a_stream_of_searches_reports_no_searches_of_others(shared: Shared) -> None:
    with following(shared, shared.bob) as events:
        first = next(events)
        others = shared.new_search().rpartition("/")[2]
        assert shared.ask(shared.ada, "DELETE", f"/searches/{others}").status_code == 204
        mine = shared.ask(shared.bob, "POST", "/searches", json=BODY).json()["id"]
        events_seen = [next(events)]
        while (
            json.loads(events_seen[-1].data)["id"] != mine or json.loads(events_seen[-1].data)["state"] != "completed"
        ):
            events_seen.append(next(events))

    assert first.event == "reload"
    assert {json.loads(one.data)["id"] for one in events_seen} == {mine}


def test_a_stream_of_searches_ends_when_the_token_is_revoked(shared: Shared) -> None:
    token = shared.server.run("token", "create", "to be revoked", "--owner", "ada").stdout.strip()
    listed = shared.server.run("token", "list").stdout.splitlines()
    number = next(line.split()[0] for line in listed if "to be revoked" in line)
    with following(shared, token) as events:
        next(events)
        assert shared.server.run("token", "revoke", number).returncode == 0
        shared.new_search()
        assert list(events) == []


@contextmanager
def following(shared: Shared, token: str, path: str = "/searches/events") -> Iterator[Iterator[ServerSentEvent]]:
    headers = {"Authorization": f"Bearer {token}"}
    with connect_sse(shared.server.http, "GET", path, headers=headers, timeout=END_WITHIN_S) as source:
        yield (one for one in source.iter_sse() if one.event != "message")


def test_only_the_owner_and_administrators_see_whose_a_task_is_and_may_change_it(shared: Shared) -> None:
    with following(shared, shared.bob, "/tasks/events") as events:
        assert next(events).event == "reload"
        task = shared.ask(shared.ada, "POST", "/databases/16s/warm").json()
        path = f"/tasks/{task['id']}"
        streamed = next(json.loads(event.data) for event in events if task["id"] in event.data)

    def owners(token: str) -> set[str | None]:
        """Return the owners that a caller sees in each place that names the task's."""
        lines = shared.ask(token, "GET", f"{path}/events").text.splitlines()
        documents = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        documents += [one for one in shared.ask(token, "GET", "/tasks").json() if one["id"] == task["id"]]
        return {one["owner"] for one in [*documents, shared.ask(token, "GET", path).json()]}

    assert (task["owner"], streamed["owner"]) == ("ada", None)
    seen = [owners(token) for token in (shared.ada, shared.reader, shared.admin, shared.bob)]
    assert seen == [{"ada"}, {"ada"}, {"ada"}, {None}]
    for method, action in (("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")):
        foreign, absent = (shared.ask(shared.bob, method, f"{one}{action}") for one in (path, "/tasks/absent"))
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert foreign.json()["detail"] == absent.json()["detail"]
    assert shared.ask(shared.ada, "DELETE", path).status_code == 204
