"""Running processes, and stopping all processes of a search."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from shardblast.blast.formatter import Formatter
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes, run
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import Interrupted
from shardblast.core.options import parse
from shardblast.core.program import Program
from tests.waiting import WITHIN_S, until

IGNORES_TERM = "trap '' TERM; touch ready; while true; do sleep 0.1; done"


def test_the_kernel_ends_a_child_process_before_its_parent() -> None:
    ask = "until [ $(cat /proc/self/oom_score_adj) = 1000 ]; do sleep 0.01; done"

    assert run(["sh", "-c", ask]).status == 0


@pytest.mark.parametrize("script", ["touch ready; sleep 1000", IGNORES_TERM])
def test_a_stop_ends_every_process_and_no_other_starts_afterwards(script: str, tmp_path: Path) -> None:
    processes, ended = Processes(), threading.Event()

    def work() -> None:
        with pytest.raises(Interrupted):
            processes.run(["sh", "-c", script], folder=tmp_path)
        ended.set()

    threading.Thread(target=work).start()
    until((tmp_path / "ready").exists)

    processes.stop()

    assert ended.wait(WITHIN_S)
    assert processes.running == 0
    until(lambda: not running_in(tmp_path))  # the kernel takes a moment for what a script had started
    with pytest.raises(Interrupted):
        processes.run(["touch", "late"], folder=tmp_path)
    assert not (tmp_path / "late").exists()


def test_a_loop_ends_when_it_is_stopped() -> None:
    processes, seen = Processes(), []

    def endless() -> Iterator[int]:
        for number in processes.over(count()):
            if number == 3:
                processes.stop()
            yield number

    with pytest.raises(Interrupted):
        seen.extend(endless())
    with pytest.raises(Interrupted), processes.when_stopped(lambda: None):
        pass


def test_printing_is_stopped_while_blast_formatter_waits_for_more(tmp_path: Path) -> None:
    installation, processes = find_installation(), Processes()
    words = ["-db", "db", "-query", "q.fa", "-outfmt", "6"]
    options = parse(Program.BLASTN, words, known_arguments(installation, Program.BLASTN))

    def printed() -> None:
        with Formatter(installation, processes, options, lambda source: None, tmp_path, None) as formatter:
            assert processes.running == 1
            processes.stop()
            formatter.write(b"Blast4-archive")

    with pytest.raises(Interrupted):
        printed()

    assert processes.running == 0


def running_in(folder: Path) -> list[int]:
    """Return the processes that have this working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder):
                found.append(int(process.name))
        except OSError:
            continue
    return found
