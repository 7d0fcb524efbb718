"""The order of subjects."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shardblast.blast.hits import EVALUE_FLOOR, hit_key

evalues = st.sampled_from([0.0, 1e-300, 1e-181, 1e-180, 1e-100, 1e-99, 0.5, 10.0])
hits = st.tuples(evalues, st.integers(1, 5), st.integers(0, 3), st.integers(0, 20))


def test_the_lower_evalue_comes_first() -> None:
    assert hit_key(1e-20, 1, 0, 9) < hit_key(1e-19, 99, 3, 0)


def test_among_equal_evalues_the_higher_score_comes_first() -> None:
    assert hit_key(1e-20, 60, 0, 9) < hit_key(1e-20, 59, 3, 0)


def test_among_ties_the_later_shard_comes_first() -> None:
    assert hit_key(1e-20, 60, 1, 9) < hit_key(1e-20, 60, 0, 0)


def test_in_a_shard_ties_keep_their_order() -> None:
    assert hit_key(1e-20, 60, 1, 0) < hit_key(1e-20, 60, 1, 1)


def test_evalues_below_the_floor_are_equal() -> None:
    assert hit_key(1e-200, 60, 0, 0) > hit_key(0.0, 61, 0, 0)
    assert hit_key(1e-181, 60, 1, 5) < hit_key(1e-250, 60, 0, 0)


def test_the_floor_itself_is_not_below_it() -> None:
    assert hit_key(EVALUE_FLOOR, 99, 0, 0) > hit_key(1e-181, 1, 0, 0)


@given(found=st.lists(hits, unique_by=lambda hit: hit[2:]))
def test_sorting_by_the_key_is_the_rule_of_blast(found: list[tuple[float, int, int, int]]) -> None:
    """With each shard's places standing for descending OIDs, this is BLAST's own comparison."""

    def rule(hit: tuple[float, int, int, int]) -> tuple[float, int, int]:
        evalue, score, shard, place = hit
        oid = shard * 1000 + 999 - place
        return (evalue if evalue >= EVALUE_FLOOR else 0.0, -score, -oid)

    assert sorted(found, key=lambda hit: hit_key(*hit)) == sorted(found, key=rule)
