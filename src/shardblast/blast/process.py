"""BLAST+ programs as processes: argument lists, environment, standard input and output."""

from __future__ import annotations

import io
import os
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
from typing import IO, TypeVar

from shardblast.core.errors import EndedBySignal, Interrupted, OutOfMemory, ShardblastError, error_for_exit_status

T = TypeVar("T")
Stream = int | IO[bytes]
"""As ``subprocess`` takes one."""

KILL_AFTER_S = 1.0
"""How long a stopped process may take to end before it is killed."""

_BATCHES = frozenset({"BATCH_SIZE", "BLAST_MT_QUERY_BATCH_SIZE", "CHUNK_SIZE", "OVERLAP_CHUNK_SIZE"})
"""They cut batches, on which linked E-values depend, and long queries."""
_SEARCH = frozenset({"ADAPTIVE_CBS", "BLASTINPUT_GEN_DELTA_SEQ", "OLD_FSC"})
_FORMATS = frozenset({"ARCHIVE_FORMAT", "BL2SEQ_LEGACY", "CTOOLKIT_COMPATIBLE"})
_FAILURES = frozenset(
    {
        "ABORT_ON_THROW",
        "BLAST_ALWAYS_KEEP_SEQUENCE",
        "DEBUG_CATCH_UNHANDLED_EXCEPTIONS",
        "EXCEPTION_STACK_TRACE_LEVEL",
        "NCBI_ABORT_ON_COBJECT_THROW",
        "NCBI_ABORT_ON_NULL",
        "OBJECTS_DENSE_SEG_RESERVE",
        "OBJECTS_SEQ_DESCR_ALLOW_EMPTY",
        "OBJMGR_BLOB_CACHE",
        "OBJMGR_BULK_CHUNKS",
        "OBJMGR_SCOPE_AUTORELEASE",
        "OBJMGR_SCOPE_AUTORELEASE_SIZE",
        "OBJMGR_SCOPE_POSTPONE_DELETE",
        "PRE_FETCH_SEQS_LIMIT",
        "SERIAL_READ_ANY_VISIBLESTRING_TAG",
        "SERIAL_VERIFY_DATA_GET",
        "SERIAL_VERIFY_DATA_READ",
        "SERIAL_VERIFY_DATA_WRITE",
    }
)
"""They end programs of BLAST+ at an exception that these otherwise handle, or at a value that these can't read."""
_NAMES = _BATCHES | _SEARCH | _FORMATS | _FAILURES
_SETTINGS = "NCBI_CONFIG_"
"""Begins the names of what may also stand in the file ``.ncbirc``, and of where that is."""
_HARMLESS = tuple(
    f"NCBI_CONFIG__{name}" for name in ("BLAST__BLASTDB", "BLAST__BLAST_USAGE_REPORT", "CONN__", "DIAG__", "LOG__")
)
_OFFLINE = {"CONN_DISPD_DISABLE": "1", "BLAST_USAGE_REPORT": "false"}
"""With these no program looks for a service at NCBI, as ``blast_formatter`` does for an id that it does not find.

Source: NCBI C++ Toolkit, connect/ncbi_service.c, and app/blast/blast_formatter.cpp (s_InitializeSubject).
"""

_ASK_EVERY_S = 0.2
_PIPE_BYTES = 1 << 20
"""What may wait to be read, so that the program has work while the next chunk is made: the most that Linux allows."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended."""

    status: int
    """Exit status, or the negative number of the signal that ended it."""
    stdout: bytes
    stderr: bytes
    seconds: float
    peak_memory_bytes: int


class Processes:
    """All that is done for one search, or for whatever else is to be stopped as a whole, from any thread.

    Once it is stopped no process starts, those that run are ended, and each loop that goes through ``over`` ends.
    """

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
        """Run a program to its end.

        Args:
            argv: The program's path and its arguments.
            stdin: Bytes for its standard input; None gives it none.
            environment: Variables to set beside ours, of which those are unset that change what BLAST+ prints.
            folder: Where it runs; None for where we run, or where no volumes are (``_folder_for``).

        Raises:
            Interrupted: ``stop`` was called.
        """
        with TemporaryFile() as out, TemporaryFile() as err, TemporaryFile() as given:
            given.write(stdin or b"")
            given.seek(0)
            started = time.monotonic()
            streams = (given.fileno(), out.fileno(), err.fileno())
            with self.started(argv, streams, environment=environment, folder=folder) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                seconds = time.monotonic() - started
            self.check()
            out.seek(0)
            err.seek(0)
            return Finished(process.returncode, out.read(), err.read(), seconds, usage.ru_maxrss * 1024)

    @property
    def running(self) -> int:
        """How many processes run now."""
        return len(self._running)

    def is_stopped(self) -> bool:
        """Tell whether ``stop`` was called."""
        return self._stopped

    def check(self) -> None:
        """Do nothing, as long as ``stop`` was not called.

        Raises:
            Interrupted: It was.
        """
        if self._stopped:
            raise Interrupted

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield what there is until ``stop`` is called.

        Raises:
            Interrupted: It was.
        """
        for item in items:
            self.check()
            yield item

    @contextmanager
    def when_stopped(self, call: Callable[[], object]) -> Iterator[None]:
        """Have something called by ``stop`` as long as the context lasts.

        Raises:
            Interrupted: ``stop`` was called before.
        """
        with self._lock:
            self.check()
            self._when_stopped.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._when_stopped.remove(call)

    def stop(self) -> None:
        """End every process, and start no more."""
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
        """Start a program, whose end the context waits for; an error in it kills the program.

        Args:
            argv: The program's path and its arguments.
            streams: Its standard input, output and errors.
            environment: Variables to set beside ours.
            folder: Where it runs; None for where we run.

        Raises:
            Interrupted: ``stop`` was called.
        """
        process = self._start(argv, streams, environment, folder)
        try:
            yield process
        except BaseException:
            _signal(process, signal.SIGKILL)
            raise
        finally:
            process.wait()
            with self._lock:
                self._running.discard(process)

    def _start(
        self,
        argv: Sequence[str],
        streams: tuple[Stream, Stream, Stream],
        environment: Mapping[str, str] | None,
        folder: Path | None,
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            self.check()
            process = subprocess.Popen(
                mortal(argv),
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                cwd=folder or _folder_for(environment),
                env=environment_with(environment),
                process_group=0,  # Ctrl-C reaches us alone, and we end what we started
            )
            _first_to_go(process.pid)
            self._running.add(process)
            return process


def mortal(argv: Sequence[str]) -> list[str]:
    """Return arguments for a process that the kernel ends with us, should we be killed; only where setpriv exists.

    The thread that starts the process must outlive it.
    """
    setpriv = _setpriv()
    return [*([setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []), *argv]


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Finished:
    """Run one short program to its end, whatever is stopped meanwhile."""
    return Processes().run(argv, stdin=stdin, environment=environment, folder=folder)


def was_killed(finished: Finished) -> bool:
    """Tell whether a process was ended by SIGKILL, as the kernel does where memory is short."""
    return finished.status in (-signal.SIGKILL, 128 + signal.SIGKILL)


def checked(finished: Finished, what: str) -> Finished:
    """Return a process that ended well.

    Args:
        finished: The process.
        what: What it did, for the message: "piece 3 of 8 (batch 1, shard 3)".

    Raises:
        ShardblastError: It failed; the class tells why, the text is BLAST+'s own.
    """
    if finished.status == 0:
        return finished
    message = finished.stderr.decode(errors="replace").strip()
    if was_killed(finished):
        raise OutOfMemory(
            f"BLAST+ was killed during {what}, most likely for want of memory; it held "
            f"{finished.peak_memory_bytes / 2**20:,.0f} MiB.",
            remedy="Cut the database into more shards (--shards N), or lower -num_threads.",
        )
    if finished.status < 0:
        name = signal.Signals(-finished.status).name
        raise EndedBySignal(
            f"BLAST+ was ended by {name} during {what}. {message}",
            remedy="Check the database (blastdbcheck), or run with '--shards off'.",
        )
    raise _translated(finished.status, message, what)


def changing(names: Iterable[str]) -> list[str]:
    """Return, of the names of variables, those that change what BLAST+ prints.

    Source:
        The names that the programs of BLAST+ 2.12 and 2.16 pass to getenv(), each tried with several
        values; NCBI C++ Toolkit, blastinput/blast_input_aux.cpp (GetQueryBatchSize), api/local_blast.cpp,
        api/split_query_aux_priv.cpp, core/blast_stat.c, core/blast_traceback.c, align_format/showdefline.cpp.
    """
    return sorted(
        name for name in names if name in _NAMES or (name.startswith(_SETTINGS) and not name.startswith(_HARMLESS))
    )


def environment_with(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a program of BLAST+ that we run: ours and these variables.

    Without those that change what it prints; and it does not use the network.
    """
    ours = dict(os.environ)
    for name in changing(ours):
        del ours[name]
    return ours | _OFFLINE | dict(variables or {})


def run_fed(
    argv: Sequence[str], folder: Path, given: io.BufferedReader | Iterable[bytes], going_on: Callable[[], None]
) -> Finished:
    """Run a program to its end.

    Args:
        argv: The program's path and its arguments.
        folder: Where it runs.
        given: For its standard input: a file, which it reads itself from where the file stands; or chunks. What those
            raise ends the program, and is raised.
        going_on: Called when it begins to work by itself and now and then while it does; what it raises ends the
            program likewise.
    """
    started = time.monotonic()
    file = given if isinstance(given, io.BufferedReader) else None
    with TemporaryFile() as out, TemporaryFile() as err:
        stdin = file or subprocess.PIPE
        process = subprocess.Popen(
            mortal(argv), stdin=stdin, stdout=out, stderr=err, cwd=folder, process_group=0, pipesize=_PIPE_BYTES
        )
        try:
            if file is None:
                _write(process, given)
            usage = _wait(process, going_on)
        except BaseException:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            raise
        out.seek(0)
        err.seek(0)
        seconds = time.monotonic() - started
        return Finished(process.returncode, out.read(), err.read(), seconds, usage.ru_maxrss * 1024)


def _folder_for(environment: Mapping[str, str] | None) -> Path | None:
    """Return the folder in which a program of BLAST+ is to run; None for ours.

    BLAST+ looks for the volumes that an alias names in the current folder first, and only then beside the alias. A
    program that is told by ``BLASTDB`` where its database is does not search on behalf of the command line of a user,
    who may expect that, so it runs where there are no volumes.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbcommon.cpp (SeqDB_FindBlastDBPath).

    Args:
        environment: The variables that it is given beside ours.
    """
    return Path("/") if "BLASTDB" in (environment or {}) else None


def _first_to_go(pid: int) -> None:
    """Have the kernel end this process before ours when memory runs out: it can be run again."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


@cache
def _setpriv() -> str | None:
    """Return util-linux's setpriv, if it knows the option."""
    path = shutil.which("setpriv")
    if path is None:
        return None
    tried = subprocess.run([path, "--pdeathsig", "KILL", "--", "true"], capture_output=True)
    return path if tried.returncode == 0 else None


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return


def _translated(status: int, message: str, what: str) -> ShardblastError:
    error = error_for_exit_status(status)
    return error(message or f"BLAST+ failed with exit status {status}.", remedy=f"It happened during {what}.")


def _write(process: subprocess.Popen[bytes], chunks: Iterable[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # it ended early, and its status says why
        for chunk in chunks:
            pipe.write(chunk)


def _wait(process: subprocess.Popen[bytes], going_on: Callable[[], None]) -> resource.struct_rusage:
    """Wait for the program's end in a thread of its own; kill the program if it shall not go on."""
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(os.wait4, process.pid, 0)
        try:
            while True:
                going_on()
                with suppress(TimeoutError):
                    _, status, usage = ended.result(_ASK_EVERY_S)
                    break
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = ended.result()
            raise
        finally:
            process.returncode = os.waitstatus_to_exitcode(status)
    return usage
