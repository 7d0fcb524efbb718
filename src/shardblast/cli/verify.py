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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import count, takewhile, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import Any

from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.output import read_commented
from shardblast.blast.queries import NotFasta, is_compressed, open_queries, records
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import OutputError, error_for_exit_status
from shardblast.core.formats import COMMENTED, FORMATS, OutputFormat, Syntax
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

Namer = Callable[[bytes], "str | None"]
"""Returns the id of the part that a line starts or belongs to: None for the current part, "" if the id follows."""


@dataclass(frozen=True, slots=True)
class TimedRun:
    """Time and memory of one of the two runs."""

    seconds: float
    peak_memory_bytes: int
    """Peak memory of the largest process; a run with shards has several processes at once."""


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
    """Run a search with and without shards and print the comparison; return 0 if the outputs are identical, else 1.

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


_Key = tuple[str, int]
"""A part's id, and its 1-based number among the parts with this id."""


def compare(unsharded: Path, sharded: Path, outfmt: OutputFormat) -> Comparison:
    """Compare the ``-out`` files of two runs. Formats that write many files need the same file name in two folders."""
    ours = list(_parts(sharded, outfmt))
    theirs = list(_parts(unsharded, outfmt))
    differing = list(_differences(theirs, ours))
    rows = _rows(unsharded, outfmt) if outfmt.is_tabular else None
    # Tabular formats except 7 print nothing for a query without hits.
    countable = outfmt.number in _NAMERS or outfmt.writes_files
    parts = sum(part.id not in NO_QUERIES for part in theirs) if countable else None
    return Comparison(differing, rows, parts)


def _verified(installation: Installation, options: SearchOptions, folder: Path) -> Verification:
    query = _spooled(options, folder)
    theirs, ours = folder / "unsharded", folder / "sharded"
    theirs.mkdir()
    ours.mkdir()
    report = folder / "report.json"
    blast = [installation.program(options.program), *_blast_words(options, query, theirs, threads=True)]
    unsharded = _run(blast, "The run without shards, which is BLAST+ itself, failed.")
    shardblast = [sys.executable, "-m", "shardblast", options.program.value]
    words = [*_blast_words(options, query, ours, threads=False), *_our_words(options.ours, report)]
    sharded = _run([*shardblast, *words], "The run with shards failed; BLAST+ itself, without shards, succeeded.")
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
        seconds={"unsharded": round(unsharded.seconds, 3), "sharded": round(sharded.seconds, 3)},
        peak_memory_bytes={"unsharded": unsharded.peak_memory_bytes, "sharded": sharded.peak_memory_bytes},
    )


def _spooled(options: SearchOptions, folder: Path) -> str | None:
    """Return the file of the queries; standard input and compressed files are copied, since both runs read it."""
    if options.has("import_search_strategy") or options.has("in_pssm"):
        return None
    path = options.text("query") or "-"
    if path != "-" and not (os.path.isfile(path) and is_compressed(path)):
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


def _run(argv: Sequence[str], remedy: str) -> TimedRun:
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
        return TimedRun(seconds, usage.ru_maxrss * 1024)


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
    equal = True
    for key in {**theirs, **ours}:
        their, our = theirs.get(key), ours.get(key)
        if their is None or our is None or their.digest != our.digest:
            equal = False
            yield _difference(key[0], their, our)
    if equal and list(theirs) != list(ours):
        place, (their_key, our_key) = next(
            (place, keys) for place, keys in enumerate(zip(theirs, ours, strict=True)) if keys[0] != keys[1]
        )
        yield Difference(ORDER, place + 1, their_key[0], our_key[0])


def _by_key(parts: Sequence[_OutputPart]) -> Mapping[_Key, _OutputPart]:
    seen: dict[str, int] = {}
    keyed = {}
    for part in parts:
        seen[part.id] = seen.get(part.id, 0) + 1
        keyed[part.id, seen[part.id]] = part
    return keyed


def _difference(query_id: str, unsharded: _OutputPart | None, sharded: _OutputPart | None) -> Difference:
    pairs = zip_longest(_lines_of(unsharded), _lines_of(sharded))
    for number, (their, our) in enumerate(pairs, start=1):
        if their != our:
            return Difference(query_id, number, _text(their), _text(our))
    raise AssertionError("parts of different digests hold the same lines")


def _lines_of(part: _OutputPart | None) -> Iterator[bytes]:
    if part is None:
        return
    with part.path.open("rb") as file:
        file.seek(part.start)
        for _ in range(part.lines):
            line = file.readline()
            if not line.startswith(_SAM_COMMAND):
                yield line


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="replace").removesuffix("\n")


def _rows(path: Path, outfmt: OutputFormat) -> int:
    with path.open("rb") as file:
        if outfmt.number == COMMENTED:
            return sum(len(query.rows) for query in read_commented(file))
        return sum(1 for _ in file)


def _parts(out: Path, outfmt: OutputFormat) -> Iterator[_OutputPart]:
    if not outfmt.writes_files:
        yield from _split(out, _namer(outfmt), HEADER if outfmt.number in _NAMERS else WHOLE)
        return
    documents = (Path(outfmt.file_of(str(out), query)) for query in count(1))
    for document in takewhile(Path.exists, documents):
        yield from _split(document, lambda line: None, "")
    yield from _split(out, lambda line: None, FILES)


def _split(path: Path, name: Namer, first: str) -> Iterator[_OutputPart]:
    """Yield the parts of a file; the lines before the first named part are the part ``first``."""
    part_id, inner_id, start, place, lines, marked = first, None, 0, 0, 0, 0
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for line in file:
            named = name(line)
            # A marker always starts a new part; a row starts one only if its id differs from that of the row before.
            if named is not None and (named != part_id or not named) and lines:
                yield _OutputPart(part_id or inner_id or f"Query_{marked}", path, start, lines, digest.digest())
                start, lines, inner_id, digest = place, 0, None, hashlib.blake2b(digest_size=16)
            part_id = part_id if named is None else named
            marked += named == ""
            if not part_id:
                inner_id = inner_id or _inner_id(line)
            if not line.startswith(_SAM_COMMAND):
                digest.update(line)
            lines += 1
            place += len(line)
    if lines:
        yield _OutputPart(part_id or inner_id or f"Query_{marked}", path, start, lines, digest.digest())


_INNER_IDS = tuple(
    re.compile(pattern)
    for pattern in (
        rb"# Query: (\S+)",
        rb"(?:<b>)?Query=(?:</b>)?\s(\S+)",
        rb"\s*<Iteration_query-def>(\S+?)(?:\s|</)",
        rb"\s*<query-title>(\S+?)(?:\s|</)",
        rb'\s*"query_title": "(\S+?)[\s"]',
    )
)


def _inner_id(line: bytes) -> str | None:
    for pattern in _INNER_IDS:
        if match := pattern.match(line):
            inner_id = match[1].decode(errors="replace")
            return html.unescape(inner_id) if line.lstrip().startswith(b"<") else inner_id
    return None


def _marked(start: bytes, footer: bytes) -> Namer:
    """Return a namer of parts that start with a line that matches ``start`` and contain their id."""
    starts, ends = re.compile(start), re.compile(footer)

    def name(line: bytes) -> str | None:
        if starts.match(line):
            return ""
        return FOOTER if ends.match(line) else None

    return name


_PAIRWISE = _marked(rb"(?:<b>)?Query=", rb"  Database: ")
_NAMERS: Mapping[int, Namer] = {
    **{one.number: _PAIRWISE for one in FORMATS.values() if one.syntax is Syntax.PAIRWISE},
    5: _marked(rb"<Iteration>", rb"</BlastOutput_iterations>"),
    7: _marked(rb"# T?BLAST[NPX] \d", rb"# BLAST processed "),
    15: _marked(rb'\s*"report": \{', rb"\]"),
    16: _marked(rb"\s*<report>", rb"</BlastXML2>"),
}


def _namer(outfmt: OutputFormat) -> Namer:
    if outfmt.number in _NAMERS:
        return _NAMERS[outfmt.number]
    if outfmt.is_sam:
        return _name_sam_row
    column = next((place for place, name in enumerate(outfmt.columns) if name in _QUERY_COLUMNS), None)
    if outfmt.delimiter is None or column is None:
        return lambda line: None
    delimiter = outfmt.delimiter.encode()
    return lambda line: _field(line, delimiter, column)


def _name_sam_row(line: bytes) -> str | None:
    return HEADER if line.startswith(b"@") else _field(line, b"\t", _SAM_QUERY_COLUMN)


def _field(line: bytes, delimiter: bytes, column: int) -> str | None:
    fields = line.rstrip(b"\n").split(delimiter, column + 1)
    return fields[column].decode(errors="replace") if column < len(fields) else None
