"""Running commands: how long one takes, what it reads from disk, and several in turn."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.place import OUTPUT

_INBLOCK_BYTES = 512
"""Unit of ``ru_inblock`` on Linux, where it is ``read_bytes`` of /proc/PID/io in blocks."""


class CommandFailed(Exception):
    """A measured command failed; the message is the command and what it said."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command that ended well."""

    seconds: float
    read_bytes: int
    """Read from block devices, by the process and all it started and waited for."""
    out: Path
    """Its output."""
    cpu_s: float
    """Processor time of the same processes."""

    @property
    def digest(self) -> str:
        with self.out.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def rows(self) -> int:
        with self.out.open("rb") as file:
            return sum(1 for _ in file)


def run(name: str, argv: Sequence[str | Path]) -> Run:
    """Run a command with its output in files called ``name``.

    Raises:
        CommandFailed: Its exit status is not 0.
    """
    out, err = OUTPUT / f"{name}.out", OUTPUT / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen([*map(str, argv)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = err.read_text(errors="replace").strip()[-2000:]
        raise CommandFailed(f"{' '.join(map(str, argv))[:500]} ended with status {process.returncode}. {said}")
    return Run(seconds, usage.ru_inblock * _INBLOCK_BYTES, out, usage.ru_utime + usage.ru_stime)


def interleaved(
    commands: Mapping[str, Sequence[str | Path]], repeats: int, before: Callable[[], None] = lambda: None
) -> dict[str, list[Run]]:
    """Run all commands in turn, ``repeats`` times, each time starting with the next one.

    Args:
        commands: By name.
        repeats: How often.
        before: Is called before each run.
    """
    names = list(commands)
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            before()
            runs[name].append(run(name, commands[name]))
    return runs


def same_output(one: Run, other: Run) -> bool | None:
    """Tell whether two runs printed the same bytes; None if they printed none, which proves nothing."""
    if not one.out.stat().st_size and not other.out.stat().st_size:
        return None
    return one.digest == other.digest


def median_seconds(runs: Sequence[Run]) -> float:
    return median(run.seconds for run in runs)


def median_cpu(runs: Sequence[Run]) -> float:
    return median(run.cpu_s for run in runs)


def median_read_bytes(runs: Sequence[Run]) -> float:
    return median(run.read_bytes for run in runs)
