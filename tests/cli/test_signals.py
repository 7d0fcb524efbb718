"""Signals to a command and to its pieces, and pieces that crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import SHARDED, Place
from tests.forked import SHARDBLAST
from tests.waiting import WITHIN_S, until

TELL_PID = 'case "$*" in *piece*) echo $$ > "$MARK.$$"; mv "$MARK.$$" "$MARK"; exec sleep 600;; esac'
"""For a wrapped blastn: a piece writes its process id to a file and then sleeps."""


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


def test_piece_killed_for_memory_is_named_and_more_shards_are_advised(wrapped: Place) -> None:
    wrapped.variables["DO"] = 'case "$*" in *piece.1*) kill -9 $$;; esac'
    (wrapped.folder / "out").write_text("of yesterday")

    finished = wrapped.shardblast("blastn", *wrapped.words, *SHARDED, "-out", "out")

    said = finished.stderr.decode()
    assert finished.returncode == 4
    assert "batch 1, shard 2 of 3" in said
    assert "MiB" in said
    assert "more shards" in said
    assert "Traceback" not in said
    assert (wrapped.folder / "out").read_text() == "of yesterday"
    assert wrapped.left_behind() == ["out"]


def test_piece_that_crashes_stops_the_search(wrapped: Place) -> None:
    wrapped.variables["DO"] = 'case "$*" in *piece.2*) kill -SEGV $$;; esac'

    finished = wrapped.shardblast("blastn", *wrapped.words, *SHARDED, "-out", "out")

    assert finished.returncode in (3, 255)
    assert b"SIGSEGV during batch 1, shard 3 of 3" in finished.stderr
    assert wrapped.left_behind() == []


@pytest.mark.parametrize("shards", ["3", "off"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything_and_leaves_nothing(wrapped: Place, number: signal.Signals, shards: str) -> None:
    mark = wrapped.folder.parent / "mark"
    wrapped.variables.update(DO=TELL_PID if shards != "off" else TELL_PID.replace("piece", "query"), MARK=str(mark))
    (wrapped.folder / "out").write_text("of yesterday")
    argv = [*SHARDBLAST, "blastn", *wrapped.words, "--shards", shards, "-out", "out"]
    handler = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a command that inherits it as ignored ignores it
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, env=wrapped.environment, cwd=wrapped.folder)
    signal.signal(signal.SIGHUP, handler)
    piece = _wait_for_pid(mark)

    process.send_signal(number)
    _, said = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 130
    assert said.decode().splitlines()[0] == "The search was stopped."
    assert not _runs(piece)
    assert (wrapped.folder / "out").read_text() == "of yesterday"
    assert wrapped.left_behind() == ["out"]


@pytest.mark.parametrize("shards", ["3", "off"])
def test_blast_ends_when_the_command_is_killed(wrapped: Place, shards: str) -> None:
    mark = wrapped.folder.parent / "mark"
    wrapped.variables.update(DO=TELL_PID if shards != "off" else TELL_PID.replace("piece", "query"), MARK=str(mark))
    argv = [*SHARDBLAST, "blastn", *wrapped.words, "--shards", shards]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, env=wrapped.environment, cwd=wrapped.folder)
    piece = _wait_for_pid(mark)

    process.kill()
    process.wait()

    until(lambda: not _runs(piece))


def test_second_signal_does_not_disturb_the_cleaning(wrapped: Place) -> None:
    mark = wrapped.folder.parent / "mark"
    wrapped.variables.update(DO=TELL_PID.replace("exec", "trap '' TERM; exec"), MARK=str(mark))
    argv = [*SHARDBLAST, "blastn", *wrapped.words, *SHARDED]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, env=wrapped.environment, cwd=wrapped.folder)
    piece = _wait_for_pid(mark)

    try:
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WITHIN_S)
    finally:
        process.kill()
        process.wait()
        if _runs(piece):
            os.kill(piece, signal.SIGKILL)

    assert process.returncode == 130
    assert b"Traceback" not in said
    assert not _runs(piece)
    assert wrapped.left_behind() == []


def _wait_for_pid(mark: Path) -> int:
    until(mark.exists, lambda: "no piece has started")
    return int(mark.read_text())


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
