"""The overhead of a minimal search: one query of 100 nucleotides in the small database."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from statistics import median

from bench import data
from bench.cases.case import Measured, Settings, compare
from bench.command import MT_MODES, Search
from bench.figure import Figure
from bench.measure import median_seconds, run, same_output

SHARDS = ("auto", "4")
TARGET_S = 0.7
REPEATS = 5
"""At least so many: the runs are short, and noise weighs more."""


def measure(settings: Settings) -> Measured:
    search = Search("blastn", data.small_rrna(), data.tiny_query())
    repeats = settings.repeats if settings.quick else max(settings.repeats, REPEATS)
    comparison = compare("tiny", search, SHARDS, repeats)
    expected = comparison.blast[MT_MODES[0]][-1]
    figures = [
        Figure(
            f"more time, --shards {count}",
            median_seconds(runs) - comparison.blast_s,
            "s",
            TARGET_S,
            blast_s=comparison.blast_s,
            ours_s=median_seconds(runs),
            identical=same_output(runs[-1], expected),
        )
        for count, runs in comparison.ours.items()
    ]
    imports = Figure("imports, --shards 4", _import_s(search.shardblast("4")[1:], repeats), "s")
    return Measured("1 query of 100 nt in 16S of demo/data, megablast", (*figures, imports))


def _import_s(arguments: Sequence[str], repeats: int) -> float:
    """Return what ``python -X importtime`` adds up to, those of Python's own start included."""
    totals = []
    for _ in range(repeats):
        ended = run("tiny.importtime", [sys.executable, "-X", "importtime", "-m", "shardblast", *arguments])
        lines = ended.out.with_suffix(".err").read_text(errors="replace").splitlines()
        own = [line.removeprefix("import time:").split("|")[0].strip() for line in lines if "import time:" in line]
        totals.append(sum(int(microseconds) for microseconds in own if microseconds.isdigit()))
    return median(totals) / 1e6
