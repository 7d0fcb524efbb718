"""Candidates: the subjects among which are all that BLAST+ keeps for a saturated query before the traceback.

Final scores do not show which subjects BLAST+ keeps: among 5,244 16S genes, a subject of the first 550 by preliminary
score was at place 3,046 by final score. But a search that drops subjects below a raw score *before* the traceback has
all that BLAST+ keeps, if it has at least as many as BLAST+ keeps. It reads views of the volumes, in which the traceback
sees the bases of the preliminary stage and can only raise scores. Other programs have no such limit. There the shards
list the best subjects of a search whose final scores are about those of the preliminary stage.

Source: NCBI C++ Toolkit, algo/blast/core/blast_gapalign.c (BLAST_GetGappedScore) and blast_hits.c.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from shardblast.blast.hits import Carrier, ListCarrier, PieceHit, QueryHits, by_query, merge_hits
from shardblast.blast.queries import Batch, lengths_of, write_selected
from shardblast.blast.sequences import CandidateDatabase, write_candidates
from shardblast.blast.volume import View
from shardblast.core.cutting import Shard
from shardblast.core.events import Purpose
from shardblast.core.program import Molecule
from shardblast.engine.pieces import MARGIN, Part, Parts, PieceOptions, part_of, run_in_all, view_of
from shardblast.engine.workspace import PieceRun, Work

WHOLE_DATABASE_SHARE = 0.5
"""The largest share of the database's letters for candidates; with more, the whole database is searched instead."""
FIRST_LIMIT = 5_000
BOUND = 500_000
"""The shortest and the longest list that a shard keeps when all of its hits are wanted."""
GROWTH = 10

FIRST_SHARE = 0.99
"""The first limit of the score, in shares of the score of the last subject that is kept by final scores."""
FALLS = (0.95, 0.85)
"""The factors by which it falls if it leaves too few; then there is no limit."""
PASSES = 6
"""How many limits are tried. One or two are usual."""
MANY = 8
"""More candidates than this multiple of those wanted are too many if a higher limit leaves enough."""
LENGTH = 4
SHORTEST_VIEW_LIST = 1_000
"""The lists of the shards have this multiple of the subjects wanted, or are as long as this."""
SPREAD = 1.02
MOST_GROUPS = 16
"""Queries whose limits differ by no more than this factor, if that makes few enough groups, are searched together."""

LISTED = {False: 2, True: 3}
"""Candidates of a query that are ranked by lists, in multiples of what BLAST+ keeps; by whether HSPs are linked.

The highest rank of a hit that BLAST+ reported was 1.16 times what it keeps with linked HSPs, and 0.96 without, in 130
families of proteins and genes; see docs/exactness.md.
"""
STEADY_EVALUE = 1e-6
"""If all candidates of a query have E-values of at most this, BLAST+ skips none, whatever it searches with the query.

With composition-based statistics it skips subjects with preliminary E-values above 0.01 once all queries of its batch
have enough (BlastCompo_EarlyTermination). The E-values of lists are about the preliminary ones.
"""
LIST_SHARE = 1.25
SHORTEST_LIST = 100
"""The first list of a shard is this multiple of its share of a query's candidates, or as long as this."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Queries of a batch, by their 0-based positions, as the shards' results show them."""

    saturated: Sequence[int]
    """Queries that may be saturated."""
    unfilled: Collection[int] = ()
    """Queries with fewer subjects than ``-max_target_seqs``."""
    scores: Mapping[int, int] = field(default_factory=dict)
    """For each saturated query the first limit of the score, see ``first_limit``; empty if shards were not searched."""


@dataclass
class Candidates:
    """Finds candidates in the shards and copies them."""

    work: Work
    parts: Parts
    shards: Sequence[Shard]
    options: PieceOptions

    def __post_init__(self) -> None:
        self.steady: set[int] = set()
        """Queries of the last batch whose hits do not depend on the queries that are searched with them."""
        self._carrier = ListCarrier()
        is_packed = self.options.user.program.database_molecule is Molecule.NUCLEOTIDE and not self.options.is_final
        self._kind = View.PACKED if is_packed else View.STORED
        self._view = partial(view_of, self._kind)

    def database(self, batch: Batch, suspects: Suspects) -> CandidateDatabase | None:
        """Return a database of all subjects that BLAST+ may keep in the preliminary stage.

        Return None if there are too many of them, if they make up most of the database, or if their ids can't be
        indexed.
        """
        oids: set[int] | None = None
        self.steady = set()
        if self.options.scores_residues:
            oids = self._best(batch, suspects.saturated)
        elif self.options.ranks_by_score and self.options.ranks:
            oids = self._above(batch, suspects)
        elif self.options.ranks_by_score:
            oids = self._passing(batch, suspects.saturated, partial(self.options.above, 0))
        if oids is None and not self.options.composition_based:
            oids = self._passing(batch, suspects.saturated, self.options.candidates)
        work = self.work
        if oids is None or self.parts.letters_of(oids) > WHOLE_DATABASE_SHARE * work.database.searched.letters:
            return None
        name = f"batch{batch.index}.candidates"
        sources = self.parts.sources(sorted(oids))
        return write_candidates(work.installation, work.processes, work.folder, name, work.database, oids, sources)

    def _shortest(self, batch: Batch, suspects: Sequence[int]) -> int:
        """Return the length of the shortest query, in residues for programs that score residues."""
        program = self.options.user.program
        lengths = lengths_of(batch, program.query_molecule)
        return min(lengths[one] for one in suspects) // (3 if program.translates_query else 1)

    def _above(self, batch: Batch, suspects: Suspects) -> set[int] | None:
        """Return the OIDs of subjects among which are all that BLAST+ keeps in the preliminary stage.

        They are the best of those with at least some raw score in the views of the shards, which see the bases that the
        preliminary stage reads; for the proof see ``best_of``. Where E-values differ by strand, the strands are ranked
        apart, and subjects of the second one count only with scores that enough subjects of the first one have.

        Return None if too many have nearly the same score.
        """
        listed: set[int] = set()
        first = suspects.scores or self._estimated(batch, suspects.saturated)
        limits = {one: Limit(score) for one, score in first.items()}
        alike = self.options.triggers_alike(self._shortest(batch, suspects.saturated), self.work.database)
        for name, changes in self.options.strands.items():
            if not self._limit(batch, limits, f"{name}.above", changes):
                return None
            if not (alike or self._rank(batch, limits, f"{name}.all", changes)):
                return None
            for limit in limits.values():
                listed.update(self._oid(shard, hit.subject) for shard, hit in limit.found or ())
            limits = {one: Limit(limit.proven, limit.proven) for one, limit in limits.items()}
        return listed

    def _limit(self, batch: Batch, limits: Mapping[int, Limit], name: str, changes: Mapping[str, str]) -> bool:
        """Find the limits of queries, and their candidates above; return whether there are some for every query."""
        length, wanted = self._length, self._wanted
        for number in range(PASSES):
            pending = {one: limit.score for one, limit in limits.items() if not limit.is_settled}
            for group in _grouped(pending):
                score = min(pending[one] for one in group)
                argv = self.options.above(score, length, changes)
                for one, lists in self._lists(batch, group, f"{name}.{number}.{group[0]}", argv):
                    limits[one].score = score
                    limits[one].judge(lists, wanted, length)
        return all(limit.found is not None for limit in limits.values())

    def _rank(self, batch: Batch, limits: Mapping[int, Limit], name: str, changes: Mapping[str, str]) -> bool:
        """Find candidates in lists without a limit, if a limit changes what BLAST+ extends; return whether it is done.

        At least as many subjects as with a limit have such scores without it.
        """
        length, wanted = self._length, self._wanted
        for one, lists in self._lists(batch, sorted(limits), name, self.options.above(0, length, changes)):
            limit = limits[one]
            tied = {(shard, hit.subject) for shard, hit in limit.found or () if hit.raw_score == limit.proven}
            limit.found = best_of(lists, limit.proven, wanted, length, tied)
        return all(limit.found is not None for limit in limits.values())

    @property
    def _wanted(self) -> int:
        return int(self.options.preliminary * MARGIN)

    @property
    def _length(self) -> int:
        """The length of the lists of candidates above a limit."""
        return max(SHORTEST_VIEW_LIST, LENGTH * self._wanted)

    def _lists(
        self, batch: Batch, queries: Sequence[int], name: str, argv: list[str]
    ) -> Iterator[tuple[int, list[list[PieceHit]]]]:
        """Search queries in the views of all shards; yield the hits of each query, by shard."""
        files = self._list(batch, queries, name, self._carrier.outfmt, argv, self._view)
        for one, parts in zip(queries, self._by_query(self._carrier, files, len(queries)), strict=True):
            yield one, [self._carrier.hits(part) for part in parts]

    def _best(self, batch: Batch, suspects: Sequence[int]) -> set[int] | None:
        """Return the OIDs of subjects among which are all that BLAST+ keeps in the preliminary stage.

        The shards list the best subjects of each query, and the best of all lists are candidates. If a whole list is
        among these, it is made longer. With options that compare subjects, all that pass are candidates.

        Return None if too many pass.
        """
        argv = partial(self.options.best, self._shortest(batch, suspects) * self.work.database.searched.letters)
        if not self.options.ranks:
            return self._passing(batch, suspects, argv)
        wanted = LISTED[self.options.user.links_hsps] * self.options.preliminary
        listed: set[int] = set()
        first = max(int(LIST_SHARE * wanted / len(self.shards)), SHORTEST_LIST)
        pending = suspects
        for limit in (min(first, wanted), wanted):
            longer = []
            for one, lists in self._lists(batch, pending, f"best.{limit}", argv(limit)) if pending else ():
                best = merge_hits(lists, wanted)
                if limit < wanted and limit in Counter(shard for shard, _ in best).values():
                    longer.append(one)
                    continue
                listed.update(self._oid(shard, hit.subject) for shard, hit in best)
                if len(best) == wanted and best[-1][1].evalue <= STEADY_EVALUE:
                    self.steady.add(one)
            pending = longer
        return listed

    def _estimated(self, batch: Batch, suspects: Sequence[int]) -> dict[int, int]:
        """Return for each query the first limit of the score, from the best subjects by final scores."""
        kept = self.options.preliminary
        found = self._lists(batch, suspects, "best", self.options.above(0, kept))
        return {one: first_limit([hit.raw_score for hits in lists for hit in hits], kept) for one, lists in found}

    def every(
        self,
        batch: Batch,
        suspects: Sequence[int],
        name: str,
        carrier: Carrier,
        argv: Callable[[int], list[str]],
        part: Callable[[Shard], Part] = part_of,
    ) -> tuple[list[Path], set[int]]:
        """Search queries in all shards with ever longer lists, with the options from ``argv``, until no list is full.

        Returns:
            The pieces' files in shard order, and the positions in ``suspects`` of the queries whose list was full in
            any shard, even at the bound.
        """
        limit = max(FIRST_LIMIT, 2 * self.options.max_target_seqs)
        while True:
            files = self._list(batch, suspects, f"{name}.{limit}", carrier.outfmt, argv(limit), part)
            full = {
                local
                for local, parts in enumerate(self._by_query(carrier, files, len(suspects)))
                if any(carrier.count(part) >= limit for part in parts if len(part.texts) >= limit)
            }
            if not full or limit >= BOUND:
                return files, full
            for file in files:
                file.unlink()
            limit = min(limit * GROWTH, BOUND)

    def _list(
        self,
        batch: Batch,
        suspects: Sequence[int],
        name: str,
        outfmt: str,
        argv: list[str],
        part: Callable[[Shard], Part],
    ) -> list[Path]:
        """Search queries in all shards, or in their views; return the pieces' files in shard order."""
        queries = self.work.folder / f"batch{batch.index}.suspects.fa"
        write_selected(batch, suspects, queries)
        run = PieceRun(
            argv=argv,
            queries=queries,
            outfmt=outfmt,
            out=self.work.folder / f"batch{batch.index}.{name}",
            purpose=Purpose("candidates", batch.index, None),
            what=f"the candidates of batch {batch.index + 1}",
            priority=(0, batch.index),
        )
        return run_in_all(self.parts, self.shards, run, part)

    def _passing(self, batch: Batch, suspects: Sequence[int], argv: Callable[[int], list[str]]) -> set[int] | None:
        """Return the OIDs of all subjects that pass; None if they are too many."""
        files, full = self.every(batch, suspects, "candidates", self._carrier, argv, self._view)
        if full:
            return None
        queries = self._by_query(self._carrier, files, len(suspects))
        named = ((shard, part) for parts in queries for shard, part in enumerate(parts))
        return {self._oid(shard, name) for shard, part in named for name in self._carrier.subjects(part)}

    def _oid(self, shard: int, subject: bytes) -> int:
        """Return the OID in the whole database of a subject that is named by its OID in the view of a shard."""
        return self.work.database.first_oids[self.shards[shard].volumes[0]] + int(subject) // self._kind.spread

    def _by_query(self, carrier: Carrier, files: Sequence[Path], queries: int) -> Iterator[list[QueryHits]]:
        return self.work.processes.over(by_query([carrier.read(path, queries) for path in files], queries))


@dataclass
class Limit:
    """The limit of the raw score of a query's candidates, which is changed until neither too few nor too many are left.

    In lists of views, final scores are at least the scores of the preliminary stage.
    """

    score: int
    """The limit to try next; 0: none."""
    enough_at: int = 0
    """A limit that can't leave too few."""
    proven: int = 0
    """The limit of the candidates that were found."""
    found: list[tuple[int, PieceHit]] | None = None
    """Candidates with the indices of their shards; None if any may be missing."""
    is_settled: bool = False
    _low: int = -1
    _high: int | None = None
    _falls: Iterator[float] = field(default_factory=lambda: iter(FALLS))

    def judge(self, lists: Sequence[list[PieceHit]], wanted: int, length: int) -> None:
        """Choose the next limit from the lists of all shards with this one; a full list has the given length."""
        if self.score > self.enough_at and sum(map(len, lists)) < wanted:
            self._high = self.score
            following = int(self.score * next(self._falls, 0)) if self._low < 0 else (self._low + self.score) // 2
            self.score, self.is_settled = max(following, self.enough_at), following == self._low
            return
        best = best_of(lists, self.score, wanted, length)
        if best is not None:
            self.found, self.proven = best, self.score
            self.is_settled = len(best) <= MANY * wanted
        if not self.is_settled:
            self._low = self.score
            ranked = heapq.nlargest(2 * wanted, (hit.raw_score for hits in lists for hit in hits))
            higher = ranked[-1] if self._high is None else min(ranked[-1], (self.score + self._high) // 2)
            self.score, self.is_settled = higher, higher <= self._low


def best_of(
    lists: Sequence[list[PieceHit]],
    score: int,
    wanted: int,
    length: int,
    tied: Collection[tuple[int, bytes]] | None = None,
) -> list[tuple[int, PieceHit]] | None:
    """Return subjects of the shards' lists among which are the ``wanted`` best by preliminary score and OID.

    At least so many must have this preliminary score. A list of a view is by final score, which is not lower, and by
    OID. If it is full, at ``length``, BLAST+ has chosen it from a longer list of the best by preliminary score. So any
    other subject of the shard comes later than those at the end of the list, whose final score is their preliminary
    score if it is the limit. Then ``wanted`` of these, from the last shard on, are enough; ``tied`` names them if the
    lists themselves have no limit.

    Return None if a full list ends before, so that others may be missing.
    """
    merged = merge_hits(lists, sum(map(len, lists)))
    end = bisect_right(merged, -score - 1, key=lambda entry: -entry[1].raw_score)
    count = 0
    while end < len(merged) and merged[end][1].raw_score == score and count < wanted:
        shard, hit = merged[end]
        count += tied is None or (shard, hit.subject) in tied
        end += 1
    first = merged[end - 1][0] if count == wanted else -1
    ends = ((shard, hits[-1].raw_score) for shard, hits in enumerate(lists) if len(hits) >= length)
    complete = all(last < score or (last == score and shard <= first) for shard, last in ends)
    return merged[:end] if complete else None


def first_limit(scores: Iterable[int], kept: int) -> int:
    """Return the first limit of the score if these are final scores, and ``kept`` subjects are kept; 0 if all are.

    It is just below the score of the last subject that would be kept, unless many have just that.
    """
    wanted = int(kept * MARGIN)
    best = heapq.nlargest(wanted, scores)
    if len(best) < kept:
        return 0
    last = best[kept - 1]
    return last if len(best) == wanted and best[-1] == last else int(FIRST_SHARE * last)


def _grouped(limits: Mapping[int, float]) -> list[list[int]]:
    """Return positions with similar limits together, in at most ``MOST_GROUPS`` groups of ascending positions."""
    ordered = sorted(limits, key=limits.__getitem__)
    spread = SPREAD
    while True:
        groups: list[list[int]] = []
        for one in ordered:
            if groups and limits[one] <= limits[groups[-1][0]] * spread:
                groups[-1].append(one)
            else:
                groups.append([one])
        if len(groups) <= MOST_GROUPS:
            return [sorted(group) for group in groups]
        spread *= spread
