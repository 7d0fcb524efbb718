"""Results as the generated block of docs/benchmarks.md, and as the chart there and in the README."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.figure import Figure, Results
from bench.table import seconds, target, value

BEGIN = "<!-- measured: begin. Written by `python -m bench --write-docs`; do not edit. -->"
END = "<!-- measured: end -->"
CHART_BEGIN = "<!-- chart: begin. Written by `python -m bench --write-docs`; do not edit. -->"
CHART_END = "<!-- chart: end -->"
CHARTED = "large"
"""The case whose times the chart shows."""


class NoBlock(Exception):
    """The document lacks the two lines between which the block goes."""


def write_results(document: Path, results: Results) -> None:
    """Replace the tables of results.

    Raises:
        NoBlock: The document lacks their marks.
    """
    _replace(document, BEGIN, END, block(results))


def write_chart(document: Path, results: Results) -> None:
    """Replace the chart, if its case was measured.

    Raises:
        NoBlock: The document lacks its marks.
    """
    case = results.cases.get(CHARTED)
    if case is not None and (bars := [figure for figure in case.figures if figure.unit == "s"]):
        title = f"Seconds for {case.data.partition(', ')[0]}, by memory"
        _replace(document, CHART_BEGIN, CHART_END, chart(bars, title))


def write_recorded(file: Path, results: Results) -> None:
    """Write the case that the chart shows, if it was measured, for the demonstration."""
    if (case := results.cases.get(CHARTED)) is not None:
        file.write_text(json.dumps(asdict(case), indent=2, ensure_ascii=False) + "\n")


def _replace(document: Path, first: str, last: str, new: str) -> None:
    text = document.read_text()
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise NoBlock(f"{document} lacks the lines {first!r} and {last!r}")
    document.write_text(f"{before}{first}\n\n{new}\n\n{last}{after}")


def chart(bars: Sequence[Figure], title: str) -> str:
    """Return bars as a chart in Mermaid's language."""
    names = ", ".join(f'"{bar.what}"' for bar in bars)
    values = ", ".join(f"{bar.value or 0:.1f}" for bar in bars)
    lines = ("xychart-beta horizontal", f'    title "{title}"', f"    x-axis [{names}]", f"    bar [{values}]")
    return "\n".join(["```mermaid", *lines, "```"])


def block(results: Results) -> str:
    """Return the measured tables in Markdown."""
    return "\n".join([*_machine(results), "", *_figures(results), "", *_cases(results)])


def _machine(results: Results) -> Iterator[str]:
    yield "| measured on | |"
    yield "|---|---|"
    for name, what in results.machine.items():
        yield f"| {name} | {_cell(what)} |"


def _figures(results: Results) -> Iterator[str]:
    yield "| case | figure | BLAST+ (s) | shardblast (s) | value | target | reached | output | note |"
    yield "|---|---|---:|---:|---:|---:|---|---|---|"
    for name, case in results.cases.items():
        for figure in case.figures:
            numbers = (seconds(figure.blast_s), seconds(figure.ours_s), value(figure), target(figure))
            cells = (name, figure.what, *numbers, _reached(figure), _output(figure), figure.note)
            yield f"| {' | '.join(map(_cell, cells))} |"


def _cases(results: Results) -> Iterator[str]:
    yield "| case | data | runs of each | measured (UTC) | load average before and after |"
    yield "|---|---|---:|---|---|"
    for name, case in results.cases.items():
        loads = f"{case.load[0]:.1f}, {case.load[1]:.1f}"
        yield f"| {name} | {_cell(case.data)} | {case.repeats} | {case.measured} | {loads} |"


def _reached(figure: Figure) -> str:
    return {True: "yes", False: "**no**", None: ""}[figure.met]


def _output(figure: Figure) -> str:
    return {True: "identical", False: "**differs**", None: ""}[figure.identical]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
