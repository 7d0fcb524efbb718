"""``shardblast verify``: a search with shards and without, side by side, compared byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import Any

from shardblast.blast.fasta import NotFasta, is_packed, open_queries, records
from shardblast.blast.installation import Installation, find_installation
from shardblast.bootstrap import known_arguments
from shardblast.cli.comparison import NO_QUERIES, WHOLE, Comparison, Difference, compare
from shardblast.core.errors import OutputError, error_for_exit_status
from shardblast.core.options import SearchOptions, parse
from shardblast.core.ours import OurOptions
from shardblast.core.program import Program
from shardblast.engine.machine import this_machine

SHOWN = 20
"""Differences that are listed; more are only counted."""
SHOWN_AS_TEXT = 3
END_AFTER_S = 15.0
"""How long a stopped run may take to end before it is killed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One of the two runs."""

    seconds: float
    peak_memory_bytes: int
    """Of its largest process. A run with shards has several at once, so it can hold more."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``shardblast verify`` prints as JSON on standard output."""

    program: str
    command: list[str]
    """The BLAST+ command that both runs answer."""
    database: str
    """As given to ``-db``."""
    outfmt: str
    queries: int
    identical: int
    """Queries for which both runs print the same bytes."""
    differing: list[Difference]
    """The first 20 queries that differ, each with its id, the first line that differs and what the two runs print there
    (null: nothing more). An id in parentheses is no query, but the header, the footer or the whole output."""
    rows: int | None
    """Rows of the unsharded output; null for formats that are not tabular."""
    shards: int
    """0 if the database was not cut."""
    why: str
    """Why it was cut this way, or not at all."""
    verdicts: Mapping[str, int]
    """Queries of each verdict in the run with shards."""
    seconds: Mapping[str, float]
    """Wall-clock time of each run."""
    peak_memory_bytes: Mapping[str, int]
    """Resident memory of each run's largest process. A run with shards has several processes at once, so its sum can be
    larger."""

    @property
    def is_identical(self) -> bool:
        """Whether not a byte differs."""
        return not self.differing

    def document(self) -> dict[str, Any]:
        """Return it as it is printed."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        differing = [
            {"id": one.id, "line": one.line, "unsharded": one.unsharded, "sharded": one.sharded}
            for one in self.differing
        ]
        return values | {"differing": differing}


def verify(program: Program, argv: Sequence[str]) -> int:
    """Run both, print what came out; return 0 if all is identical, else 1.

    Args:
        program: The program to run.
        argv: As for ``shardblast PROGRAM``; what ``-out`` names is not written.

    Raises:
        ShardblastError: One of the two runs failed.
    """
    installation = find_installation()
    options = parse(program, argv, known_arguments(installation, program))
    with TemporaryDirectory(prefix="shardblast-verify-") as folder:
        verification = _verified(installation, options, Path(folder))
    sys.stdout.write(json.dumps(verification.document(), indent=2) + "\n")
    sys.stdout.flush()
    if not options.ours.quiet:
        _show(verification)
    return 0 if verification.is_identical else 1


def _verified(installation: Installation, options: SearchOptions, folder: Path) -> Verification:
    query = _spooled(options, folder)
    theirs, ours = folder / "unsharded", folder / "sharded"
    theirs.mkdir()
    ours.mkdir()
    report = folder / "report.json"
    blast = [installation.program(options.program), *_blast_words(options, query, theirs, threads=True)]
    unsharded = _run(blast, "This is BLAST+ itself, without shards.")
    shardblast = [sys.executable, "-m", "shardblast", options.program.value]
    words = [*_blast_words(options, query, ours, threads=False), *_our_words(options.ours, report)]
    sharded = _run([*shardblast, *words], "This is the run with shards; BLAST+ itself, without them, ended well.")
    told = _read_report(report, options.ours.report)
    comparison = compare(theirs / "out", ours / "out", options.outfmt)
    queries = _count_queries(query, comparison)
    return Verification(
        options.program.value,
        [options.program.value, *options.argv()],
        options.text("db") or "",
        options.outfmt.text,
        queries,
        _identical(queries, comparison),
        comparison.differing[:SHOWN],
        comparison.rows,
        told["shards"],
        told["why"],
        told["verdicts"],
        {"unsharded": round(unsharded.seconds, 3), "sharded": round(sharded.seconds, 3)},
        {"unsharded": unsharded.peak_memory_bytes, "sharded": sharded.peak_memory_bytes},
    )


def _spooled(options: SearchOptions, folder: Path) -> str | None:
    """Return the file with the queries; standard input is read once for both runs, and BLAST+ reads no packed files."""
    if options.has("import_search_strategy") or options.has("in_pssm"):
        return None
    path = options.text("query") or "-"
    if path != "-" and not (os.path.isfile(path) and is_packed(path)):
        return path
    spooled = folder / "query.fa"
    with open_queries(path) as stream, spooled.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return str(spooled)


def _blast_words(options: SearchOptions, query: str | None, folder: Path, *, threads: bool) -> list[str]:
    moved: dict[str, str | None] = {"out": str(folder / "out")}
    if query is not None:
        moved["query"] = query
    if options.has("export_search_strategy"):
        moved["export_search_strategy"] = str(folder / "strategy")
    if threads and not {"num_threads", "remote", "subject"} & options.given.keys():
        moved["num_threads"] = str(this_machine().cores)
    return options.argv(set=moved)


def _our_words(ours: OurOptions, report: Path) -> list[str]:
    given = {field.name: getattr(ours, field.name) for field in fields(ours) if field.name not in ("quiet", "report")}
    words = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return [*words, f"--report={report}", "--quiet"]


def _run(argv: Sequence[str], remedy: str) -> Run:
    with TemporaryFile() as errors, _stopped_at_the_end(argv, errors.fileno()) as process:
        started = monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = monotonic() - started
        if process.returncode:
            errors.seek(0)
            message = errors.read().decode(errors="replace").strip()
            failure = error_for_exit_status(process.returncode)
            raise failure(message or f"A run ended with status {process.returncode}.", remedy=remedy)
        return Run(seconds, usage.ru_maxrss * 1024)


@contextmanager
def _stopped_at_the_end(argv: Sequence[str], errors: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that does not outlive the context. Ctrl-C reaches us alone, so that it is stopped once."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, process_group=0
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_AFTER_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _read_report(path: Path, wanted: str | None) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_bytes())
    if wanted is not None:
        try:
            shutil.copyfile(path, wanted)
        except OSError as error:
            raise OutputError(
                f"The report {wanted!r} can't be written: {error.strerror}.", remedy="Check --report."
            ) from error
    return report


def _count_queries(query: str | None, comparison: Comparison) -> int:
    try:
        if query is not None:
            with open_queries(query) as stream:
                return sum(1 for _ in records(stream))
    except NotFasta:
        pass
    return 1 if comparison.parts is None else comparison.parts


def _identical(queries: int, comparison: Comparison) -> int:
    if any(one.id == WHOLE for one in comparison.differing):
        return 0
    return max(queries - sum(one.id not in NO_QUERIES for one in comparison.differing), 0)


def _show(verification: Verification) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True, highlight=False)
    table = Table("", "unsharded", "sharded", title=f"{verification.program}, {verification.database}")
    for column in table.columns[1:]:
        column.justify = "right"
    sides = ("unsharded", "sharded")
    table.add_row("seconds", *(f"{verification.seconds[side]:.2f}" for side in sides))
    table.add_row("peak memory", *(f"{verification.peak_memory_bytes[side] / 2**20:,.0f} MiB" for side in sides))
    table.add_row("shards", "", str(verification.shards))
    console.print(table)
    console.print(f"{verification.identical:,} of {verification.queries:,} queries identical. {verification.why}.")
    for one in verification.differing[:SHOWN_AS_TEXT]:
        sys.stderr.write(
            f"\n{one.id}, first difference in line {one.line}:\n"
            f"  unsharded: {one.unsharded}\n  sharded:   {one.sharded}\n"
        )
