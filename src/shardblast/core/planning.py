"""How a search is cut: shards of the database, batches of the queries, pieces of work, and whether to cut at all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VolumeSize:
    """What planning knows of a volume."""

    num_seqs: int
    letters: int


def magnitude(letters: int) -> int:
    """Return the rank of a search with so many letters in its queries: the lowest goes first."""
    return max(letters, 1).bit_length()


@dataclass(frozen=True, slots=True)
class Shard:
    """Whole volumes one after the other, or a range of the OIDs of one volume."""

    index: int
    volumes: range
    """Places in the database's list of volumes, 0-based."""
    oids: range | None
    """0-based in the one volume; None for whole volumes."""
    first_oid: int
    """What to add to an OID in the shard to have it in the database."""
    letters: int


def cut_shards(
    volumes: Sequence[VolumeSize], count: int, cuts: Callable[[int, int], Sequence[int]]
) -> tuple[Shard, ...]:
    """Cut a database into at most ``count`` shards of about equal letters, in OID order.

    Args:
        volumes: In OID order.
        count: As many shards as possible up to this number.
        cuts: ``cuts(volume, parts)`` gives ``parts + 1`` OIDs that cut a volume into parts of equal letters.
    """
    limit = min(count, sum(volume.num_seqs for volume in volumes))
    groups = _groups(volumes, _largest_allowed(volumes, max(limit, 1)))
    shards: list[Shard] = []
    first_oids = [0]
    for volume in volumes:
        first_oids.append(first_oids[-1] + volume.num_seqs)
    for group, parts in groups:
        letters = sum(volumes[place].letters for place in group)
        base = first_oids[group.start]
        if parts == 1:
            shards.append(Shard(len(shards), group, None, base, letters))
            continue
        borders = cuts(group.start, parts)
        for begin, end in itertools.pairwise(borders):
            if end > begin:
                shards.append(Shard(len(shards), group, range(begin, end), base, letters // parts))
    return tuple(shards)


def _groups(volumes: Sequence[VolumeSize], most: int) -> list[tuple[range, int]]:
    """Return runs of volumes of at most ``most`` letters together; larger volumes alone, with their number of parts."""
    groups: list[tuple[range, int]] = []
    begin, letters = 0, 0
    for place, volume in enumerate(volumes):
        if place > begin and letters + volume.letters > most:
            groups.append((range(begin, place), _parts(volumes[begin:place], most)))
            begin, letters = place, 0
        letters += volume.letters
    groups.append((range(begin, len(volumes)), _parts(volumes[begin:], most)))
    return groups


def _parts(volumes: Sequence[VolumeSize], most: int) -> int:
    if len(volumes) > 1:
        return 1
    return max(1, min(math.ceil(volumes[0].letters / most), volumes[0].num_seqs))


def _largest_allowed(volumes: Sequence[VolumeSize], count: int) -> int:
    """Return the fewest letters a shard may hold so that there are at most ``count`` shards."""
    low, high = 1, max(1, sum(volume.letters for volume in volumes))
    if len(volumes) > count:
        low = min(volume.letters for volume in volumes)
    while low < high:
        middle = (low + high) // 2
        if sum(parts for _, parts in _groups(volumes, max(middle, 1))) <= count:
            high = middle
        else:
            low = middle + 1
    return low
