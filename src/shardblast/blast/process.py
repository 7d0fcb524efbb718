"""BLAST+ programs as processes: argument lists, environment, standard input and output."""

import io
import logging
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from shardblast.core.errors import (
    TRIED_FOR_S,
    Attempts,
    DiskFull,
    EndedBySignal,
    Interrupted,
    OutOfMemory,
    StorageError,
    StoreError,
    error_for_exit_status,
    pause_s,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Stream = int | IO[bytes]
"""A standard stream as accepted by ``subprocess``."""
Over = Callable[[Iterable[Any]], Iterator[Any]]
"""Yields items, or raises ``Interrupted`` once they are no longer wanted; see ``Processes.over``."""

KILL_AFTER_S = 1.0
"""How long a stopped process may take to end before it is killed."""

_BATCHES = frozenset({"BATCH_SIZE", "BLAST_MT_QUERY_BATCH_SIZE", "CHUNK_SIZE", "OVERLAP_CHUNK_SIZE"})
"""Variables that set the sizes of batches, on which linked E-values depend, and of chunks of long queries."""
_SEARCH = frozenset({"ADAPTIVE_CBS", "BLASTINPUT_GEN_DELTA_SEQ", "OLD_FSC"})
_FORMATS = frozenset({"ARCHIVE_FORMAT", "BL2SEQ_LEGACY", "CTOOLKIT_COMPATIBLE"})
_FAILURES = re.compile(
    "ABORT_ON_THROW|BLAST_ALWAYS_KEEP_SEQUENCE|DEBUG_CATCH_UNHANDLED_EXCEPTIONS|EXCEPTION_STACK_TRACE_LEVEL"
    "|NCBI_ABORT_ON_(COBJECT_THROW|NULL)|OBJECTS_(DENSE_SEG_RESERVE|SEQ_DESCR_ALLOW_EMPTY)"
    "|OBJMGR_(BLOB_CACHE|BULK_CHUNKS|SCOPE_(AUTORELEASE(_SIZE)?|POSTPONE_DELETE))"
    "|PRE_FETCH_SEQS_LIMIT|SERIAL_(READ_ANY_VISIBLESTRING_TAG|VERIFY_DATA_(GET|READ|WRITE))"
)
"""Variables that make BLAST+ fail on exceptions that it otherwise handles, or on their own invalid values."""
_NAMES = _BATCHES | _SEARCH | _FORMATS
_SETTINGS = "NCBI_CONFIG_"
"""Prefix of variables that correspond to entries of ``.ncbirc``, and of the variable with its location."""
_HARMLESS = tuple(
    f"NCBI_CONFIG__{name}" for name in ("BLAST__BLASTDB", "BLAST__BLAST_USAGE_REPORT", "CONN__", "DIAG__", "LOG__")
)
_OFFLINE = {"CONN_DISPD_DISABLE": "1", "BLAST_USAGE_REPORT": "false"}
"""Variables that prevent connections to NCBI, which ``blast_formatter`` makes for an id that it does not find. Source:
NCBI C++ Toolkit, connect/ncbi_service.c, and app/blast/blast_formatter.cpp (s_InitializeSubject)."""

_CHECK_EVERY_S = 0.2
_PIPE_BYTES = 1 << 20
"""Pipe buffer, the maximum that Linux allows, so that the program has work while the next chunk is prepared."""


@dataclass(frozen=True, slots=True)
class Finished:
    status: int
    """Exit status, or the negative number of the signal that ended the process."""
    stdout: bytes
    stderr: bytes
    seconds: float
    peak_memory_bytes: int


class Processes:
    """Work that any thread can stop: running processes are terminated, none starts, and loops over ``over`` end."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._when_stopped: list[Callable[[], object]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Finished:
        """Run a program to its end, with variables besides ``environment_with``; for its folder see ``_folder_for``."""
        with TemporaryFile() as out, TemporaryFile() as err, TemporaryFile() as source:
            source.write(stdin or b"")
            source.seek(0)
            began = time.monotonic()
            streams = (source.fileno(), out.fileno(), err.fileno())
            with self.started(argv, streams, environment=environment, folder=folder) as process:
                usage = _waited_for(process)
                ended = time.monotonic()
            self.check()
            return _finished(process, out, err, ended - began, usage)

    @property
    def running(self) -> int:
        return len(self._running)

    def is_stopped(self) -> bool:
        return self._stopped

    def check(self) -> None:
        """Raise ``Interrupted`` if ``stop`` was called."""
        if self._stopped:
            raise Interrupted

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; raise ``Interrupted`` once ``stop`` was called."""
        for item in items:
            self.check()
            yield item

    def persist(self, step: Callable[[], T], limit_s: float = TRIED_FOR_S, **about: str) -> T:
        """Return what a function returns. While the storage or the database is away, the function is called again."""
        attempts, stopped = Attempts(limit_s), threading.Event()
        while True:
            try:
                return step()
            except (StorageError, StoreError) as error:
                if isinstance(error, DiskFull) or not attempts.may_follow(error, time.monotonic()):
                    raise
                log.warning("%s It is retried.", error.problem, extra=about)
            with self.when_stopped(stopped.set):
                stopped.wait(pause_s(attempts.failures))
            self.check()

    @contextmanager
    def when_stopped(self, call: Callable[[], object]) -> Iterator[None]:
        """Let ``stop`` call a function while the context lasts."""
        with self._lock:
            self.check()
            self._when_stopped.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._when_stopped.remove(call)

    def stop(self) -> None:
        """Terminate every process, and start no more."""
        with self._lock:
            self._stopped = True
            running, calls = list(self._running), list(self._when_stopped)
        for call in calls:
            call()
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + KILL_AFTER_S
        while time.monotonic() < deadline and any(process.returncode is None for process in running):
            time.sleep(0.01)
        for process in running:
            _signal(process, signal.SIGKILL)

    @contextmanager
    def started(
        self,
        argv: Sequence[str],
        streams: tuple[Stream, Stream, Stream],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a program; the context waits for its end, and kills it if an error is raised."""
        with self._lock:
            self.check()
            process = subprocess.Popen(
                mortal(argv),
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                cwd=folder or _folder_for(environment),
                env=environment_with(environment),
                process_group=0,  # Ctrl-C reaches only this process, which terminates its children
            )
            with suppress(OSError):  # when memory runs out, the kernel kills this process, which can be run again
                Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")
            self._running.add(process)
        try:
            yield process
        except BaseException:
            _signal(process, signal.SIGKILL)
            raise
        finally:
            process.wait()
            with self._lock:
                self._running.discard(process)


def mortal(argv: Sequence[str]) -> list[str]:
    """Return arguments of a process that dies with the thread that starts it, if setpriv is installed."""
    setpriv = _setpriv()
    return [*([setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []), *argv]


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Finished:
    """Run a short program to its end, independently of any ``Processes.stop``."""
    return Processes().run(argv, stdin=stdin, environment=environment, folder=folder)


def was_killed(finished: Finished) -> bool:
    """Return whether a process was ended by SIGKILL, as the kernel does if memory is short."""
    return finished.status in (-signal.SIGKILL, 128 + signal.SIGKILL)


def checked(finished: Finished, what: str) -> Finished:
    """Return a process that succeeded at ``what``. Raises ShardblastError by its exit status, with BLAST+'s text."""
    if finished.status == 0:
        return finished
    message = finished.stderr.decode(errors="replace").strip()
    if was_killed(finished):
        raise OutOfMemory(
            f"BLAST+ was killed during {what}, most likely for lack of memory; it used "
            f"{finished.peak_memory_bytes / 2**20:,.0f} MiB.",
            remedy="Use more shards (--shards N), or lower -num_threads.",
        )
    if finished.status < 0:
        name = signal.Signals(-finished.status).name
        problem = f"BLAST+ was ended by {name} during {what}. {message}"
        raise EndedBySignal(problem, remedy="Check the database (blastdbcheck), or run with '--shards off'.")
    error = error_for_exit_status(finished.status)
    raise error(message or f"BLAST+ failed with exit status {finished.status}.", remedy=f"This happened during {what}.")


def changing(names: Iterable[str]) -> list[str]:
    """Return those of the variables that change what BLAST+ prints.

    Source: The names that the programs of BLAST+ 2.12 and 2.16 pass to getenv(), each tried with several values; NCBI
    C++ Toolkit, blastinput/blast_input_aux.cpp (GetQueryBatchSize), api/local_blast.cpp, api/split_query_aux_priv.cpp,
    core/blast_stat.c, core/blast_traceback.c, align_format/showdefline.cpp.
    """
    return sorted(
        name
        for name in names
        if name in _NAMES
        or _FAILURES.fullmatch(name)
        or (name.startswith(_SETTINGS) and not name.startswith(_HARMLESS))
    )


def environment_with(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment with these variables, without those that change BLAST+'s output, and without network."""
    inherited = dict(os.environ)
    for name in changing(inherited):
        del inherited[name]
    return inherited | _OFFLINE | dict(variables or {})


def run_fed(
    argv: Sequence[str], folder: Path, source: io.BufferedReader | Iterable[bytes], check: Callable[[], None]
) -> Finished:
    """Run a program to its end, feeding its standard input: a file from its current position, or chunks.

    ``check`` is called now and then once the input is written or the program reads it itself. An error of ``check``, or
    one while producing chunks, kills the program and is raised.
    """
    began = time.monotonic()
    file = source if isinstance(source, io.BufferedReader) else None
    with TemporaryFile() as out, TemporaryFile() as err:
        stdin = file or subprocess.PIPE
        process = subprocess.Popen(
            mortal(argv), stdin=stdin, stdout=out, stderr=err, cwd=folder, process_group=0, pipesize=_PIPE_BYTES
        )
        try:
            if file is None:
                _write(process, source)
            usage = _wait(process, check)
        except BaseException:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            raise
        return _finished(process, out, err, time.monotonic() - began, usage)


def _folder_for(environment: Mapping[str, str] | None) -> Path | None:
    """Return the working directory of a BLAST+ program; None: the current one.

    BLAST+ looks for the volumes of an alias in the working directory before it looks beside the alias. Users of the
    command line may rely on that. A program that gets ``BLASTDB`` does not run on behalf of a command line, so its
    working directory is one without volumes.

    Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbcommon.cpp (SeqDB_FindBlastDBPath).
    """
    return Path("/") if "BLASTDB" in (environment or {}) else None


@cache
def _setpriv() -> str | None:
    """Return the path of util-linux's setpriv if it supports the option."""
    path = shutil.which("setpriv")
    if path is None:
        return None
    trial = subprocess.run([path, "--pdeathsig", "KILL", "--", "true"], capture_output=True)
    return path if trial.returncode == 0 else None


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _write(process: subprocess.Popen[bytes], chunks: Iterable[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # the process ended early; its status gives the reason
        for chunk in chunks:
            pipe.write(chunk)


def _wait(process: subprocess.Popen[bytes], check: Callable[[], None]) -> resource.struct_rusage:
    """Wait for the program's end in a separate thread; kill it if ``check`` raises."""
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(_waited_for, process)
        try:
            while True:
                check()
                with suppress(TimeoutError):
                    return ended.result(_CHECK_EVERY_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            ended.result()
            raise


def _waited_for(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _finished(
    process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes], seconds: float, usage: resource.struct_rusage
) -> Finished:
    out.seek(0)
    err.seek(0)
    return Finished(process.returncode, out.read(), err.read(), seconds, usage.ru_maxrss * 1024)
