"""What ``--shards auto`` chooses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.core.cutting import MEMORY_SHARE, PIECE_BYTES, Situation, choose, shards_for
from shardblast.core.program import Program

GIB = 1 << 30
SMALL = Situation(Program.BLASTN, 10**9, GIB // 4, 2, 16 * GIB, 5_000)
LARGE = replace(SMALL, database_letters=10**12, database_bytes=250 * GIB)

situations = st.builds(
    Situation,
    st.sampled_from(Program),
    st.integers(1, 10**13),
    st.integers(1, 10**13),
    st.integers(1, 256),
    st.integers(1 << 20, 1 << 42),
    st.none() | st.integers(0, 10**9),
)


@given(situation=situations, wanted=st.integers(1, 1000))
def test_the_number_that_is_asked_for_is_taken(situation: Situation, wanted: int) -> None:
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
def test_a_cluster_says_truly_why_it_cuts_a_database(
    nodes: int, volumes: int, letters: int, shards: int, why: str
) -> None:
    assert shards_for(nodes, volumes, letters) == (shards, why)
