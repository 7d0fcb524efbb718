"""``shardblast verify``: compares a search with and without shards, byte for byte.

Outputs are read as streams. Only the position and a digest of each part are kept in memory.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import count, groupby, islice, takewhile, zip_longest
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import Any

from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.output import MARKERS, read_commented
from shardblast.blast.queries import NotFasta, open_queries, plain_queries, records
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import OutputError, error_for_exit_status
from shardblast.core.formats import COMMENTED, OutputFormat
from shardblast.core.options import OurOptions, SearchOptions, parse
from shardblast.core.program import Program
from shardblast.core.units import counted
from shardblast.engine.workspace import this_machine

SHOWN = 20
"""Maximum number of differences in the JSON."""
SHOWN_AS_TEXT = 3
END_AFTER_S = 15.0
"""How long a stopped run may take to end before it is killed."""

WHOLE = "(whole output)"
HEADER = "(header)"
FOOTER = "(footer)"
FILES = "(list of files)"
ORDER = "(order of the queries)"
NO_QUERIES = frozenset({WHOLE, HEADER, FOOTER, FILES, ORDER})
"""Ids of differences outside of queries."""

_QUERY_COLUMNS = ("qseqid", "qacc", "qaccver", "qgi")
_SAM_QUERY_COLUMN = 2
_SAM_COMMAND = b"@PG"
_COMMENTS = tuple(f"# {program.upper()} ".encode() for program in Program)
_ID = re.compile(
    rb"(?:# Query: |(?:<b>)?Query=(?:</b>)?\s)(\S+)"
    rb"|\s*(?:<Iteration_query-def>|<query-title>)(\S+?)(?:\s|</)"
    rb'|\s*"query_title": "(\S+?)[\s"]'
)
"""The line of a query's part that holds its id."""

_Part = tuple[int, str]
"""The number of a part in an output, and its id; "" if one of its lines holds the id."""
_Split = Callable[[Iterable[bytes]], Iterable[tuple[_Part, bytes]]]
"""Yields every line of an output, after its part."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of ``shardblast verify``, printed as JSON on standard output."""

    program: str
    command: list[str]
    """BLAST+ command of both runs."""
    database: str
    """Value of ``-db``."""
    outfmt: str
    queries: int
    identical: int
    """Number of queries for which both runs print the same bytes."""
    differing: list[Difference]
    """The first 20 queries that differ, each with its id, the first differing line, and that line in both outputs
    (null: the output ends before it). An id in parentheses stands for the header, the footer or the whole output."""
    rows: int | None
    """Rows of the unsharded output; null for formats that are not tabular."""
    shards: int
    """Number of shards; 0 if the database was not cut."""
    why: str
    """Reason for the number of shards."""
    verdicts: Mapping[str, int]
    """Number of queries by verdict in the run with shards."""
    seconds: Mapping[str, float]
    """Wall-clock time of each run."""
    peak_memory_bytes: Mapping[str, int]
    """Resident memory of each run's largest process; a run with shards has several processes at once."""


def verify(program: Program, argv: Sequence[str]) -> int:
    """Run a search with and without shards and print the comparison; return 0 if the outputs are identical, 1 if not.

    The options in ``argv`` are those of ``shardblast PROGRAM``. The file of ``-out`` is not written.
    """
    installation = find_installation()
    options = parse(program, argv, known_arguments(installation, program))
    with TemporaryDirectory(prefix="shardblast-verify-") as folder:
        verification = _verified(installation, options, Path(folder))
    sys.stdout.write(json.dumps(asdict(verification), indent=2) + "\n")
    sys.stdout.flush()
    if not options.ours.quiet:
        _show(verification)
    return 1 if verification.differing else 0


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line in which the outputs of one query differ."""

    id: str
    """Id of the query; in parentheses for a part outside of queries."""
    line: int
    """1-based number of the line in the query's output."""
    unsharded: str | None
    """The line; None if the output ends before it."""
    sharded: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of comparing two outputs."""

    differing: list[Difference]
    rows: int | None
    """Rows of the unsharded output; None if it is not tabular."""
    parts: int | None
    """Number of queries that have a part in the unsharded output; None if the format does not show it."""


def compare(unsharded: Path, sharded: Path, outfmt: OutputFormat) -> Comparison:
    """Compare the ``-out`` files of two runs. Formats that write many files need the same file name in two folders."""
    ours = list(_parts(sharded, outfmt))
    theirs = list(_parts(unsharded, outfmt))
    differing = list(_differences(theirs, ours))
    rows = _rows(unsharded, outfmt) if outfmt.is_tabular else None
    # Rows alone show no query without hits.
    countable = _marks(outfmt) is not None or outfmt.writes_files
    parts = sum(part.id not in NO_QUERIES for part in theirs) if countable else None
    return Comparison(differing, rows, parts)


def _verified(installation: Installation, options: SearchOptions, folder: Path) -> Verification:
    query = plain_queries(options.text("query") or "-", folder / "query.fa") if options.reads_fasta else None
    theirs, ours = folder / "unsharded", folder / "sharded"
    theirs.mkdir()
    ours.mkdir()
    report = folder / "report.json"
    blast = [installation.program(options.program), *_blast_words(options, query, theirs, threads=True)]
    seconds, memory = _run(blast, "The run without shards, which is BLAST+ itself, failed.")
    shardblast = [sys.executable, "-m", "shardblast", options.program.value]
    words = [*_blast_words(options, query, ours, threads=False), *_our_words(options.ours, report)]
    remedy = "The run with shards failed; BLAST+ itself, without shards, succeeded."
    our_seconds, our_memory = _run([*shardblast, *words], remedy)
    facts = _read_report(report, options.ours.report)
    comparison = compare(theirs / "out", ours / "out", options.outfmt)
    queries = _count_queries(query, comparison)
    return Verification(
        program=options.program.value,
        command=[options.program.value, *options.argv()],
        database=options.text("db") or "",
        outfmt=options.outfmt.text,
        queries=queries,
        identical=_identical(queries, comparison),
        differing=comparison.differing[:SHOWN],
        rows=comparison.rows,
        shards=facts["shards"],
        why=facts["why"],
        verdicts=facts["verdicts"],
        seconds={"unsharded": round(seconds, 3), "sharded": round(our_seconds, 3)},
        peak_memory_bytes={"unsharded": memory, "sharded": our_memory},
    )


def _blast_words(options: SearchOptions, query: str | None, folder: Path, *, threads: bool) -> list[str]:
    moved: dict[str, str | None] = {"out": str(folder / "out")}
    if query is not None:
        moved["query"] = query
    if options.has("export_search_strategy"):
        moved["export_search_strategy"] = str(folder / "strategy")
    if threads and options.may_get_threads:
        moved["num_threads"] = str(this_machine().cores)
    return options.argv(set=moved)


def _our_words(ours: OurOptions, report: Path) -> list[str]:
    given = {field.name: getattr(ours, field.name) for field in fields(ours) if field.name not in ("quiet", "report")}
    words = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return [*words, f"--report={report}", "--quiet"]


def _run(argv: Sequence[str], remedy: str) -> tuple[float, int]:
    """Run a command; return its time in seconds, and the peak memory of its largest process in bytes."""
    with TemporaryFile() as errors, _process(argv, errors.fileno()) as process:
        started = monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = monotonic() - started
        if process.returncode:
            errors.seek(0)
            message = errors.read().decode(errors="replace").strip()
            failure = error_for_exit_status(process.returncode)
            raise failure(message or f"A run exited with status {process.returncode}.", remedy=remedy)
        return seconds, usage.ru_maxrss * 1024


@contextmanager
def _process(argv: Sequence[str], errors: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that does not outlive the context, in its own group, so that Ctrl-C does not stop it twice."""
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
            problem = f"The report {wanted!r} can't be written: {error.strerror}."
            raise OutputError(problem, remedy="Check --report.") from error
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
    ids = [difference.id for difference in comparison.differing]
    return 0 if WHOLE in ids else max(queries - sum(part not in NO_QUERIES for part in ids), 0)


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
    queries = counted(verification.queries, "query", "queries")
    console.print(f"{verification.identical:,} of {queries} identical. {verification.why}.")
    for difference in verification.differing[:SHOWN_AS_TEXT]:
        sys.stderr.write(
            f"\n{difference.id}, first difference in line {difference.line}:\n"
            f"  unsharded: {difference.unsharded}\n  sharded:   {difference.sharded}\n"
        )


@dataclass(frozen=True, slots=True)
class _OutputPart:
    id: str
    path: Path
    start: int
    """Offset of the first byte."""
    lines: int
    digest: bytes


def _differences(unsharded: Sequence[_OutputPart], sharded: Sequence[_OutputPart]) -> Iterator[Difference]:
    theirs, ours = _by_key(unsharded), _by_key(sharded)
    differing = [key for key in {**theirs, **ours} if _digest(theirs.get(key)) != _digest(ours.get(key))]
    for key in differing:
        lines = enumerate(zip_longest(_lines_of(theirs.get(key)), _lines_of(ours.get(key))), start=1)
        number, (their, our) = next(found for found in lines if found[1][0] != found[1][1])
        yield Difference(key[0], number, _text(their), _text(our))
    if not differing:
        for place, ((their_id, their_number), (our_id, our_number)) in enumerate(zip(theirs, ours, strict=True), 1):
            if (their_id, their_number) != (our_id, our_number):
                yield Difference(ORDER, place, their_id, our_id)
                return


def _by_key(parts: Sequence[_OutputPart]) -> Mapping[tuple[str, int], _OutputPart]:
    """Return the parts by their ids, and the 1-based numbers among the parts with these ids."""
    seen: Counter[str] = Counter()
    keyed = {}
    for part in parts:
        seen[part.id] += 1
        keyed[part.id, seen[part.id]] = part
    return keyed


def _digest(part: _OutputPart | None) -> bytes | None:
    return None if part is None else part.digest


def _lines_of(part: _OutputPart | None) -> Iterator[bytes]:
    if part is None:
        return
    with part.path.open("rb") as file:
        file.seek(part.start)
        yield from (line for line in islice(file, part.lines) if not line.startswith(_SAM_COMMAND))


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="replace").removesuffix("\n")


def _rows(path: Path, outfmt: OutputFormat) -> int:
    with path.open("rb") as file:
        if outfmt.number == COMMENTED:
            return sum(len(query.rows) for query in read_commented(file))
        return sum(1 for _ in file)


def _parts(out: Path, outfmt: OutputFormat) -> Iterator[_OutputPart]:
    if not outfmt.writes_files:
        yield from _read_parts(out, _split_of(outfmt))
        return
    documents = (Path(outfmt.file_of(str(out), query)) for query in count(1))
    for document in takewhile(Path.exists, documents):
        yield from _read_parts(document, partial(_as_one, ""))
    yield from _read_parts(out, partial(_as_one, FILES))


def _read_parts(path: Path, split: _Split) -> Iterator[_OutputPart]:
    start = 0
    with path.open("rb") as file:
        for (number, part_id), lines in groupby(split(file), key=itemgetter(0)):
            digest, size, length = hashlib.blake2b(digest_size=16), 0, 0
            for _, line in lines:
                part_id = part_id or _inner_id(line)
                if not line.startswith(_SAM_COMMAND):
                    digest.update(line)
                length, size = length + 1, size + len(line)
            yield _OutputPart(part_id or f"Query_{number}", path, start, length, digest.digest())
            start += size


def _inner_id(line: bytes) -> str:
    match = _ID.match(line)
    if match is None:
        return ""
    found = match[match.lastindex or 0].decode(errors="replace")
    return html.unescape(found) if line.lstrip().startswith(b"<") else found


def _split_of(outfmt: OutputFormat) -> _Split:
    if marks := _marks(outfmt):
        return partial(_by_marks, *marks)
    if outfmt.is_sam:
        return partial(_by_column, b"\t", _SAM_QUERY_COLUMN, (b"@",))
    column = next((place for place, name in enumerate(outfmt.columns) if name in _QUERY_COLUMNS), None)
    if outfmt.delimiter is None or column is None:
        return partial(_as_one, WHOLE)
    return partial(_by_column, outfmt.delimiter.encode(), column, ())


def _marks(outfmt: OutputFormat) -> tuple[tuple[bytes, ...], bytes] | None:
    """Return how the first line of each query and that of the footer begin, in formats that show them."""
    if outfmt.is_pairwise:
        return (b"Query=", b"<b>Query="), b"  Database: "
    if outfmt.number == COMMENTED:
        return _COMMENTS, b"# BLAST processed "
    markers = MARKERS.get(outfmt.number)
    return None if markers is None else ((markers.begin.splitlines()[-1],), markers.last.splitlines()[0])


def _as_one(part_id: str, lines: Iterable[bytes]) -> Iterator[tuple[_Part, bytes]]:
    return (((0, part_id), line) for line in lines)


def _by_marks(begins: tuple[bytes, ...], footer: bytes, lines: Iterable[bytes]) -> Iterator[tuple[_Part, bytes]]:
    number, part_id = 0, HEADER
    for line in lines:
        if line.startswith(begins):
            number, part_id = number + 1, ""
        elif line.startswith(footer):
            part_id = FOOTER
        yield (number, part_id), line


def _by_column(
    delimiter: bytes, column: int, header: tuple[bytes, ...], lines: Iterable[bytes]
) -> Iterator[tuple[_Part, bytes]]:
    for line in lines:
        words = line.rstrip(b"\n").split(delimiter, column + 1)
        part_id = words[column].decode(errors="replace") if column < len(words) else WHOLE
        yield (0, HEADER if line.startswith(header) else part_id), line
