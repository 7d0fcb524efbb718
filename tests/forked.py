"""Processes of ``shardblast`` that have already imported it, which would otherwise take 2 to 5 seconds of CPU each.

One process for each worker of the tests imports all of shardblast, and forks for each command. The child takes the
command's words, environment, folder and streams, and runs what ``python -m shardblast`` runs.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

MODULES = (
    "shardblast.api.app",
    "shardblast.bootstrap.service",
    "shardblast.cli.cluster",
    "shardblast.cli.databases",
    "shardblast.cli.blast",
    "shardblast.cli.serve",
    "shardblast.cli.service",
    "shardblast.cluster.command",
    "shardblast.cluster.processes",
    "shardblast.cluster.searching",
)
SHARDBLAST = (sys.executable, "-m", "shardblast")
STREAMS = 3
MOST_BYTES = 1 << 18
"""The maximum size of a request: a command's words and environment."""


class Command:
    """A command that runs. What it has of ``subprocess.Popen`` means the same."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        """Start ``shardblast`` with these words, in this folder; a stream that is not given is ``/dev/null``."""
        self._told, theirs = socket.socketpair()
        request = json.dumps({"words": list(words), "environment": dict(environment), "folder": os.getcwd()})
        with theirs, open(os.devnull, "r+b") as null:
            streams = [(stream or null).fileno() for stream in (stdin, stdout, stderr)]
            socket.send_fds(_parent(), [request.encode()], [theirs.fileno(), *streams])
        self._answers = self._told.makefile()
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._told, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = Command | subprocess.Popen[bytes]


def start(argv: Sequence[str], environment: Mapping[str, str], **streams: IO[bytes]) -> Process:
    """Start a command; it is forked if it is ``SHARDBLAST`` and needs no other libraries than we do."""
    if tuple(argv[: len(SHARDBLAST)]) == SHARDBLAST and "LD_PRELOAD" not in environment:
        return Command(argv[len(SHARDBLAST) :], environment, **streams)
    process: subprocess.Popen[bytes] = subprocess.Popen(argv, env=environment, **streams)  # type: ignore[call-overload]
    return process


def run(
    argv: Sequence[str], environment: Mapping[str, str], sent: bytes | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[bytes]:
    """Run a command until it ends, as ``start`` does; return what it printed."""
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(sent or b"")
        stdin.seek(0)
        command = start(argv, environment, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            status = command.wait(timeout)
        except BaseException:
            command.kill()
            command.wait()
            raise
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(list(argv), status, stdout.read(), stderr.read())


def finished_in(
    folder: Path, argv: Sequence[str], environment: Mapping[str, str], sent: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a folder; one that is sent something is not forked, and reads it from a pipe."""
    if tuple(argv[: len(SHARDBLAST)]) == SHARDBLAST and not sent:
        with contextlib.chdir(folder):
            return run(argv, environment)
    return subprocess.run(argv, input=sent, capture_output=True, env=environment, cwd=folder, timeout=300)


@cache
def _parent() -> socket.socket:
    """Start the process that forks; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a thread of NumPy's would be missing in children
    argv, folder = [sys.executable, "-m", "tests.forked", str(theirs.fileno())], Path(__file__).parent.parent
    with theirs:
        started = subprocess.Popen(
            argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=variables, cwd=folder
        )

    def end() -> None:
        ours.close()
        started.wait()

    atexit.register(end)
    return ours


def _fork_until_closed(requests: socket.socket) -> int:
    """Fork for each request and report how its process ended; in a child, return the status of the command."""
    ended: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not requests:
                    selector.unregister(key.fileobj)
                    _tell_end(key.fd, *ended.pop(key.fd))
                    continue
                request, descriptors, _, _ = socket.recv_fds(requests, MOST_BYTES, 1 + STREAMS)
                if not request:
                    return 0
                teller, streams = socket.socket(fileno=descriptors[0]), descriptors[1:]
                if not (pid := os.fork()):
                    for one in (requests, teller, *(answer for _, answer in ended.values())):
                        one.close()
                    return _command(json.loads(request), streams)
                for stream in streams:
                    os.close(stream)
                teller.sendall(f"{pid}\n".encode())
                watched = os.pidfd_open(pid)
                ended[watched] = (pid, teller)
                selector.register(watched, selectors.EVENT_READ)


def _tell_end(watched: int, pid: int, teller: socket.socket) -> None:
    os.close(watched)
    _, status = os.waitpid(pid, 0)
    with teller, contextlib.suppress(OSError):  # an interrupted test no longer listens
        teller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _command(request: dict[str, Any], streams: Sequence[int]) -> int:
    """Become the command of a request."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()  # the C library has read TZ before
    os.chdir(request["folder"])
    sys.argv = ["shardblast", *request["words"]]
    from shardblast.cli.main import main

    return main()


if __name__ == "__main__":
    for module in MODULES:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # so that children share this memory
    sys.exit(_fork_until_closed(socket.socket(fileno=int(sys.argv[1]))))
