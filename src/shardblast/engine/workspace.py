"""Where a search runs: its folder, its processes, the pool of threads, this machine's cores and memory."""

from __future__ import annotations

import fcntl
import heapq
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile, mkdtemp
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, Processes, checked
from shardblast.core.errors import DiskFull, Interrupted, OutputError, ShardblastError
from shardblast.core.options import SearchOptions
from shardblast.core.report import PieceReport, Report

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

PREFIX = "search-"
LOCK = "lock"
YOUNG_S = 60.0
"""A folder of this age may not have its lock yet."""

T = TypeVar("T")
Priority = tuple[int, ...]

NOTHING_TO_DO = Finished(0, b"", b"", 0.0, 0)
"""What an earlier run of the search did."""

LEAST_FREE_BYTES = 1 << 20
"""Less counts as none when a program could not write."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The resources a search may count on."""

    cores: int
    memory_bytes: int


def this_machine() -> Machine:
    """Return the cores this process may use and the memory it may fill, page cache included."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(min([len(os.sched_getaffinity(0)), *_quotas()]), min([memory, *_cgroup_limits()]))


@contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """Make a folder, locked as long as it is needed, and remove it.

    Raises:
        OSError: It can't be made.
    """
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    folder = Path(mkdtemp(prefix=PREFIX, dir=cache))
    lock = _locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


class Pool:
    """Runs tasks in order of their priority, at most ``size`` at once.

    ``concurrent.futures`` starts tasks in the order they came, but candidates are to be searched before later batches.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._tasks: list[tuple[Priority, int, Future[Any], Callable[[], Any]]] = []
        self._order = count()
        self._ready = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Callable[[], T], priority: Priority) -> Future[T]:
        """Queue a task; the lowest priority starts first, and a cancelled one never."""
        future: Future[T] = Future()
        with self._ready:
            heapq.heappush(self._tasks, (priority, next(self._order), future, task))
            self._ready.notify()
        return future

    def withdraw(self, futures: Collection[Future[Any]]) -> None:
        """Drop those of some tasks that have not begun; whoever waits for one is told that it was interrupted."""
        with self._ready:
            dropped = [entry for entry in self._tasks if entry[2] in futures]
            self._tasks = [entry for entry in self._tasks if entry[2] not in futures]
            heapq.heapify(self._tasks)
        for _, _, future, _ in dropped:
            if future.set_running_or_notify_cancel():
                future.set_exception(Interrupted())

    def close(self) -> None:
        """Drop the tasks that wait and wait for those that run."""
        with self._ready:
            self._closed = True
            self._tasks.clear()
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._ready:
                while not self._tasks and not self._closed:
                    self._ready.wait()
                if self._closed:
                    return
                _, _, future, task = heapq.heappop(self._tasks)
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except (Exception, Interrupted) as error:
                future.set_exception(error)


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


def _quotas() -> list[int]:
    """Return the cores that a container's quota of time amounts to, cgroup version 2 and 1."""
    try:
        words = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except OSError:
        try:
            words = [Path(f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")]
        except OSError:
            return []
    return [max(1, int(words[0]) // int(words[1]))] if words[0].isdigit() else []


def _cgroup_limits() -> list[int]:
    limits = []
    for name in (*_CGROUP_LIMITS, *_own_cgroup()):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return limits


def _own_cgroup() -> list[str]:
    """Return the files with the memory limits of the cgroup that we are in, version 1 and 2."""
    files = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            files.append(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")
        elif not controllers:
            files.append(f"/sys/fs/cgroup{path}/memory.max")
    return files


def _sweep(cache: Path) -> None:
    """Remove folders whose process is gone."""
    for left in cache.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < YOUNG_S:
                continue
            lock = _locked(left)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """Take the folder's lock, which the kernel gives back when this process ends; None if another has it."""
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
