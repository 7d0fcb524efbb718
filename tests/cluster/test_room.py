"""Searches that need the whole database on one node, where no node has room for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.parts import LocalCluster, blast_pids, stopped
from tests.cluster.searched import Searched, search
from tests.databases import make_database
from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server

QUERY = "".join(one.fasta for one in real("proteins")[:8])
SATURATED = ["-max_target_seqs", "5", "-evalue", "1000"]
"""With composition-based statistics: searched in shards first, and then in the whole database."""
UNSPLITTABLE = ["-qcov_hsp_perc", "10"]
"""Searched in candidates, if not all hits are wanted."""
COMPLETE = "complete"


@dataclass
class Narrow:
    """A service before two nodes that together have room for a database."""

    cluster: LocalCluster
    server: Server
    path: Path

    def command(self, options: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Search by a command."""
        words = ["-db", "proteins", "-query", "-", "-outfmt", "6", *options]
        return self.cluster.search("blastp", *words, sent=QUERY.encode())


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Narrow]:
    storage = (tmp_path / "storage").as_uri()
    cluster = LocalCluster(tmp_path, storage)
    path = make_database(tmp_path / "db" / "proteins", "prot", real("proteins")[:3000], "-max_file_sz", "300000")
    variables = {"SHARDBLAST_STORAGE": storage, "SHARDBLAST_SCHEDULER": cluster.address}
    server = Server(tmp_path / "home", variables=variables)
    cluster.add_database("proteins", path)
    room = sum(file.stat().st_size for file in path.parent.iterdir()) * 8 // 10
    cluster.start()
    for name in ("a", "b"):
        cluster.add(name, "--disk", f"{room // 1024}KiB")
    for name in ("a", "b"):
        cluster.nodes[name].wait_for("the node is connected")
    server.start()
    yield Narrow(cluster, server, path)
    server.close()
    cluster.close()


def test_queries_are_verified_if_a_node_has_room(narrow: Narrow, tmp_path: Path) -> None:
    options = ["-evalue", "1e-5", "-comp_based_stats", "0", "--verify", "2", "--report", str(tmp_path / "report.json")]
    expected = blast("blastp", narrow.path, "proteins", QUERY, options[:4], "6", tmp_path)

    without_room = narrow.command(options)
    before = json.loads((tmp_path / "report.json").read_text())["verified"]
    narrow.cluster.add("c").wait_for("the node is connected")
    with_room = narrow.command(options)
    after = json.loads((tmp_path / "report.json").read_text())["verified"]

    assert without_room.stdout == with_room.stdout == expected, without_room.stderr
    assert (without_room.returncode, with_room.returncode) == (0, 0)
    assert [one["identical"] for one in before.values()] == [None, None]
    assert all("can be verified only there" in one["detail"] for one in before.values())
    assert after == {name: {"identical": True, "detail": ""} for name in before}


@dataclass
class Pair:
    """Two databases in a cluster with one node, whose disk has room for either of them."""

    cluster: LocalCluster
    room: str
    """The size of the disk."""
    words: dict[str, list[str]]
    """The search in each database."""
    answers: dict[str, bytes]

    def stopped(self) -> tuple[Searched, int]:
        """Begin a search in the first database, and stop a process of it; return both."""
        searched = search(self.cluster, self.words["first"])
        return searched, stopped(lambda: blast_pids(self.cluster.folder / "a" / "work", "/shard"))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    cluster = LocalCluster(tmp_path, (tmp_path / "storage").as_uri())
    query, halves = tmp_path / "query.fa", {"first": real("proteins")[:2500], "second": real("proteins")[500:3000]}
    query.write_text("".join(one.fasta for one in real("proteins")[:100]))
    paths = {name: make_database(tmp_path / name / name, "prot", held) for name, held in halves.items()}
    for name, path in paths.items():
        cluster.add_database(name, path)
    room = max(sum(file.stat().st_size for file in path.parent.iterdir()) for path in paths.values()) * 3 // 2
    words = {name: ["blastp", "-db", name, "-query", str(query), "-outfmt", "6"] for name in paths}
    answers = {name: blast("blastp", path, name, query.read_text(), [], "6", tmp_path) for name, path in paths.items()}
    one = Pair(cluster, f"{room // 1024}KiB", words, answers)
    cluster.start()
    cluster.add("a", "--disk", one.room).wait_for("the node is connected")
    yield one
    cluster.close()


def test_databases_that_exceed_a_disk_together_are_searched_one_after_the_other(pair: Pair) -> None:
    running, pid = pair.stopped()

    waiting = search(pair.cluster, pair.words["second"])
    waiting.wait_for("of which other searches use")
    os.kill(pid, signal.SIGCONT)

    running.assert_ends_well(pair.answers["first"])
    waiting.assert_ends_well(pair.answers["second"])
    assert "There is no room" not in waiting.said


def test_a_node_whose_disk_another_search_uses_is_passed_by(pair: Pair) -> None:
    running, pid = pair.stopped()

    pair.cluster.add("b", "--disk", pair.room).wait_for("the node is connected")
    search(pair.cluster, pair.words["second"]).assert_ends_well(pair.answers["second"])
    held = [pair.cluster.volumes_of(name, "second") for name in ("a", "b")]
    os.kill(pid, signal.SIGCONT)

    assert [bool(volumes) for volumes in held] == [False, True]
    running.assert_ends_well(pair.answers["first"])


def test_a_search_that_no_node_has_room_for_is_refused_until_one_has(narrow: Narrow, tmp_path: Path) -> None:
    body = {"program": "blastp", "database": "proteins", "query": QUERY, "options": " ".join(UNSPLITTABLE)}
    body["exactness"] = COMPLETE
    refused = [narrow.server.http.post(where, json=body) for where in ("/searches/preflight", "/searches")]
    by_command = narrow.command([*UNSPLITTABLE, "--exactness", COMPLETE])
    assert [one.status_code for one in refused] == [200, 422]
    for (problem,) in (one.json()["problems"] for one in refused):
        assert problem["code"] == "no-room"
        assert problem["detail"].startswith("The search needs the whole database on one node: -qcov_hsp_perc ")
    assert by_command.returncode == 3
    assert b"and no node may hold more than" in by_command.stderr
    assert not narrow.cluster.volumes_of("a", "proteins") | narrow.cluster.volumes_of("b", "proteins")

    ended = narrow.server.ended(narrow.server.submit("blastp", "proteins", QUERY, " ".join(SATURATED))["id"])
    by_command = narrow.command(SATURATED)
    assert (ended["state"], ended["failure"]["code"]) == ("failed", "no-room")
    first = real("proteins")[0].title.split()[0]
    assert f"the first stage of the search for {first}, " in ended["failure"]["problem"]
    assert "--exactness complete or -comp_based_stats 0" in ended["failure"]["remedy"]
    assert by_command.returncode == 3
    assert f"the first stage of the search for {first}, ".encode() in by_command.stderr

    narrow.cluster.add("c").wait_for("the node is connected")
    submitted = narrow.server.submit("blastp", "proteins", QUERY, " ".join(UNSPLITTABLE), exactness=COMPLETE)
    ended = narrow.server.ended(submitted["id"])
    assert ended["state"] == "completed", ended["failure"]
    expected = blast("blastp", narrow.path, "proteins", QUERY, UNSPLITTABLE, "6", tmp_path)
    assert narrow.server.result(ended["id"], "6") == expected
