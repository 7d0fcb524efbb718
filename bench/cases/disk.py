"""A database larger than memory: what is read from disk when there are many batches of queries."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from bench import data
from bench.cases.case import RATIO, Measured, Settings, report_file, summary
from bench.cgroup import cold_cache, limited_memory
from bench.command import Search
from bench.figure import Figure
from bench.measure import Run, interleaved, median_read_bytes, median_seconds, same_output
from bench.place import CORES, DATA
from shardblast.core.cutting import BATCH_QUERIES

PIECE_LENGTH = 100
TARGET = 1.2
MEGABYTE = 1 << 20
"""Two processes of megablast with a batch of this size hold 210 MB of their own, beside the database: the limit must
leave room for them."""
DATABASE = "x database"
OPTIONS = ("-task", "megablast")
FEW_HITS = 20
"""Each batch has one query with hits, fewer than these in each copy: reading their headers must not count for much."""


def measure(settings: Settings) -> Measured:
    copies = settings.size(12, 3)
    database, scanned = data.ssu_copies(copies)
    limit = settings.size(512, 320) * MEGABYTE
    candidates = settings.size(300, 60)
    real = data.selective_pieces(data.nucleotides(), OPTIONS, candidates, PIECE_LENGTH, fewer_than=FEW_HITS)
    batches = [data.mostly_shuffled(real, number, BATCH_QUERIES, PIECE_LENGTH) for number in range(settings.size(8, 2))]
    search = Search("blastn", database, _joined(batches), OPTIONS)
    warm = Search("blastn", data.small_rrna(), data.tiny_query(), OPTIONS)
    with limited_memory(limit) as cgroup:
        runs = interleaved(
            {
                "disk.blast": cgroup.argv(_blast(search, batches)),
                "disk.auto": cgroup.argv(search.shardblast("auto", "--report", str(report_file("disk", "auto")))),
            },
            settings.repeats,
            lambda: cold_cache([warm.blast("0"), warm.shardblast("4")]),
        )
    what = (
        f"{len(batches)} batches of {BATCH_QUERIES:,} queries, nearly all without hits, in {copies} copies of SSU rRNA"
    )
    described = f"{what}, megablast; {scanned / 1e6:,.0f} MB to read, {limit / 1e6:,.0f} MB of memory"
    return Measured(described, _figures(runs["disk.blast"], runs["disk.auto"], scanned, limit))


def _figures(blast: Sequence[Run], ours: Sequence[Run], scanned: int, limit: int) -> tuple[Figure, ...]:
    blast_s, ours_s = median_seconds(blast), median_seconds(ours)
    note = summary(report_file("disk", "auto"))
    return (
        Figure("read from disk, shardblast", median_read_bytes(ours) / scanned, DATABASE, TARGET, note=note),
        Figure("read from disk, BLAST+", median_read_bytes(blast) / scanned, DATABASE, note="one process for a batch"),
        Figure(
            "time, --shards auto",
            ours_s / blast_s,
            RATIO,
            blast_s=blast_s,
            ours_s=ours_s,
            identical=same_output(ours[-1], blast[-1]),
            note=f"with {limit / 1e6:,.0f} MB of memory",
        ),
    )


def _blast(search: Search, batches: Sequence[Path]) -> list[str]:
    """Return BLAST+'s command for one batch after the other."""
    one = [search.program, *search.extra, "-db", str(search.database), "-outfmt", "6", "-num_threads", str(CORES)]
    loop = f'for query; do {shlex.join(one)} -query "$query" || exit; done'
    return ["sh", "-c", loop, "sh", *map(str, batches)]


def _joined(batches: Sequence[Path]) -> Path:
    """Return one file with the queries of all batches."""
    path = DATA / f"{batches[-1].stem}-and-before.fa"
    path.write_bytes(b"".join(batch.read_bytes() for batch in batches))
    return path
