"""A search that BLAST+ makes alone: the user's command, its output under its final name only when whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from shardblast.blast.fasta import NotFasta, open_queries, query_id, records
from shardblast.core.errors import Interrupted, UnknownFailure
from shardblast.core.options import SearchOptions
from shardblast.core.outfmt import MANY_FILES, SAM
from shardblast.core.report import Report
from shardblast.core.saturation import Verdict
from shardblast.engine.output import OWN_STREAMS, Tally, is_writable, open_output


def run_unsharded(path: str, options: SearchOptions, query: str, cores: int, report: Report) -> int:
    """Have BLAST+ search and print; return its exit status.

    Args:
        path: The program.
        options: The user's.
        query: The file with the queries; what the options name if BLAST+ is to read that itself.
        cores: Threads of BLAST+, where the user names no number and it makes no difference to the result.
        report: Gets the verdict of each query, if it ends well.

    Raises:
        OutputError: The output can't be written.
        Interrupted: Ctrl-C; BLAST+ has ended.
    """
    changes, read = _changes(options, query, cores)
    out = options.text("out")
    try:
        with ExitStack() as stack:
            stdin = stack.enter_context(open(read, "rb")) if read is not None else None
            if out not in (None, "-") and _can_be_renamed(options):
                changes["out"] = stack.enter_context(open_output(out)).name
            if status := _run(path, [options.program.value, *options.argv(set=changes)], stdin):
                raise _BlastFailed(status)
    except _BlastFailed as failure:
        return failure.status
    _judge_all(report, query)
    return 0


def go_on_unsharded(path: str, options: SearchOptions, query: str, cores: int, report: Report, printed: Tally) -> int:
    """Have BLAST+ search, and print what follows on what was printed until now; return its exit status.

    Args:
        path: The program.
        options: As for ``run_unsharded``, and so on.
        printed: What was printed.

    Raises:
        EngineError: BLAST+ prints something else.
        OutputError: The output can't be written.
        Interrupted: Ctrl-C; BLAST+ has ended.
    """
    changes, read = _changes(options, query, cores)
    if options.text("out") not in (None, "-", "/dev/stdout", "/dev/fd/1"):
        changes["out"] = "-"
    with ExitStack() as stack:
        stdin = stack.enter_context(open(read, "rb")) if read is not None else None
        status = _run(path, [options.program.value, *options.argv(set=changes)], stdin, printed.go_on)
    if not status:
        _judge_all(report, query)
    return status


def _changes(options: SearchOptions, query: str, cores: int) -> tuple[dict[str, str | None], str | None]:
    """Return the options that BLAST+ gets in place of the user's or beside these, and what it reads as its input."""
    changes: dict[str, str | None] = {}
    if not any(options.has(name) for name in ("num_threads", "remote", "subject")) and not _threads_show(options):
        changes["num_threads"] = str(cores)
    given = options.text("query")
    read = query if options.outfmt.number == SAM and given in (None, "-") else None
    if query not in (given, "-") and read is None:
        changes["query"] = query
    return changes, read


class _BlastFailed(Exception):
    """BLAST+ ended with this status, and said why; what it wrote must not get its name."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _run(
    path: str,
    argv: Sequence[str],
    stdin: BinaryIO | None = None,
    copy: Callable[[BinaryIO], None] | None = None,
) -> int:
    """Run BLAST+ with our standard streams; return its exit status.

    Args:
        path: The program.
        argv: Its name, as SAM prints it, and its arguments.
        stdin: Standard input, if it is not ours.
        copy: Reads its standard output, to the end, if that is not ours.

    Raises:
        Interrupted: Ctrl-C; BLAST+ has ended.
        UnknownFailure: BLAST+ crashed.
    """
    sys.stdout.flush()
    process = subprocess.Popen(argv, executable=path, stdin=stdin, stdout=subprocess.PIPE if copy else None)
    try:
        if copy is not None and process.stdout is not None:
            with process.stdout as printed:
                copy(cast(BinaryIO, printed))
        status = process.wait()
    except BaseException as error:
        process.send_signal(signal.SIGTERM)
        process.wait()
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted from error
        raise
    if status == -signal.SIGSEGV:
        raise UnknownFailure(
            "BLAST+ itself crashed on this search.", remedy="Check its options, -max_target_seqs first."
        )
    return status if status >= 0 else 128 - status


def _threads_show(options: SearchOptions) -> bool:
    """Whether the output would differ with more threads: SAM holds the command line."""
    return options.threads_matter or options.outfmt.number == SAM


def _can_be_renamed(options: SearchOptions) -> bool:
    """Whether the output is one file in a folder that exists; else BLAST+ itself writes it, or says what is wrong."""
    out = options.text("out")
    number = options.outfmt.number
    if not out or out in OWN_STREAMS or number == SAM or number in MANY_FILES or not is_writable(out):
        return False
    return Path(out).is_file() or not Path(out).exists()


def _judge_all(report: Report, query: str) -> None:
    """Note the verdict of queries that BLAST+ searched alone, as far as they are FASTA in a file."""
    if not os.path.isfile(query):
        return
    try:
        with open_queries(query) as stream:
            for record in records(stream):
                report.queries += 1
                report.judge(Verdict.UNSHARDED, query_id(record[0]))
    except NotFasta:
        return
