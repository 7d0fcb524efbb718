"""Large output: two million rows of blastn, none of a saturated query, from a database made with ``-parse_seqids``."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from bench import data
from bench.cases.case import Measured, Settings, compare, ratios
from bench.command import Search
from bench.figure import Figure
from bench.measure import run
from bench.place import OUTPUT

SHARDS = "4"
QUERIES = 1_300
"""At 1,570 rows each, over two million."""
PIECE_LENGTH = 100
OPTIONS = ("-task", "blastn", "-max_target_seqs", "5000")
"""More subjects than the database has, so that no list is ever full."""
TIME_TARGET = 1.2
MEMORY_TARGET_MB = 500.0
MERGE_TARGET_MB_S = 150.0


def measure(settings: Settings) -> Measured:
    queries = data.small_pieces(settings.size(QUERIES, 20), PIECE_LENGTH)
    search = Search("blastn", data.small_rrna_with_ids(), queries, OPTIONS)
    comparison = compare("output", search, (SHARDS,), settings.repeats)
    printed = comparison.blast["0"][-1].out.stat().st_size
    kept = OUTPUT / "output.kept"
    shutil.rmtree(kept, ignore_errors=True)
    try:
        memory = _memory(search, kept)
        merge = _merge(search, kept, settings.repeats, printed)
    finally:
        shutil.rmtree(kept, ignore_errors=True)
    what = f"{data.count(queries):,} pieces of {PIECE_LENGTH} nt in 16S of demo/data made with -parse_seqids"
    described = f"{what}, {' '.join(OPTIONS)}; {comparison.rows:,} rows, {printed / 1e6:,.0f} MB"
    return Measured(described, (*ratios("output", comparison, TIME_TARGET), memory, *merge))


def _memory(search: Search, kept: Path) -> Figure:
    """Run once more, keeping the pieces' files, and take the peak of the Python process alone."""
    peak = OUTPUT / "output.peak.json"
    arguments = search.shardblast(SHARDS, "--keep", str(kept))[1:]
    run("output.kept-run", [sys.executable, "-m", "bench.peak", peak, *arguments])
    megabytes = json.loads(peak.read_text())["peak_bytes"] / 1e6
    return Figure("peak memory of Python", megabytes, "MB", MEMORY_TARGET_MB, note="VmHWM, without BLAST+'s processes")


def _merge(search: Search, kept: Path, repeats: int, printed: int) -> tuple[Figure, ...]:
    """Merge the kept files, in a process that does nothing else."""
    arguments: list[str | Path] = [sys.executable, "-m", "bench.merge", kept, str(repeats), *search.arguments()]
    measured: dict[str, Any] = json.loads(run("output.merge", arguments).out.read_text())
    size = measured["bytes"]
    whole = size == printed
    note = "rows printed, to /dev/null; " + ("as many bytes as BLAST+" if whole else f"{size} bytes, BLAST+ {printed}")
    merge_s, judge_s = measured["merge_s"], measured["judge_s"]
    return (
        Figure(
            "merge alone", size / 1e6 / merge_s, "MB/s", MERGE_TARGET_MB_S, at_least=True, ours_s=merge_s, note=note
        ),
        Figure(
            "merge with the pass before it",
            size / 1e6 / (merge_s + judge_s),
            "MB/s",
            ours_s=merge_s + judge_s,
            note="that pass counts each query's rows, to find those that are saturated",
        ),
    )
