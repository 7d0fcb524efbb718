"""``blast_formatter`` as a process that prints archives of one query in any format.

It reads subjects from the database: the printed id of a subject without an id, and the length from which the frame of a
translated minus strand follows. Identities and positives are those that the search counted on masked queries and
adjusted matrices.
"""

import io
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, BinaryIO, Self, cast

from shardblast.blast.installation import Installation
from shardblast.blast.output import Printed
from shardblast.blast.process import Processes, checked, run
from shardblast.core.errors import (
    EndedBySignal,
    EngineError,
    OutOfMemory,
    OutputError,
    ShardblastError,
    UnknownFailure,
    error_for_exit_status,
)
from shardblast.core.option_table import FORMAT_OPTIONS
from shardblast.core.options import SearchOptions
from shardblast.core.result import Hsp

OBEYED_HITS = 500
"""With longer lists of hits, ``blast_formatter`` ignores ``-max_target_seqs``, ``-sorthits`` and ``-line_length`` in
formats 0 to 4, unless ``-num_descriptions`` or ``-num_alignments`` is given. Source: NCBI C++ Toolkit,
blastinput/blast_args.cpp, CFormattingArgs::ExtractAlgorithmOptions()."""

STREAM = "/dev/stdin"
"""Path by which ``blast_formatter`` reads standard input; with ``-`` it reads a large archive eight times slower."""

Copy = Callable[[BinaryIO], Printed]
"""Reads everything that ``blast_formatter`` prints, and returns how much it was."""

_COLUMNS = "sseqid evalue bitscore score nident positive qstart qend sstart send qframe sframe length gaps gapopen"
"""The subject's id, then the fields of ``Hsp`` in their order."""


class Formatter:
    """A process that prints the archives written to it. Leaving the context raises ShardblastError if it failed."""

    def __init__(
        self,
        installation: Installation,
        processes: Processes,
        options: SearchOptions,
        copy: Copy,
        out: Path | None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        argv = [installation.program("blast_formatter"), "-archive", STREAM, *_formatting_argv(options)]
        if out is not None:
            argv += ["-out", str(out)]
        self._processes = processes
        with ExitStack() as stack:
            self._errors = stack.enter_context(TemporaryFile())
            streams = (subprocess.PIPE, subprocess.PIPE, self._errors.fileno())
            self._process = stack.enter_context(processes.started(argv, streams, environment=environment))
            self._stack = stack.pop_all()
        self.printed = Printed()
        """How much was printed; set when the context is left."""
        self._failure: BaseException | None = None
        self._killed = False
        self._thread = threading.Thread(target=self._copy, args=(copy,), daemon=True)
        self._thread.start()

    def write(self, archive: bytes) -> None:
        """Print another archive. Raises OutputError if the process has ended; leaving the context raises why."""
        self._processes.check()
        try:
            self._stdin.write(archive)
        except BrokenPipeError as error:
            self._end()
            raise OutputError("blast_formatter stopped early.", remedy=self._message()) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._process.kill()
                return
            self._close()
            self._end()
        finally:
            self._close()
            self._process.wait()
            self._thread.join()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._stack.close()

    def _close(self) -> None:
        with suppress(BrokenPipeError):  # the process ended early; its status gives the reason
            self._stdin.close()

    def _end(self) -> None:
        """Wait for the process to end. Raises ShardblastError if it failed, or its output could not be copied."""
        self._thread.join()
        status = self._process.wait()
        self._processes.check()
        if status == -signal.SIGKILL and not self._killed:
            problem = "blast_formatter was killed while printing the result, most likely for lack of memory."
            raise OutOfMemory(problem, remedy="Free some memory, or search fewer queries at a time.")
        if status and not self._killed:
            raise _failure_of(status)(self._message(), remedy="This happened while printing the result.")
        if self._failure is not None:
            raise self._failure

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _copy(self, copy: Copy) -> None:
        output = io.BufferedReader(_Output(self._process))
        try:
            self.printed = copy(cast(BinaryIO, output))
        except _Broken:
            return  # the status of the process gives the reason
        except BaseException as error:
            self._failure = error
            with suppress(_Broken):
                if isinstance(error, EngineError) and not output.read(1):
                    return  # the output is truncated; the status of the process may give the reason
                self._killed = True
                self._process.kill()

    def _message(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip() or "blast_formatter failed without a message."


def printed_hsps(installation: Installation, archive: Path, max_target_seqs: int) -> list[tuple[str, Hsp]]:
    """Return the HSPs of an archive in its order, with the digits that BLAST+ prints, and the ids of their subjects.

    Raises ShardblastError if the archive can't be printed.
    """
    argv = [installation.program("blast_formatter"), "-archive", str(archive), "-outfmt", f"6 {_COLUMNS}"]
    finished = checked(run([*argv, "-max_target_seqs", str(max_target_seqs)]), "the formatting of the result")
    lines = finished.stdout.decode(errors="replace").split("\n")[:-1]
    try:
        rows = [line.rsplit("\t", _COLUMNS.count(" ")) for line in lines]
        return [
            (subject_id, Hsp(float(evalue), float(bits), *map(int, numbers)))
            for subject_id, evalue, bits, *numbers in rows
        ]
    except (TypeError, ValueError) as error:
        raise EngineError("blast_formatter did not print a table.", remedy="Install BLAST+ again.") from error


def _formatting_argv(options: SearchOptions) -> list[str]:
    drop = {name for name in options.given if name not in FORMAT_OPTIONS | {"max_target_seqs", "parse_deflines"}}
    limit = options.integer("max_target_seqs")
    if limit is None or limit <= OBEYED_HITS or not options.outfmt.is_pairwise:
        return options.argv(drop=drop)
    limits = {"num_descriptions": str(limit), "num_alignments": str(limit)}
    return options.argv(drop=drop | {"max_target_seqs"}, set=limits)


class _Broken(Exception):
    """The process failed, so its output is incomplete."""


class _Output(io.RawIOBase):
    """The output of a process. Reading raises an error instead of an end of file if the process failed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self._process = process

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the available bytes. Raises _Broken if the output has ended and the process failed."""
        assert isinstance(self._process.stdout, io.BufferedReader)
        block = self._process.stdout.read1(len(buffer))
        if not block and self._process.wait():
            raise _Broken
        buffer[: len(block)] = block
        return len(block)


def _failure_of(status: int) -> type[ShardblastError]:
    """Return the error for an exit status, but none that blames the user, who did not write the archives."""
    if status < 0:
        return EndedBySignal
    error = error_for_exit_status(status)
    return error if issubclass(error, (OutOfMemory, OutputError)) else UnknownFailure
