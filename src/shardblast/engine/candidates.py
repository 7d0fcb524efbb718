"""Candidates: the subjects among which are all that BLAST+ keeps for a saturated query before the traceback.

Final scores do not show which subjects BLAST+ keeps: among 5,244 16S genes, a subject of the first 550 by preliminary
score was at place 3,046 by final score. But a search that drops subjects below a raw score *before* the traceback has
all that BLAST+ keeps, if it has at least as many as BLAST+ keeps. It reads views of the volumes, in which the traceback
sees the bases of the preliminary stage and can only raise scores.

Source: NCBI C++ Toolkit, algo/blast/core/blast_gapalign.c (BLAST_GetGappedScore) and blast_hits.c.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from shardblast.blast.hits import ArchiveCarrier, Carrier, QueryHits, TabularCarrier, by_query, layout_for
from shardblast.blast.queries import Batch, lengths_of, write_selected
from shardblast.blast.sequences import CandidateDatabase, Naming, id_of, oid_of, write_candidates
from shardblast.core.cutting import Shard
from shardblast.core.events import Purpose
from shardblast.core.program import Molecule
from shardblast.engine.pieces import Part, Parts, PieceOptions, part_of, run_in_all, view_of
from shardblast.engine.workspace import PieceRun, Work

WHOLE_DATABASE_SHARE = 0.5
"""The largest share of the database's letters for candidates; with more, the whole database is searched instead."""
FIRST_LIMIT = 5_000
BOUND = 500_000
"""The shortest and the longest list that a shard keeps when all of its hits are wanted."""
VIEW_BOUND = 50_000
"""The longest list of a view, whose archives have a thousand bytes for a subject."""
GROWTH = 10

MARGIN = 1.25
"""Subjects above a limit of the score that are enough, in multiples of those that BLAST+ keeps."""
SCORE_SHARES = (0.99, 0.94, 0.8, 0)
"""Limits of the score that are tried one after the other, in shares of the score that enough subjects seem to have."""
SPREAD = {Molecule.NUCLEOTIDE: 1.02, Molecule.PROTEIN: 1.1}
MOST_GROUPS = 16
"""Queries whose limits differ by no more than this factor, if that makes few enough groups, are searched together."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Queries of a batch, by their 0-based positions, as the shards' results show them."""

    saturated: Sequence[int]
    """Queries that may be saturated."""
    unfilled: Collection[int] = ()
    """Queries with fewer subjects than ``-max_target_seqs``."""
    scores: Mapping[int, float] = field(default_factory=dict)
    """For each saturated query a score that enough subjects have; 0 or missing if the shards found fewer."""


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
        self._carrier: Carrier = TabularCarrier(layout_for(("evalue", "bitscore"))) if unique else ArchiveCarrier(over)
        is_view = not self.options.is_protein  # in which ids can't be looked up
        self._scored_carrier = ArchiveCarrier(over) if is_view else self._carrier
        self._part, self._bound = (view_of, VIEW_BOUND) if is_view else (part_of, BOUND)

    def database(self, batch: Batch, suspects: Suspects) -> CandidateDatabase | None:
        """Return a database of all subjects that BLAST+ may keep in the preliminary stage.

        Return None if some of these subjects can't be identified, or if they make up most of the database.
        """
        saturated = suspects.saturated
        ids = self._ids_above(batch, suspects) if self.options.limits_scores else None
        if ids is None and not self.options.composition_based:
            carrier, argv = self._carrier, self.options.candidates
            files, full = self.every(batch, saturated, "candidates", carrier, argv)
            ids = None if full else self._ids(batch, files, len(saturated))
        work = self.work
        if ids is None or self.parts.letters_of(ids) > WHOLE_DATABASE_SHARE * work.database.searched.letters:
            return None
        name = f"batch{batch.index}.candidates"
        sources = self.parts.sources(sorted(ids))
        return write_candidates(work.installation, work.processes, work.folder, name, work.database, ids, sources)

    def _ids_above(self, batch: Batch, suspects: Suspects) -> dict[int, list[str]] | None:
        """Return the OIDs, with ids, of subjects among which are all that BLAST+ keeps in the preliminary stage.

        They are those with at least some score, which for nucleotides are found in the views of the shards, whose bases
        are those of the preliminary stage. If a query has as many as BLAST+ keeps, no other subject can be among these.
        The limits begin just below the score of the last subject that would be kept by final scores, and fall; without
        a limit, the subjects are all that pass.

        Return None if some can't be identified, or if too many have the same score.
        """
        options, carrier = self.options, self._scored_carrier
        listed: dict[int, set[bytes]] = {}
        spaces = self.spaces(batch)
        pending = self._first_scores(batch, suspects, spaces, listed)
        for number, share in enumerate(SCORE_SHARES if pending else ()):
            wanted = {one: share * score for one, score in pending.items()}
            limits = {one: options.limit(score, spaces[one]) for one, score in wanted.items()}
            for group in _grouped(limits, SPREAD[self.work.database.molecule]):
                limit, space = min(limits[one] for one in group), max(spaces[one] for one in group)
                argv, name = partial(options.above, limit, space), f"above.{number}.{group[0]}"
                files, full = self.every(batch, group, name, carrier, argv, self._part, self._bound)
                if full:
                    return None
                for one, parts in zip(group, self._by_query(carrier, files, len(group)), strict=True):
                    least = wanted[one] if limit else 0
                    scores = chain.from_iterable(self._scores(part, spaces[one]) for part in parts)
                    if not limit or sum(score >= least for score in scores) >= self.enough:
                        del pending[one]
                        self._add(parts, least, spaces[one], listed)
        return self._identified(batch, listed, is_view=not options.is_protein)

    @property
    def enough(self) -> int:
        """The number of subjects above a limit of the score that is enough."""
        return int(self.options.preliminary * MARGIN)

    def _first_scores(
        self, batch: Batch, suspects: Suspects, spaces: Sequence[int], listed: dict[int, set[bytes]]
    ) -> dict[int, float]:
        """Return for each query a score that enough subjects have, or 0 if scores can't be limited.

        Queries without enough subjects are left out; all of their subjects are added to ``listed`` by shard.
        """
        database = self.work.database
        shortest = min(spaces[one] for one in suspects.saturated) // database.searched.letters
        if not self.options.triggers_alike(shortest, database):
            return dict.fromkeys(suspects.saturated, 0)
        scores = {one: suspects.scores[one] for one in suspects.saturated if suspects.scores.get(one)}
        if unknown := [one for one in suspects.saturated if one not in scores]:
            carrier, argv = self._scored_carrier, self.options.above(0, 0, self.enough)
            files = self._list(batch, unknown, "best", carrier.outfmt, argv, self._part)
            for one, parts in zip(unknown, self._by_query(carrier, files, len(unknown)), strict=True):
                if score := self.last_enough(carrier, parts, spaces[one]):
                    scores[one] = score
                else:
                    self._add(parts, 0, spaces[one], listed)
        return scores

    def last_enough(self, carrier: Carrier, parts: Iterable[QueryHits], space: int) -> float:
        """Return the lowest score of the best subjects that are enough; 0 if there are fewer subjects."""
        scores = chain.from_iterable(self.options.scores(carrier, part, space) for part in parts)
        best = heapq.nlargest(self.enough, scores)
        return best[-1] if len(best) == self.enough else 0

    def _add(self, parts: Iterable[QueryHits], least: float, space: int, listed: dict[int, set[bytes]]) -> None:
        """Add a query's subjects that may rank before one with the score ``least`` to those listed by shard."""
        for shard, part in zip(self.shards, parts, strict=True):
            subjects = zip(self._scored_carrier.subjects(part), self._scores(part, space), strict=True)
            may = self.options.may_precede
            listed.setdefault(shard.index, set()).update(one for one, score in subjects if may(score, least, space))

    def _scores(self, part: QueryHits, space: int) -> Sequence[float]:
        return self.options.scores(self._scored_carrier, part, space)

    def spaces(self, batch: Batch) -> list[int]:
        """Return for each query the product of its length and that of the database."""
        lengths = lengths_of(batch, self.options.user.program.query_molecule)
        return [length * self.work.database.searched.letters for length in lengths]

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

    def _ids(self, batch: Batch, files: Sequence[Path], queries: int) -> dict[int, list[str]] | None:
        """Return the OIDs of all subjects of the queries in files, with their ids; None if any can't be found."""
        listed: dict[int, set[bytes]] = {}
        for shard, path in zip(self.shards, files, strict=True):
            for query in self.work.processes.over(self._carrier.read(path, queries)):
                listed.setdefault(shard.index, set()).update(self._carrier.subjects(query))
        return self._identified(batch, listed, is_view=False)

    def _by_query(self, carrier: Carrier, files: Sequence[Path], queries: int) -> Iterator[list[QueryHits]]:
        return self.work.processes.over(by_query([carrier.read(path, queries) for path in files], queries))


def _grouped(limits: Mapping[int, float], spread: float) -> list[list[int]]:
    """Return positions with similar limits together, in at most ``MOST_GROUPS`` groups of ascending positions."""
    ordered = sorted(limits, key=limits.__getitem__)
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
