"""Which runs take far longer than others of their kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.cluster.assignment import late_after_s

FLOOR_S = 5.0
paces = st.builds(float.__truediv__, st.floats(0, 1e5), st.floats(1, 1e15))


def test_a_run_is_late_after_twice_the_median_and_a_floor() -> None:
    finished = [10.0, 20.0, 900.0]

    assert late_after_s(finished, 1, FLOOR_S) == 40 + FLOOR_S


def test_a_larger_run_may_take_longer() -> None:
    finished = [10 / 1e9, 20 / 2e9, 40 / 4e9]

    assert late_after_s(finished, 8e9, FLOOR_S) == pytest.approx(160 + FLOOR_S)


def test_no_run_is_late_before_another_has_finished() -> None:
    assert late_after_s([], 1, FLOOR_S) is None


@given(st.lists(paces, min_size=1), st.floats(1, 1e15))
def test_no_run_is_late_before_the_floor(finished: list[float], size: float) -> None:
    assert (late_after_s(finished, size, FLOOR_S) or 0) >= FLOOR_S
