"""Saturation that few hits hide: composition-based statistics drop most of what passes the preliminary stage.

Of a compositionally biased query, or at a large ``-evalue``, more subjects can pass the preliminary stage than BLAST
keeps, and still fewer than ``-max_target_seqs`` survive the adjustment, so that counting hits proves nothing (at
``-evalue 1000`` it was so for 35 of the 64 most biased of 10,965 bacterial proteins). Such subjects are alike in
composition only, so they lie all over the database and a sample of it tells how many there are. Subjects that are
related to the query may cluster, but they survive, and are counted as hits.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.carrier import TabularCarrier
from shardblast.blast.database import Database
from shardblast.blast.fasta import Batch
from shardblast.blast.filter import Filter
from shardblast.blast.hits import by_query, layout_for
from shardblast.blast.process import Finished
from shardblast.engine.limits import sample_argv
from shardblast.engine.parts import Part, Parts, Run
from shardblast.engine.work import Purpose, Work

KEPT = 1050
"""Subjects that BLAST keeps before the traceback with composition-based statistics and up to 500 hits; more if more
are wanted. Source: NCBI C++ Toolkit, algo/blast/core/blast_options.c (GetPrelimHitlistSize)."""
SAFETY = 4
"""A query counts as saturated when the sample tells of this share of what BLAST keeps."""
SAMPLE_SHARE = 32
SAMPLE_LETTERS = 500_000
"""The sample is this share of the database's letters, but at least so many letters."""


def can_hide(database: Database) -> bool:
    """Tell whether a database has more sequences than BLAST keeps."""
    return database.searched.num_seqs > KEPT


@dataclass(frozen=True, slots=True)
class _Sample:
    """A part of what a search sees of the database."""

    volumes: tuple[int, ...]
    oids: range | None
    num_seqs: int


def _sample(database: Database) -> _Sample:
    if database.filter is not None:
        return _filtered_sample(database.filter)
    place = max(range(len(database.volumes)), key=lambda place: database.volumes[place].letters)
    volume = database.volumes[place]
    wanted = max(database.letters // SAMPLE_SHARE, SAMPLE_LETTERS)
    parts = max(1, min(volume.letters // wanted, volume.num_seqs))
    borders = volume.cuts(parts)
    oids = range(borders[parts // 2], borders[parts // 2 + 1])
    return _Sample((place,), oids if parts > 1 else None, len(oids))


def _filtered_sample(chosen: Filter) -> _Sample:
    """Return the volumes of which a filter leaves most, as many as it takes."""
    wanted = max(chosen.totals.letters // SAMPLE_SHARE, SAMPLE_LETTERS)
    volumes: list[int] = []
    num_seqs = 0
    for place in sorted(range(len(chosen.counts)), key=lambda place: -chosen.counts[place]):
        if not chosen.counts[place] or chosen.totals.letters * num_seqs >= wanted * chosen.totals.num_seqs:
            break
        volumes.append(place)
        num_seqs += chosen.counts[place]
    return _Sample(tuple(sorted(volumes)), None, num_seqs)


class HiddenSaturation:
    """Searches a sample of the database without composition-based statistics."""

    def __init__(self, work: Work, parts: Parts) -> None:
        self._work = work
        self._parts = parts
        self._carrier = TabularCarrier(layout_for(()))
        self._started: dict[int, list[Future[Finished]]] = {}
        sample = _sample(work.database)
        self._share = max(sample.num_seqs, 1) / work.database.searched.num_seqs
        groups = parts.together(sample.volumes)
        self._sample = [Part(f"sample{number}", tuple(group), sample.oids) for number, group in enumerate(groups)]

    def start(self, batch: Batch) -> None:
        """Queue the search of a batch in the sample."""
        self._started[batch.index] = [self._start(batch, part) for part in self._sample]

    def suspects(self, batch: Batch) -> Iterator[int]:
        """Yield the 0-based positions of the queries that may be saturated."""
        for started in self._started.pop(batch.index):
            started.result()
        files = [self._file(batch, part) for part in self._sample]
        queries = by_query([self._carrier.read(file, batch.queries) for file in files], batch.queries)
        for ordinal, found in enumerate(self._work.processes.over(queries)):
            if sum(map(self._carrier.count, found)) / self._share * SAFETY > KEPT:
                yield ordinal

    def _start(self, batch: Batch, part: Part) -> Future[Finished]:
        run = Run(
            sample_argv(self._work.options),
            batch.path,
            self._carrier.outfmt,
            self._file(batch, part),
            Purpose("sample", batch.index, None),
            f"the sample of batch {batch.index + 1}",
            (1, batch.index),
        )
        return self._parts.start(part, run)

    def _file(self, batch: Batch, part: Part) -> Path:
        return self._work.folder / f"batch{batch.index}.{part.name}"
