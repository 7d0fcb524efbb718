"""Settings of all cases, and the comparison of shardblast with the better of BLAST+'s two ways to use threads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.command import MT_MODES, Search
from bench.figure import Figure
from bench.measure import Run, interleaved, median_seconds, same_output
from bench.place import OUTPUT

RATIO = "x BLAST+"


@dataclass(frozen=True, slots=True)
class Settings:
    repeats: int
    quick: bool
    """Sizes so small that only the benchmark itself is tried."""

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a case."""

    data: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The runs of both programs."""

    blast: Mapping[str, Sequence[Run]]
    """By ``-mt_mode``."""
    ours: Mapping[str, Sequence[Run]]
    """By ``--shards``."""

    @property
    def best_mt_mode(self) -> str:
        return min(self.blast, key=lambda mode: median_seconds(self.blast[mode]))

    @property
    def blast_s(self) -> float:
        return median_seconds(self.blast[self.best_mt_mode])

    @property
    def rows(self) -> int:
        return self.blast[MT_MODES[0]][-1].rows


def compare(name: str, search: Search, shards: Sequence[str], repeats: int) -> Comparison:
    """Run a search in all ways in turn, and leave shardblast's reports in the output folder."""
    commands: dict[str, list[str]] = {f"{name}.mt{mode}": search.blast(mode) for mode in MT_MODES}
    for count in shards:
        commands[f"{name}.{count}"] = search.shardblast(count, "--report", str(report_file(name, count)))
    runs = interleaved(commands, repeats)
    return Comparison(
        {mode: runs[f"{name}.mt{mode}"] for mode in MT_MODES}, {count: runs[f"{name}.{count}"] for count in shards}
    )


def ratios(name: str, comparison: Comparison, target: float) -> tuple[Figure, ...]:
    """Return a figure for each number of shards."""
    expected = comparison.blast[MT_MODES[0]][-1]
    figures = []
    for count, runs in comparison.ours.items():
        seconds = median_seconds(runs)
        figures.append(
            Figure(
                f"time, --shards {count}",
                seconds / comparison.blast_s,
                RATIO,
                target,
                blast_s=comparison.blast_s,
                ours_s=seconds,
                identical=same_output(runs[-1], expected),
                note=f"BLAST+ -mt_mode {comparison.best_mt_mode}; {summary(report_file(name, count))}",
            )
        )
    return tuple(figures)


def report_file(name: str, shards: str) -> Path:
    return OUTPUT / f"{name}.{shards}.report.json"


def summary(report: Path) -> str:
    """Return in a few words what shardblast's report says."""
    document: dict[str, Any] = json.loads(report.read_text())
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in document["verdicts"].items())
    shards = document["shards"]
    return f"{shards} shards: {verdicts}" if shards else f"not cut: {document['why']}"
