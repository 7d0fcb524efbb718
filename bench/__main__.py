"""``python -m bench``: measure, print a table, write build/bench/results.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape

from bench import machine
from bench.cases import CASES
from bench.cases.case import Measured, Settings
from bench.cgroup import NoCgroup
from bench.data import NoData
from bench.document import NoBlock, write_chart, write_recorded, write_results
from bench.figure import CaseResult, Figure, Results, read_results
from bench.measure import CommandFailed
from bench.place import DOCUMENT, README, RECORDED, prepare, results_file
from bench.table import rich_table

errors = Console(stderr=True, highlight=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 if a command failed or an output differed; a missed target is not a failure."""
    asked = _parser().parse_args(argv)
    if asked.write_docs:
        return _write_docs()
    prepare()
    settings = Settings(1 if asked.quick and asked.repeats is None else asked.repeats or 3, asked.quick)
    path = results_file(quick=asked.quick)
    known = read_results(path) if asked.only else None
    cases = dict(known.cases) if known else {}
    for name in asked.only or CASES:
        errors.print(f"{name} …")
        cases[name] = _measured(name, settings)
        ordered = {name: cases[name] for name in CASES if name in cases}
        Results(machine.describe(), ordered).write(path)
    Console().print(rich_table(ordered))
    errors.print(f"Written to {path}.")
    return 1 if any(_is_wrong(figure) for name in asked.only or CASES for figure in cases[name].figures) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--repeats", type=_positive, help="runs of each command, in turn (3)")
    parser.add_argument("--only", action="append", choices=list(CASES), metavar="NAME", help=", ".join(CASES))
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, one run: tries the benchmark, measures nothing"
    )
    parser.add_argument("--write-docs", action="store_true", help="measure nothing, write the results into the docs")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _measured(name: str, settings: Settings) -> CaseResult:
    before = machine.load()
    try:
        measured = CASES[name](settings)
    except (NoData, NoCgroup) as reason:
        measured = _not_measured(str(reason))
    except CommandFailed as failure:
        errors.print(escape(str(failure)), style="red")
        measured = _not_measured(f"failed: {str(failure).splitlines()[-1][-200:]}")
    now = datetime.now(UTC).isoformat(timespec="minutes").removesuffix("+00:00")
    return CaseResult(now, settings.repeats, (before, machine.load()), measured.data, measured.figures)


def _not_measured(why: str) -> Measured:
    return Measured("", (Figure("not measured", None, "", note=why.replace("\n", " ")),))


def _is_wrong(figure: Figure) -> bool:
    return figure.identical is False or figure.note.startswith("failed: ")


def _write_docs() -> int:
    results = read_results(results_file(quick=False))
    if results is None:
        errors.print(f"There is no {results_file(quick=False)}: run 'python -m bench' first.", style="red")
        return 1
    try:
        write_results(DOCUMENT, results)
        for document in (DOCUMENT, README):
            write_chart(document, results)
        write_recorded(RECORDED, results)
    except NoBlock as error:
        errors.print(escape(str(error)), style="red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
