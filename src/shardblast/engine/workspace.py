"""The resources of a search: its folder and processes, the pool of threads, this machine's cores and memory."""

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
from typing import Any, Self, TypeVar

from shardblast.blast.probe import Inquiry
from shardblast.blast.process import Finished, checked
from shardblast.core.errors import DiskFull, Interrupted, OutputError, ShardblastError
from shardblast.core.events import Notify, PieceFailed, PieceFinished, PieceStarted, Purpose, ignore
from shardblast.core.report import PieceReport

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

PREFIX = "search-"
LOCK = "lock"
YOUNG_S = 60.0
"""The age up to which a folder may not have its lock yet."""

T = TypeVar("T")
Priority = tuple[int, ...]

SEARCH = "search"
VERIFY = "verify"
"""The name of the purpose of pieces."""
NOTHING_TO_DO = Finished(0, b"", b"", 0.0, 0)
"""The result of a piece that an earlier run of the search has finished."""

LEAST_FREE_BYTES = 1 << 20
"""If a program could not write and less space is free, the disk counts as full."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The resources that are available to searches."""

    cores: int
    memory_bytes: int


def this_machine() -> Machine:
    """Return the cores that this process may use and the memory that it may fill, including the page cache."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(min([len(os.sched_getaffinity(0)), *_quotas()]), min([memory, *_cgroup_limits()]))


@contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """Create a locked folder and remove it in the end."""
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    folder = Path(mkdtemp(prefix=PREFIX, dir=cache))
    lock = locked(folder / LOCK)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


class Pool:
    """Runs tasks in order of priority, at most ``size`` at once.

    ``concurrent.futures`` starts tasks in order of arrival, but candidates should be searched before later batches.
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
        """Queue a task; the lowest priority starts first, and a cancelled task never starts."""
        future: Future[T] = Future()
        with self._ready:
            heapq.heappush(self._tasks, (priority, next(self._order), future, task))
            self._ready.notify()
        return future

    def withdraw(self, futures: Collection[Future[Any]]) -> None:
        """Drop these tasks unless they have started; their futures raise ``Interrupted``."""
        with self._ready:
            dropped = [entry for entry in self._tasks if entry[2] in futures]
            self._tasks = [entry for entry in self._tasks if entry[2] not in futures]
            heapq.heapify(self._tasks)
        for _, _, future, _ in dropped:
            if future.set_running_or_notify_cancel():
                future.set_exception(Interrupted())

    def close(self) -> None:
        """Drop the waiting tasks and wait for the running ones."""
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


@dataclass(frozen=True, slots=True)
class PieceRun:
    argv: list[str]
    """Options, without ``-db`` and the options in the next fields."""
    queries: Path
    outfmt: str
    out: Path
    purpose: Purpose
    what: str
    """A name for messages, such as "batch 1, shard 3 of 8"."""
    priority: Priority
    """The lowest starts first."""


@dataclass(frozen=True, slots=True)
class Work(Inquiry):
    """The resources that every step of a search needs; after its context, no process of the search runs."""

    pool: Pool
    notify: Notify = ignore
    node: str = ""
    """The node of a cluster that runs the search's processes; empty on a single machine."""
    resumes: bool = False
    """Whether existing files of pieces are used, because an earlier run of this search wrote them."""
    rank: int = 0
    """The rank among the searches that share the pool; all tasks of the lowest rank start first."""
    _futures: set[Future[Any]] = field(default_factory=set, init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.processes.when_stopped(self._withdraw))
        return self

    def __exit__(self, *error: object) -> None:
        self._withdraw()
        if error[0] is not None:
            self.processes.stop()
        wait(list(self._futures))
        self._stack.close()

    def start(
        self,
        run: PieceRun,
        db: str,
        environment: Mapping[str, str] | None = None,
        finish: Callable[[Path], None] | None = None,
    ) -> Future[Finished]:
        """Queue a run of the search's program; the future holds a successful process.

        If its purpose is ``SEARCH``, its progress is reported, and its output gets its name when it is complete and
        ``finish`` has changed it.
        """

        def task() -> Finished:
            if run.purpose.name == SEARCH:
                return self._run_piece(run, db, finish)
            return self._run(run, db, run.out, environment)[0]

        future = self.pool.submit(task, (self.rank, *run.priority))
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        if self.processes.is_stopped():
            self._withdraw()
        return future

    def _run_piece(self, run: PieceRun, db: str, finish: Callable[[Path], None] | None) -> Finished:
        out = run.out
        if self.resumes and out.exists():
            self.notify(PieceFinished(None))
            return NOTHING_TO_DO
        self.notify(PieceStarted(run.purpose))
        with NamedTemporaryFile(prefix=f"{out.name}.", suffix=".partial", dir=out.parent, delete=False) as partial:
            try:
                finished, piece = self._run(run, db, Path(partial.name), None)
                if finish is not None:
                    finish(Path(partial.name))
            except BaseException:
                os.unlink(partial.name)
                raise
        os.replace(partial.name, out)
        self.notify(PieceFinished(piece))
        return finished

    def _withdraw(self) -> None:
        """Drop the search's waiting tasks, which could otherwise wait for other searches for a long time."""
        self.pool.withdraw(set(self._futures))

    def _run(
        self, run: PieceRun, db: str, out: Path, environment: Mapping[str, str] | None
    ) -> tuple[Finished, PieceReport]:
        purpose = run.purpose
        argv = [self.installation.program(self.options.program.value), *run.argv, "-query", str(run.queries)]
        argv += ["-db", db, "-outfmt", run.outfmt, "-out", str(out)]
        finished = self.processes.run(argv, environment={**self.database.environment, **(environment or {})})
        try:
            checked(finished, run.what)
        except ShardblastError as failed:
            error = self._explained(failed)
            self.notify(PieceFailed(purpose, error))
            if error is failed:  # an error that is its own cause would make a loop for readers of causes
                raise
            raise error from failed
        seconds, memory = finished.seconds, finished.peak_memory_bytes
        piece = PieceReport(purpose.name, purpose.batch, purpose.shard, seconds, memory, self.node)
        self.notify(piece)
        return finished, piece

    def _explained(self, error: ShardblastError) -> ShardblastError:
        """Return ``DiskFull`` if that is why BLAST+ could not write, because BLAST+ does not report the reason."""
        if isinstance(error, OutputError) and shutil.disk_usage(self.folder).free < LEAST_FREE_BYTES:
            return DiskFull(f"There is no space left on the disk: {error.problem}")
        return error


def _quotas() -> list[int]:
    """Return the number of cores in a container's CPU quota, for cgroup versions 2 and 1."""
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
    """Return the files with the memory limits of this process's cgroup, for versions 1 and 2."""
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
    """Remove folders whose process has ended."""
    for folder in cache.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < YOUNG_S:
                continue
            lock = locked(folder / LOCK)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def locked(path: Path, kind: int = fcntl.LOCK_EX, flags: int = os.O_RDWR | os.O_CREAT) -> int | None:
    """Lock a file or folder, without waiting, with LOCK_EX or LOCK_SH; by default a missing file is created.

    Returns the descriptor that holds the lock until it is closed, at the latest by the end of this process; None if the
    lock is held elsewhere, or nothing is there.
    """
    while True:
        try:
            held = os.open(path, flags | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(held, kind | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(held), os.stat(path)):
                return held
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(held)
            return None
        except BaseException:
            os.close(held)
            raise
        os.close(held)  # its last holder has removed it meanwhile
