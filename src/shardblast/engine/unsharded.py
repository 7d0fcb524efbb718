"""Decides why a search is not split, and runs it in BLAST+ alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from shardblast.blast.database import Database
from shardblast.blast.hits import Carrier, TabularCarrier
from shardblast.blast.process import changing, mortal
from shardblast.blast.queries import Batch, Fault, NotFasta, faults_of, open_queries, query_id, records
from shardblast.core.errors import Interrupted, UnknownFailure
from shardblast.core.formats import TAXONOMIC
from shardblast.core.options import SearchOptions
from shardblast.core.program import Molecule, Program
from shardblast.core.report import Report, Verdict
from shardblast.engine.out_file import OWN_STREAMS, Tally, is_writable, open_output

FIRST_BATCH_LETTERS = 5_000
"""The smallest number of letters after which blastn ends its first batch.

Source: NCBI C++ Toolkit, app/blast/blast_app_util.hpp (CBatchSizeMixer).
"""
LARGEST_NUMBER = 1 << 31
"""The largest number of a query, which must fit in the name of its file."""


def obstacle_of_environment(names: Iterable[str]) -> str | None:
    """Return why environment variables with these names prevent splitting, or None."""
    variables = changing(names)
    return f"{' and '.join(variables)} in the environment: BLAST+ itself obeys that" if variables else None


def obstacle_of_files(options: SearchOptions, query: str) -> str | None:
    """Return why BLAST+ will reject the files of a search, or None."""
    if not os.path.isfile(query):
        return "the query file can't be read"
    return obstacle_of_output(options)


def obstacle_of_output(options: SearchOptions) -> str | None:
    """Return why BLAST+ will be unable to write to ``-out``, or None."""
    out, outfmt = options.text("out"), options.outfmt
    many = outfmt.writes_files
    if out is None or out == "-":
        return f"-outfmt {outfmt.number} needs the name of a file" if many else None
    longest = outfmt.file_of(out, LARGEST_NUMBER) if many else out
    return None if is_writable(out) and is_writable(longest) else "the output can't be written where -out says"


def obstacle_of_list(options: SearchOptions, database: Database, carrier: Carrier) -> str | None:
    """Return why archives would show other ids or titles of listed sequences than BLAST+, or None.

    Archives of shards name the taxids of a filter but not its ids. In formats 0 to 4, ``blast_formatter`` shows more
    titles.
    """
    chosen = database.filter
    if chosen is None or isinstance(carrier, TabularCarrier):
        return None
    name = options.filter or ""
    noted = not name.startswith("negative_") and database.has_ids
    if noted and options.outfmt.format.has_listed_ids:
        return f"BLAST+ records in each alignment which ids -{name} names, but a search in shards does not"
    if not chosen.hides_titles or (chosen.taxids and not options.outfmt.is_pairwise):
        return None
    return f"-{name} hides some titles of a sequence and not others, which archives do not record"


def obstacle_of_queries(options: SearchOptions, batches: list[Batch], carrier: Carrier) -> str | None:
    """Return why these queries must be left to BLAST+, or None."""
    if batches and options.has("parse_deflines"):
        return "with -parse_deflines, query ids may be duplicate, or missing in archives"
    fault = next(iter(faults_of(batches)), None)
    if fault not in (None, Fault.TITLE):
        return fault.why
    if not _statistics_are_known(options, batches):
        return "the hits depend on how queries are batched, and BLAST+ sizes its batches by hits or by threads"
    if not _unsearchable_queries_are_known(options, batches):
        return "a query may be unsearchable, and BLAST+'s output for it depends on the hits of other queries"
    if isinstance(carrier, TabularCarrier):
        return None if all(batch.titled for batch in batches) else "a query has no title except its number"
    return _obstacle_of_archives(options, batches)


def run_unsharded(
    path: str, options: SearchOptions, query: str, cores: int, report: Report, printed: Tally | None = None
) -> int:
    """Let BLAST+ search and print; return its exit status. After success, ``report`` gets each query's verdict.

    ``query`` is a file, or the value in the options if BLAST+ reads the queries itself. ``cores`` is the number of
    threads, unless the user gives one or it would change the output. After ``printed``, the rest of the output follows
    there.

    Raises EngineError if the output of BLAST+ does not begin with ``printed``, and Interrupted after Ctrl-C.
    """
    changes, source = _changes(options, query, cores)
    out = options.text("out")
    try:
        with ExitStack() as stack:
            stdin = stack.enter_context(open(source, "rb")) if source is not None else None
            if printed is not None and out not in (None, "-", "/dev/stdout", "/dev/fd/1"):
                changes["out"] = "-"
            elif printed is None and out not in (None, "-") and _can_be_renamed(options):
                changes["out"] = stack.enter_context(open_output(out)).name
            argv = [options.program.value, *options.argv(set=changes)]
            if status := _run(path, argv, stdin, None if printed is None else printed.continue_from):
                raise subprocess.CalledProcessError(status, argv)  # so that the output does not get its name
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    _judge_all(report, query)
    return 0


def _are_searched_alike(options: SearchOptions, batches: list[Batch]) -> bool:
    """Return whether BLAST+'s own batches are the same for these batches and for all queries together.

    Most programs end their batches after a number of letters, which our batches respect. blastn ends all batches except
    the first by the hits so far, and ``-mt_mode 1`` ends them by threads.
    """
    if options.program is not Program.BLASTN and not options.splits_queries:
        return True
    return len(batches) == 1 and _are_one_batch(batches)


def _are_one_batch(batches: list[Batch]) -> bool:
    """Return whether BLAST+ searches all queries in one batch, whatever hits they have."""
    return sum(batch.letters for batch in batches) < FIRST_BATCH_LETTERS


def _statistics_are_known(options: SearchOptions, batches: list[Batch]) -> bool:
    """Return whether E-values of linked HSPs, and subjects that BLAST+ skips, are those of BLAST+."""
    shared = options.shares_statistics or options.composition_based
    depends = options.needs_one_batch or (shared and options.splits_queries)
    return not depends or _are_searched_alike(options, batches)


def _unsearchable_queries_are_known(options: SearchOptions, batches: list[Batch]) -> bool:
    """Return whether unsearchable queries are printed as BLAST+ prints them, which depends on the others of a batch."""
    none_is_alone = all(batch.partly_definite for batch in batches)
    if options.outfmt.number == TAXONOMIC and not none_is_alone:
        return False  # BLAST+ itself ends with an exception if it has nothing to search
    if options.outfmt.format.same_without_search or _are_searched_alike(options, batches):
        return True
    if options.program is Program.BLASTN and options.value("soft_masking") is False:
        return False  # masks may cover a whole nucleotide query
    return (none_is_alone and _are_one_batch(batches)) or all(batch.definite for batch in batches)


def _obstacle_of_archives(options: SearchOptions, batches: list[Batch]) -> str | None:
    """Return why archives would lose information about these queries, or None."""
    if Fault.TITLE in faults_of(batches):
        return Fault.TITLE.why
    protein = options.program.query_molecule is Molecule.PROTEIN
    if protein and options.outfmt.format.has_messages and not all(batch.plain for batch in batches):
        return "a query has residues that BLAST+ replaces, and archives do not hold its warnings about that"
    return None


def _changes(options: SearchOptions, query: str, cores: int) -> tuple[dict[str, str | None], str | None]:
    """Return options to replace or add, and the file that BLAST+ reads as its standard input, or None."""
    changes: dict[str, str | None] = {}
    if options.may_get_threads:
        changes["num_threads"] = str(cores)
    given = options.text("query")
    source = query if options.outfmt.is_sam and given in (None, "-") else None
    if query not in (given, "-") and source is None:
        changes["query"] = query
    return changes, source


def _run(
    path: str, argv: Sequence[str], stdin: BinaryIO | None = None, copy: Callable[[BinaryIO], None] | None = None
) -> int:
    """Run BLAST+ with the standard streams of this process, or with ``stdin`` and ``copy``; return its exit status.

    ``argv`` begins with the name of the program, as SAM prints it. Raises Interrupted after Ctrl-C, when BLAST+ has
    ended, and UnknownFailure if it crashed.
    """
    sys.stdout.flush()
    found = {**os.environ, "PATH": os.pathsep.join([os.path.dirname(path), os.environ.get("PATH", os.defpath)])}
    process = subprocess.Popen(mortal(argv), env=found, stdin=stdin, stdout=subprocess.PIPE if copy else None)
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
        problem = "BLAST+ itself crashed on this search."
        raise UnknownFailure(problem, remedy="Check its options, -max_target_seqs first.")
    return status if status >= 0 else 128 - status


def _can_be_renamed(options: SearchOptions) -> bool:
    """Return whether the output is a single file in an existing folder; otherwise BLAST+ itself opens the output."""
    out = options.text("out")
    outfmt = options.outfmt
    if not out or out in OWN_STREAMS or outfmt.is_sam or outfmt.writes_files or not is_writable(out):
        return False
    return Path(out).is_file() or not Path(out).exists()


def _judge_all(report: Report, query: str) -> None:
    """Record the verdict of queries that BLAST+ searched alone, if they are in a FASTA file."""
    if not os.path.isfile(query):
        return
    try:
        with open_queries(query) as stream:
            for record in records(stream):
                report.judge(query_id(record[0]), Verdict.UNSHARDED)
    except NotFasta:
        return
