"""A search in shards: pieces run, their results and warnings are merged, and each query is printed.

Pieces and the probe run with other options, and blast_formatter says nothing of queries.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from shardblast.blast.hits import ArchiveCarrier, Carrier, QueryHits, by_query
from shardblast.blast.probe import write_probe
from shardblast.blast.process import Finished
from shardblast.blast.queries import Batch, query_id, records
from shardblast.blast.sequences import Naming
from shardblast.core.cutting import Shard
from shardblast.core.option_table import FILTER_OPTIONS
from shardblast.core.options import Exactness
from shardblast.core.report import Verdict
from shardblast.engine.pieces import SEARCH, Parts, PieceRun, limits_of, part_of
from shardblast.engine.printing import MergedQuery, Printer
from shardblast.engine.saturation import HiddenSaturation, Research, can_hide, comments_of, is_unsaturated
from shardblast.engine.statistics import ProbedBatch, ProbedQuery
from shardblast.engine.workspace import Purpose, Work

BATCHES_AHEAD = 3
"""Batches whose pieces are queued before the first of them is merged."""

_NOT_ASKED = FILTER_OPTIONS | {"query", "db", "out", "outfmt", "mt_mode"}
"""What lists leave is told when they are read; shards do not cut queries for threads, which -mt_mode warns of."""
_OF_A_QUERY = re.compile(rb"^([^\[\n]*\[\w+\] Query_)(\d+)", re.M)
_OF_A_LINE = re.compile(rb"^((?:CFastaReader|FASTA-Reader): [^\n]*? line )(\d+)|(, On line )(\d+)", re.M)
_OF_TAXONOMY = b"taxdb"


class ShardedSearch:
    """Searches batches in shards and hands merged queries to a printer, in order."""

    def __init__(
        self, work: Work, parts: Parts, shards: Sequence[Shard], carrier: Carrier, *, by_shard: bool, threads: int = 1
    ) -> None:
        """Prepare the shards.

        Args:
            work: The search's means.
            parts: Where the database is.
            shards: In OID order.
            carrier: How pieces write their hits.
            by_shard: Search all batches in one shard before the next, because not all shards fit in memory.
            threads: Of a piece; more than one only where the whole database is the shard.
        """
        self._work = work
        self._parts = parts
        self._shards = shards
        self._carrier = carrier
        self._by_shard = by_shard
        self._threads = ["-num_threads", str(threads)] if threads > 1 else []
        self._identical = work.options.ours.exactness is Exactness.IDENTICAL
        self._whole = len(shards) == 1
        self._plain_verdict = Verdict.UNSHARDED if self._whole else Verdict.MERGED
        self._limits = limits_of(work.options, whole=self._whole)
        self._research = Research(work, parts, shards, carrier, self._limits, in_memory=not by_shard)
        hidden = self._identical and not self._whole and self._limits.composition_based and can_hide(work.database)
        self._hidden = HiddenSaturation(work, parts) if hidden else None
        self._archives = isinstance(carrier, ArchiveCarrier)
        self._probe = write_probe(work.installation, work.folder, work.database)
        self._naming = Naming.of(work.database)
        self._first_oids = [shard.first_oid for shard in shards]
        self._saturated = self._judged = 0

    def run(self, batches: Iterable[Batch], printer: Printer) -> None:
        """Search and print all batches.

        Raises:
            LeftToBlast: Only BLAST+ can print what was found; what was printed until then is right.
            ShardblastError: The search failed.
        """
        waiting = iter(batches)
        started: deque[_Started] = deque()
        with printer:
            started.extend(self._start(batch) for batch in islice(waiting, None if self._by_shard else BATCHES_AHEAD))
            while started:
                current = started.popleft()
                self._finish(current, printer)
                started.extend(self._start(batch) for batch in islice(waiting, 1))

    def _start(self, batch: Batch) -> _Started:
        self._work.watcher.queries_read(batch.queries)
        probed = ProbedBatch(self._work, batch, self._probe) if self._archives else None
        warned = WarnedBatch(self._work, batch, self._probe)
        if self._identical and not self._whole and (self._limits.always_research or self._mostly_saturated()):
            return _Started(batch, [], True, probed, warned)
        self._work.watcher.pieces_planned(len(self._shards))
        if self._hidden is not None:
            self._hidden.start(batch)
        largest_first = sorted(self._shards, key=lambda shard: -shard.letters)
        pieces = [self._start_piece(batch, shard) for shard in largest_first]
        return _Started(batch, pieces, False, probed, warned)

    def _mostly_saturated(self) -> bool:
        """Whether so many queries were saturated that it is not worth to search the others in shards first."""
        return self._saturated * 2 > self._judged

    def _start_piece(self, batch: Batch, shard: Shard) -> Future[Finished]:
        run = PieceRun(
            [*self._limits.hit_argv, *self._threads],
            batch.path,
            self._carrier.outfmt,
            self._piece_file(batch, shard),
            Purpose(SEARCH, batch.index, shard.index),
            f"batch {batch.index + 1}, shard {shard.index + 1} of {len(self._shards)}",
            (1, shard.index, batch.index) if self._by_shard else (1, batch.index),
        )
        return self._parts.start(part_of(shard), run)

    def _piece_file(self, batch: Batch, shard: Shard) -> Path:
        return piece_file(self._work.folder, batch.index, shard.index)

    def _finish(self, current: _Started, printer: Printer) -> None:
        """Merge and print a batch, then remove its files."""
        batch = current.batch
        for piece in current.pieces:
            piece.result()
        suspects = self._suspects(current)
        self._judged += batch.queries
        self._saturated += len(suspects)
        for query in self._merged_queries(current, suspects):
            printer.write(query)
        printer.finish_batch(batch)
        if warnings := current.warnings():
            self._work.watcher.warned(warnings)
        self._work.watcher.queries_finished(batch.queries)
        self._work.report.queries += batch.queries
        if self._work.options.ours.keep is None:
            for file in self._work.folder.glob(f"*batch{batch.index}.*"):
                file.unlink()

    def _suspects(self, current: _Started) -> list[int]:
        """Return the positions of the queries that are not certainly unsaturated."""
        if self._whole:
            return []
        if current.suspected:
            return list(range(current.batch.queries))
        hidden = set() if self._hidden is None else set(self._hidden.suspects(current.batch))
        found = enumerate(self._found(current.batch))
        return [ordinal for ordinal, parts in found if ordinal in hidden or not self._is_unsaturated(parts)]

    def _is_unsaturated(self, parts: list[QueryHits]) -> bool:
        wanted = self._limits.max_target_seqs
        if sum(len(part.texts) for part in parts) <= wanted:
            return True  # a subject has at least one row or alignment
        counts = [self._carrier.count(part) for part in parts]
        return is_unsaturated(counts, max_target_seqs=wanted, shard_limit=self._limits.shard_limit)

    def _found(self, batch: Batch) -> Iterator[list[QueryHits]]:
        files = [self._piece_file(batch, shard) for shard in self._shards]
        readers = [self._carrier.read(path, batch.queries) for path in files]
        return self._work.processes.over(by_query(readers, batch.queries))

    def _merged_queries(self, current: _Started, suspects: list[int]) -> Iterator[MergedQuery]:
        batch = current.batch
        again = self._again(current, suspects)
        unsure = set(suspects)
        found = iter([[]] * batch.queries) if current.suspected else self._found(batch)
        probed: Iterator[ProbedQuery | None] = (
            current.probed.queries() if current.probed else iter([None] * batch.queries)
        )
        with batch.path.open("rb") as stream:
            queries = self._work.processes.over(zip(records(stream), found, probed, strict=True))
            for ordinal, (record, parts, probe) in enumerate(queries):
                if ordinal in unsure:
                    result, verdict = next(again)
                else:
                    result, verdict = self._merge(ordinal, parts), self._plain_verdict
                self._naming.check(result.subjects, batch.first_query + batch.queries)
                name = query_id(record[0])
                self._work.report.judge(verdict, name)
                yield _query(batch, result, probe, name, verdict)

    def _merge(self, ordinal: int, parts: list[QueryHits]) -> QueryHits:
        merged = self._carrier.merge(parts, self._first_oids, self._limits.max_target_seqs)
        return QueryHits(ordinal, merged.texts, comments_of(parts), merged.subjects)

    def _again(self, current: _Started, suspects: list[int]) -> Iterator[tuple[QueryHits, Verdict]]:
        """Yield the final hits of the saturated queries."""
        if not suspects:
            return
        if self._identical:
            for found in self._research.identical(current.batch, suspects):
                yield found, Verdict.RESEARCHED
            return
        for found, bound_reached in self._research.complete(current.batch, suspects):
            if bound_reached:
                self._work.report.bound_reached.append(f"Query_{current.batch.first_query + found.ordinal + 1}")
            yield found, Verdict.COMPLETE


def piece_file(folder: Path, batch: int, shard: int) -> Path:
    """Return where the hits of a piece are."""
    return folder / f"batch{batch}.piece.{shard}"


class WarnedBatch:
    """A batch in the probe's database, whose output nobody reads."""

    def __init__(self, work: Work, batch: Batch, database: str) -> None:
        options = work.options
        in_one_file = options.outfmt.format.in_one_file  # it warns of the same
        outfmt = options.outfmt.text if in_one_file is None else str(in_one_file)
        place = ["-query", str(batch.path), "-db", database, "-outfmt", outfmt, "-out", os.devnull]
        self._batch = batch
        self._told: Future[Finished] = work.start(
            [*options.argv(drop=_NOT_ASKED), *place],
            Purpose("probe", batch.index, None),
            f"the warnings of batch {batch.index + 1}",
            (0, batch.index),
        )

    def text(self) -> bytes:
        """Return what BLAST+ warns of, with queries and lines numbered as in the user's file."""
        batch = self._batch
        text = _OF_A_QUERY.sub(lambda match: b"%s%d" % (match[1], int(match[2]) + batch.first_query), self.stderr)
        return _OF_A_LINE.sub(lambda match: _shifted(match, batch.first_line), text)

    @property
    def stderr(self) -> bytes:
        return self._told.result().stderr


def of_taxonomy(text: bytes) -> bytes:
    """Return what a process that found hits says of names that it could not look up."""
    return b"".join(line for line in text.splitlines(keepends=True) if _OF_TAXONOMY in line)


@dataclass(slots=True)
class _Started:
    """A batch and the processes that search it."""

    batch: Batch
    pieces: list[Future[Finished]]
    suspected: bool
    """Whether all queries count as saturated from the start, so that there are no pieces."""
    probed: ProbedBatch | None
    warned: WarnedBatch

    def warnings(self) -> bytes:
        """Return what BLAST+ warns of; of names that can't be looked up every shard warns alike."""
        of_hits = of_taxonomy(self.pieces[0].result().stderr) if self.pieces else b""
        return self.warned.text() + of_hits


def _query(batch: Batch, result: QueryHits, probe: ProbedQuery | None, name: str, verdict: Verdict) -> MergedQuery:
    number = batch.first_query + result.ordinal
    query = MergedQuery(number, batch.first_query, result.texts, result.comments, name=name, verdict=verdict)
    if probe is not None:
        query.template, query.printed, query.searchable = probe.template, probe.printed, probe.searchable
    return query


def _shifted(match: re.Match[bytes], lines: int) -> bytes:
    before, number = (match[1], match[2]) if match[1] is not None else (match[3], match[4])
    return b"%s%d" % (before, int(number) + lines)
