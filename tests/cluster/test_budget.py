"""How much a node may hold, and what it removes to make room."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shardblast.core.database import Generation
from shardblast.core.errors import DiskFull
from shardblast.disk.staging import Stager
from tests.cluster.source import LoggedObjects, stored
from tests.small_disk import fill, small_disk

Nodes = Callable[..., Stager]
MIB = 1 << 20


@pytest.fixture
def generations(url: str, original: Path) -> list[Generation]:
    """Four generations of one size."""
    return [stored(url, "genes", original, name) for name in "1234"]


@pytest.fixture
def three(generations: list[Generation]) -> int:
    """A budget for three of them."""
    return 3 * generations[0].size_bytes + generations[0].size_bytes // 2


@pytest.fixture(name="small_disk")
def made_small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 4 * MIB) as folder:
        yield folder


def held(stager: Stager) -> list[str]:
    """Return the names of the generations that are wholly there."""
    return [one.name for one, _, names in stager.held() if names >= {volume.name for volume in one.volumes}]


def test_the_least_recently_used_generation_is_dropped(node: Nodes, generations: list[Generation], three: int) -> None:
    stager = node(three)
    for one in generations[:3]:
        stager.stage(one, None)
    with stager.using(generations[0]):
        pass

    stager.stage(generations[3], None)

    assert held(stager) == ["1", "3", "4"]
    assert stager.budget.used_bytes == 3 * generations[0].size_bytes


def test_a_generation_that_is_used_stays(node: Nodes, generations: list[Generation], three: int) -> None:
    stager, other = node(three), node(three)
    for one in generations[:3]:
        stager.stage(one, None)

    with other.using(generations[0]):
        stager.stage(generations[3], None)

    assert held(stager) == ["1", "3", "4"]


@pytest.mark.parametrize("ends", ["released", "lapsed"])
def test_what_a_search_keeps_stays_between_its_tasks(
    ends: str, node: Nodes, generations: list[Generation], three: int
) -> None:
    stager = node(three)
    for one in generations[:3]:
        stager.stage(one, None)
    for _ in range(2):  # two tasks
        with stager.using(generations[0]):
            stager.keep("search", generations[0])
    stager.lapse(600)

    assert stager.used() == {("genes", "1"): generations[0].size_bytes}
    stager.stage(generations[3], None)
    assert held(stager) == ["1", "3", "4"]

    if ends == "released":
        stager.release("search")
    else:
        stager.lapse(-1)
    assert not stager.used()
    stager.stage(generations[1], None)
    assert held(stager) == ["1", "2", "4"]


def test_nothing_is_dropped_for_volumes_that_would_not_fit_anyway(
    node: Nodes, generations: list[Generation], three: int
) -> None:
    stager = node(three)
    for one in generations[:3]:
        stager.stage(one, None)

    with ExitStack() as used:
        for one in generations[:3]:
            used.enter_context(stager.using(one))
        with pytest.raises(DiskFull) as caught:
            stager.stage(generations[3], None)

    figures = (generations[3].size_bytes, three, 3 * generations[0].size_bytes)
    for figure in figures:
        assert f"{figure / MIB:,.1f} MiB" in caught.value.problem
    assert "budget" in caught.value.remedy
    assert held(stager) == ["1", "2", "3"]
    assert stager.budget.used_bytes == figures[2]


def test_room_is_made_only_for_missing_volumes(
    node: Nodes, generations: list[Generation], source: LoggedObjects
) -> None:
    stager = node(generations[0].size_bytes + 1)
    stager.stage(generations[0], [generations[0].volumes[0].name])

    stager.stage(generations[0], None)

    assert set(source.fetched.values()) == {1}
    assert held(stager) == ["1"]


def test_a_disk_that_fills_meanwhile_is_reported_and_existing_volumes_stay(
    small_disk: Path, node: Nodes, url: str, generations: list[Generation], tmp_path: Path
) -> None:
    def meanwhile(key: str) -> None:
        if key.startswith("databases/genes/2/"):
            fill(small_disk, 0)

    stager = node(cache=small_disk / "cache", source=LoggedObjects(url, tmp_path / "log", meanwhile))
    folder = stager.stage(generations[0], None)

    with pytest.raises(DiskFull):
        stager.stage(generations[1], None)

    assert not list(folder.with_name("2").glob("*.partial"))
    assert held(stager) == ["1"]
    (small_disk / "ballast").unlink()
    node(cache=small_disk / "cache").stage(generations[1], None)
    assert held(stager) == ["1", "2"]


def test_a_disk_that_is_smaller_than_the_budget_bounds_it(
    small_disk: Path, node: Nodes, generations: list[Generation]
) -> None:
    stager = node(1 << 40, cache=small_disk / "cache")
    stager.stage(generations[0], None)
    fill(small_disk, generations[0].size_bytes // 2)

    stager.stage(generations[1], None)

    assert held(stager) == ["2"]
    assert stager.budget.total_bytes <= os.statvfs(small_disk).f_blocks * os.statvfs(small_disk).f_frsize
    assert stager.budget.used_bytes == generations[1].size_bytes


def test_space_reserved_for_a_fetch_is_not_promised_twice(
    node: Nodes, url: str, generations: list[Generation], tmp_path: Path
) -> None:
    budget = generations[0].size_bytes * 3 // 2
    problems: list[DiskFull] = []

    def meanwhile(key: str) -> None:
        if not problems:
            with pytest.raises(DiskFull) as caught:
                node(budget).stage(generations[1], None)
            problems.append(caught.value)

    first = node(budget, source=LoggedObjects(url, tmp_path / "log", meanwhile))
    first.stage(generations[0], None)

    assert problems
    assert held(first) == ["1"]
