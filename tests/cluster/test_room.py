"""Searches that need the whole database on one node, where no node has room for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.parts import LocalCluster
from tests.databases import make_database
from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server
from tests.waiting import until

QUERY = "".join(one.fasta for one in real("proteins")[:8])
SATURATED = ["-max_target_seqs", "5", "-evalue", "1000"]
"""With composition-based statistics: searched in shards first, and then in the whole database."""
UNSPLITTABLE = ["-culling_limit", "1"]


@dataclass
class Narrow:
    """A service before two nodes that together have room for a database."""

    cluster: LocalCluster
    server: Server
    path: Path

    def waits_for_room(self, search_id: str) -> bool:
        waiting = self.server.search(search_id)["waiting"]
        return waiting is not None and waiting["code"] == "whole-database"


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


@pytest.mark.parametrize("options", [SATURATED, UNSPLITTABLE])
def test_a_search_says_that_it_waits_for_room_for_the_whole_database(
    narrow: Narrow, options: list[str], tmp_path: Path
) -> None:
    search = narrow.server.submit("blastp", "proteins", QUERY, " ".join(options))
    until(lambda: narrow.waits_for_room(search["id"]), lambda: narrow.server.search(search["id"]))

    narrow.cluster.add("c")

    ended = narrow.server.ended(search["id"])
    assert ended["state"] == "completed", ended
    assert ended["waiting"] is None
    expected = blast("blastp", narrow.path, "proteins", QUERY, options, "6", tmp_path)
    assert narrow.server.result(search["id"], "6") == expected
