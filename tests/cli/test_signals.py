"""Signals that come when the main thread does not look."""

from __future__ import annotations

import subprocess
import sys

from tests.waiting import WITHIN_S

WAITS = """
import signal, threading, time
from shardblast.cli.main import _heed_signals

_heed_signals()
elsewhere = threading.Thread(target=time.sleep, args=(600,), daemon=True)
elsewhere.start()
try:
    threading.Timer(0.5, signal.pthread_kill, (elsewhere.ident, signal.SIGTERM)).start()
    threading.Event().wait()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_that_does_not_wake_the_main_thread_is_sent_again() -> None:
    found = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, timeout=WITHIN_S)

    assert found.stdout == "interrupted\n", found.stderr
