"""Results as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table

from bench.figure import CaseResult, Figure


def rich_table(cases: Mapping[str, CaseResult]) -> Table:
    view = Table(title="shardblast beside BLAST+, seconds and figures on 2 cores, medians")
    view.add_column("case", no_wrap=True)
    view.add_column("figure")
    for heading in ("BLAST+", "ours", "value", "target"):
        view.add_column(heading, justify="right")
    view.add_column("output")
    for name, case in cases.items():
        view.add_section()
        for number, figure in enumerate(case.figures):
            view.add_row(name if number == 0 else "", _what(figure), *_numbers(figure), _output(figure))
    return view


def value(figure: Figure) -> str:
    return "" if figure.value is None else f"{digits(figure.value)} {figure.unit}"


def target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {figure.target:g}"


def seconds(value: float | None) -> str:
    return "" if value is None else digits(value)


def digits(number: float) -> str:
    """Return a number with three digits, or all before the point."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def _numbers(figure: Figure) -> tuple[str, str, str, str]:
    colour = {True: "green", False: "red", None: "default"}[figure.met]
    shown = f"[{colour}]{value(figure)}[/{colour}]"
    return seconds(figure.blast_s), seconds(figure.ours_s), shown, target(figure)


def _what(figure: Figure) -> str:
    return figure.what if figure.value is not None else f"{figure.what}: {escape(figure.note)}"


def _output(figure: Figure) -> str:
    return {True: "identical", False: "[red]DIFFERS", None: ""}[figure.identical]
