"""Cutting a database into shards."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from shardblast.core.cutting import Shard, VolumeSize, cut_shards

Lengths = list[list[int]]
"""The lengths of the sequences of each volume."""

volumes = st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=30), min_size=1, max_size=12)


@given(lengths=volumes, count=st.integers(1, 40))
def test_shards_contain_every_oid_exactly_once_and_in_order(lengths: Lengths, count: int) -> None:
    shards = cut(lengths, count)

    assert [oid for shard in shards for oid in oids(shard, lengths)] == list(range(sum(map(len, lengths))))


@given(lengths=volumes, count=st.integers(1, 40))
def test_there_are_at_most_as_many_shards_as_wanted_and_none_is_empty(lengths: Lengths, count: int) -> None:
    shards = cut(lengths, count)

    assert 1 <= len(shards) <= count
    assert all(len(oids(shard, lengths)) > 0 for shard in shards)
    assert [shard.index for shard in shards] == list(range(len(shards)))


@given(lengths=volumes, count=st.integers(1, 40))
def test_no_shard_has_more_than_its_share_and_one_volume_or_sequence(lengths: Lengths, count: int) -> None:
    shards = cut(lengths, count)

    share = sum(map(sum, lengths)) / count
    indivisible = max(map(sum, lengths)) if len(lengths) > 1 else max(map(max, lengths))
    assert max(letters(shard, lengths) for shard in shards) <= 2 * share + indivisible


@given(lengths=volumes)
def test_one_shard_is_the_whole_database(lengths: Lengths) -> None:
    (shard,) = cut(lengths, 1)

    assert (shard.volumes, shard.oids, shard.first_oid) == (range(len(lengths)), None, 0)
    assert shard.letters == sum(map(sum, lengths))


@given(lengths=volumes, count=st.integers(1, 40))
def test_a_range_of_oids_is_always_of_a_single_volume(lengths: Lengths, count: int) -> None:
    assert all(len(shard.volumes) == 1 for shard in cut(lengths, count) if shard.oids is not None)


def test_equal_volumes_are_dealt_equally() -> None:
    shards = cut([[100] * 5] * 8, 4)

    assert [shard.volumes for shard in shards] == [range(2), range(2, 4), range(4, 6), range(6, 8)]


def test_a_single_volume_is_cut_where_the_letters_are_equal() -> None:
    shards = cut([[10] * 80 + [100] * 8], 2)

    assert [shard.oids for shard in shards] == [range(80), range(80, 88)]


def test_one_sequence_is_never_cut() -> None:
    assert len(cut([[10**9]], 16)) == 1


def test_volumes_are_not_counted_but_weighed() -> None:
    shards = cut([[100], [1], [1], [1], [1], [1]], 2)

    assert [shard.volumes for shard in shards] == [range(1), range(1, 6)]


def cut(lengths: Lengths, count: int) -> tuple[Shard, ...]:
    sizes = [VolumeSize(len(volume), sum(volume)) for volume in lengths]
    return cut_shards(sizes, count, lambda volume, parts: cuts(lengths[volume], parts))


def cuts(volume: Sequence[int], parts: int) -> list[int]:
    """Cut a volume as its index would."""
    begins = [0, *accumulate(volume)]
    return [0, *(bisect_left(begins, begins[-1] * part // parts) for part in range(1, parts)), len(volume)]


def oids(shard: Shard, lengths: Lengths) -> range:
    if shard.oids is not None:
        return range(shard.first_oid + shard.oids.start, shard.first_oid + shard.oids.stop)
    return range(shard.first_oid, shard.first_oid + sum(len(lengths[volume]) for volume in shard.volumes))


def letters(shard: Shard, lengths: Lengths) -> int:
    flat = [length for volume in lengths for length in volume]
    return sum(flat[oid] for oid in oids(shard, lengths))
