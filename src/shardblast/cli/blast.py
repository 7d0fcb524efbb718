"""``shardblast blastn|blastp|blastx|tblastn|tblastx``: BLAST+ command lines that search in shards."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shardblast.bootstrap import known_arguments, local_engine
from shardblast.core import __version__
from shardblast.core.errors import DifferentError, InputError, OutputError, UsageError
from shardblast.core.events import PieceFinished, PiecesPlanned, QueriesFinished, SearchEvent, Warned
from shardblast.core.options import OUR_HELP, Exactness, SearchOptions, parse, without_ours
from shardblast.core.program import Program
from shardblast.core.report import Report
from shardblast.core.units import counted
from shardblast.engine.out_file import is_writable, open_output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from shardblast.cluster.command import ClusterCommand
    from shardblast.engine.local import LocalEngine

INFORMATION = ("-h", "-help", "-version")
REPORT_START = b'{\n  "program"'
"""How every report begins."""

_QUERY_WARNING = re.compile(rb"^[^\[]*\[\w+\] Query_\d")


def search(program: Program, argv: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    argv = ["-help" if word == "--help" else word for word in argv]
    engine = local_engine()
    path = engine.installation.program(program.value)
    if asked := next((word for word in argv if word in INFORMATION), None):
        return _inform(path, asked)
    arguments = known_arguments(engine.installation, program)
    try:
        options = parse(program, argv, arguments)
    except InputError as error:
        if isinstance(error, UsageError) or "--engine dask" in " ".join(argv).replace("=", " "):
            raise
        return subprocess.call([path, *without_ours(argv, arguments)])  # BLAST+ itself reports the error, or knows more
    if options.ours.engine == "local" and options.ours.scheduler is not None:
        raise UsageError("--scheduler needs --engine dask.", remedy="Give both, or neither.")
    if options.ours.verify and options.ours.exactness is not Exactness.IDENTICAL:
        raise UsageError("--verify needs --exactness identical.", remedy="Leave one of them out.")
    _check_report(options)
    gc.disable()  # the merge makes millions of rows without cycles; collecting would take a third of its time
    with progress_of(options) as notify:
        try:
            outcome = _engine(options, engine).search(options, notify)
            if not outcome.report.shards:
                notify.warnings.clear()  # BLAST+ itself searched, and printed them
        finally:
            notify.print()
    if options.ours.report is not None:
        write_report(options.ours.report, outcome.report)
    if options.ours.verify:
        _show_verified(outcome.report, quiet=options.ours.quiet)
    return outcome.status


def _show_verified(report: Report, *, quiet: bool) -> None:
    """Print the result of ``--verify``; raise DifferentError if a query has other hits without shards."""
    differing = [query_id for query_id, one in report.verified.items() if one["identical"] is False]
    if differing:
        problem = f"Without shards, BLAST+ finds other hits of {', '.join(differing)}. The output is complete."
        raise DifferentError(problem, remedy="Use '--shards off', and please report the command as a fault.")
    unknown = {query_id: one["detail"] for query_id, one in report.verified.items() if one["identical"] is None}
    for query_id, why in unknown.items():
        sys.stderr.write(f"{query_id} could not be verified: {why}\n")
    if not quiet:
        same = f"{counted(len(report.verified) - len(unknown), 'query', 'queries')} verified: identical without shards"
        sys.stderr.write(f"{same if report.verified else f'nothing to verify: {report.why}'}\n")


def write_report(path: str, report: Report) -> None:
    """Write a report as JSON; the file appears under its name only when it is complete."""
    try:
        with open_output(path) as file:
            file.write(json.dumps(report.document(), indent=2).encode() + b"\n")
    except OutputError as error:
        raise OutputError(f"The report can't be written: {error.problem}", remedy="Check --report.") from error


class Warnings:
    """Collects BLAST+'s warnings; those that name no query once. If BLAST+ takes over, it prints all of them again."""

    def __init__(self) -> None:
        self.warnings: list[bytes] = []
        self._seen: set[bytes] = set()

    def __call__(self, event: SearchEvent) -> None:
        if not isinstance(event, Warned):
            return
        for line in event.text.splitlines(keepends=True):
            if _QUERY_WARNING.match(line) or line not in self._seen:
                self._seen.add(line)
                self.warnings.append(line)

    def print(self) -> None:
        sys.stderr.buffer.writelines(self.warnings)
        sys.stderr.buffer.flush()


class Bar(Warnings):
    """A progress bar on standard error: pieces, queries, rate, time left."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        super().__init__()
        self._progress = progress
        self._task = task
        self._lock = threading.Lock()
        self._pieces = 0
        self._finished = 0
        self._queries = 0

    def __call__(self, event: SearchEvent) -> None:
        super().__call__(event)
        with self._lock:
            match event:
                case PiecesPlanned(pieces):
                    self._pieces += pieces
                    self._progress.update(self._task, total=self._pieces)
                case PieceFinished():
                    self._finished += 1
                    self._progress.update(self._task, completed=self._finished)
                case QueriesFinished(queries):
                    self._queries += queries
                    rate = self._queries / (self._progress.tasks[self._task].elapsed or 1.0)
                    self._progress.update(self._task, queries=self._queries, rate=rate)


@contextmanager
def progress_of(options: SearchOptions) -> Iterator[Warnings]:
    """Yield the listener of a search: a progress bar on a terminal without ``--quiet``, otherwise only warnings."""
    if options.ours.quiet or not sys.stderr.isatty():
        yield Warnings()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pieces, queries: {task.fields[queries]}, {task.fields[rate]:.1f}/s, left:"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(options.program.value, total=None, queries=0, rate=0.0)
        yield Bar(progress, task)


def _check_report(options: SearchOptions) -> None:
    report, out = options.ours.report, options.text("out")
    if report is None:
        return
    if not is_writable(report):
        raise OutputError(f"The report {report!r} can't be written.", remedy="Check --report.")
    if out is not None and os.path.realpath(report) == os.path.realpath(out):
        raise UsageError("--report and -out name the same file.", remedy="Give the report another name.")
    if not _may_be_replaced(Path(report)):
        raise UsageError(f"{report!r} exists and is not a report.", remedy="Give the report another name.")


def _may_be_replaced(path: Path) -> bool:
    """Return whether a file is a report, or empty, or none; another may be the query, or a part of the database."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        return file.read(len(REPORT_START)) in (REPORT_START, b"")


def _engine(options: SearchOptions, local: LocalEngine) -> LocalEngine | ClusterCommand:
    if options.ours.engine == "local":
        return local
    from shardblast.bootstrap.cluster import command  # imports Dask, which is slow

    return command(options.ours.scheduler)


def _inform(path: str, asked: str) -> int:
    status = subprocess.call([path, asked])
    sys.stdout.write(f" shardblast: {__version__}\n" if asked == "-version" else f"\n{OUR_HELP}")
    return status
