"""Lists of numbers in requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.core.errors import InputError
from shardblast.core.units import Numbers, counted, size


@given(st.sets(st.integers(0, 60)))
def test_numbers_contain_those_that_were_named(numbers: set[int]) -> None:
    found = Numbers.these(numbers)

    assert list(found.below(100)) == sorted(numbers)
    assert list(found.below(30)) == sorted(one for one in numbers if one < 30)
    assert {one for one in range(100) if one in found} == numbers
    assert found.last == max(numbers, default=-1)
    assert found.only == (next(iter(numbers)) if len(numbers) == 1 else None)
    assert all(after[0] > before[1] + 1 for before, after in zip(found.ranges, found.ranges[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "ranges"),
    [("7", ((7, 7),)), ("4-6,0", ((0, 0), (4, 6))), ("0-2,1-5,6", ((0, 6),)), ("0-9999999999", ((0, 9999999999),))],
)
def test_numbers_are_read_as_ranges(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert Numbers.of(text).ranges == ranges


def test_a_reversed_range_is_refused() -> None:
    with pytest.raises(InputError, match="ends before it begins"):
        Numbers.of("1,5-3")


def test_a_noun_is_singular_or_plural_by_its_number() -> None:
    assert [counted(number, "hit") for number in (0, 1, 2000)] == ["0 hits", "1 hit", "2,000 hits"]
    assert [counted(number, "query", "queries") for number in (1, 2)] == ["1 query", "2 queries"]
    assert [size(amount) for amount in (1, 2, 2048)] == ["1 byte", "2 bytes", "2.0 KiB"]
