"""Finds saturated queries, including those with hidden saturation, and searches them again.

Before the traceback, BLAST keeps a limited list of subjects per query. A query is *saturated* if more subjects pass:
the unsharded run then drops some by preliminary score, and the shards can't know which ones.

For a compositionally biased query, or at a large ``-evalue``, more subjects can pass the preliminary stage than BLAST
keeps, while fewer than ``-max_target_seqs`` survive the composition-based adjustment. Counting hits then proves nothing
(at ``-evalue 1000``, this was so for 35 of the 64 most biased of 10,965 bacterial proteins). These subjects share only
the composition, so they are spread over the whole database, and their number is estimated from a sample. Subjects that
are related to the query may cluster, but they survive and are counted as hits.

Source:
    NCBI C++ Toolkit, algo/blast/core/blast_options.c (GetPrelimHitlistSize) and blast_hits.c.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shardblast.blast.database import Database, Filter
from shardblast.blast.hits import Carrier, QueryHits, TabularCarrier, by_query, layout_for
from shardblast.blast.output import Comments
from shardblast.blast.process import Finished
from shardblast.blast.queries import Batch, lengths_of, write_selected
from shardblast.blast.seqalign import ordinal_id, with_oid
from shardblast.blast.sequences import CandidateDatabase, Naming
from shardblast.core.cutting import QUERY_LETTERS_PER_SCAN, Shard, scans, split_evenly, with_leader
from shardblast.core.events import Purpose
from shardblast.engine.candidates import Candidates, Suspects
from shardblast.engine.pieces import LocalParts, Part, Parts, PieceOptions, run_in_all, threads_argument, whole_of
from shardblast.engine.workspace import VERIFY, PieceRun, Work

KEPT = 1050
"""The number of subjects that BLAST keeps before the traceback with composition-based statistics and up to 500 hits.

Source: NCBI C++ Toolkit, algo/blast/core/blast_options.c (GetPrelimHitlistSize).
"""
SAFETY = 4
"""A query counts as saturated if the estimate from the sample exceeds ``KEPT`` divided by this factor."""
SAMPLE_SHARE = 32
SAMPLE_LETTERS = 250_000
"""The sample is one part in ``SAMPLE_SHARE`` of the database's letters, but has at least this many letters."""

SPARE = 20
"""The lists of the sample are longer by this than is needed to show that a query is saturated."""

FEWEST_QUERIES = 24
"""The smallest number of queries for which a pilot search can save more than it costs."""
SAMPLED_QUERIES = 16
"""The pilot takes one query in this many, and at most this many."""


def is_unsaturated(counts: Sequence[int], *, max_target_seqs: int, shard_limit: int) -> bool:
    """Return whether a query is certainly unsaturated; ``counts`` are the numbers of subjects found in the shards."""
    return sum(counts) <= max_target_seqs and all(count < shard_limit for count in counts)


@dataclass
class Research:
    """Searches saturated queries again.

    They are searched in a database of candidates, or in the whole database if it is in memory.
    """

    work: Work
    parts: Parts
    shards: Sequence[Shard]
    carrier: Carrier
    options: PieceOptions
    in_memory: bool
    """Whether the whole database is in memory."""

    def __post_init__(self) -> None:
        self._naming = Naming.of(self.work.database)
        self._candidates = Candidates(self.work, self.parts, self.shards, self.options)

    @property
    def needs_no_shards(self) -> bool:
        """Whether saturated queries are searched in the whole database."""
        chosen = self.work.database.filter
        hides_titles = chosen is not None and chosen.hides_titles  # copies of the candidates would show these titles
        return self.in_memory or hides_titles

    def identical(self, batch: Batch, suspects: Suspects) -> Iterator[QueryHits]:
        """Search saturated queries such that BLAST+ makes its own cutoff; yield their final hits in order."""
        database = None if self.needs_no_shards else self._candidates.database(batch, suspects)
        wanted = set(suspects.saturated)
        has_steady = database is not None and self.options.composition_based and not self.options.are_linked
        steady = frozenset(self._candidates.steady if has_steady else ())
        cores = self.parts.cores if database else self.work.pool.size
        groups = self._searched_together(batch, suspects, steady, cores)
        start = self._starter(database, divided=len(groups) > 1)
        started = [
            (ordinals, *self._start(batch, ordinals, f"research.{number}", start, threads))
            for number, (ordinals, threads) in enumerate(groups)
        ]

        def results(ordinals: Sequence[int], out: Path, future: Future[Finished]) -> Iterator[QueryHits]:
            future.result()
            return (hits for hits in self._read(ordinals, out, database) if hits.ordinal in wanted)

        yield from heapq.merge(*itertools.starmap(results, started), key=lambda hits: hits.ordinal)

    def unsharded(self, batch: Batch, chosen: Collection[int]) -> Iterator[QueryHits]:
        """Search the chosen queries, with those that BLAST+ searches together with them, in the whole database.

        Yield the hits of the chosen queries in order.
        """
        scan_letters = QUERY_LETTERS_PER_SCAN.get(self.work.options.program, 1)
        found = scans(self._lengths(batch), scan_letters)
        together = [*itertools.chain(*(scan for scan in found if not set(chosen).isdisjoint(scan)))]
        start = self._starter(None, divided=False)
        out, future = self._start(batch, together, VERIFY, start, self.options.threads)
        future.result()
        return (hits for hits in self._read(together, out, None) if hits.ordinal in chosen)

    def _searched_together(
        self, batch: Batch, suspects: Suspects, steady: Collection[int], cores: int
    ) -> list[tuple[Sequence[int], int | None]]:
        """Return the positions of the queries that each process searches, and its threads if their number matters.

        With composition-based statistics, BLAST+ skips subjects with preliminary E-values above 0.01 as soon as *all*
        queries of its own batch have ``-max_target_seqs`` subjects with E-values of at most 0.002. So each batch must
        have an unfilled query if that of the whole search has one, and must be that batch otherwise. In the latter
        case the result depends on the number of threads, too. ``steady`` are the queries without such subjects.

        Source: NCBI C++ Toolkit, algo/blast/composition_adjustment/redo_alignment.c (BlastCompo_EarlyTermination) and
        compo_heap.c (BlastCompo_HeapFilledToCutoff).
        """
        if self.options.are_linked:
            return [(range(batch.queries), self.options.threads)]
        if not self.options.composition_based:
            return [(part, None) for part in split_evenly(suspects.saturated, cores)]
        wanted, lengths = set(suspects.saturated).difference(steady), self._lengths(batch)
        scan_letters = QUERY_LETTERS_PER_SCAN[self.work.options.program]
        leaders = {one for one in suspects.unfilled if lengths[one] < scan_letters}
        found = [scan for scan in scans(lengths, scan_letters) if not wanted.isdisjoint(scan)]
        whole = [scan for scan in found if leaders.isdisjoint(scan)]
        apart = sorted(set(steady).difference(*whole))
        alone = [one for scan in found if not leaders.isdisjoint(scan) for one in scan if one in wanted]
        shortest = min(leaders, key=lengths.__getitem__, default=0)
        return [
            *((part, 1) for part in split_evenly(apart, cores)),
            *((list(itertools.chain(*part)), self.options.threads) for part in split_evenly(whole, cores)),
            *((list(with_leader(part, shortest, lengths, scan_letters)), 1) for part in split_evenly(alone, cores)),
        ]

    def dependent_on_threads(self, batch: Batch, counts: Sequence[int]) -> list[int]:
        """Return the 0-based positions of the queries whose hits may depend on the number of threads.

        ``counts`` are the numbers of subjects found in the whole database, by query.
        """
        limit = 0 if self.options.always_research else self.options.max_target_seqs
        found = scans(self._lengths(batch), QUERY_LETTERS_PER_SCAN[self.work.options.program])
        return [one for scan in found if all(counts[one] >= limit for one in scan) for one in scan]

    def _lengths(self, batch: Batch) -> list[int]:
        return lengths_of(batch, self.work.options.program.query_molecule)

    def _starter(self, database: CandidateDatabase | None, *, divided: bool) -> Callable[[PieceRun], Future[Finished]]:
        """Return what queues runs in candidates, also elsewhere if they are divided, or in the whole database."""
        if database is None:
            return partial(self.parts.start, whole_of(self.work.database))
        return partial(self.parts.search, database) if divided else partial(self.work.start, db=database.name)

    def _start(
        self,
        batch: Batch,
        ordinals: Sequence[int],
        name: str,
        start: Callable[[PieceRun], Future[Finished]],
        threads: int | None,
    ) -> tuple[Path, Future[Finished]]:
        out = self.work.folder / f"batch{batch.index}.{name}"
        run = PieceRun(
            argv=[*self.options.argv(self.options.max_target_seqs), *threads_argument(threads)],
            queries=out.with_name(f"{out.name}.fa"),
            outfmt=self.carrier.outfmt,
            out=out,
            purpose=Purpose(name.split(".")[0], batch.index, None),
            what=f"the second search of batch {batch.index + 1}",
            priority=(0, batch.index),
        )
        write_selected(batch, ordinals, run.queries)
        return out, start(run)

    def complete(self, batch: Batch, suspects: Sequence[int]) -> Iterator[tuple[QueryHits, bool]]:
        """Search saturated queries in all shards with ever longer lists; yield the best hits of all.

        Yields:
            The hits, and whether the list of any shard was still full at the bound.
        """
        first_oids = [shard.first_oid for shard in self.shards]
        files, full = self._candidates.every(batch, suspects, "hits", self.carrier, self.options.argv)
        for local, parts in enumerate(self._by_query(self.carrier, files, len(suspects))):
            merged = self.carrier.merge(parts, first_oids, self.options.max_target_seqs)
            texts = self.carrier.renumbered(merged.texts, suspects[local] - local)
            yield QueryHits(suspects[local], texts, comments_of(parts), merged.subjects), local in full

    def _read(self, ordinals: Sequence[int], out: Path, database: CandidateDatabase | None) -> Iterator[QueryHits]:
        for local, (hits,) in enumerate(self._by_query(self.carrier, [out], len(ordinals))):
            merged = self.carrier.merge([hits], [0], max(len(hits.texts), 1))
            texts, subjects = self.carrier.renumbered(merged.texts, ordinals[local] - local), merged.subjects
            if database is not None:
                texts = [self._in_whole_database(text, database.oids) for text in texts]
                subjects = [self._in_whole_database(subject, database.oids) for subject in subjects]
            yield QueryHits(ordinals[local], texts, hits.comments, subjects)

    def _in_whole_database(self, text: bytes, oids: Sequence[int]) -> bytes:
        """Return a text with the OID of a candidate replaced by its OID in the whole database."""
        ordinal = ordinal_id(text)
        if ordinal is None or ordinal >= len(oids) or not self._naming.is_numbered(oids[ordinal]):
            return text
        return with_oid(text, oids[ordinal])

    def _by_query(self, carrier: Carrier, files: Sequence[Path], queries: int) -> Iterator[list[QueryHits]]:
        return self.work.processes.over(by_query([carrier.read(path, queries) for path in files], queries))


def comments_of(parts: Sequence[QueryHits]) -> Comments | None:
    """Return the comment lines of a shard with hits if there is any, because only these name the columns."""
    return next((part.comments for part in parts if part.texts), parts[0].comments)


def can_hide(options: PieceOptions, num_seqs: int) -> bool:
    """Return whether queries of a search of so many sequences may be saturated without having many hits."""
    return options.are_identical and options.composition_based and num_seqs > KEPT


class HiddenSaturation:
    """Estimates the subjects that pass, by a search of a sample without composition-based statistics."""

    def __init__(self, work: Work, parts: Parts, options: PieceOptions) -> None:
        self._work = work
        self._parts = parts
        self._options = options
        self._carrier = TabularCarrier(layout_for(()))
        self._passing: dict[int, list[float]] = {}
        volumes, oids, num_seqs = _sample(work.database)
        self._share = max(num_seqs, 1) / work.database.searched.num_seqs
        self._most = int(self._share * max(KEPT, options.preliminary)) + SPARE
        most = max(1, int(self._share * work.database.searched.letters) // SAMPLE_LETTERS)
        ranges = [None] if oids is None else _cut(oids, min(work.pool.size, most))
        places = itertools.product(parts.together(volumes), ranges)
        self._sample = [Part(f"sample{number}", tuple(group), place) for number, (group, place) in enumerate(places)]

    def fills_most(self, batch: Batch) -> bool:
        """Search a batch in the sample; return whether more subjects of most queries pass than BLAST keeps."""
        for started in [self._start(batch, part) for part in self._sample]:
            started.result()
        files = [self._file(batch, part) for part in self._sample]
        queries = by_query([self._carrier.read(file, batch.queries) for file in files], batch.queries)
        counts = (sum(map(self._carrier.count, parts)) for parts in self._work.processes.over(queries))
        self._passing[batch.index] = passing = [count / self._share for count in counts]
        return 2 * sum(one > self._options.preliminary for one in passing) > batch.queries

    def suspects(self, batch: Batch) -> Iterator[int]:
        """Yield the 0-based positions of the queries that may be saturated."""
        passing = self._passing.pop(batch.index)
        return (ordinal for ordinal, count in enumerate(passing) if count * SAFETY > KEPT)

    def _start(self, batch: Batch, part: Part) -> Future[Finished]:
        run = PieceRun(
            argv=self._options.sample(self._most),
            queries=batch.path,
            outfmt=self._carrier.outfmt,
            out=self._file(batch, part),
            purpose=Purpose("sample", batch.index, None),
            what=f"the sample of batch {batch.index + 1}",
            priority=(0, batch.index),
        )
        return self._parts.start(part, run)

    def _file(self, batch: Batch, part: Part) -> Path:
        return self._work.folder / f"batch{batch.index}.{part.name}"


def mostly_saturated(work: Work, options: PieceOptions, shards: Sequence[Shard], batch: Batch) -> bool:
    """Search a few queries of the first batch in all shards; return whether most have more hits than the user wants.

    Where hidden saturation is possible, its sample tells the same, and nothing is searched here.
    """
    is_sampled = can_hide(options, work.database.searched.num_seqs)
    if batch.queries < FEWEST_QUERIES or options.is_final or is_sampled:
        return False
    step = max(SAMPLED_QUERIES, batch.queries // SAMPLED_QUERIES)
    ordinals = range(step // 2, batch.queries, step)
    queries = work.folder / "pilot.fa"
    write_selected(batch, ordinals, queries)
    carrier = TabularCarrier(layout_for(()))
    purpose, out = Purpose("pilot", batch.index, None), work.folder / "pilot"
    run = PieceRun(options.argv(options.kept), queries, carrier.outfmt, out, purpose, "the pilot search", (0,))
    files = run_in_all(LocalParts(work), shards, run)
    readers = [carrier.read(file, len(ordinals)) for file in files]
    hits = work.processes.over(by_query(readers, len(ordinals)))
    saturated = sum(sum(map(carrier.count, parts)) > options.max_target_seqs for parts in hits)
    return saturated * 2 > len(ordinals)


def _sample(database: Database) -> tuple[tuple[int, ...], range | None, int]:
    """Return the volumes of the sample, the OIDs if it is in one volume, and its number of sequences."""
    if database.filter is not None:
        return _filtered_sample(database.filter)
    largest = max(range(len(database.volumes)), key=lambda index: database.volumes[index].letters)
    volume = database.volumes[largest]
    wanted = max(database.letters // SAMPLE_SHARE, SAMPLE_LETTERS)
    parts = max(1, min(volume.letters // wanted, volume.num_seqs))
    borders = volume.cuts(parts)
    oids = range(borders[parts // 2], borders[parts // 2 + 1])
    return (largest,), oids, len(oids)


def _cut(oids: range, parts: int) -> list[range]:
    """Return a part of the sample for each process; shards are searched after all of them."""
    return [oids[len(oids) * part // parts : len(oids) * (part + 1) // parts] for part in range(parts)]


def _filtered_sample(chosen: Filter) -> tuple[tuple[int, ...], None, int]:
    """Return as many volumes as the sample needs; volumes of which the filter leaves most come first."""
    wanted = max(chosen.totals.letters // SAMPLE_SHARE, SAMPLE_LETTERS)
    volumes: list[int] = []
    num_seqs = 0
    for index in sorted(range(len(chosen.counts)), key=lambda index: -chosen.counts[index]):
        if not chosen.counts[index] or chosen.totals.letters * num_seqs >= wanted * chosen.totals.num_seqs:
            break
        volumes.append(index)
        num_seqs += chosen.counts[index]
    return tuple(sorted(volumes)), None, num_seqs
