"""Databases that are warmed on the nodes of a cluster, and what a service then says about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.parts import LocalCluster
from tests.databases import make_database
from tests.sequences import real
from tests.service.databases import task_ended
from tests.service.server import Server
from tests.waiting import until

GENE = real("16s")[0].fasta


@dataclass
class Warmed:
    """A service before a cluster without nodes, and a database of several volumes in their storage."""

    cluster: LocalCluster
    server: Server

    def database(self) -> dict[str, Any]:
        found: dict[str, Any] = self.server.http.get("/databases/16s").json()
        return found

    def warm(self) -> dict[str, Any]:
        """Begin to warm the database; return the task."""
        answer = self.server.http.post("/databases/16s/warm")
        assert answer.status_code == 202, answer.text
        task: dict[str, Any] = answer.json()
        return task

    def ended(self, task: dict[str, Any]) -> dict[str, Any]:
        return task_ended(self.server, task["id"])

    @property
    def copies_of_the_service(self) -> list[Path]:
        return list((self.server.home / "staged").glob("*/*/*.nsq"))


@pytest.fixture
def warmed(tmp_path: Path) -> Iterator[Warmed]:
    storage = (tmp_path / "storage").as_uri()
    cluster = LocalCluster(tmp_path, storage, timings="grace_s=2")
    variables = {name: cluster.environment[name] for name in ("SHARDBLAST_STORAGE", "SHARDBLAST_TIMINGS")}
    variables["SHARDBLAST_SCHEDULER"] = cluster.address
    server = Server(tmp_path / "home", variables=variables)
    path = make_database(tmp_path / "db" / "16s", "nucl", real("16s")[:300], "-max_file_sz", "60000")
    added = server.run("db", "add", "16s", str(path), "--copy", "--quiet")
    assert added.returncode == 0, added.stderr
    cluster.start()
    server.start()
    yield Warmed(cluster, server)
    server.close()
    cluster.close()


def test_warming_brings_a_database_to_the_nodes_and_not_to_the_service(warmed: Warmed) -> None:
    for name in ("a", "b"):
        warmed.cluster.add(name)
    for name in ("a", "b"):
        warmed.cluster.nodes[name].wait_for("the node is connected")
    before = warmed.database()
    assert (before["here"]["staged_bytes"], before["here"]["resident_bytes"], before["here"]["nodes"]) == (0, 0, 0)
    assert "  0 % warm  " in warmed.server.run("db", "list").stdout

    command = warmed.server.run("db", "warm", "16s")

    after = warmed.database()
    mapped = f"{after['mapped_bytes']:,}"
    assert f"{mapped} of {mapped} bytes are in the memory of 2 nodes (0 before)" in command.stdout, command
    assert after["here"] == {
        "staged_bytes": after["size_bytes"],
        "resident_bytes": after["mapped_bytes"],
        "mapped_bytes": after["mapped_bytes"],
        "problem": None,
        "nodes": 2,
    }
    a, b = (warmed.cluster.volumes_of(name, "16s") for name in ("a", "b"))
    assert a
    assert b
    assert not a & b
    assert "  100 % warm  " in warmed.server.run("db", "list").stdout
    shown = json.loads(warmed.server.run("db", "show", "16s", "--json").stdout)
    assert (shown["resident_bytes"], shown["nodes"]) == (after["mapped_bytes"], 2)
    assert not warmed.copies_of_the_service
    ended = warmed.server.ended(warmed.server.submit("blastn", "16s", GENE)["id"])
    skipped = {one["name"] for one in ended["phases"] if one["status"] == "skipped"}
    assert (ended["state"], skipped >= {"staging", "warming"}) == ("completed", True), ended
    assert not list((warmed.cluster.folder / "storage" / "searches").glob("warm-*"))


def test_what_left_with_its_node_is_no_longer_called_warm(warmed: Warmed) -> None:
    warmed.cluster.add("a").wait_for("the node is connected")
    assert warmed.ended(warmed.warm())["state"] == "completed"
    assert warmed.database()["here"]["resident_bytes"] == warmed.database()["mapped_bytes"]

    warmed.cluster.nodes["a"].kill()

    until(lambda: warmed.database()["here"]["nodes"] == 0)
    assert warmed.database()["here"]["resident_bytes"] == 0
    assert "  0 % warm  " in warmed.server.run("db", "list").stdout


def test_warming_waits_for_a_node_and_says_so(warmed: Warmed) -> None:
    task = warmed.warm()

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = warmed.server.http.get(f"/tasks/{task['id']}").json()
        return found

    until(lambda: shown()["outcome"] == "It waits for a node of the cluster: none is connected.", shown)
    warmed.cluster.add("a")

    ended = warmed.ended(task)
    assert ended["state"] == "completed", ended
    assert "in the memory of 1 node (0 before)" in ended["outcome"]


def test_warming_that_has_no_room_fails_and_says_how_much_is_there(warmed: Warmed) -> None:
    size = warmed.database()["size_bytes"]
    warmed.cluster.add("a", "--disk", str(size // 2)).wait_for("the node is connected")

    ended = warmed.ended(warmed.warm())

    assert (ended["state"], (ended["failure"] or {}).get("code")) == ("failed", "out-of-memory"), ended
    staged, nodes = warmed.database()["here"]["staged_bytes"], warmed.database()["here"]["nodes"]
    words = f"Only {staged:,} of {size:,} bytes are on the disks of {nodes} node{'s' * (nodes != 1)} after warming."
    assert ended["failure"]["problem"] == words
    assert "Start more nodes" in ended["failure"]["remedy"]
    assert staged < size


def test_a_database_that_nodes_can_not_read_is_not_called_warm(warmed: Warmed, tmp_path: Path) -> None:
    path = make_database(tmp_path / "beside" / "beside", "nucl", real("16s")[:5])
    warmed.server.add_database("beside", path)

    found = warmed.server.http.get("/databases/beside").json()["here"]

    assert found["problem"] == "The database 'beside' is on the service's machine, where nodes can't read it."
    assert (found["resident_bytes"], found["staged_bytes"]) == (None, 0)
