"""The machine on which the figures were measured."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import shardblast
from bench.place import ROOT


def describe() -> dict[str, str]:
    """Return the machine and the versions, for people."""
    commit = _first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count()}, of which {len(os.sched_getaffinity(0))} are used",
        "memory": f"{memory / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "BLAST+": _first_line(["blastn", "-version"]).removeprefix("blastn: "),
        "shardblast": f"{shardblast.__version__}, {commit}",
    }


def load() -> float:
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _first_line(argv: list[str]) -> str:
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    except OSError:
        return "unknown"
    return said[0].strip() if said else "unknown"
