"""Reasons for which a search waits."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from shardblast.core.cutting import Shard
from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.lack import (
    MORE_NODES,
    NO_NODE,
    REMEDIES,
    ExpectedNodes,
    Lack,
    LackCode,
    lacked,
    lacks_nodes,
    lasting,
)
from shardblast.core.node import HeldGeneration, HeldVolume, NodeState
from shardblast.core.placement import has_room, lacking
from shardblast.core.program import Molecule


def volume(name: str) -> VolumeMetadata:
    return VolumeMetadata(name, 10, 1000, 100, 1 << 20, (DatabaseFile(f"{name}.nsq", 1 << 30, ""),))


VOLUMES = tuple(volume(f"genes.{number}") for number in range(8))
GENES = Generation("genes", "1", Molecule.NUCLEOTIDE, "genes", "", 5, VOLUMES, (), True, False, (), "", "")
SHARDS = [Shard(index, range(index, index + 1), None, index * 10, 1000) for index in range(8)]


def needs(*numbers: int) -> frozenset[str]:
    return frozenset(f"genes.{number}" for number in numbers)


def lack(*wanted: frozenset[str]) -> Lack:
    found = lacking(wanted, GENES, SHARDS)
    assert found is not None
    return found


def test_without_waiting_tasks_there_is_no_lack() -> None:
    assert lacking([], GENES, SHARDS) is None


def test_shards_that_no_node_holds_are_named() -> None:
    found = lack(needs(2), needs(5))

    assert (found.code, found.sentence) == (LackCode.SHARDS, "The search waits for a node that holds shard 3, 6 of 8.")
    assert found.volumes == (("genes.2",), ("genes.5",))


def test_some_of_many_shards_are_named() -> None:
    found = lack(*(needs(number) for number in range(7)))

    assert found.what == "a node that holds shard 1, 2, 3, 4, 5 and others of 8"
    assert len(found.volumes) == 7


def test_a_task_that_needs_the_whole_database_states_its_size() -> None:
    found = lack(needs(3), needs(*range(8)))

    assert found.code is LackCode.WHOLE_DATABASE
    assert found.what == "a node whose disk has room for the whole database (8.0 GiB)"
    assert found.detail == ""
    assert found.volumes == (tuple(f"genes.{number}" for number in range(8)),)


def node(name: str, room: int, *numbers: int) -> NodeState:
    volumes = tuple(HeldVolume(f"genes.{number}", 1 << 30, 1 << 30, None) for number in numbers)
    return NodeState(name, 4, 1 << 40, room, 0, room, (HeldGeneration("genes", "1", False, volumes, 8),))


def test_a_database_of_one_volume_is_called_whole_only_if_it_is_searched_whole() -> None:
    one = replace(GENES, volumes=VOLUMES[:1])
    parts = [Shard(index, range(1), range(index * 5, index * 5 + 5), index * 5, 500) for index in range(2)]
    whole = [Shard(0, range(1), None, 0, 1000)]

    of_parts, of_whole = lacking([needs(0)], one, parts), lacking([needs(0)], one, whole)

    assert of_parts is not None
    assert (of_parts.code, of_parts.what) == (LackCode.SHARDS, "a node that holds shard 1, 2 of 2")
    assert of_whole is not None
    assert of_whole.code is LackCode.WHOLE_DATABASE


def test_nodes_that_are_too_small_are_named_with_their_sizes() -> None:
    there = [node("b", 1 << 29), node("a", 1 << 28)]

    found = lacking([needs(2)], GENES, SHARDS, there)

    assert found is not None
    assert found.code is LackCode.SHARDS
    assert found.sentence == (
        "The search waits for a node whose disk has room for shard 3 of 8 (1.0 GiB): "
        "b may hold 512.0 MiB, a may hold 256.0 MiB."
    )
    many = lacking([needs(2)], GENES, SHARDS, [*there, *(node(str(number), 1) for number in range(9))])
    assert many is not None
    assert many.sentence.endswith(" and the others no more.")


def test_what_other_searches_use_of_a_disk_is_told_and_may_be_free_later() -> None:
    used = HeldGeneration("other", "1", False, (), 3, 3 << 29)
    busy = replace(node("a", 2 << 30), generations=(used,))

    found = lacking([needs(2)], GENES, SHARDS, [busy])

    assert found is not None
    assert found.sentence == (
        "The search waits for a node whose disk has room for shard 3 of 8 (1.0 GiB): "
        "a may hold 2.0 GiB, of which other searches use 1.5 GiB."
    )
    assert not has_room(GENES, busy, needs(2))
    assert has_room(GENES, busy, needs(2), ever=True)
    assert has_room(GENES, replace(busy, generations=(replace(used, used_bytes=0),)), needs(2))


def test_what_a_node_holds_is_not_lacking() -> None:
    assert lacking([needs(2)], GENES, SHARDS, [node("a", 1 << 40, 1, 2)]) is None
    held = lacking([needs(2), needs(3)], GENES, SHARDS, [node("a", 1 << 40, 1, 2)])
    assert held is not None
    assert held.what == "a node that holds shard 4 of 8"
    assert lacking([needs(*range(8))], GENES, SHARDS, [node("a", 1 << 20, *range(8))]) is None


@pytest.mark.parametrize(
    ("lacks", "words"),
    [
        (lacks_nodes(NO_NODE, 0, ExpectedNodes()), "a node of the cluster: none is connected."),
        (lacks_nodes(NO_NODE, 0, ExpectedNodes(), 2), "a node of the cluster: 2 draining."),
        (lacks_nodes(NO_NODE, 0, ExpectedNodes(), 0, 2), "a node of the cluster: 2 with another version of BLAST+."),
        (
            lacks_nodes(NO_NODE, 0, ExpectedNodes(3, 1, "node-2: no machine has room.")),
            "a node of the cluster: none is connected, 3 asked for, 2 pending because of: node-2: no machine has room.",
        ),
        (lacks_nodes(MORE_NODES, 1, ExpectedNodes(2, 2)), "more nodes of the cluster: 1 connected, 2 asked for."),
    ],
)
def test_missing_nodes_are_told_with_those_that_were_asked_for(lacks: Lack, words: str) -> None:
    assert lacks.sentence == f"The search waits for {words}"


def test_a_task_that_needs_no_volume_waits_for_any_node() -> None:
    assert lacking([needs()], GENES, SHARDS) == NO_NODE


@pytest.mark.parametrize("found", [NO_NODE, lack(needs(2), needs(5)), lack(needs(*range(8)))])
def test_a_lack_survives_json(found: Lack) -> None:
    assert Lack.of(json.loads(json.dumps(asdict(found)))) == found


def test_every_lack_has_a_remedy() -> None:
    assert set(REMEDIES) == set(LackCode)


def test_the_times_in_which_a_search_lacked_something_add_up() -> None:
    assert lacked(10.0, None, 100.0) == 10.0
    assert lacked(10.0, 40.0, 100.0) == 70.0
    assert lacked(10.0, 40.0, 30.0) == 10.0  # somebody set the clock back


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.6, "1 second"), (12.4, "12 seconds"), (3600, "1.0 hours"), (90000, "25.0 hours")]
)
def test_the_time_that_a_search_waited_is_reported(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
