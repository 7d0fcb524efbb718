"""The entry point of the command ``shardblast``."""

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
RESEND_S = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the BLAST+ programs bypass Typer, which can't parse their command lines and starts slowly."""
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
        searches = words[:1] and words[0] in {*Program, "verify"}
        return _failed(Interrupted() if searches else Interrupted("The command was stopped.", remedy="Run it again."))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of standard output is gone; Python would report that at exit
        return 141
    except ShardblastError as error:
        return _failed(error)


def _heed_signals() -> None:
    """Make stopping signals interrupt the command, whatever it waits for.

    Python runs a signal handler between two bytecodes of the main thread. A signal that arrives just before the main
    thread waits for another thread does not interrupt this wait, which may last as long as the search. So each signal
    is sent again until its handler has run.

    Source:
        CPython, Modules/signalmodule.c (trip_signal) and Python/thread_pthread.h (PyThread_acquire_lock_timed).
    """
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _interrupt)
    received, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    threading.Thread(target=_send_again, args=(received, threading.get_ident()), daemon=True).start()


def _send_again(received: int, thread: int) -> None:
    while number := os.read(received, 1):
        while signal.getsignal(number[0]) is _interrupt:
            time.sleep(RESEND_S)
            signal.pthread_kill(thread, number[0])


def _open_closed_streams() -> None:
    """Replace streams that the caller closed (``2>&-``); writing a result then fails, as in BLAST+."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - open until the end
    if sys.stdout is None:
        sys.stdout = open("/dev/full", "w")  # noqa: SIM115


def _failed(error: ShardblastError) -> int:
    allowed = f" Or use --{error.allowed_with}." if error.allowed_with else ""
    sys.stderr.write(f"{error.problem}\nshardblast: {error.remedy}{allowed}\n")
    return error.exit_status


def _interrupt(number: int, frame: FrameType | None) -> None:
    for stopping in STOPPING:  # a second signal must not interrupt the clean-up
        signal.signal(stopping, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
