"""Runs a search in shards: runs the pieces, merges their hits, and prints each query and BLAST+'s warnings.

Warnings come from a separate run with the user's options, because pieces and the probe run with other options, and
``blast_formatter`` does not report warnings about queries.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path

from shardblast.blast.hits import Carrier, QueryHits, by_query
from shardblast.blast.probe import write_probe
from shardblast.blast.process import Finished
from shardblast.blast.queries import Batch, query_id, records
from shardblast.blast.sequences import Naming
from shardblast.core.cutting import Shard
from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.events import PiecesPlanned, Purpose, QueriesFinished, QueryJudged, QueryVerified, Warned
from shardblast.core.formats import ARCHIVE
from shardblast.core.option_table import FORMAT_OPTIONS, OF_EACH_PROCESS
from shardblast.core.report import Verdict
from shardblast.engine.candidates import Suspects, first_limit
from shardblast.engine.pieces import Part, Parts, PieceOptions, part_of, threads_argument
from shardblast.engine.printing import MergedQuery, Printer
from shardblast.engine.probed import ProbedBatch, ProbedQuery, printed_file
from shardblast.engine.saturation import HiddenSaturation, Research, can_hide, comments_of, is_unsaturated
from shardblast.engine.workspace import SEARCH, PieceRun, Work

LONGEST_SHOWN = 200
"""Characters of a line that a difference shows."""

BATCHES_AHEAD = 3
"""The number of batches whose pieces are queued before the first batch is merged."""

_WITHOUT_WARNINGS = OF_EACH_PROCESS - {"num_threads", "mt_mode"}
"""Options that the run for warnings omits. Lists cause their warnings when they are read."""
_OF_A_QUERY = re.compile(rb"^([^\[\n]*\[\w+\] Query_)(\d+)", re.M)
_OF_A_LINE = re.compile(rb"^((?:CFastaReader|FASTA-Reader): [^\n]*? line )(\d+)|(, On line )(\d+)", re.M)
_OF_TAXONOMY = b"taxdb"
"""Occurs in warnings about taxonomic names that could not be looked up, which only runs with hits print."""


class ShardedSearch:
    """Searches batches in shards and hands merged queries to a printer, in order."""

    def __init__(
        self,
        work: Work,
        parts: Parts,
        shards: Sequence[Shard],
        carrier: Carrier,
        *,
        by_shard: bool,
        by_candidates: bool = False,
        threads: int = 1,
        verified: Collection[int] = (),
    ) -> None:
        """Prepare the search in shards in OID order.

        With ``by_shard``, all batches are searched in one shard before the next, because the shards do not all fit in
        memory. For ``by_candidates`` see ``Choice``. The queries with the 0-based numbers in ``verified``
        are searched without shards as well. A piece has several ``threads`` only if the whole database is the only
        shard.
        """
        self._work = work
        self._parts = parts
        self._shards = shards
        self._carrier = carrier
        self._by_shard = by_shard
        self._by_candidates = by_candidates
        self._verified = verified
        self._threads = threads
        self._whole = len(shards) == 1
        self._plain_verdict = Verdict.UNSHARDED if self._whole else Verdict.MERGED
        self._options = options = PieceOptions(work.options, self._whole, by_candidates)
        self._research = Research(work, parts, shards, carrier, options, in_memory=not by_shard)
        hidden = not self._whole and can_hide(options, work.database.searched.num_seqs)
        self._hidden = HiddenSaturation(work, parts, options) if hidden else None
        self._keeps_all = options.keeps_all(work.database.num_seqs)
        self._probe = write_probe(work)
        self._naming = Naming.of(work.database)
        self._largest_first = sorted(shards, key=lambda shard: -shard.letters)
        self._first_oids = [shard.first_oid for shard in shards]
        self._saturated = self._judged = 0

    def run(self, batches: Iterable[Batch], printer: Printer) -> None:
        """Search and print all batches.

        Raises LeftToBlast if only BLAST+ can print the hits; the output up to this point is correct then.
        """
        waiting = iter(batches)
        started: deque[_Started] = deque()
        with printer:
            first = list(islice(waiting, None if self._by_shard else BATCHES_AHEAD))
            started.extend(self._start(batch, printer, alone=len(first) == 1) for batch in first)
            if self._by_shard:
                self._forget_searched(started)
            while started:
                self._finish(started.popleft(), printer)
                started.extend(self._start(batch, printer) for batch in islice(waiting, 1))

    def _start(self, batch: Batch, printer: Printer, *, alone: bool = False) -> _Started:
        warned = None if self._warns_alike(batch) else WarnedBatch(self._work, batch, self._probe, alone=alone)
        printed = warned.printed if warned is not None else None
        probed = ProbedBatch(self._work, batch, self._probe, printed) if printer.needs_templates else None
        if not self._whole and (self._by_candidates or self._fills_most(batch)):
            return _Started(batch, [], True, probed, warned)
        self._work.notify(PiecesPlanned(len(self._shards)))
        pieces = [self._start_piece(batch, shard) for shard in self._largest_first]
        return _Started(batch, pieces, False, probed, warned)

    def _forget_searched(self, started: Iterable[_Started]) -> None:
        """Let each shard leave memory after its last piece. Its pages, used often, would displace those of the next."""
        searched = zip(*(batch.pieces for batch in started if batch.pieces), strict=True)
        for shard, pieces in zip(self._largest_first, searched, strict=False):
            end = partial(self._end_piece, list(pieces), part_of(shard))
            for piece in pieces:
                piece.add_done_callback(end)

    def _end_piece(self, running: list[Future[Finished]], part: Part, piece: Future[Finished]) -> None:
        running.remove(piece)
        if not running:
            self._parts.forget(part)

    def _warns_alike(self, batch: Batch) -> bool:
        """Return whether the batch's only piece will run, and prints the warnings of the user's search."""
        user = self._work.options
        dropped = (FORMAT_OPTIONS | {"num_threads", "mt_mode"}) - {"outfmt"}
        if not self._whole or user.outfmt.number != ARCHIVE or not dropped.isdisjoint(user.given):
            return False
        return not piece_file(self._work.folder, batch.index, self._shards[0].index).exists()

    def _fills_most(self, batch: Batch) -> bool:
        """Return whether most queries of a batch are likely saturated; searching the shards first is then a waste."""
        is_expected = self._options.are_identical and self._saturated * 2 > self._judged
        if (self._options.always_research and not self._keeps_all) or is_expected:
            return True
        return self._hidden is not None and self._hidden.fills_most(batch)

    def _start_piece(self, batch: Batch, shard: Shard) -> Future[Finished]:
        run = PieceRun(
            argv=[*self._options.argv(self._options.kept), *threads_argument(self._threads)],
            queries=batch.path,
            outfmt=self._carrier.outfmt,
            out=piece_file(self._work.folder, batch.index, shard.index),
            purpose=Purpose(SEARCH, batch.index, shard.index),
            what=f"batch {batch.index + 1}, shard {shard.index + 1} of {len(self._shards)}",
            priority=(1, shard.index, batch.index) if self._by_shard else (1, batch.index),
        )
        return self._parts.start(part_of(shard), run)

    def _finish(self, current: _Started, printer: Printer) -> None:
        """Merge and print a batch, then remove its files."""
        batch = current.batch
        for piece in current.pieces:
            piece.result()
        suspects = self._suspects(current)
        self._judged += batch.queries
        self._saturated += len(suspects.saturated)
        chosen = []
        for query in self._merged_queries(current, suspects):
            printer.write(query)
            if query.number in self._verified:
                chosen.append(query)
        printer.finish_batch(batch)
        self._verify(batch, chosen)
        if warnings := current.warnings():
            self._work.notify(Warned(warnings))
        self._work.notify(QueriesFinished(batch.queries))
        if self._work.options.ours.keep is None:
            for file in self._work.folder.glob(f"*batch{batch.index}.*"):
                file.unlink()

    def _verify(self, batch: Batch, chosen: Sequence[MergedQuery]) -> None:
        """Search queries also without shards, unless they were searched so anyway, and compare their hits."""
        if not chosen or self._whole:
            return
        try:
            found = [*self._research.unsharded(batch, {query.number - batch.first_query for query in chosen})]
        except Interrupted:
            raise
        except (ShardblastError, OSError) as error:  # the result is complete without the check
            for query in chosen:
                self._work.notify(QueryVerified(query.name, None, str(error)))
            return
        for query, hits in zip(chosen, found, strict=True):
            difference = first_difference(query.texts, hits.texts)
            self._work.notify(QueryVerified(query.name, difference is None, difference or ""))

    def _suspects(self, current: _Started) -> Suspects:
        """Return which queries may be saturated."""
        batch, options = current.batch, self._options
        if self._whole:
            if options.threads in (None, self._threads):
                return Suspects(())
            counts = [sum(map(self._carrier.count, parts)) for parts in self._hits(batch)]
            return Suspects(self._research.dependent_on_threads(batch, counts))
        if current.suspected:
            return Suspects(range(batch.queries))
        if options.is_final or self._keeps_all:
            return Suspects(())
        # A query with just as many hits as wanted would have fewer in the candidates of other queries.
        fills_candidates = options.composition_based and not self._research.needs_no_shards
        hidden = set() if self._hidden is None else set(self._hidden.suspects(batch))
        saturated, unfilled, scores = [], [], {}
        for ordinal, parts in enumerate(self._hits(batch)):
            wanted, found = options.max_target_seqs, sum(len(part.texts) for part in parts)
            if found > wanted:  # these are rows or alignments, of which a subject has at least one
                counts = [self._carrier.count(part) for part in parts]
                is_certain = is_unsaturated(counts, max_target_seqs=wanted, shard_limit=options.kept)
                found = sum(counts) if is_certain else wanted + 1
            is_filled = found > wanted or (found == wanted and fills_candidates)
            if ordinal in hidden or is_filled:
                saturated.append(ordinal)
                if options.ranks_by_score:
                    found_scores = chain.from_iterable(map(self._carrier.scores, parts))
                    scores[ordinal] = first_limit(found_scores, options.preliminary)
            elif found < wanted:
                unfilled.append(ordinal)
        return Suspects(saturated, unfilled, scores)

    def _hits(self, batch: Batch) -> Iterator[list[QueryHits]]:
        """Yield each query's hits in all shards."""
        files = [piece_file(self._work.folder, batch.index, shard.index) for shard in self._shards]
        readers = [self._carrier.read(path, batch.queries) for path in files]
        return self._work.processes.over(by_query(readers, batch.queries))

    def _merged_queries(self, current: _Started, suspects: Suspects) -> Iterator[MergedQuery]:
        batch = current.batch
        again = self._again(current, suspects)
        saturated = set(suspects.saturated)
        hits = iter([[]] * batch.queries) if current.suspected else self._hits(batch)
        probed: Iterator[ProbedQuery | None] = (
            current.probed.queries() if current.probed else iter([None] * batch.queries)
        )
        with batch.path.open("rb") as stream:
            queries = self._work.processes.over(zip(records(stream), hits, probed, strict=True))
            for ordinal, (record, parts, probe) in enumerate(queries):
                bound_reached = None
                if ordinal in saturated:
                    result, verdict, bound_reached = next(again)
                else:
                    merged = self._carrier.merge(parts, self._first_oids, self._options.max_target_seqs)
                    result = QueryHits(ordinal, merged.texts, comments_of(parts), merged.subjects)
                    verdict = self._plain_verdict
                self._naming.check(result.subjects, batch.first_query + batch.queries)
                name = query_id(record[0])
                self._work.notify(QueryJudged(name, verdict, bound_reached))
                yield _query(batch, result, probe, name, verdict)

    def _again(self, current: _Started, suspects: Suspects) -> Iterator[tuple[QueryHits, Verdict, str | None]]:
        """Yield the final hits of the saturated queries, and the number of a query that reached the bound."""
        if not suspects.saturated:
            return
        if self._options.are_identical:
            for hits in self._research.identical(current.batch, suspects):
                yield hits, Verdict.RESEARCHED, None
            return
        for hits, bound_reached in self._research.complete(current.batch, suspects.saturated):
            number = f"Query_{current.batch.first_query + hits.ordinal + 1}"
            yield hits, Verdict.COMPLETE, number if bound_reached else None


def first_difference(ours: Sequence[bytes], others: Sequence[bytes]) -> str | None:
    """Return the first lines that differ in a query's hits with and without shards; None if there are none."""
    for number, (one, other) in enumerate(zip_longest(ours, others, fillvalue=b"no hit"), 1):
        if one != other:
            pairs = zip_longest(one.splitlines(), other.splitlines(), fillvalue=b"")
            shown = next([*map(_shown, pair)] for pair in pairs if pair[0] != pair[1])
            return f"row or alignment {number}: {shown[0]!r} with shards, {shown[1]!r} without"
    return None


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").strip()[:LONGEST_SHOWN]


def piece_file(folder: Path, batch: int, shard: int) -> Path:
    return folder / f"batch{batch}.piece.{shard}"


class WarnedBatch:
    """A batch that is searched in the probe's database for BLAST+'s warnings, and for its output if that is needed."""

    def __init__(self, work: Work, batch: Batch, database: str, *, alone: bool) -> None:
        """``alone`` says whether the batch has all queries, so that BLAST+ warns if -mt_mode splits too few."""
        options = work.options
        in_one_file = options.outfmt.format.in_one_file  # this format causes the same warnings
        run = PieceRun(
            argv=options.argv(drop=_WITHOUT_WARNINGS if alone else _WITHOUT_WARNINGS | {"mt_mode"}),
            queries=batch.path,
            outfmt=options.outfmt.text if in_one_file is None else str(in_one_file),
            out=printed_file(work.folder, batch) if options.outfmt.is_pairwise else Path(os.devnull),
            purpose=Purpose("probe", batch.index, None),
            what=f"the warnings of batch {batch.index + 1}",
            priority=(0, batch.index),
        )
        self._batch = batch
        self._finished: Future[Finished] = work.start(run, database)
        self.printed = self._finished if options.outfmt.is_pairwise else None

    def text(self) -> bytes:
        """Return BLAST+'s warnings, with queries and lines numbered as in the user's file."""
        return _numbered(self.stderr, self._batch)

    @property
    def stderr(self) -> bytes:
        return self._finished.result().stderr


@dataclass(slots=True)
class _Started:
    """A batch and the processes that search it."""

    batch: Batch
    pieces: list[Future[Finished]]
    suspected: bool
    """Whether all queries count as saturated from the start; the batch then has no pieces."""
    probed: ProbedBatch | None
    warned: WarnedBatch | None
    """None if the only piece prints the same warnings."""

    def warnings(self) -> bytes:
        """Return BLAST+'s warnings; the taxonomic ones are equal in all shards, so one shard's are enough."""
        if self.warned is None:
            return _numbered(self.pieces[0].result().stderr, self.batch)
        lines = self.pieces[0].result().stderr.splitlines(keepends=True) if self.pieces else []
        return self.warned.text() + b"".join(line for line in lines if _OF_TAXONOMY in line)


def _query(batch: Batch, result: QueryHits, probe: ProbedQuery | None, name: str, verdict: Verdict) -> MergedQuery:
    number = batch.first_query + result.ordinal
    query = MergedQuery(number, batch.first_query, result.texts, result.comments, name=name, verdict=verdict)
    query.hits = len(result.subjects)
    if probe is not None:
        query.template, query.printed, query.searchable = probe.template, probe.printed, probe.searchable
    return query


def _numbered(warnings: bytes, batch: Batch) -> bytes:
    """Return warnings about a batch with the numbers of queries and lines in the user's file."""
    text = _OF_A_QUERY.sub(lambda match: b"%s%d" % (match[1], int(match[2]) + batch.first_query), warnings)
    return _OF_A_LINE.sub(lambda match: _shifted(match, batch.first_line), text)


def _shifted(match: re.Match[bytes], lines: int) -> bytes:
    before, number = (match[1], match[2]) if match[1] is not None else (match[3], match[4])
    return b"%s%d" % (before, int(number) + lines)
