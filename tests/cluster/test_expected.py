"""Nodes that are starting when a search begins."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shardblast.blast.process import Processes
from shardblast.bootstrap import cluster as bootstrap
from shardblast.core.lack import ExpectedNodes
from shardblast.storage.objects import Objects
from tests.cluster.driven import Heard, ordered
from tests.cluster.parts import LocalCluster
from tests.databases import Databases
from tests.waiting import until

EXPECTED = "The search waits for more nodes of the cluster: 1 connected, 2 asked for, 1 pending because of: no machine."


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    one = LocalCluster(tmp_path, (tmp_path / "storage").as_uri())
    one.start()
    yield one
    one.close()


def test_a_search_waits_for_an_expected_node_if_the_others_have_no_room(
    cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    cluster.add_database("db", databases("v5-volumes-ids", "nucl"))
    searching = bootstrap.searching(
        cluster.address, Objects(cluster.storage), expected=lambda: ExpectedNodes(2, 1, "no machine")
    )
    request, _ = ordered(searching, tmp_path, ())
    memory = ("--memory", str(int(request.database.facts.mapped_bytes * 1.6)))
    heard = Heard()
    with ThreadPoolExecutor() as pool:
        searched = pool.submit(searching.search, request, heard, Processes())
        cluster.add("a", *memory)
        until(lambda: heard.waited[-1:] == [EXPECTED])
        assert not cluster.volumes_of("a", "db")
        cluster.add("b", *memory)
        searched.result()
    searching.means.cluster.close()

    both = cluster.volumes_of("a", "db"), cluster.volumes_of("b", "db")
    assert all(both)
    assert not both[0] & both[1]


def test_a_search_does_not_wait_for_a_node_if_there_is_room_without_it(
    cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    cluster.add_database("db", databases("v5-volumes-ids", "nucl"))
    cluster.add("a").wait_for("the node is connected")
    searching = bootstrap.searching(
        cluster.address, Objects(cluster.storage), replicas=2, expected=lambda: ExpectedNodes(2, 1, "no machine")
    )
    request, _ = ordered(searching, tmp_path, ())
    heard = Heard()

    searching.search(request, heard, Processes())
    searching.means.cluster.close()

    assert EXPECTED not in heard.waited
    assert cluster.volumes_of("a", "db")
