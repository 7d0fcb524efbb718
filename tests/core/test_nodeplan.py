"""How a database is cut for nodes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.core.database import DatabaseFile, VolumeMetadata
from shardblast.core.placement import plan_nodes

GIB = 1 << 30
BALANCED = 1.1
"""Largest shard over the mean, in letters, that counts as balanced."""


def volume(number: int, letters: int, num_seqs: int = 1000) -> VolumeMetadata:
    mapped = letters // 4
    file = DatabaseFile(f"db.{number:02}.nsq", mapped, "")
    return VolumeMetadata(f"db.{number:02}", num_seqs, letters, 100, mapped, (file,))


def test_equal_volumes_are_dealt_evenly() -> None:
    plan = plan_nodes([volume(number, 4 * GIB) for number in range(12)], 4, 8 * GIB)

    assert [len(share.volumes) for share in plan.shares] == [3, 3, 3, 3]
    assert plan.fits
    assert plan.balance == 1.0


def test_a_share_over_half_of_the_memory_does_not_fit_and_the_remedy_says_what_would() -> None:
    volumes = [volume(number, 4 * GIB) for number in range(12)]

    plan = plan_nodes(volumes, 2, 8 * GIB)

    assert not plan.fits
    assert plan.remedy is not None
    assert "Use 3 nodes of this size, or nodes with at least 12,884,901,888 bytes of memory." in plan.remedy
    assert plan_nodes(volumes, 3, 8 * GIB).fits
    assert plan_nodes(volumes, 2, 12 * GIB).fits


def test_more_nodes_than_volumes_get_parts_of_a_volume() -> None:
    plan = plan_nodes([volume(0, 4 * GIB, num_seqs=100)], 3, 8 * GIB)

    assert [(share.shard.oids.start, share.shard.oids.stop) for share in plan.shares if share.shard.oids] == [
        (0, 33),
        (33, 66),
        (66, 100),
    ]
    assert {share.volumes for share in plan.shares} == {("db.00",)}


@given(
    st.lists(st.integers(1, 1 << 40), min_size=1, max_size=100),
    st.integers(1, 50),
    st.integers(1 << 20, 1 << 40),
)
def test_a_plan_contains_every_sequence_once_and_its_remedy_is_true(
    letters: list[int], nodes: int, memory: int
) -> None:
    volumes = [volume(number, one) for number, one in enumerate(letters)]

    plan = plan_nodes(volumes, nodes, memory)

    covered = [
        (share.shard.first_oid + (share.shard.oids.start if share.shard.oids else 0), _num_seqs(share.shard, volumes))
        for share in plan.shares
    ]
    assert len(plan.shares) <= nodes
    assert covered[0][0] == 0
    assert all(first + count == following for (first, count), (following, _) in itertools.pairwise(covered))
    assert covered[-1][0] + covered[-1][1] == 1000 * len(volumes)
    if plan.remedy and plan.remedy.startswith("Use ") and " nodes of this size" in plan.remedy:
        assert plan_nodes(volumes, int(plan.remedy.split()[1].replace(",", "")), memory).fits


def _num_seqs(shard: object, volumes: list[VolumeMetadata]) -> int:
    oids = shard.oids  # type: ignore[attr-defined]
    return len(oids) if oids else sum(volumes[place].num_seqs for place in shard.volumes)  # type: ignore[attr-defined]


@pytest.mark.parametrize("nodes", [2, 4, 8, 10, 16])
def test_volumes_like_those_of_core_nt_are_balanced(nodes: int) -> None:
    letters = [11_800_000_000 + 40_000_000 * (number % 5) for number in range(82)] + [3_000_000_000]

    plan = plan_nodes([volume(number, one) for number, one in enumerate(letters)], nodes, 128 * GIB)

    assert plan.balance <= BALANCED or 83 % nodes  # contiguous whole volumes allow no better
    assert len(plan.shares) == nodes
