"""Signals that come when the main thread does not look."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


STOPS = """
import os, signal, sys
from shardblast.cli.main import main

class Stop:
    def find_spec(self, name, *rest):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Stop())
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        ("shardblast.cli.serve", ["serve"], "The command was stopped.\nshardblast: Run it again.\n"),
        ("shardblast.bootstrap.service", ["serve"], "The command was stopped.\nshardblast: Run it again.\n"),
        ("shardblast.cli.app", ["db", "list"], "The command was stopped.\nshardblast: Run it again.\n"),
        (
            "shardblast.cli.blast",
            ["blastn"],
            "The search was stopped.\nshardblast: Start it again to get its result.\n",
        ),
    ],
)
def test_a_command_that_is_stopped_while_it_starts_names_what_was_stopped(
    module: str, words: list[str], said: str
) -> None:
    found = subprocess.run([sys.executable, "-c", STOPS, module, *words], capture_output=True, text=True)

    assert (found.returncode, found.stderr) == (130, said)
