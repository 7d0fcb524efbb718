"""A service whose searches run on a cluster."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from httpx_sse import connect_sse

from tests.cluster.parts import LocalCluster, blast_pids, state_of, stopped_piece
from tests.databases import make_database
from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server, get
from tests.service.test_metrics import figures
from tests.waiting import until


@dataclass
class Answers:
    """The output of BLAST+, computed once."""

    folder: Path
    databases: dict[str, Path]
    _known: dict[tuple[str, ...], bytes] = field(default_factory=dict)

    def __call__(self, *asked: str) -> bytes:
        """Return what a program prints for a database, a query and a format."""
        if asked not in self._known:
            program, name, query, outfmt = asked
            self._known[asked] = blast(program, self.databases[name], name, query, [], outfmt, self.folder)
        return self._known[asked]


@dataclass
class Served:
    """A cluster and a service before it."""

    cluster: LocalCluster
    server: Server
    answers: Answers

    def nodes(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.server.http.get("/nodes").json()}

    def states(self) -> dict[str, str]:
        return {name: one["state"] for name, one in self.nodes().items()}

    def told(self, search_id: str) -> list[str]:
        """Return the log of a search, without times."""
        return [one["text"] for one in self.server.http.get(f"/searches/{search_id}/log").json()]

    def running(self, search_id: str) -> set[tuple[int, int, str]]:
        """Return the batches, shards and nodes of the pieces that run now, as the service reports them."""
        answer = self.server.http.get(f"/searches/{search_id}/running").json()
        return {(one["batch"], one["shard"], one["node"]) for one in answer}

    def reported(self, search_id: str) -> list[dict[str, Any]]:
        """Return the pieces of a search's report."""
        pieces = self.server.http.get(f"/searches/{search_id}/report").json()["pieces"]
        return [one for one in pieces if one["purpose"] == "search"]

    @property
    def pieces(self) -> list[Path]:
        """The results of pieces that are in the storage."""
        return list((self.cluster.folder / "storage").glob("searches/*/pieces/*/*.zst"))


LONG = "".join(one.fasta for one in real("proteins")[:310])  # two batches
MANY = "".join(one.fasta for one in real("16s")[:60])
SHORT = "".join(one.fasta for one in real("16s")[:4])


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("answers")
    proteins, genes = real("proteins")[:1600], real("16s")[:600]
    databases = {
        "proteins": make_database(folder / "prot" / "proteins", "prot", proteins, "-max_file_sz", "120000"),
        "16s": make_database(folder / "nucl" / "16s", "nucl", genes, "-max_file_sz", "60000"),
    }
    return Answers(folder, databases)


@pytest.fixture
def served(tmp_path: Path, answers: Answers) -> Iterator[Served]:
    storage = (tmp_path / "storage").as_uri()
    cluster = LocalCluster(tmp_path, storage)
    server = Server(
        tmp_path / "home", variables={"SHARDBLAST_STORAGE": storage, "SHARDBLAST_SCHEDULER": cluster.address}
    )
    for name, path in answers.databases.items():
        added = server.run("db", "add", name, str(path), "--copy", "--quiet")
        assert added.returncode == 0, added.stderr
    cluster.start("a", "b")
    server.start()
    yield Served(cluster, server, answers)
    server.close()
    cluster.close()


def test_a_service_has_its_searches_done_by_nodes(served: Served, tmp_path: Path) -> None:
    body = {"program": "blastn", "database": "16s", "query": SHORT}
    answer = served.server.http.post("/searches/preflight", json=body).json()
    search = served.server.submit("blastn", "16s", SHORT)

    ended = served.server.ended(search["id"])

    assert ended["state"] == "completed", ended
    assert ended["shards"] > 1
    assert answer["fits_in_memory"] is None
    phases = {one["name"]: one for one in ended["phases"]}
    assert phases["staging"]["status"] == "completed"
    assert phases["staging"]["done"] == phases["staging"]["total"] > 0
    for outfmt in ("0", "6"):
        assert served.server.result(search["id"], outfmt) == served.answers("blastn", "16s", SHORT, outfmt)
    report = served.server.http.get(f"/searches/{search['id']}/report").json()
    assert (report["shards"], report["why"]) == (answer["shards"], answer["why"])
    assert report["self_contained"]
    assert {one["node"] for one in report["pieces"]} == {"a", "b"}
    assert not list((tmp_path / "home" / "staged").glob("*/*"))
    assert not served.pieces


def test_preflight_refuses_a_database_that_nodes_can_not_read(served: Served) -> None:
    served.server.add_database("beside", served.answers.databases["16s"])
    body = {"program": "blastn", "database": "beside", "query": SHORT}

    (problem,) = served.server.http.post("/searches/preflight", json=body).json()["problems"]

    assert "where nodes can't read it" in problem["detail"]


def test_nodes_are_listed_with_their_volumes(served: Served) -> None:
    until(lambda: served.states() == {"a": "connected", "b": "connected"}, served.nodes)
    served.server.ended(served.server.submit("blastn", "16s", SHORT)["id"])
    until(lambda: all(one["generations"] for one in served.nodes().values()), served.nodes)

    def held() -> dict[tuple[tuple[str, str]], int]:
        return {(("node", name),): one["generations"][0]["mapped_bytes"] for name, one in served.nodes().items()}

    until(lambda: figures(served.server)["shardblast_node_mapped_bytes"] == held(), served.nodes)
    assert figures(served.server)["shardblast_node_cores"] == {(("node", name),): 1 for name in ("a", "b")}

    with connect_sse(served.server.http, "GET", "/nodes/events", timeout=300) as source:
        events = (one for one in source.iter_sse() if one.event != "message")
        first = next(events)
        served.cluster.nodes.pop("b").kill()
        lost = next(one for one in events if one.event == "node" and json.loads(one.data)["state"] == "lost")

    assert (first.event, json.loads(first.data)[0]["name"]) == ("nodes", "a")
    assert json.loads(lost.data)["name"] == "b"
    assert served.nodes()["b"]["state"] == "lost"
    assert served.server.http.get("/nodes/scaling").json()["problem"].startswith("The nodes do not run on Kubernetes")
    assert figures(served.server)["shardblast_nodes"][("state", "lost"),] == 1
    assert served.nodes()["a"]["state"] == "connected"


def test_a_node_that_is_told_to_go_has_left_and_is_not_lost(served: Served) -> None:
    until(lambda: served.states() == {"a": "connected", "b": "connected"}, served.nodes)

    with connect_sse(served.server.http, "GET", "/nodes/events", timeout=300) as source:
        events = (one for one in source.iter_sse() if one.event != "message")
        next(events)
        node = served.cluster.nodes.pop("b")
        node.signal(signal.SIGTERM)
        node.wait()
        gone = next(one for one in events if one.event == "gone" or '"lost"' in one.data)

    assert (gone.event, json.loads(gone.data)) == ("gone", {"name": "b"})
    assert served.states() == {"a": "connected"}
    assert figures(served.server)["shardblast_nodes"][("state", "lost"),] == 0


def test_a_search_says_that_all_nodes_are_busy_with_others(served: Served, tmp_path: Path) -> None:
    served.cluster.nodes.pop("b").kill()
    until(lambda: served.states()["b"] == "lost", served.nodes)
    first = served.server.submit("blastp", "proteins", LONG)
    pid, _, _ = stopped_piece(tmp_path / "a")
    second = served.server.submit("blastn", "16s", SHORT)["id"]

    until(lambda: (served.server.search(second)["waiting"] or {}).get("code") == "busy", served.nodes)

    sentence = served.server.search(second)["waiting"]["sentence"]
    assert sentence == "The search waits for a node that is free: the only one is busy with other searches."
    os.kill(pid, signal.SIGCONT)
    assert served.server.ended(second)["state"] == "completed"
    assert served.server.ended(first["id"])["state"] == "completed"


def test_a_node_that_is_stopped_finishes_its_piece_first(served: Served, tmp_path: Path) -> None:
    search = served.server.submit("blastp", "proteins", LONG)
    pid, batch, shard = stopped_piece(tmp_path / "b")
    until(lambda: (batch, shard, "b") in served.running(search["id"]), lambda: served.running(search["id"]))
    node = served.cluster.nodes["b"]

    node.signal(signal.SIGTERM)
    until(lambda: served.nodes()["b"]["state"] == "draining", served.nodes)
    os.kill(pid, signal.SIGCONT)

    assert node.wait() == 0
    served.cluster.add("b")
    ended = served.server.ended(search["id"])
    assert ended["state"] == "completed", ended
    assert served.server.result(search["id"], "6") == served.answers("blastp", "proteins", LONG, "6")
    pieces = served.reported(search["id"])
    searched = {(one["batch"], one["shard"]): one["node"] for one in pieces}
    assert searched[batch, shard] == "b"
    assert len(searched) == len(pieces)


def test_a_search_tells_what_cost_it_time_and_an_outage_stops_only_what_needs_the_storage(
    served: Served, tmp_path: Path
) -> None:
    url, http, storage, away = served.server.url, served.server.http, tmp_path / "storage", tmp_path / "away"
    search = served.server.submit("blastp", "proteins", LONG)["id"]
    _, batch, shard = stopped_piece(tmp_path / "b")
    until(lambda: (batch, shard, "b") in served.running(search), lambda: served.running(search))

    served.cluster.nodes["b"].kill()
    until(lambda: any("Node b was lost" in line for line in served.told(search)), lambda: served.told(search))
    storage.rename(away)
    until(lambda: get(f"{url}/ready").json()["status"] == "impaired", lambda: get(f"{url}/ready").text)
    ready, figure = get(f"{url}/ready"), figures(served.server)["shardblast_available"]
    refused, nodes, shown = http.get("/databases"), http.get("/nodes"), http.get(f"/searches/{search}")
    away.rename(storage)
    until(lambda: get(f"{url}/ready").json()["status"] == "ok", lambda: get(f"{url}/ready").text)
    served.cluster.add("b")
    ended = served.server.ended(search)

    assert (ready.status_code, ready.json()["checks"]["storage"]) == (200, "The folder of the storage is missing.")
    assert ready.json()["away_since"].keys() == {"storage"}
    assert (figure[("part", "storage"),], figure[("part", "database"),]) == (0, 1)
    assert (refused.status_code, refused.json()["code"]) == (503, "storage")
    assert "The folder of the storage is missing." in refused.json()["detail"]
    assert (nodes.status_code, shown.status_code) == (200, 200)
    assert ended["state"] == "completed", ended
    assert served.server.result(search, "6") == served.answers("blastp", "proteins", LONG, "6")
    told = served.told(search)
    lost = f" UTC while it ran batch {batch + 1}, shard {shard + 1}, which runs again."
    assert any(line.startswith("Node b was lost before ") and line.endswith(lost) for line in told), told
    assert any(re.fullmatch(r"The storage was away from [0-9:]{8} to [0-9:]{8} UTC: .*", line) for line in told), told
    report = http.get(f"/searches/{search}/report").json()["incidents"]
    assert {one["text"] for one in report} <= set(told)
    assert len(report) >= 2


def test_a_search_tells_of_another_scheduler(served: Served, tmp_path: Path) -> None:
    search = served.server.submit("blastp", "proteins", LONG)["id"]
    stopped_piece(tmp_path / "b")

    served.cluster.scheduler.kill()
    served.cluster.scheduler.start()

    assert served.server.ended(search)["state"] == "completed"
    told = served.told(search)
    assert any("The scheduler was replaced before " in line for line in told), told
    assert not any("Node" in line for line in told), told


def test_a_node_that_is_stopped_twice_ends_at_once(served: Served, tmp_path: Path) -> None:
    search = served.server.submit("blastp", "proteins", LONG)
    pid, _, _ = stopped_piece(tmp_path / "b")
    node = served.cluster.nodes["b"]

    node.signal(signal.SIGTERM)
    node.wait_for("the node drains")
    node.signal(signal.SIGTERM)

    assert node.wait() == 0
    until(lambda: state_of(pid) in "ZX")
    served.cluster.add("b")
    assert served.server.ended(search["id"])["state"] == "completed"
    assert served.server.result(search["id"], "6") == served.answers("blastp", "proteins", LONG, "6")


def test_nothing_is_left_of_a_cancelled_search_on_any_node(served: Served, tmp_path: Path) -> None:
    for phase in ("searching", "merging", "publishing"):
        search = served.server.submit("blastn", "16s", MANY)["id"]
        next(event for event in served.server.events(search) if json.loads(event.data).get("phase") == phase)

        served.server.http.post(f"/searches/{search}/cancel")

        assert served.server.ended(search)["state"] == "cancelled"
        assert not any(blast_pids(tmp_path / name) for name in ("a", "b"))
        stored = (tmp_path / "storage" / "searches" / search).rglob("*")
        assert [path.name for path in stored if path.is_file()] == ["query.fa.zst"]


def test_a_killed_service_resumes_from_the_results_of_the_nodes(served: Served, tmp_path: Path) -> None:
    search = served.server.submit("blastp", "proteins", LONG)
    until(lambda: served.pieces, lambda: served.server.search(search["id"]))

    served.server.kill()
    until(lambda: not any(blast_pids(tmp_path / name) for name in ("a", "b")))
    done = {piece: piece.stat().st_mtime_ns for piece in served.pieces}
    served.server.start()
    ended = served.server.ended(search["id"])

    assert done
    assert ended["state"] == "completed", ended
    assert any("another process of it took over" in line for line in served.told(search["id"]))
    assert served.server.result(search["id"], "6") == served.answers("blastp", "proteins", LONG, "6")
    searching = next(phase for phase in ended["phases"] if phase["name"] == "searching")
    searched = [(one["batch"], one["shard"]) for one in served.reported(search["id"])]
    assert len(searched) == len(set(searched)) == searching["done"] == searching["total"]


def test_two_searches_are_done_at_once(served: Served, tmp_path: Path) -> None:
    served.cluster.nodes.pop("b").stop()
    served.cluster.add("b", "--cores", "2").wait_for("the node is connected", times=2)
    long = served.server.submit("blastp", "proteins", LONG)
    pid, _, _ = stopped_piece(tmp_path / "b")  # so that it is not over too soon; there is another core

    short = served.server.submit("blastn", "16s", SHORT)

    assert served.server.ended(short["id"])["state"] == "completed"
    assert served.server.search(long["id"])["state"] == "running"
    os.kill(pid, signal.SIGCONT)
    assert served.server.ended(long["id"])["state"] == "completed"
    assert served.server.result(short["id"], "6") == served.answers("blastn", "16s", SHORT, "6")
    assert served.server.result(long["id"], "6") == served.answers("blastp", "proteins", LONG, "6")
