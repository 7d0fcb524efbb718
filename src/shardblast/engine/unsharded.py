"""A search that BLAST+ makes alone: the user's command, its output under its final name only when whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

from shardblast.core.errors import Interrupted


def run_unsharded(path: str, argv: Sequence[str]) -> int:
    """Run BLAST+ with our standard streams; return its exit status.

    Args:
        path: The program.
        argv: Its name, as SAM prints it, and its arguments.

    Raises:
        Interrupted: Ctrl-C; BLAST+ has ended.
    """
    sys.stdout.flush()
    process = subprocess.Popen(argv, executable=path)
    try:
        status = process.wait()
    except BaseException as error:
        process.send_signal(signal.SIGTERM)
        process.wait()
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted from error
        raise
    return status if status >= 0 else 128 - status
