"""``shardblast blastn|blastp|blastx|tblastn|tblastx``: BLAST+'s command line, searched in shards."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shardblast.bootstrap import known_arguments, local_engine
from shardblast.cli.progress import watcher_for
from shardblast.core.errors import InputError, OutputError, UsageError
from shardblast.core.options import SearchOptions, parse, without_ours
from shardblast.core.ours import OUR_HELP
from shardblast.core.program import Program
from shardblast.core.report import Report
from shardblast.core.version import __version__
from shardblast.engine.output import is_writable, open_output

if TYPE_CHECKING:
    from shardblast.cluster.command import ClusterCommand
    from shardblast.engine.local import LocalEngine

INFORMATION = ("-h", "-help", "-version")


def search(program: Program, argv: Sequence[str]) -> int:
    """Run the command; return the exit status.

    Raises:
        ShardblastError: The search failed.
    """
    argv = ["-help" if word == "--help" else word for word in argv]
    engine = local_engine()
    path = engine.installation.program(program.value)
    if asked := next((word for word in argv if word in INFORMATION), None):
        return _inform(path, asked)
    arguments = known_arguments(engine.installation, program)
    try:
        options = parse(program, argv, arguments)
    except UsageError:
        raise
    except InputError:
        return subprocess.call([path, *without_ours(argv, arguments)])  # BLAST+ says what is wrong, in its own words
    if options.ours.engine == "local" and options.ours.scheduler is not None:
        raise UsageError("A scheduler is for --engine dask.", remedy="Give both, or neither.")
    _check_report(options)
    gc.disable()  # millions of rows in lists, none in a cycle: collecting costs a third of the merge
    with watcher_for(options) as watcher:
        outcome = _engine(options, engine).search(options, watcher)
    if options.ours.report is not None:
        write_report(options.ours.report, outcome.report)
    return outcome.status


def _check_report(options: SearchOptions) -> None:
    report, out = options.ours.report, options.text("out")
    if report is None:
        return
    if not is_writable(report):
        raise OutputError(f"The report {report!r} can't be written.", remedy="Check --report.")
    if out is not None and os.path.realpath(report) == os.path.realpath(out):
        raise UsageError("--report and -out name the same file.", remedy="Give the report another name.")


def _engine(options: SearchOptions, local: LocalEngine) -> LocalEngine | ClusterCommand:
    if options.ours.engine == "local":
        return local
    from shardblast.bootstrap.cluster import command  # brings Dask, which takes a while

    return command(options.ours.scheduler)


def _inform(path: str, asked: str) -> int:
    status = subprocess.call([path, asked])
    sys.stdout.write(f" shardblast: {__version__}\n" if asked == "-version" else f"\n{OUR_HELP}")
    return status


def write_report(path: str, report: Report) -> None:
    """Write a report as JSON; it gets its name when it is whole.

    Raises:
        OutputError: It can't be written.
    """
    try:
        with open_output(path) as file:
            file.write(json.dumps(report.document(), indent=2).encode() + b"\n")
    except OutputError as error:
        raise OutputError(f"The report can't be written: {error.problem}", remedy="Check --report.") from error
