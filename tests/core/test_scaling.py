"""The number of nodes that a cluster should have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.core.cutting import MEMORY_SHARE
from shardblast.core.database import DatabaseFile, VolumeMetadata
from shardblast.core.errors import ConflictError
from shardblast.core.scaling import (
    Demand,
    Need,
    NodeSize,
    Scale,
    ScalingRule,
    SearchedDatabase,
    check_most,
    kept,
    need,
    scaled,
)

GIB = 1 << 30
SIZE = NodeSize(memory_bytes=16 * GIB, disk_bytes=1000 * GIB, cores=4)
RULE = ScalingRule(most=8, idle_s=600)


def database(volumes: int, each: int = GIB, batches: int = 1, name: str = "nt/1") -> SearchedDatabase:
    def volume(place: int) -> VolumeMetadata:
        file = DatabaseFile(f"nt.{place:02}.nsq", each, "")
        return VolumeMetadata(f"nt.{place:02}", 1000, 4 * each, 5000, each, (file,))

    return SearchedDatabase(name, tuple(volume(place) for place in range(volumes)), batches)


volumes = st.integers(1, 60)
sizes = st.integers(1 << 20, 4 * GIB)
batches = st.integers(1, 2000)
demands = st.builds(
    lambda some, busy, memory, cores: Demand(
        tuple(replace(one, name=f"{place}/1") for place, one in enumerate(some)),
        busy,
        NodeSize(memory, 1000 * GIB, cores),
    ),
    st.lists(st.builds(database, volumes, sizes, batches), max_size=3),
    st.integers(0, 12),
    st.integers(GIB, 64 * GIB),
    st.integers(1, 32),
)
rules = st.builds(ScalingRule, st.integers(1, 20), st.sampled_from([0.0, 60.0, 600.0]), st.integers(1, 3))


def test_more_nodes_than_the_operator_allows_are_refused() -> None:
    check_most(8, 8)
    with pytest.raises(ConflictError, match="At most 8 nodes may be asked for, not 9"):
        check_most(9, 8)


def test_without_searches_no_node_is_needed() -> None:
    assert need(RULE, Demand(size=SIZE)).nodes == 0
    assert need(RULE, Demand()).nodes == 0


def test_a_database_needs_nodes_whose_half_memory_holds_it() -> None:
    assert need(RULE, Demand((database(4),), size=SIZE)).nodes == 1
    assert need(RULE, Demand((database(12),), size=SIZE)).nodes == 2
    assert need(replace(RULE, replicas=2), Demand((database(12),), size=SIZE)).nodes == 3
    assert need(RULE, Demand((database(12), database(12, name="nr/1")), size=SIZE)).nodes == 3


def test_replicas_need_a_node_each() -> None:
    assert need(replace(RULE, replicas=3), Demand((database(1),), size=SIZE)).nodes == 3


def test_one_large_volume_is_cut_for_the_nodes() -> None:
    assert need(RULE, Demand((database(1, 40 * GIB),), size=SIZE)).nodes == 5


def test_a_database_that_fits_nowhere_needs_all_nodes() -> None:
    assert need(RULE, Demand((database(100),), size=SIZE)).nodes == RULE.most
    assert need(RULE, Demand((database(4),), size=replace(SIZE, disk_bytes=GIB // 2))).nodes == RULE.most


def test_pieces_that_wait_need_more_nodes_but_none_that_would_hold_no_shard() -> None:
    assert need(RULE, Demand((database(4, batches=8),), size=SIZE)).nodes == 2
    assert need(RULE, Demand((database(4, batches=20),), size=SIZE)).nodes == 5
    assert need(RULE, Demand((database(4, batches=10_000),), size=SIZE)).nodes == RULE.most
    assert need(RULE, Demand((database(2, 1 << 18, batches=10_000),), size=SIZE)).nodes == 2


def test_all_nodes_are_needed_as_long_as_nobody_knows_what_a_node_has() -> None:
    assert need(RULE, Demand((database(1),))).nodes == RULE.most


@given(rules, demands)
def test_the_need_exceeds_the_maximum_only_for_busy_nodes(rule: ScalingRule, demand: Demand) -> None:
    found = need(rule, demand)

    assert demand.busy <= found.nodes <= max(rule.most, demand.busy)
    assert (found.nodes > 0) == bool(demand.databases or demand.busy)


@given(rules, demands)
def test_the_needed_nodes_hold_the_databases(rule: ScalingRule, demand: Demand) -> None:
    found = need(rule, demand)

    mapped = sum(one.mapped_bytes for database in demand.databases for one in database.volumes)
    assert demand.size is not None
    holds = found.nodes * int(demand.size.memory_bytes * MEMORY_SHARE)
    assert holds >= mapped * rule.replicas or found.nodes >= rule.most


@given(rules, demands, batches)
def test_more_work_never_needs_fewer_nodes(rule: ScalingRule, demand: Demand, more: int) -> None:
    busier = replace(demand, databases=tuple(replace(one, batches=one.batches + more) for one in demand.databases))

    assert need(rule, busier).nodes >= need(rule, demand).nodes


def run(rule: ScalingRule, present: int, needs: list[int], every_s: float, until: int = 0) -> list[int]:
    """Return the number of nodes after each look; looks after the last need see that need again."""
    scale: Scale | None = None
    numbers = []
    for step in range(max(len(needs), until)):
        needed = needs[min(step, len(needs) - 1)]
        scale = scaled(rule, scale, present, needed, step * every_s)
        present = scale.nodes
        numbers.append(present)
    return numbers


def test_nodes_are_added_at_once() -> None:
    assert run(RULE, 0, [0, 5], 2.0) == [0, 5]


def test_half_of_the_nodes_are_removed_after_the_idle_time_and_the_next_ones_sooner() -> None:
    numbers = run(RULE, 8, [0], 10.0, until=120)

    left = [step * 10 for step in range(1, 120) if numbers[step] != numbers[step - 1]]
    assert left == [600, 750, 900, 1050]
    assert [numbers[at // 10] for at in left] == [4, 2, 1, 0]


def test_nodes_stay_if_the_idle_time_is_zero() -> None:
    assert set(run(replace(RULE, idle_s=0), 4, [0], 1000.0, until=100)) == {4}


def test_requested_nodes_stay_for_the_idle_time() -> None:
    scale = scaled(RULE, None, 2, 0, 0.0)
    scale = scaled(RULE, scale, 6, 0, 590.0)
    assert scale.nodes == 6
    assert scaled(RULE, scale, 6, 0, 1180.0).nodes == 6
    assert scaled(RULE, scale, 6, 0, 1190.0).nodes == 3


def test_fewer_nodes_than_needed_are_increased() -> None:
    scale = scaled(RULE, None, 4, 3, 0.0)

    assert scaled(RULE, scale, 0, 3, 2.0).nodes == 3


needed = st.lists(st.integers(0, 12), min_size=1, max_size=200)
idle = st.sampled_from([0.0, 20.0, 60.0])


@given(st.integers(0, 12), needed, idle)
def test_there_are_never_fewer_than_needed_nor_more_without_need(present: int, needs: list[int], idle_s: float) -> None:
    numbers = run(ScalingRule(12, idle_s), present, needs, 2.0)

    for step, nodes in enumerate(numbers):
        assert nodes >= needs[step]
        assert nodes <= max([present, *numbers][step], needs[step])


@given(st.integers(0, 12), needed)
def test_nodes_needed_within_the_idle_time_stay(present: int, needs: list[int]) -> None:
    every_s, idle_s = 2.0, 20.0
    numbers = run(ScalingRule(12, idle_s), present, needs, every_s)

    for step, nodes in enumerate(numbers):
        if step and nodes < numbers[step - 1]:
            within = [place for place in range(step + 1) if (step - place) * every_s < idle_s]
            assert nodes >= max(needs[place] for place in within)


@given(st.integers(0, 12), st.lists(st.integers(0, 12), min_size=1, max_size=9))
def test_a_need_that_returns_again_and_again_keeps_the_number(present: int, needs: list[int]) -> None:
    numbers = run(ScalingRule(12, 20.0), present, needs * 40, 2.0)

    rest = numbers[len(numbers) // 2 :]
    assert set(rest) == {max(needs)}


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 1e6))
def test_a_decision_that_was_carried_out_is_not_changed(present: int, needed: int, now: float) -> None:
    scale = scaled(RULE, None, present, needed, now)

    assert scaled(RULE, scale, scale.nodes, needed, now).nodes == scale.nodes


@pytest.mark.parametrize(("busy", "hold", "work", "nodes"), [(0, 2, 5, 5), (0, 3, 1, 3), (9, 2, 2, 9), (0, 20, 0, 8)])
def test_the_largest_of_all_needs_counts(busy: int, hold: int, work: int, nodes: int) -> None:
    assert Need(hold, work, busy, 8).nodes == nodes


@pytest.mark.parametrize(
    ("nodes", "wanted", "ready", "number"),
    [
        (2, 3, [0, 1, 2], 2),
        (2, 3, [1, 2], 3),
        (1, 3, [1, 2], 2),
        (1, 3, [2], 3),
        (2, 4, [3], 4),
        (0, 3, [1, 2], 0),
        (2, 3, [], 2),
        (5, 3, [2], 5),
        (3, 3, [2], 3),
    ],
)
def test_ready_nodes_stay_in_place_of_those_that_are_not(
    nodes: int, wanted: int, ready: list[int], number: int
) -> None:
    assert kept(nodes, wanted, ready) == number
