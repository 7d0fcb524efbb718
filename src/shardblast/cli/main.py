"""The command ``shardblast``."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.program import Program

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_AFTER_S = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    The BLAST+ programs have command lines of their own kind, and must start fast, so they do not pass through Typer.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _heed_signals()
    _open_closed_streams()
    try:
        if words and words[0] in set(Program):
            from shardblast.cli.blast import search

            return search(Program(words[0]), words[1:])
        from shardblast.cli.app import run

        return run(words)
    except KeyboardInterrupt:
        return _failed(Interrupted())
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output wants no more, and Python would complain at exit
        return 141
    except ShardblastError as error:
        return _failed(error)


def _heed_signals() -> None:
    """Have the signals that stop a command interrupt it, whatever it waits for.

    Python runs a handler between two steps of the main thread. A signal that comes when that has decided to wait for
    another thread, and does not yet wait, is noted, and the handler runs when the wait is over, which may be the end of
    the search. So each signal is sent again until its handler has run.

    Source:
        CPython, Modules/signalmodule.c (trip_signal) and Python/thread_pthread.h (PyThread_acquire_lock_timed).
    """
    for one in STOPPING:
        if signal.getsignal(one) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(one, _interrupt)
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=_send_again, args=(told, threading.get_ident()), daemon=True).start()


def _send_again(told: int, thread: int) -> None:
    while number := os.read(told, 1):
        while signal.getsignal(number[0]) is _interrupt:
            time.sleep(AGAIN_AFTER_S)
            signal.pthread_kill(thread, number[0])


def _open_closed_streams() -> None:
    """Give what a caller closed (``2>&-``) a place to go; results that go nowhere fail as for BLAST+."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - open until the end
    if sys.stdout is None:
        sys.stdout = open("/dev/full", "w")  # noqa: SIM115


def _failed(error: ShardblastError) -> int:
    sys.stderr.write(f"{error.problem}\nshardblast: {error.remedy}\n")
    return error.exit_status


def _interrupt(number: int, frame: FrameType | None) -> None:
    for one in STOPPING:  # a second one must not disturb the cleaning up
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
