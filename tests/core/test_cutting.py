"""The choice of ``--shards auto``."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shardblast.core.cutting import (
    MEMORY_SHARE,
    PIECE_BYTES,
    Situation,
    choose,
    letters_without_threads,
    scans,
    shards_for,
    split_evenly,
    with_leader,
)
from shardblast.core.program import Program

GIB = 1 << 30
SMALL = Situation(Program.BLASTN, 10**9, GIB // 4, 2, 16 * GIB, 5_000, threads=True)
LARGE = replace(SMALL, database_letters=10**12, database_bytes=250 * GIB)

situations = st.builds(
    Situation,
    st.sampled_from(Program),
    st.integers(1, 10**13),
    st.integers(1, 10**13),
    st.integers(1, 256),
    st.integers(1 << 20, 1 << 42),
    st.none() | st.integers(0, 10**9),
    st.booleans(),
)


@given(situation=situations, wanted=st.integers(1, 1000))
def test_the_requested_number_of_shards_is_used(situation: Situation, wanted: int) -> None:
    assert choose(situation, wanted).shards == wanted


@given(situation=situations, wanted=st.none() | st.integers(1, 1000))
def test_every_choice_says_why_and_has_batches(situation: Situation, wanted: int | None) -> None:
    choice = choose(situation, wanted)

    assert choice.why
    assert choice.batch_letters > 0
    assert choice.shards >= 0


@given(situation=situations)
def test_shards_are_searched_one_after_the_other_only_where_they_do_not_fit_together(situation: Situation) -> None:
    usable = max(situation.memory_bytes - situation.cores * PIECE_BYTES, situation.memory_bytes // 4)
    fits = situation.database_bytes <= MEMORY_SHARE * usable

    assert choose(situation, None).by_shard is not fits
    assert choose(situation, 4).by_shard is not fits


@given(situation=situations)
def test_the_shards_searched_at_once_fit_in_memory(situation: Situation) -> None:
    choice = choose(situation, None)

    if choice.by_shard:
        at_once = situation.cores * situation.database_bytes / choice.shards
        assert at_once <= MEMORY_SHARE * situation.memory_bytes * 1.001


def test_a_small_search_is_left_to_blast() -> None:
    choice = choose(SMALL, None)

    assert choice.shards == 0
    assert "threads are fastest" in choice.why


def test_a_database_larger_than_memory_is_cut() -> None:
    choice = choose(LARGE, None)

    assert choice.shards >= 250 / 8
    assert "does not fit in memory" in choice.why


@pytest.mark.parametrize("program", [Program.BLASTP, Program.BLASTX, Program.TBLASTN])
def test_many_queries_are_dealt_to_the_cores(program: Program) -> None:
    choice = choose(replace(SMALL, program=program, query_letters=1_000_000), None)

    assert choice.shards == 1
    assert "split among the cores" in choice.why


def test_few_queries_on_many_cores_are_searched_in_shards() -> None:
    choice = choose(replace(SMALL, cores=32), None)

    assert choice.shards >= 32


def test_searches_that_threads_would_change_keep_every_core_busy() -> None:
    one_thread = replace(SMALL, program=Program.BLASTP, threads=False)
    in_batches = choose(replace(one_thread, query_letters=20_000), None)

    assert (choose(one_thread, None).shards, choose(one_thread, None).threads) == (1, one_thread.cores)
    assert (in_batches.shards, in_batches.threads, in_batches.batch_letters) == (1, 1, 10_000)
    assert choose(replace(one_thread, cores=32), None).shards == 64


@pytest.mark.parametrize("less", [{"database_letters": 10**6}, {"cores": 1}])
def test_small_searches_use_one_thread_of_blast(less: dict[str, int]) -> None:
    assert choose(replace(SMALL, program=Program.BLASTP, threads=False, **less), None).shards == 0


def test_batches_of_one_thread_are_cut_where_blast_ends_its_own() -> None:
    choice = choose(replace(SMALL, program=Program.BLASTP), 1)

    assert letters_without_threads(choice, 5_000) == 10_000
    assert letters_without_threads(choice, 64 * 30_000) == 30_000
    assert letters_without_threads(choice, 10**9) == choice.batch_letters


def test_one_core_gets_no_batches() -> None:
    assert choose(replace(SMALL, program=Program.BLASTP, cores=1, query_letters=10**7), None).shards == 0


@pytest.mark.parametrize(
    ("nodes", "volumes", "letters", "shards", "why"),
    [
        (1, 1, 10**9, 1, "1 volume for 1 node, so that each volume is a shard"),
        (2, 3, 10**9, 3, "3 volumes for 2 nodes, so that each volume is a shard"),
        (0, 2, 10**9, 2, "2 volumes for 0 nodes, so that each volume is a shard"),
        (2, 1, 10**9, 2, "1 volume for 2 nodes, so that parts of volumes are shards"),
        (2, 1, 10**5, 1, "1 volume for 2 nodes, but parts of volumes would have fewer than 1,000,000 letters"),
        (9, 2, 3 * 10**6, 3, "2 volumes for 9 nodes, so that parts of volumes are shards"),
    ],
)
def test_the_reason_why_a_cluster_cuts_a_database_is_true(
    nodes: int, volumes: int, letters: int, shards: int, why: str
) -> None:
    assert shards_for(nodes, volumes, letters) == (shards, why)


@given(lengths=st.lists(st.integers(0, 50)), scan_letters=st.integers(1, 60))
def test_a_scan_ends_with_the_query_that_reaches_its_letters(lengths: list[int], scan_letters: int) -> None:
    found = list(scans(lengths, scan_letters))

    assert [position for scan in found for position in scan] == list(range(len(lengths)))
    for scan in found:
        assert sum(lengths[position] for position in scan[:-1]) < scan_letters
    for scan in found[:-1]:
        assert sum(lengths[position] for position in scan) >= scan_letters


@given(lengths=st.lists(st.integers(0, 50), min_size=1), scan_letters=st.integers(1, 60), data=st.data())
def test_a_leader_is_in_every_scan(lengths: list[int], scan_letters: int, data: st.DataObject) -> None:
    positions = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True))
    leader = data.draw(st.sampled_from(range(len(lengths))))
    assume(lengths[leader] < scan_letters)

    searched = list(with_leader(positions, leader, lengths, scan_letters))

    assert [one for one in searched if one != leader] == [one for one in positions if one != leader]
    for scan in scans([lengths[one] for one in searched], scan_letters):
        assert leader in [searched[place] for place in scan]


@given(items=st.lists(st.integers()), parts=st.integers(1, 9))
def test_items_are_split_evenly_and_in_order(items: list[int], parts: int) -> None:
    found = split_evenly(items, parts)

    assert [one for part in found for one in part] == items
    assert len(found) == min(parts, len(items))
    assert not found or max(map(len, found)) - min(map(len, found)) <= 1
