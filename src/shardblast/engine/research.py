"""Saturated queries searched again: in their candidates, for BLAST+'s own cut; or in all shards, for all hits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.candidates import CandidateDatabase, oid_of, write_candidates
from shardblast.blast.carrier import ArchiveCarrier, Carrier, TabularCarrier
from shardblast.blast.comments import Comments
from shardblast.blast.fasta import Batch, write_selected
from shardblast.blast.hits import QueryHits, by_query, layout_for
from shardblast.blast.naming import Naming
from shardblast.blast.process import Finished
from shardblast.blast.seqalign import ordinal_id, with_oid
from shardblast.core.planning import Shard
from shardblast.engine.limits import Limits, candidate_argv, piece_argv
from shardblast.engine.parts import Parts, Run, part_of, whole_of
from shardblast.engine.work import Purpose, Work

WHOLE_DATABASE_SHARE = 0.5
"""Candidates with more than this share of the database's letters are no smaller database: search the whole one."""
FIRST_LIMIT = 5_000
BOUND = 500_000
"""The shortest and the longest list that a shard is asked for when all of its hits are wanted."""
GROWTH = 10


@dataclass(frozen=True, slots=True)
class _Part:
    """Saturated queries that one process searches."""

    ordinals: list[int]
    """0-based in the batch."""
    out: Path


@dataclass(frozen=True, slots=True)
class _Sought:
    """What all shards are asked for, with lists of any length."""

    name: str
    """Part of the names of its files."""
    carrier: Carrier
    argv: Callable[[int], list[str]]
    """Returns the options for lists of a length."""


@dataclass(frozen=True, slots=True)
class _Enumerated:
    """All hits of some queries in all shards."""

    files: list[Path]
    """In shard order."""
    full: set[int]
    """Places, among the queries, of those whose list was full in some shard even at the bound."""


class Research:
    """Searches saturated queries again.

    Which subjects make BLAST+'s preliminary list can't be told from final scores: among 5,244 16S genes a subject of
    the first 550 by preliminary score was found at place 3,046 by final score. So candidates are all that pass,
    not the best of each shard; and where the whole database is in memory, or where composition-based statistics
    hide who passes, the search of the whole database is the way.
    """

    def __init__(
        self,
        work: Work,
        parts: Parts,
        shards: Sequence[Shard],
        carrier: Carrier,
        limits: Limits,
        *,
        in_memory: bool,
    ) -> None:
        self._work = work
        self._parts = parts
        self._shards = shards
        self._carrier = carrier
        self._limits = limits
        self._in_memory = in_memory
        self._naming = Naming.of(work.database)
        unique = work.database.unique_ids
        self._candidate_carrier: Carrier = TabularCarrier(layout_for(())) if unique else ArchiveCarrier()

    @property
    def needs_no_shards(self) -> bool:
        """Whether saturated queries are searched in the whole database."""
        chosen = self._work.database.filter
        hides_titles = chosen is not None and chosen.hides_titles  # which copies of sequences would show
        return self._in_memory or self._limits.composition_based or hides_titles

    def identical(self, batch: Batch, suspects: list[int]) -> Iterator[QueryHits]:
        """Search saturated queries so that BLAST+ makes its own cut; yield their final hits, in order.

        Args:
            batch: Their batch.
            suspects: Their 0-based positions in it.
        """
        database = None if self.needs_no_shards else self._candidates(batch, suspects)
        if self._limits.linked:
            everything = self._search_again(batch, list(range(batch.queries)), 1, database)
            wanted = set(suspects)
            yield from (found for found in everything if found.ordinal in wanted)
            return
        yield from self._search_again(batch, suspects, self._work.pool.size, database)

    def _search_again(
        self, batch: Batch, ordinals: list[int], parts: int, database: CandidateDatabase | None
    ) -> Iterator[QueryHits]:
        """Search some queries of a batch in their candidates, or in the whole database, dealt to so many processes."""
        argv = piece_argv(self._work.options, self._limits.max_target_seqs)
        dealt = self._deal(batch, ordinals, parts)
        futures = [self._start(batch, part, argv, database, number) for number, part in enumerate(dealt)]
        for part, future in zip(dealt, futures, strict=True):
            future.result()
            yield from self._read(part, database)

    def complete(self, batch: Batch, suspects: list[int]) -> Iterator[tuple[QueryHits, bool]]:
        """Search saturated queries in all shards with ever longer lists; yield the best hits of all.

        Yields:
            The hits, and whether some shard's list was still full at the bound.
        """
        first_oids = [shard.first_oid for shard in self._shards]
        hits = _Sought("hits", self._carrier, lambda limit: piece_argv(self._work.options, limit))
        found = self._enumerate(batch, suspects, hits)
        for local, parts in enumerate(self._by_query(self._carrier, found.files, len(suspects))):
            merged = self._carrier.merge(parts, first_oids, self._limits.max_target_seqs)
            texts = self._carrier.renumbered(merged.texts, suspects[local] - local)
            yield QueryHits(suspects[local], texts, comments_of(parts), merged.subjects), local in found.full

    def _candidates(self, batch: Batch, suspects: list[int]) -> CandidateDatabase | None:
        """Return a database of all subjects that pass the preliminary stage; None if they can't be told or are most."""
        carrier = self._candidate_carrier
        candidates = _Sought("candidates", carrier, lambda limit: candidate_argv(self._work.options, limit))
        found = self._enumerate(batch, suspects, candidates)
        ids = None if found.full else self._ids(batch, found.files, len(suspects))
        whole = self._work.database
        if ids is None or self._parts.letters_of(ids) > WHOLE_DATABASE_SHARE * whole.searched.letters:
            return None
        name = f"batch{batch.index}.candidates"
        sources = self._parts.sources(sorted(ids))
        means = (self._work.installation, self._work.processes, self._work.folder)
        return write_candidates(*means, name, whole, ids, sources)

    def _enumerate(self, batch: Batch, suspects: list[int], sought: _Sought) -> _Enumerated:
        """Search queries in all shards with ever longer lists until none is full."""
        carrier = sought.carrier
        limit = max(FIRST_LIMIT, 2 * self._limits.max_target_seqs)
        while True:
            files = self._search_shards(batch, suspects, sought, limit)
            full = {
                place
                for place, parts in enumerate(self._by_query(carrier, files, len(suspects)))
                if any(carrier.count(part) >= limit for part in parts if len(part.texts) >= limit)
            }
            if not full or limit >= BOUND:
                return _Enumerated(files, full)
            for file in files:
                file.unlink()
            limit = min(limit * GROWTH, BOUND)

    def _search_shards(self, batch: Batch, suspects: list[int], sought: _Sought, limit: int) -> list[Path]:
        """Search some of a batch's queries in every shard; return the pieces' files, in shard order."""
        queries = self._work.folder / f"batch{batch.index}.suspects.fa"
        write_selected(batch, set(suspects), queries)
        argv, carrier = sought.argv(limit), sought.carrier
        name = f"batch{batch.index}.{sought.name}.{limit}"
        files = [self._work.folder / f"{name}.{shard.index}" for shard in self._shards]
        futures = [
            self._parts.start(
                part_of(shard),
                Run(
                    argv,
                    queries,
                    carrier.outfmt,
                    files[shard.index],
                    Purpose("candidates", batch.index, shard.index),
                    f"the candidates of batch {batch.index + 1}, shard {shard.index + 1} of {len(self._shards)}",
                    (0, batch.index),
                ),
            )
            for shard in self._shards
        ]
        for future in futures:
            future.result()
        return files

    def _ids(self, batch: Batch, files: Sequence[Path], queries: int) -> dict[int, list[str]] | None:
        """Return the OIDs of all subjects in files of so many queries, with their ids; None if some can't be found."""
        oids: dict[int, list[str]] = {}
        names: dict[int, set[bytes]] = {}
        for shard, path in zip(self._shards, files, strict=True):
            for query in self._work.processes.over(self._candidate_carrier.read(path, queries)):
                for subject in self._candidate_carrier.subjects(query):
                    oid = oid_of(subject, shard.first_oid, self._naming)
                    if oid is None:
                        names.setdefault(shard.index, set()).add(subject)
                    else:
                        oids[oid] = []
        if names and not self._work.database.unique_ids:
            return None
        found = self._parts.ids_of(names, self._work.folder / f"batch{batch.index}.ids")
        return None if found is None else oids | found

    def _deal(self, batch: Batch, suspects: list[int], parts: int) -> list[_Part]:
        """Cut the saturated queries into at most so many parts."""
        count = min(parts, len(suspects))
        cuts = [len(suspects) * part // count for part in range(count + 1)]
        return [
            _Part(suspects[begin:end], self._work.folder / f"batch{batch.index}.research.{number}")
            for number, (begin, end) in enumerate(itertools.pairwise(cuts))
        ]

    def _start(
        self, batch: Batch, part: _Part, argv: list[str], database: CandidateDatabase | None, number: int
    ) -> Future[Finished]:
        queries = part.out.with_name(part.out.name + ".fa")
        write_selected(batch, set(part.ordinals), queries)
        purpose, priority = Purpose("research", batch.index, None), (0, batch.index)
        what = f"the search of the candidates of batch {batch.index + 1}, part {number + 1}"
        if database is None:
            run = Run(argv, queries, self._carrier.outfmt, part.out, purpose, what, priority)
            return self._parts.start(whole_of(self._work.database), run)
        place = ["-query", str(queries), "-db", database.name, "-outfmt", self._carrier.outfmt, "-out", str(part.out)]
        return self._work.start([*argv, *place], purpose, what, priority)

    def _read(self, part: _Part, database: CandidateDatabase | None) -> Iterator[QueryHits]:
        for local, (found,) in enumerate(self._by_query(self._carrier, [part.out], len(part.ordinals))):
            merged = self._carrier.merge([found], [0], max(len(found.texts), 1))
            texts, subjects = self._carrier.renumbered(merged.texts, part.ordinals[local] - local), merged.subjects
            if database is not None:
                texts = [self._in_whole_database(text, database.oids) for text in texts]
                subjects = [self._in_whole_database(subject, database.oids) for subject in subjects]
            yield QueryHits(part.ordinals[local], texts, found.comments, subjects)

    def _in_whole_database(self, text: bytes, oids: Sequence[int]) -> bytes:
        """Return what names a subject of the candidates by its OID, with the OID that it has in the whole database."""
        ordinal = ordinal_id(text)
        if ordinal is None or ordinal >= len(oids) or not self._naming.is_numbered(oids[ordinal]):
            return text
        return with_oid(text, oids[ordinal])

    def _by_query(self, carrier: Carrier, files: Sequence[Path], queries: int) -> Iterator[list[QueryHits]]:
        return self._work.processes.over(by_query([carrier.read(path, queries) for path in files], queries))


def comments_of(parts: Sequence[QueryHits]) -> Comments | None:
    """Return the comment lines of a shard with hits, if there is one: only these name the columns."""
    return next((part.comments for part in parts if part.texts), parts[0].comments)
