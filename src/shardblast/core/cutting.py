"""How a search is cut: whether at all, into which shards of the database and batches of queries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shardblast.core.program import Program

MEMORY_SHARE = 0.5
"""A database counts as held in memory if it takes no more than this share of it."""
PIECE_BYTES = 128 << 20
"""What a piece holds beside the database: 105 MB were measured with 5,000 megablast queries of 100 letters."""
MANY_CORES = 4
"""Up to here BLAST+'s own threads were measured to scale as well as anything; beyond is not measured."""
PIECES_PER_CORE = 2
BATCHES_PER_CORE = 4
QUERY_LETTERS_PER_SCAN = {
    Program.BLASTP: 10_000,
    Program.BLASTX: 10_002,
    Program.TBLASTN: 20_000,
    Program.TBLASTX: 10_002,
}
"""Letters of the queries that BLAST+ searches in one scan of the database; fewer would waste scans.

Source: NCBI C++ Toolkit, algo/blast/blastinput/blast_input_aux.cpp (GetQueryBatchSize).
"""
NO_END = 1 << 62
"""More letters than any queries have: all of them are one batch."""
ONE_BATCH = "linked E-values depend on the batches of queries, which blastn ends by the hits so far"
BATCH_LETTERS = {
    Program.BLASTN: 5_000_000,
    Program.BLASTP: 100_000,
    Program.BLASTX: 200_000,
    Program.TBLASTN: 100_000,
    Program.TBLASTX: 100_000,
}
"""Letters of a batch that is searched in shards."""
BATCH_QUERIES = 5_000
SMALL_SHARD_LETTERS = 1_000_000
"""Below this a shard is searched in less time than its process takes to start."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the choice depends on."""

    program: Program
    database_letters: int
    database_bytes: int
    cores: int
    memory_bytes: int
    query_letters: int | None
    """None if not known before they are read."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a search is cut."""

    shards: int
    """0: BLAST+ itself; 1: the whole database, queries in batches side by side."""
    batch_letters: int
    scan_letters: int
    """A batch may end only where BLAST+ would begin one of its own, after so many letters."""
    by_shard: bool
    """Search shard by shard, because they don't fit in memory together."""
    why: str


def choose(situation: Situation, wanted: int | None) -> Choice:
    """Choose how to cut.

    Args:
        situation: Program, database, machine and queries.
        wanted: The number of shards the user asked for, or None for the fastest.
    """
    usable = max(situation.memory_bytes - situation.cores * PIECE_BYTES, situation.memory_bytes // 4)
    fits = situation.database_bytes <= MEMORY_SHARE * usable
    letters, scan = BATCH_LETTERS[situation.program], QUERY_LETTERS_PER_SCAN.get(situation.program, 1)
    if wanted is not None:
        return Choice(wanted, letters, scan, not fits, f"{wanted} shard{'s' if wanted > 1 else ''} asked for")
    if not fits:
        share = MEMORY_SHARE * usable / situation.cores
        count = max(math.ceil(situation.database_bytes / share), situation.cores * PIECES_PER_CORE)
        return Choice(
            count, letters, scan, True, "the database does not fit in memory; each shard is read from disk once"
        )
    if batches := _batches(situation):
        why = "the database fits in memory and the queries are many: they are dealt to the cores"
        return Choice(1, batches, scan, False, why)
    if situation.cores > MANY_CORES and situation.database_letters > SMALL_SHARD_LETTERS * situation.cores:
        why = "few queries on many cores: shards keep each core busy without threads"
        return Choice(situation.cores * PIECES_PER_CORE, letters, scan, False, why)
    why = "the database fits in memory, and for these queries BLAST+'s own threads are fastest"
    return Choice(0, letters, scan, False, why)


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


def _batches(situation: Situation) -> int | None:
    """Return the letters of a batch, if there are enough scans of the database to deal out."""
    scan = QUERY_LETTERS_PER_SCAN.get(situation.program)
    if scan is None or situation.query_letters is None:
        return None
    scans = situation.query_letters // scan
    parts = situation.cores * BATCHES_PER_CORE
    return scan * (scans // parts) if situation.cores > 1 and scans >= parts else None


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
