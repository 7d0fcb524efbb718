"""Where the benchmark keeps its files, and the programs it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO_DATA = ROOT / "demo" / "data"
BUILD = ROOT / "build" / "bench"
DATA = BUILD / "data"
"""Databases and queries, kept between runs."""
OUTPUT = BUILD / "output"
"""The output of the measured commands, replaced by each."""
DOCUMENT = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
RECORDED = ROOT / "demo" / "recorded.json"
SHARDBLAST = Path(sys.executable).with_name("shardblast")
CORES = 2


def results_file(*, quick: bool) -> Path:
    """Return the file for results; a quick run is not a measurement and gets another file."""
    return BUILD / ("quick.json" if quick else "results.json")


def prepare() -> None:
    """Make the folders, and keep this process and all that it starts to two cores and to our own cache folder."""
    DATA.mkdir(parents=True, exist_ok=True)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    os.environ["SHARDBLAST_HOME"] = str(BUILD / "home")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
