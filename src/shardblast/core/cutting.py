"""How a search that can be split is cut: whether shards are faster, which shards, and how large the batches are."""

import itertools
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from shardblast.core.program import Program
from shardblast.core.units import counted

T = TypeVar("T")

MEMORY_SHARE = 0.5
"""The largest share of the memory that a database may take and still count as held in memory."""
PIECE_BYTES = 128 << 20
"""Memory of a piece besides the database. Measured: 105 MB with 5,000 megablast queries of 100 bases."""
MANY_CORES = 4
"""The largest number of cores on which BLAST+'s own threads were measured; they scaled as well as shards."""
PIECES_PER_CORE = 2
BATCHES_PER_CORE = 4
WHOLE_BATCHES = 64
"""The least number of batches of a large search that one thread for each batch searches in the whole database."""
QUERY_LETTERS_PER_SCAN = {
    Program.BLASTP: 10_000,
    Program.BLASTX: 10_002,
    Program.TBLASTN: 20_000,
    Program.TBLASTX: 10_002,
}
"""Query letters that BLAST+ searches in one scan of the database. Smaller batches would waste scans.

Source: NCBI C++ Toolkit, algo/blast/blastinput/blast_input_aux.cpp (GetQueryBatchSize).
"""
NO_END = 1 << 62
"""A batch length, in letters, that no set of queries reaches, so that all of them are one batch."""
ONE_BATCH = "linked E-values depend on how queries are batched, and blastn sizes its batches by the hits so far"
BATCH_LETTERS = {
    Program.BLASTN: 5_000_000,
    Program.BLASTP: 100_000,
    Program.BLASTX: 200_000,
    Program.TBLASTN: 100_000,
    Program.TBLASTX: 100_000,
}
"""Query letters in a batch that is searched in shards."""
BATCH_QUERIES = 5_000
SMALL_SHARD_LETTERS = 1_000_000
"""A smaller shard is searched in less time than its process takes to start."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts on which the choice depends."""

    program: Program
    database_letters: int
    database_bytes: int
    cores: int
    memory_bytes: int
    query_letters: int | None
    """None if they are not known before the queries are read."""
    threads: bool
    """Whether BLAST+ may use threads of its own, since they can't change its hits or the user wants them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The shards and batches of a search."""

    shards: int
    """0: BLAST+ alone; 1: the whole database, with batches of queries searched in parallel."""
    batch_letters: int
    scan_letters: int
    """Letters of one of BLAST+'s own batches; a batch ends only where one of these ends."""
    by_shard: bool
    """Whether to search shard by shard, because the shards do not fit in memory together."""
    why: str
    threads: int = 1
    """The number of BLAST+'s own threads in a piece: more than one only in the whole database."""
    by_candidates: bool = False
    """Whether BLAST+ searches the candidates of all shards, because hits of shards can't be merged."""


def usable_bytes(cores: int, memory_bytes: int) -> int:
    """Return the memory that is left beside the pieces that run on these cores."""
    return max(memory_bytes - cores * PIECE_BYTES, memory_bytes // 4)


def fits_in_memory(database_bytes: int, cores: int, memory_bytes: int) -> bool:
    """Return whether a database stays in the memory of a machine that searches it."""
    return database_bytes <= MEMORY_SHARE * usable_bytes(cores, memory_bytes)


def choose(situation: Situation, wanted: int | None) -> Choice:
    """Choose how to cut a search; ``wanted`` is the number of shards that the user requests, None for the fastest."""
    fits = fits_in_memory(situation.database_bytes, situation.cores, situation.memory_bytes)
    letters, scan = BATCH_LETTERS[situation.program], QUERY_LETTERS_PER_SCAN.get(situation.program, 1)
    if wanted is not None:
        return Choice(wanted, letters, scan, not fits, f"{counted(wanted, 'shard')} asked for")
    if not fits:
        share = MEMORY_SHARE * usable_bytes(situation.cores, situation.memory_bytes) / situation.cores
        count = max(math.ceil(situation.database_bytes / share), situation.cores * PIECES_PER_CORE)
        return Choice(
            count, letters, scan, True, "the database does not fit in memory; each shard is read from disk once"
        )
    if batches := _batches(situation):
        why = "the database fits in memory and there are many queries, so the queries are split among the cores"
        return Choice(1, batches, scan, False, why)
    pays = situation.database_letters > SMALL_SHARD_LETTERS * situation.cores
    if pays and situation.cores > MANY_CORES:
        why = "few queries on many cores: shards keep each core busy without threads"
        return Choice(situation.cores * PIECES_PER_CORE, letters, scan, False, why)
    if situation.threads:
        why = "the database fits in memory, and for these queries BLAST+'s own threads are fastest"
        return Choice(0, letters, scan, False, why)
    if pays and situation.cores > 1:
        why = "the database fits in memory, and queries whose hits depend on threads are searched again with one"
        return Choice(1, letters, scan, False, why, threads=situation.cores)
    return Choice(0, letters, scan, False, "the search is so small, or the cores so few, that BLAST+ alone is fastest")


def letters_without_threads(choice: Choice, query_letters: int) -> int:
    """Return the letters of a batch if one thread searches each batch in the whole database."""
    scans = query_letters // choice.scan_letters
    return min(choice.batch_letters, choice.scan_letters * max(scans // WHOLE_BATCHES, 1))


def shards_for(nodes: int, volumes: int, letters: int) -> tuple[int, str]:
    """Return into how many shards a cluster of so many nodes cuts a database, and why."""
    shards = max(volumes, min(nodes, letters // SMALL_SHARD_LETTERS))
    why = f"{counted(volumes, 'volume')} for {counted(nodes, 'node')}"
    if shards > volumes:
        return shards, f"{why}, so that parts of volumes are shards"
    if nodes > volumes:
        return shards, f"{why}, but parts of volumes would have fewer than {SMALL_SHARD_LETTERS:,} letters"
    return shards, f"{why}, so that each volume is a shard"


@dataclass(frozen=True, slots=True)
class VolumeSize:
    num_seqs: int
    letters: int


def magnitude(letters: int) -> int:
    """Return the rank of a search whose queries have this many letters; the lowest rank runs first."""
    return max(letters, 1).bit_length()


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive whole volumes, or a range of the OIDs of one volume."""

    index: int
    volumes: range
    """0-based indices in the database's list of volumes."""
    oids: range | None
    """0-based OIDs in the volume; None for whole volumes."""
    first_oid: int
    """The offset that turns an OID of the shard into an OID of the database."""
    letters: int


def cut_shards(
    volumes: Sequence[VolumeSize], count: int, cuts: Callable[[int, int], Sequence[int]]
) -> tuple[Shard, ...]:
    """Cut volumes, given in OID order, into at most ``count`` shards of about equal letters, in OID order.

    ``cuts(volume, parts)`` returns ``parts + 1`` OIDs that cut a volume into parts of equal letters.
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


def scans(lengths: Sequence[int], scan_letters: int) -> Iterator[range]:
    """Yield 0-based positions of queries that BLAST+ searches together, up to one that reaches ``scan_letters``."""
    begin = letters = 0
    for position, length in enumerate(lengths):
        letters += length
        if letters >= scan_letters:
            yield range(begin, position + 1)
            begin, letters = position + 1, 0
    if begin < len(lengths):
        yield range(begin, len(lengths))


def with_leader(positions: Iterable[int], leader: int, lengths: Sequence[int], scan_letters: int) -> Iterator[int]:
    """Yield these positions, and that of ``leader``, a query shorter than a scan, wherever BLAST+ begins a batch."""
    letters = scan_letters
    for position in positions:
        if letters >= scan_letters:
            yield leader
            letters = lengths[leader]
        yield position
        letters += lengths[position]


def split_evenly(items: Sequence[T], parts: int) -> list[Sequence[T]]:
    """Split the items into at most ``parts`` consecutive parts of about equal length."""
    count = min(parts, len(items))
    return [items[len(items) * part // count : len(items) * (part + 1) // count] for part in range(count)]


def _batches(situation: Situation) -> int | None:
    """Return the letters of a batch, or None if there are too few scans of the database to split among the cores."""
    scan = QUERY_LETTERS_PER_SCAN.get(situation.program)
    if scan is None or situation.query_letters is None:
        return None
    scans = situation.query_letters // scan
    parts = situation.cores * BATCHES_PER_CORE
    enough = scans >= (parts if situation.threads else situation.cores)
    return scan * max(scans // parts, 1) if situation.cores > 1 and enough else None


def _groups(volumes: Sequence[VolumeSize], most: int) -> list[tuple[range, int]]:
    """Return runs of volumes of at most ``most`` letters, and each larger volume alone, with the number of parts."""
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
    """Return the smallest limit on the letters of a shard that gives at most ``count`` shards."""
    low = min(volume.letters for volume in volumes) if len(volumes) > count else 1
    high = max(1, sum(volume.letters for volume in volumes))

    def fits(most: int) -> bool:
        return sum(parts for _, parts in _groups(volumes, max(most, 1))) <= count

    return low + bisect_left(range(low, high), True, key=fits)
