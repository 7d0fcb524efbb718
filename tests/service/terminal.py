"""A shardblast command on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.service.server import Server


def on_terminal(server: Server, *words: str, columns: int = 100) -> tuple[int, str]:
    """Run a command whose output is a terminal; return its exit status and all that the terminal got."""
    ours, theirs = pty.openpty()
    variables = {**server.environment, "COLUMNS": str(columns), "TERM": "xterm"}
    argv = [sys.executable, "-m", "shardblast", *words]
    with subprocess.Popen(argv, env=variables, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        answer = b""
        while block := _read(ours):
            answer += block
    os.close(ours)
    return process.returncode, answer.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux says that nobody writes any more
        return b""
