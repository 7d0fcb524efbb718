"""Progress of a search on a terminal: counted from finished pieces and printed queries, never guessed."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shardblast.core.options import SearchOptions
from shardblast.engine.work import Silent, Watcher

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_OF_A_QUERY = re.compile(rb"^[^\[]*\[\w+\] Query_\d")


class Warnings(Silent):
    """Passes on what BLAST+ warns of; what does not concern a single query only once."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def warned(self, text: bytes) -> None:
        for line in text.splitlines(keepends=True):
            if _OF_A_QUERY.match(line) or line not in self._seen:
                self._seen.add(line)
                sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()


class Bar(Warnings):
    """A bar on standard error: pieces, queries, rate, time left."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        super().__init__()
        self._progress = progress
        self._task = task
        self._lock = threading.Lock()
        self._pieces = 0
        self._finished = 0
        self._queries = 0

    def pieces_planned(self, pieces: int) -> None:
        with self._lock:
            self._pieces += pieces
            self._progress.update(self._task, total=self._pieces)

    def piece_finished(self, piece: object) -> None:
        with self._lock:
            self._finished += 1
            self._progress.update(self._task, completed=self._finished)

    def queries_finished(self, queries: int) -> None:
        with self._lock:
            self._queries += queries
            rate = self._queries / (self._progress.tasks[self._task].elapsed or 1.0)
            self._progress.update(self._task, queries=self._queries, rate=rate)


@contextmanager
def watcher_for(options: SearchOptions) -> Iterator[Watcher]:
    """Return who watches a search: a bar if standard error is a terminal and ``--quiet`` is not given."""
    if options.ours.quiet or not sys.stderr.isatty():
        yield Warnings()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pieces, {task.fields[queries]} queries, {task.fields[rate]:.1f}/s, left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(options.program.value, total=None, queries=0, rate=0.0)
        yield Bar(progress, task)
