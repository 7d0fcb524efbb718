"""A program that reads a stream of ours while it runs, so that the stream is nowhere whole."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from shardblast.blast.process import Finished, mortal

_ASK_EVERY_S = 0.2
_PIPE_BYTES = 1 << 20
"""What may wait to be read, so that the program has work while the next chunk is made: the most that Linux allows."""


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
