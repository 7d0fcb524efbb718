"""What a search on a cluster is said to wait for."""

from __future__ import annotations

from shardblast.core.generation import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.lacking import lacking
from shardblast.core.planning import Shard
from shardblast.core.program import Molecule


def volume(name: str) -> VolumeMetadata:
    return VolumeMetadata(name, 10, 1000, 100, 1 << 20, (DatabaseFile(f"{name}.nsq", 1 << 30, ""),))


VOLUMES = tuple(volume(f"genes.{number}") for number in range(8))
GENES = Generation("genes", "1", Molecule.NUCLEOTIDE, "genes", "", 5, VOLUMES, (), True, False, (), "", "")
SHARDS = [Shard(index, range(index, index + 1), None, index * 10, 1000) for index in range(8)]


def needs(*numbers: int) -> frozenset[str]:
    return frozenset(f"genes.{number}" for number in numbers)


def test_nothing_is_lacking_where_no_task_waits() -> None:
    assert lacking([], GENES, SHARDS) is None


def test_shards_that_no_node_holds_are_named() -> None:
    assert lacking([needs(2), needs(5)], GENES, SHARDS) == "a node that holds shard 3, 6 of 8"


def test_of_many_shards_some_are_named() -> None:
    told = lacking([needs(number) for number in range(7)], GENES, SHARDS)

    assert told == "a node that holds shard 1, 2, 3, 4, 5 and others of 8"


def test_a_task_that_needs_all_of_the_database_tells_how_much_that_is() -> None:
    told = lacking([needs(3), needs(*range(8))], GENES, SHARDS)

    assert told == "a node whose disk has room for the whole database (8.0 GiB)"


def test_a_task_that_needs_no_volume_waits_for_any_node() -> None:
    assert lacking([needs()], GENES, SHARDS) == "a node of the cluster"
