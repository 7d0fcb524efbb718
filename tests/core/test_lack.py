"""Reasons for which a search waits."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from shardblast.core.cutting import Shard
from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.lack import NO_NODE, REMEDIES, Lack, LackCode, lacked, lasting
from shardblast.core.placement import lacking
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
    assert found.volumes == (tuple(f"genes.{number}" for number in range(8)),)


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
