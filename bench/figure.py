"""Figures that are measured, their targets, and the results file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    what: str
    value: float | None
    """None if it could not be measured; the note says why."""
    unit: str
    """``x BLAST+`` for ratios of seconds, ``x database``, ``s``, ``MB/s``, ``MB``."""
    target: float | None = None
    at_least: bool = False
    """Whether the target is a lower bound."""
    blast_s: float | None = None
    ours_s: float | None = None
    identical: bool | None = None
    """Whether the output was BLAST+'s, byte for byte; None if not compared."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a value or a target."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The figures of one case and the circumstances they were measured in."""

    measured: str
    """ISO 8601, UTC."""
    repeats: int
    load: tuple[float, float]
    """Load average over one minute, before and after: the benchmark alone makes at most 2 to 3."""
    data: str
    """Which database and queries."""
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """All that is known."""

    machine: Mapping[str, str]
    cases: Mapping[str, CaseResult]

    def write(self, path: Path) -> None:
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")
        os.replace(partial, path)


def read_results(path: Path) -> Results | None:
    """Return what an earlier run wrote, or None if there is nothing."""
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    cases = {}
    for name, case in document["cases"].items():
        figures = tuple(Figure(**figure) for figure in case.pop("figures"))
        load = tuple(case.pop("load"))
        cases[name] = CaseResult(**case, load=(load[0], load[1]), figures=figures)
    return Results(document["machine"], cases)
