"""``shardblast verify``: a search with shards and without, side by side, compared byte for byte.

Outputs are read as streams: of each part only its place and a digest are kept.
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
from dataclasses import dataclass, fields
from itertools import count, takewhile, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import Any

from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.output import read_commented
from shardblast.blast.queries import NotFasta, is_packed, open_queries, records
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import OutputError, error_for_exit_status
from shardblast.core.formats import MANY_FILES, SAM, OutputFormat
from shardblast.core.options import OurOptions, SearchOptions, parse
from shardblast.core.program import Program
from shardblast.engine.workspace import this_machine

SHOWN = 20
"""Differences that are listed; more are only counted."""
SHOWN_AS_TEXT = 3
END_AFTER_S = 15.0
"""How long a stopped run may take to end before it is killed."""

WHOLE = "(whole output)"
HEADER = "(header)"
FOOTER = "(footer)"
FILES = "(list of files)"
ORDER = "(order of the queries)"
COMMENTED = 7
NO_QUERIES = frozenset({WHOLE, HEADER, FOOTER, FILES, ORDER})
"""Ids of differences that lie in no query."""

_QUERY_COLUMNS = ("qseqid", "qacc", "qaccver", "qgi")
_SAM_QUERY_COLUMN = 2
_SAM_COMMAND = b"@PG"

Namer = Callable[[bytes], "str | None"]
"""Names the part that a line starts or belongs to: None goes on with the part before, "" has its name inside."""


@dataclass(frozen=True, slots=True)
class TimedRun:
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


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line in which two outputs differ for one query."""

    id: str
    """The query's id; in parentheses if it is no query that differs."""
    line: int
    """1-based in what is printed of the query."""
    unsharded: str | None
    """None: the output ends before."""
    sharded: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out."""

    differing: list[Difference]
    rows: int | None
    """Rows of the unsharded output; None if it is not tabular."""
    parts: int | None
    """Queries that the unsharded output has a part for; None if that can't be told from it."""


_Key = tuple[str, int]
"""A part's id, and how many parts before it have the same."""


def compare(unsharded: Path, sharded: Path, outfmt: OutputFormat) -> Comparison:
    """Compare two outputs.

    Args:
        unsharded: What ``-out`` of the unsharded run named.
        sharded: What ``-out`` of the sharded run named; of the same file name for formats that write many files.
        outfmt: Of both.
    """
    ours = list(_parts(sharded, outfmt))
    theirs = list(_parts(unsharded, outfmt))
    differing = list(_differences(theirs, ours))
    rows = _rows(unsharded, outfmt) if outfmt.is_tabular else None
    # Tabular formats but 7 print nothing of a query without hits.
    countable = outfmt.number in _NAMERS or outfmt.number in MANY_FILES
    parts = sum(part.id not in NO_QUERIES for part in theirs) if countable else None
    return Comparison(differing, rows, parts)


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


def _run(argv: Sequence[str], remedy: str) -> TimedRun:
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
        return TimedRun(seconds, usage.ru_maxrss * 1024)


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


@dataclass(frozen=True, slots=True)
class _OutputPart:
    id: str
    path: Path
    start: int
    """Offset in bytes."""
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
            return sum(len(found.rows) for found in read_commented(file))
        return sum(1 for _ in file)


def _parts(out: Path, outfmt: OutputFormat) -> Iterator[_OutputPart]:
    if outfmt.number not in MANY_FILES:
        yield from _split(out, _namer(outfmt), HEADER if outfmt.number in _NAMERS else WHOLE)
        return
    documents = (Path(outfmt.file_of(str(out), query)) for query in count(1))
    for document in takewhile(Path.exists, documents):
        yield from _split(document, lambda line: None, "")
    yield from _split(out, lambda line: None, FILES)


def _split(path: Path, name: Namer, first: str) -> Iterator[_OutputPart]:
    """Yield the parts of a file; lines before the first named one are a part too."""
    part_id, inner_id, start, place, lines, marked = first, None, 0, 0, 0, 0
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for line in file:
            named = name(line)
            # A marker starts a part even if the part before has the same id; a row only if its id is another.
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
            found = match[1].decode(errors="replace")
            return html.unescape(found) if line.lstrip().startswith(b"<") else found
    return None


def _marked(start: bytes, footer: bytes) -> Namer:
    """Return a namer of parts that start with a line of this form and have their id inside."""
    starts, ends = re.compile(start), re.compile(footer)

    def name(line: bytes) -> str | None:
        if starts.match(line):
            return ""
        return FOOTER if ends.match(line) else None

    return name


_PAIRWISE = _marked(rb"(?:<b>)?Query=", rb"  Database: ")
_NAMERS: Mapping[int, Namer] = {
    **dict.fromkeys(range(5), _PAIRWISE),
    5: _marked(rb"<Iteration>", rb"</BlastOutput_iterations>"),
    7: _marked(rb"# T?BLAST[NPX] \d", rb"# BLAST processed "),
    15: _marked(rb'\s*"report": \{', rb"\]"),
    16: _marked(rb"\s*<report>", rb"</BlastXML2>"),
}


def _namer(outfmt: OutputFormat) -> Namer:
    if outfmt.number in _NAMERS:
        return _NAMERS[outfmt.number]
    if outfmt.number == SAM:
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
