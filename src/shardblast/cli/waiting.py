"""Waiting for searches: what a script is told of their end, and bars on a terminal until then."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shardblast.cli.display import begun, counted, printable, waits
from shardblast.core.errors import Interrupted
from shardblast.core.search import State

if TYPE_CHECKING:
    from shardblast.cli.client import Client

EXIT_STATUSES: Mapping[State, int] = {State.COMPLETED: 0, State.FAILED: 10, State.CANCELLED: 11}
NOT_OVER = 12
"""Exit status of ``status`` for a search that is queued, runs or is being cancelled."""


def exit_status(search: Mapping[str, Any]) -> int:
    """Return what a script is told of a search: 0 completed, 10 failed, 11 cancelled, 12 not over."""
    return EXIT_STATUSES.get(State(search["state"]), NOT_OVER)


def wait_for(client: Client, search_ids: Sequence[str], *, quiet: bool) -> int:
    """Wait for searches, with their progress on a terminal; say why some failed; return the largest exit status.

    Raises:
        ShardblastError: There is no such search, which is said before any is waited for, or the service is gone.
        Interrupted: Ctrl-C.
    """
    titles = [client.search(one)["title"] for one in search_ids]
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
        raise Interrupted("The waiting was stopped, and no search.", remedy=remedy) from None
    return max(statuses)


def _shown(changes: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Pass on how a search stands, and show a bar for its time in the queue and for each of its phases."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    counts = TextColumn("{task.fields[counted]}")
    columns = (TextColumn("{task.description:<11}"), BarColumn(), counts, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        queued = progress.add_task("queued", total=1, counted="")
        bars: dict[str, Any] = {}
        for search in changes:
            progress.update(queued, completed=int(search["state"] != State.QUEUED), counted=waits(search))
            for phase in begun(search):
                name, count = phase["name"], max(phase["total"], 1)
                if name not in bars:
                    bars[name] = progress.add_task(name, total=count, counted="")
                progress.update(bars[name], total=count, completed=phase["done"], counted=counted(phase))
            yield search
