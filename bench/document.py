"""Results as the generated block of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, Results
from bench.table import seconds, target, value

BEGIN = "<!-- measured: begin. Written by `python -m bench --write-docs`; do not edit. -->"
END = "<!-- measured: end -->"


class NoBlock(Exception):
    """The document lacks the two lines between which the block goes."""


def write_block(document: Path, results: Results) -> None:
    """Replace what is between the two marks.

    Raises:
        NoBlock: They are not there.
    """
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoBlock(f"{document} lacks the lines {BEGIN!r} and {END!r}")
    document.write_text(f"{before}{BEGIN}\n\n{block(results)}\n\n{END}{after}")


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
