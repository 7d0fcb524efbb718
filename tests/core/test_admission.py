"""Which searches start."""

from __future__ import annotations

import pytest

from shardblast.core.search import HALVED_EVERY_S, SearchId, Standing, State, admitted, places_for

SMALL, LARGE = 100, 1_000_000
NOW = 1000.0


def standing(name: str, letters: int = SMALL, created: float = NOW, owner: str = "ada") -> Standing:
    place = (State.QUEUED, letters, created, "nt", "1", 1)
    return Standing(SearchId(name), owner, *place, lack=None, lacks_since=None, lacked_s=0.0)


def begun(
    queued: list[Standing], running: list[Standing], places: int, of_owner: int | None = None, at: float = NOW
) -> list[str]:
    return [one.id for one in admitted(queued, running, places, of_owner or places, at)]


def test_small_searches_start_before_large_ones_and_equal_ones_in_order_of_submission() -> None:
    queued = [standing("large", LARGE, 1), standing("second", 90, 3), standing("first", 70, 2)]

    assert begun(queued, [], 8) == ["first", "second", "large"]
    assert begun(queued, [], 1) == ["first"]


def test_no_more_searches_start_than_there_are_places() -> None:
    queued = [standing(str(number)) for number in range(5)]

    assert begun(queued, [standing("runs")], 4) == ["0", "1", "2"]
    assert begun(queued, queued, 4) == []


def test_an_owner_may_use_all_places_that_no_other_owner_wants() -> None:
    own = [standing(str(number)) for number in range(5)]

    assert begun(own, [], 4, of_owner=1) == ["0", "1", "2", "3"]


def test_owners_with_enough_places_are_overtaken_by_others_whatever_the_sizes() -> None:
    queued = [standing("own", SMALL), standing("other", LARGE, owner="bob")]

    assert begun(queued, [standing("runs")], 2, of_owner=1) == ["other"]
    assert begun(queued, [standing("runs")], 3, of_owner=1) == ["other", "own"]


def test_among_equal_searches_owners_take_turns() -> None:
    own = [standing(f"a{number}", created=number) for number in range(4)]
    others = [standing(f"b{number}", created=10 + number, owner="bob") for number in range(2)]

    assert begun(own + others, [], 4) == ["a0", "b0", "a1", "b1"]


def test_a_stream_of_small_searches_does_not_delay_a_large_one_for_ever() -> None:
    long_ago = NOW - HALVED_EVERY_S * 15
    queued = [standing("small"), standing("large", LARGE, long_ago)]

    assert begun(queued, [], 1) == ["large"]


@pytest.mark.parametrize(("cores", "places"), [(0, 4), (2, 4), (16, 16), (1600, 64)])
def test_there_are_as_many_places_as_cores_within_bounds(cores: int, places: int) -> None:
    assert places_for(cores) == places
