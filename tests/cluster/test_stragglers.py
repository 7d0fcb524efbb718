"""Which runs take far longer than others of their kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.cluster.assignment import LEAST_KNOWN, Pace, late_after_s

FLOOR_S = 5.0
paces = st.builds(Pace, st.floats(0, 1e5), st.floats(1, 1e15))


def test_a_run_is_late_after_twice_the_median_and_a_floor() -> None:
    finished = [Pace(10, 1), Pace(20, 1), Pace(900, 1)]

    assert late_after_s(finished, 1, FLOOR_S) == 40 + FLOOR_S


def test_a_larger_run_may_take_longer() -> None:
    finished = [Pace(10, 1e9), Pace(20, 2e9), Pace(40, 4e9)]

    assert late_after_s(finished, 8e9, FLOOR_S) == pytest.approx(160 + FLOOR_S)


@given(st.lists(paces, max_size=LEAST_KNOWN - 1), st.floats(1, 1e15))
def test_few_finished_runs_do_not_show_stragglers(finished: list[Pace], size: float) -> None:
    assert late_after_s(finished, size, FLOOR_S) is None


@given(st.lists(paces, min_size=LEAST_KNOWN), st.floats(1, 1e15))
def test_no_run_is_late_before_the_floor(finished: list[Pace], size: float) -> None:
    assert (late_after_s(finished, size, FLOOR_S) or 0) >= FLOOR_S
