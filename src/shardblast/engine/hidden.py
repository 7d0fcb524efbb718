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
from pathlib import Path

from shardblast.blast.alias import write_alias
from shardblast.blast.carrier import TabularCarrier
from shardblast.blast.database import Database
from shardblast.blast.fasta import Batch
from shardblast.blast.hits import layout_for
from shardblast.blast.process import Finished
from shardblast.engine.limits import sample_argv
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
    return database.num_seqs > KEPT


class HiddenSaturation:
    """Searches a sample of the database without composition-based statistics."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._carrier = TabularCarrier(layout_for(()))
        self._started: dict[int, Future[Finished]] = {}
        database = work.database
        place = max(range(len(database.volumes)), key=lambda place: database.volumes[place].letters)
        volume = database.volumes[place]
        wanted = max(database.letters // SAMPLE_SHARE, SAMPLE_LETTERS)
        parts = max(1, min(volume.letters // wanted, volume.num_seqs))
        borders = volume.cuts(parts)
        oids = range(borders[parts // 2], borders[parts // 2 + 1])
        self._share = max(len(oids), 1) / database.num_seqs
        self._alias = write_alias(work.folder, "sample", database, [volume.path], oids if parts > 1 else None)

    def start(self, batch: Batch) -> None:
        """Queue the search of a batch in the sample."""
        place = ["-query", str(batch.path), "-db", self._alias, "-outfmt", self._carrier.outfmt]
        self._started[batch.index] = self._work.start(
            [*sample_argv(self._work.options), *place, "-out", str(self._file(batch))],
            Purpose("sample", batch.index, None),
            f"the sample of batch {batch.index + 1}",
            (1, batch.index),
        )

    def suspects(self, batch: Batch) -> Iterator[int]:
        """Yield the 0-based positions of the queries that may be saturated."""
        self._started.pop(batch.index).result()
        for query in self._carrier.read(self._file(batch)):
            if self._carrier.count(query) / self._share * SAFETY > KEPT:
                yield query.ordinal

    def _file(self, batch: Batch) -> Path:
        return self._work.folder / f"batch{batch.index}.sample"
