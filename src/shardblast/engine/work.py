"""One search's place and means: its folder, its pool of processes, its report and who watches it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Any, Protocol, Self

from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, Processes, checked
from shardblast.core.errors import DiskFull, OutputError, ShardblastError
from shardblast.core.options import SearchOptions
from shardblast.core.report import PieceReport, Report
from shardblast.engine.pool import Pool, Priority

NOTHING_TO_DO = Finished(0, b"", b"", 0.0, 0)
"""What an earlier run of the search did."""


LEAST_FREE_BYTES = 1 << 20
"""Less counts as none when a program could not write."""


class Watcher(Protocol):
    """Is told of finished things."""

    def queries_read(self, queries: int) -> None:
        """So many more queries were read."""
        ...

    def pieces_planned(self, pieces: int) -> None:
        """So many more pieces are to be searched."""
        ...

    def piece_started(self, purpose: Purpose, node: str = "", seconds: float = 0.0) -> None:
        """A process runs for a piece: on this node, or on this machine; for so long already."""
        ...

    def piece_stopped(self, purpose: Purpose, node: str) -> None:
        """A process for a piece runs no more, though it did not end well: its node is gone, or another was quicker."""
        ...

    def piece_finished(self, piece: PieceReport | None) -> None:
        """A piece ended; None if an earlier run of the search had finished it, of which nothing else is known.

        What an earlier run finished may be told again.
        """
        ...

    def piece_failed(self, purpose: Purpose, error: ShardblastError) -> None:
        """A piece failed, which ends the search."""
        ...

    def queries_finished(self, queries: int) -> None:
        """So many more queries were printed."""
        ...

    def warned(self, text: bytes) -> None:
        """BLAST+ warned of something, which may have been told before."""
        ...


class Silent:
    """Watches nothing."""

    def queries_read(self, queries: int) -> None: ...

    def pieces_planned(self, pieces: int) -> None: ...

    def piece_started(self, purpose: object, node: str = "", seconds: float = 0.0) -> None: ...

    def piece_stopped(self, purpose: object, node: str) -> None: ...

    def piece_finished(self, piece: object) -> None: ...

    def piece_failed(self, purpose: object, error: object) -> None: ...

    def queries_finished(self, queries: int) -> None: ...

    def warned(self, text: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a process is for."""

    name: str
    """As in the report."""
    batch: int
    shard: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """What every step of a search needs; when its context ends, nothing of the search runs any more."""

    installation: Installation
    options: SearchOptions
    database: Database
    folder: Path
    pool: Pool
    processes: Processes
    report: Report
    watcher: Watcher
    resumes: bool = False
    """Whether a file of a finished piece is taken as it is, because an earlier run of this search wrote it."""
    rank: int = 0
    """Of the search among those that share the pool: of the lowest everything goes first."""
    _futures: set[Future[Any]] = field(default_factory=set, init=False)

    _stack: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.processes.when_stopped(self._withdraw))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._withdraw()
        if error is not None:
            self.processes.stop()
        wait(list(self._futures))
        self._stack.close()

    def start(
        self,
        argv: list[str],
        purpose: Purpose,
        what: str,
        priority: Priority,
        environment: Mapping[str, str] | None = None,
    ) -> Future[Finished]:
        """Queue a run of the search's program; the future holds a process that ended well.

        Args:
            argv: Arguments without the program.
            purpose: For the report.
            what: For messages: "batch 1, shard 3 of 8".
            priority: The lowest starts first.
            environment: Variables to set.
        """
        return self._submit(lambda: self._run(argv, purpose, what, environment)[0], priority)

    def start_piece(
        self,
        argv: list[str],
        out: Path,
        purpose: Purpose,
        what: str,
        priority: Priority,
        finish: Callable[[Path], None] | None = None,
    ) -> Future[Finished]:
        """Queue a run that writes this file, which gets its name when it is whole, and tell the watcher of its end.

        Args:
            argv: Arguments without the program and ``-out``.
            out: The file.
            purpose: For the report.
            what: For messages.
            priority: The lowest starts first.
            finish: What is done to the file before it gets its name.
        """

        def run() -> Finished:
            if self.resumes and out.exists():
                self.watcher.piece_finished(None)
                return NOTHING_TO_DO
            self.watcher.piece_started(purpose)
            with NamedTemporaryFile(prefix=f"{out.name}.", suffix=".partial", dir=out.parent, delete=False) as partial:
                try:
                    finished, piece = self._run([*argv, "-out", partial.name], purpose, what, None)
                    if finish is not None:
                        finish(Path(partial.name))
                except BaseException:
                    os.unlink(partial.name)
                    raise
            os.replace(partial.name, out)
            self.watcher.piece_finished(piece)
            return finished

        return self._submit(run, priority)

    def _submit(self, task: Callable[[], Finished], priority: Priority) -> Future[Finished]:
        future = self.pool.submit(task, (self.rank, *priority))
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        if self.processes.is_stopped():
            self._withdraw()
        return future

    def _withdraw(self) -> None:
        """Have nothing begin that waits for its turn: other searches may have theirs for long."""
        self.pool.withdraw(set(self._futures))

    def _run(
        self, argv: list[str], purpose: Purpose, what: str, environment: Mapping[str, str] | None
    ) -> tuple[Finished, PieceReport]:
        program = self.installation.program(self.options.program.value)
        variables = {**self.database.environment, **(environment or {})}
        finished = self.processes.run([program, *argv], environment=variables)
        try:
            checked(finished, what)
        except ShardblastError as failed:
            error = self._explained(failed)
            self.watcher.piece_failed(purpose, error)
            if error is failed:  # its own cause it must not be: who follows causes would not end
                raise
            raise error from failed
        piece = PieceReport(purpose.name, purpose.batch, purpose.shard, finished.seconds, finished.peak_memory_bytes)
        self.report.pieces.append(piece)
        return finished, piece

    def _explained(self, error: ShardblastError) -> ShardblastError:
        """Return why BLAST+ could not write, which it does not say itself."""
        if isinstance(error, OutputError) and shutil.disk_usage(self.folder).free < LEAST_FREE_BYTES:
            return DiskFull(f"There is no space left on the disk: {error.problem}")
        return error
