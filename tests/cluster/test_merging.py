"""Pieces and merges that are repeated because the report of their end was lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardblast.blast.process import Processes
from shardblast.bootstrap import cluster as bootstrap
from shardblast.cluster import merge, node_tasks
from shardblast.cluster.messages import PIECES, WORK, RunId, SearchOrder, StoredRun, batch_key, piece_key
from shardblast.engine.pieces import part_of
from shardblast.storage.objects import Objects, search_key
from tests.cluster.driven import SEARCH, Heard, ordered
from tests.cluster.parts import LocalCluster
from tests.databases import Databases

SATURATED = ("-max_target_seqs", "4", "-evalue", "1000")
"""Fewer than five, of which BLAST+ warns."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    one = LocalCluster(tmp_path, (tmp_path / "storage").as_uri())
    one.start("a")
    yield one
    one.close()


@pytest.mark.parametrize("options", [SATURATED, (*SATURATED, "--shards", "off")], ids=["shards", "whole"])
def test_a_repeated_merge_reports_the_same(
    cluster: LocalCluster, databases: Databases, tmp_path: Path, options: tuple[str, ...]
) -> None:
    cluster.add_database("db", databases("v5-volumes-ids", "nucl"))
    searching = bootstrap.searching(cluster.address, Objects(cluster.storage))
    request, batch = ordered(searching, tmp_path, options)
    heard = Heard()
    searching.search(request, heard, Processes())
    run = RunId(SEARCH, "again")

    again = searching.means.cluster.client.submit(merge.merge, run, batch, pure=False).result()
    searching.means.cluster.close()

    assert again.warnings == heard.warnings
    assert b"Warning" in again.warnings
    assert again.runs
    assert {one.node for one in again.runs} == {"a"}
    merged = [one for one in heard.pieces if one.seconds in {run.seconds for run in again.runs}]
    assert len(merged) == sum(one.purpose == "search" for one in again.runs)


def test_a_repeated_piece_reports_the_same(cluster: LocalCluster, databases: Databases, tmp_path: Path) -> None:
    cluster.add_database("db", databases("v5-volumes-ids", "nucl"))
    searching = bootstrap.searching(cluster.address, Objects(cluster.storage))
    heard = Heard()
    searching.search(ordered(searching, tmp_path, ())[0], heard, Processes())
    _, second, *_ = SearchOrder.read(searching.means.objects, SEARCH).shards
    key = piece_key(0, second.index)
    stored = StoredRun(part_of(second), (), batch_key(0), key, "11", "search", 0, second.index, "a piece")

    again = searching.means.cluster.client.submit(
        node_tasks.run_stored, RunId(SEARCH, "again"), stored, pure=False
    ).result()
    searching.means.cluster.close()

    (piece,) = [one for one in heard.pieces if (one.purpose, one.shard) == ("search", second.index)]
    assert (again.seconds, again.peak_memory_bytes, again.node) == (piece.seconds, piece.peak_memory_bytes, "a")
    assert (again.purpose, again.batch, again.shard) == ("search", 0, second.index)


def test_a_search_that_is_planned_again_keeps_its_shards(
    cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    """Another server may plan other shards; what is finished is of those that were planned first."""
    cluster.add_database("db", databases("v5-ids", "nucl"))
    searching = bootstrap.searching(cluster.address, Objects(cluster.storage))
    objects = searching.means.objects
    searching.search(ordered(searching, tmp_path, ("--shards", "8"))[0], Heard(), Processes())
    merged = _merged(objects)
    assert len(list(objects.keys(search_key(SEARCH, PIECES)))) == 8
    objects.delete(search_key(SEARCH, "merged"))

    searching.search(ordered(searching, tmp_path, ("--shards", "2"))[0], Heard(), Processes())
    searching.means.cluster.close()

    assert len(SearchOrder.read(objects, SEARCH).shards) == 8
    assert _merged(objects) == merged


def test_sequences_that_are_kept_need_not_be_kept_again(
    cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    cluster.add_database("db", databases("v5-volumes-ids", "nucl"))
    searching = bootstrap.searching(cluster.address, Objects(cluster.storage))
    request, _ = ordered(searching, tmp_path, ())
    searching.search(request, Heard(), Processes())
    assert searching.keep_sequences(request, Heard(), Processes(), 1 << 20)
    searching.means.objects.delete(search_key(SEARCH, WORK))

    assert searching.keep_sequences(request, Heard(), Processes(), 1 << 20)
    searching.means.cluster.close()


def _merged(objects: Objects) -> bytes:
    """Return the merged batch without the names, which are random, of the folders in which it was merged."""
    return re.sub(
        rb"task-[^/]*/", b"", re.sub(rb"driven-[^/]*/", b"", objects.read(search_key(SEARCH, "merged/0.asn")))
    )
