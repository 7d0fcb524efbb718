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
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from shardblast.blast.hits import ArchiveCarrier, Carrier, QueryHits, TabularCarrier, by_query, layout_for, merge_hits
from shardblast.blast.queries import Batch, lengths_of, write_selected
from shardblast.blast.sequences import CandidateDatabase, Naming, id_of, oid_of, write_candidates
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
VIEW_BOUND = 50_000
"""The longest list of a view, whose archives have a thousand bytes for a subject."""
GROWTH = 10

SCORE_SHARES = (0.99, 0.94, 0.8, 0)
"""Limits of the score that are tried one after the other, in shares of the score of the last subject that is kept."""
SPREAD = 1.02
MOST_GROUPS = 16
"""Queries whose limits differ by no more than this factor, if that makes few enough groups, are searched together."""

LISTED = {False: 2, True: 3}
"""Candidates of a query that are ranked by lists, in multiples of what BLAST+ keeps; by whether HSPs are linked.

The highest rank of a hit that BLAST+ reported was 1.16 times what it keeps with linked HSPs, and 0.96 without, in 130
families of proteins and genes; see docs/exactness.md.
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
    scores: Mapping[int, float] = field(default_factory=dict)
    """For each saturated query the raw score of the last subject that BLAST+ would keep before the traceback, if it
    ranked by final scores, and 0 if the shards found fewer; empty if they were not searched."""


@dataclass
class Candidates:
    """Finds candidates in the shards and copies them."""

    work: Work
    parts: Parts
    shards: Sequence[Shard]
    options: PieceOptions

    def __post_init__(self) -> None:
        self._naming = Naming.of(self.work.database)
        unique = self.work.database.unique_ids
        over = self.work.processes.over
        self._view_carrier = ArchiveCarrier(over)
        self._carrier: Carrier = TabularCarrier(layout_for(("evalue",))) if unique else self._view_carrier

    def database(self, batch: Batch, suspects: Suspects) -> CandidateDatabase | None:
        """Return a database of all subjects that BLAST+ may keep in the preliminary stage.

        Return None if some of these subjects can't be identified, or if they make up most of the database.
        """
        ids: dict[int, list[str]] | None = None
        if self.options.scores_residues:
            ids = self._best(batch, suspects.saturated)
        elif self.options.ranks_by_score:
            ids = self._ids_above(batch, suspects)
        if ids is None and not self.options.composition_based:
            ids = self._passing(batch, suspects.saturated, self._carrier, self.options.candidates)
        work = self.work
        if ids is None or self.parts.letters_of(ids) > WHOLE_DATABASE_SHARE * work.database.searched.letters:
            return None
        name = f"batch{batch.index}.candidates"
        sources = self.parts.sources(sorted(ids))
        return write_candidates(work.installation, work.processes, work.folder, name, work.database, ids, sources)

    def _shortest(self, batch: Batch, suspects: Sequence[int]) -> int:
        """Return the length of the shortest query, in residues for programs that score residues."""
        program = self.options.user.program
        lengths = lengths_of(batch, program.query_molecule)
        return min(lengths[one] for one in suspects) // (3 if program.translates_query else 1)

    def _ids_above(self, batch: Batch, suspects: Suspects) -> dict[int, list[str]] | None:
        """Return the OIDs, with ids, of subjects among which are all that BLAST+ keeps in the preliminary stage.

        They are those with at least some raw score in the views of the shards, which see the bases that the preliminary
        stage reads. If a query has as many as BLAST+ keeps, no other subject can be among these. The limits begin just
        below the score of the last subject that would be kept by final scores, and fall; without a limit, the subjects
        are all that pass.

        Return None if some can't be identified, or if too many have the same score.
        """
        least = int(self.options.preliminary * MARGIN)
        listed: dict[int, set[bytes]] = {}
        pending: dict[int, float] = dict.fromkeys(suspects.saturated, 0)
        if self.options.triggers_alike(self._shortest(batch, suspects.saturated), self.work.database):
            pending |= suspects.scores or self._estimated(batch, suspects.saturated)
        for number, share in enumerate(SCORE_SHARES):
            limits = {one: int(share * score) for one, score in pending.items()}
            for group in _grouped(limits):
                score = min(limits[one] for one in group)
                name = f"above.{number}.{group[0]}"
                argv, carrier = partial(self.options.above, score), self._view_carrier
                files, full = self.every(batch, group, name, carrier, argv, view_of, VIEW_BOUND)
                if full:
                    return None
                for local, parts in enumerate(self._by_query(carrier, files, len(group))):
                    subjects = [carrier.subjects(part) for part in parts]
                    if score and sum(map(len, subjects)) < least:
                        continue
                    del pending[group[local]]
                    for shard, names in zip(self.shards, subjects, strict=True):
                        listed.setdefault(shard.index, set()).update(names)
            if not pending:
                break
        return self._identified(batch, listed, is_view=True)

    def _best(self, batch: Batch, suspects: Sequence[int]) -> dict[int, list[str]] | None:
        """Return the OIDs, with ids, of subjects among which are all that BLAST+ keeps in the preliminary stage.

        The shards list the best subjects of each query, and the best of all lists are candidates. If a whole list is
        among these, it is made longer. With options that compare subjects, all that pass are candidates.

        Return None if some can't be identified, or if too many pass.
        """
        reads_view = self.options.user.program.database_molecule is Molecule.NUCLEOTIDE
        carrier, part = (self._view_carrier, view_of) if reads_view else (self._carrier, part_of)
        argv = partial(self.options.best, self._shortest(batch, suspects) * self.work.database.searched.letters)
        if not self.options.ranks:
            return self._passing(batch, suspects, carrier, argv, part)
        wanted = LISTED[self.options.user.links_hsps] * self.options.preliminary
        listed: dict[int, set[bytes]] = {}
        first = max(int(LIST_SHARE * wanted / len(self.shards)), SHORTEST_LIST)
        pending = suspects
        for limit in (min(first, wanted), wanted):
            files = self._list(batch, pending, f"best.{limit}", carrier.outfmt, argv(limit), part) if pending else []
            longer = []
            for one, parts in zip(pending, self._by_query(carrier, files, len(pending)), strict=True):
                best = merge_hits([carrier.hits(part) for part in parts], wanted)
                if limit < wanted and limit in Counter(shard for shard, _ in best).values():
                    longer.append(one)
                    continue
                for shard, hit in best:
                    listed.setdefault(self.shards[shard].index, set()).add(hit.subject)
            pending = longer
        return self._identified(batch, listed, is_view=reads_view)

    def _estimated(self, batch: Batch, suspects: Sequence[int]) -> dict[int, float]:
        """Return for each query the score of the last subject that would be kept by final scores."""
        kept, carrier = self.options.preliminary, self._view_carrier
        files = self._list(batch, suspects, "best", carrier.outfmt, self.options.above(0, kept), view_of)
        queries = self._by_query(carrier, files, len(suspects))
        scores = (chain.from_iterable(map(carrier.scores, parts)) for parts in queries)
        return {one: last_kept(found, kept) for one, found in zip(suspects, scores, strict=True)}

    def _identified(
        self, batch: Batch, listed: Mapping[int, Collection[bytes]], *, is_view: bool
    ) -> dict[int, list[str]] | None:
        """Return the OIDs, with ids, of subjects by shard, as archives of views or carriers name them.

        Return None if any is not found.
        """
        oids: dict[int, list[str]] = {}
        names: dict[int, set[bytes]] = {}
        for shard in self.shards:
            for subject in self.work.processes.over(listed.get(shard.index, ())):
                oid = oid_of(subject, shard.first_oid, self._naming, is_view=is_view)
                name = id_of(subject) if is_view else subject
                if oid is not None:
                    oids[oid] = []
                elif name is not None and self.work.database.unique_ids:
                    names.setdefault(shard.index, set()).add(name)
                else:
                    return None
        named = self.parts.ids_of(names, self.work.folder / f"batch{batch.index}.ids")
        return None if named is None else oids | named

    def every(
        self,
        batch: Batch,
        suspects: Sequence[int],
        name: str,
        carrier: Carrier,
        argv: Callable[[int], list[str]],
        part: Callable[[Shard], Part] = part_of,
        bound: int = BOUND,
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
            if not full or limit >= bound:
                return files, full
            for file in files:
                file.unlink()
            limit = min(limit * GROWTH, bound)

    def _list(
        self,
        batch: Batch,
        suspects: Sequence[int],
        name: str,
        outfmt: str,
        argv: list[str],
        part: Callable[[Shard], Part] = part_of,
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

    def _passing(
        self,
        batch: Batch,
        suspects: Sequence[int],
        carrier: Carrier,
        argv: Callable[[int], list[str]],
        part: Callable[[Shard], Part] = part_of,
    ) -> dict[int, list[str]] | None:
        """Return the OIDs, with ids, of all subjects that pass; None if any can't be found, or if they are too many."""
        files, full = self.every(batch, suspects, "candidates", carrier, argv, part)
        if full:
            return None
        listed: dict[int, set[bytes]] = {}
        for shard, path in zip(self.shards, files, strict=True):
            for query in self.work.processes.over(carrier.read(path, len(suspects))):
                listed.setdefault(shard.index, set()).update(carrier.subjects(query))
        return self._identified(batch, listed, is_view=part is view_of)

    def _by_query(self, carrier: Carrier, files: Sequence[Path], queries: int) -> Iterator[list[QueryHits]]:
        return self.work.processes.over(by_query([carrier.read(path, queries) for path in files], queries))


def last_kept(scores: Iterable[float], kept: int) -> float:
    """Return the lowest of the ``kept`` highest scores; 0 if there are fewer."""
    best = heapq.nlargest(kept, scores)
    return best[-1] if len(best) == kept else 0


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
