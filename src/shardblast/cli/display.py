"""Output of a service's answers: tables on a terminal, tab-separated columns in a pipe, progress while waiting."""

from __future__ import annotations

import shlex
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shardblast.core.errors import Interrupted
from shardblast.core.events import QUERIES, UNITS
from shardblast.core.search import Phase, State
from shardblast.core.units import counted, size

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from shardblast.cli.client import Client

GAP = 2
LEAST_WRAPPED = 20
"""Minimum width of a column that may wrap."""
Document = Mapping[str, Any]
"""A JSON object of the service."""

EXIT_STATUSES: Mapping[State, int] = {State.COMPLETED: 0, State.FAILED: 10, State.CANCELLED: 11}
UNFINISHED = 12
"""Exit status of ``status`` for a queued, running or cancelling search."""


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], *, wrapped: Sequence[str] = ()) -> None:
    """Print a table on a terminal, or tab-separated rows without headings in a pipe.

    A heading that begins with a blank is that of a right-aligned column. Only the columns of ``wrapped`` wrap.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
        return
    if not rows:
        sys.stdout.write("None.\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    total = 0
    for heading, *cells in zip(headings, *rows, strict=True):
        fixed = heading not in wrapped
        least = max(len(heading.strip()), *map(len, cells)) if fixed else LEAST_WRAPPED
        total += least + GAP
        justify: JustifyMethod = "right" if heading.startswith(" ") else "left"
        table.add_column(heading.strip(), no_wrap=fixed, min_width=least, justify=justify)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, highlight=False, emoji=False)
    console.width = max(console.width, total)
    console.print(table)


def printable(text: str) -> str:
    """Return a text with blanks for unprintable characters, some of which control terminals."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def minute(at: float) -> str:
    """Return a time, given in seconds since 1970, as local time in ISO 8601 to the minute."""
    return datetime.fromtimestamp(at).isoformat(" ", "minutes")


def print_searches(found: Sequence[Document]) -> None:
    headings = ("Id", "State", "Program", "Database", "Created", " Seconds", " Hits", "Title", "Waits")
    print_rows(headings, [_row(search) for search in found], wrapped=("Title", "Waits"))


def waits(search: Document) -> str:
    """Return the service's sentence on why a search waits; empty if it does not wait."""
    return str(search["waiting"]["sentence"]) if search["waiting"] else ""


def seconds_of(search: Document) -> float | None:
    """Return a search's run time so far; None if it has not started."""
    started, finished = search["started"], search["finished"]
    if started is None:
        return None
    return max(float((time.time() if finished is None else finished) - started), 0.0)


def print_search(search: Document) -> None:
    sys.stdout.writelines(f"{line}\n" for line in _lines(search))


def begun(search: Document) -> Iterator[Document]:
    return (phase for phase in search["phases"] if phase["status"] not in ("pending", "skipped"))


def progress_of(phase: Document) -> str:
    """Return the progress of a phase, in its own unit."""
    if phase["name"] in (Phase.STAGING, Phase.WARMING):
        return f"{size(phase['done'])} of {size(phase['total'])}"
    return f"{phase['done']:,}/{counted(phase['total'], *UNITS[phase['name']])}"


def print_preflight(found: Document) -> None:
    """Print the plan of a search, and the problems that keep it from running."""
    print_rows(("What", "Found"), list(_plan(found)), wrapped=("Found",))
    for remark in found["remarks"]:
        sys.stdout.write(f"{remark}\n")
    if found["problems"]:
        problems = [("problem", row["field"], row["detail"], row["remedy"]) for row in found["problems"]]
        print_rows(("", "About", "Problem", "Remedy"), problems, wrapped=("Problem", "Remedy"))


def print_report(report: Document) -> None:
    """Print the number of queries per verdict, and the time and memory per shard."""
    verdicts = [(verdict, f"{number:,}") for verdict, number in report["verdicts"].items()]
    print_rows(("Verdict", " Queries"), verdicts)
    pieces: dict[str, list[Document]] = defaultdict(list)
    for piece in report["pieces"]:
        pieces["whole" if piece["shard"] is None else str(piece["shard"])].append(piece)
    print_rows(("Shard", " Pieces", " Seconds", " Peak memory"), [_shard(*item) for item in sorted(pieces.items())])
    command = shlex.join(report["command"])
    sys.stdout.write(f"{command}\n{report['seconds']:,.1f} s, BLAST+ {report['blast_version']}; {report['why']}.\n")


def exit_status(search: Mapping[str, Any]) -> int:
    """Return the exit status for a search: 0 completed, 10 failed, 11 cancelled, 12 not finished."""
    return EXIT_STATUSES.get(State(search["state"]), UNFINISHED)


def wait_for(client: Client, search_ids: Sequence[str], *, quiet: bool) -> int:
    """Wait for searches; return the highest exit status. Raises ShardblastError if one or the service is missing."""
    titles = [client.search(search_id)["title"] for search_id in search_ids]
    shown = sys.stderr.isatty() and not quiet
    statuses = [0]
    try:
        for search_id, title in zip(search_ids, titles, strict=True):
            if shown and len(search_ids) > 1:
                sys.stderr.write(f"{search_id}  {printable(title)}\n")
            changes = client.changes(search_id)
            (last,) = deque(_shown(changes) if shown else changes, maxlen=1)
            if last["failure"]:
                failure = f"{last['failure']['problem']}\nshardblast: {last['failure']['remedy']}\n"
                sys.stderr.write(failure if len(search_ids) == 1 else f"{search_id}: {failure}")
            statuses.append(exit_status(last))
    except KeyboardInterrupt:
        remedy = "'shardblast wait ID' waits again, 'shardblast cancel ID' stops a search."
        raise Interrupted("Stopped waiting. The searches continue.", remedy=remedy) from None
    return max(statuses)


def _row(search: Document) -> tuple[str, ...]:
    ran, hits = seconds_of(search), search["hits"]
    what = (search[name] for name in ("id", "state", "program", "database"))
    numbers = ("" if ran is None else f"{ran:.1f}", "" if hits is None else str(hits))
    return (*what, minute(search["created"]), *numbers, search["title"], waits(search))


def _lines(search: Document) -> Iterator[str]:
    yield f"{search['id']}  {search['state']}  {printable(search['title'])}"
    queries = f"{counted(search['queries'], *QUERIES)}, {counted(search['letters'], 'letter')}"
    yield f"  {search['program']} in {search['database']}: {queries}"
    ran = seconds_of(search)
    took = "" if ran is None else f", {'runs for' if search['finished'] is None else 'ran'} {ran:,.1f} s"
    hits = "" if search["hits"] is None else f", {counted(search['hits'], 'hit')}"
    yield f"  created {minute(search['created'])}{took}{hits}"
    if search["waiting"]:
        yield printable(f"  {waits(search)}")
    for phase in begun(search):
        yield f"  {phase['name']:<11} {phase['status']:<10} {progress_of(phase)}"
    if search["failure"]:
        yield printable(f"  {search['failure']['problem']} {search['failure']['remedy']}")


def _plan(found: Document) -> Iterator[tuple[str, str]]:
    yield "command", shlex.join(found["command"])
    if found["queries"] is not None:
        molecule = found["molecule"] or "of an unknown molecule"
        letters = f"{counted(found['letters'], 'letter')}, {found['longest']:,} in the longest"
        yield "queries", f"{found['queries']:,}, {molecule}; {letters}"
    if found["database"] is not None:
        yield "database", f"{found['database']}, generation {found['generation']}"
    if found["shards"] is not None:
        yield "shards", f"{found['shards']}: {found['why']}"
    if found["fits_in_memory"] is not None:
        yield "memory", "the database fits" if found["fits_in_memory"] else "the database does not fit"
    if found["seconds"] is not None:
        yield "estimate", f"{found['seconds']:,.1f} s, from past searches"


def _shard(shard: str, pieces: Sequence[Document]) -> tuple[str, ...]:
    seconds = sum(piece["seconds"] for piece in pieces)
    memory = max(piece["peak_memory_bytes"] for piece in pieces)
    return shard, str(len(pieces)), f"{seconds:,.2f}", f"{memory / 2**20:,.0f} MiB"


def _shown(changes: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Pass on the states of a search, and show a progress bar for the queue and for each phase."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    description, counts = TextColumn("{task.description:<11}"), TextColumn("{task.fields[counted]}")
    with Progress(description, BarColumn(), counts, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        queued = progress.add_task("queued", total=1, counted="")
        bars: dict[str, Any] = {}
        for search in changes:
            progress.update(queued, completed=int(search["state"] != State.QUEUED), counted=waits(search))
            for phase in begun(search):
                name, count = phase["name"], max(phase["total"], 1)
                if name not in bars:
                    bars[name] = progress.add_task(name, total=count, counted="")
                progress.update(bars[name], total=count, completed=phase["done"], counted=progress_of(phase))
            yield search
