"""Searches that need the whole database on one node, where no node has room for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.parts import LocalCluster
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
