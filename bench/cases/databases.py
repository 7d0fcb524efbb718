"""Databases on their way to a node's disk."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.cases.case import Measured, Settings
from bench.fetch import AT_ONCE
from bench.figure import Figure
from bench.measure import Run, run
from bench.nginx import bucket
from bench.place import BUILD, DATA

FILES = 8
SPEED, MOST_MB = 0.8, 300.0


def measure_fetch(settings: Settings) -> Measured:
    """Fetch files from a bucket on this machine, beside ``cp`` of the same files to the same disk."""
    source = _files(settings.size(256, 4) << 20)
    target = BUILD / "staged"
    names = sorted(path.name for path in source.iterdir())
    copy = f"cp {shlex.quote(str(source))}/* . && sync *"
    copied: list[float] = []
    fetched: list[dict[str, Any]] = []
    with bucket(source) as environment:
        for _ in range(settings.repeats):
            for path in source.iterdir():
                path.read_bytes()  # so that both read from memory
            _anew(target)
            copied.append(run("fetch.cp", ["sh", "-c", f"cd {shlex.quote(str(target))} && {copy}"]).seconds)
            _anew(target)
            settled = [*(f"{name}={value}" for name, value in environment.items()), sys.executable, "-m", "bench.fetch"]
            fetched.append(_said(run("fetch", ["env", *settled, target, *names])))
    identical = (
        fetched[-1]["sha256"]
        == [_sha256(source / name) for name in names]
        == [_sha256(target / name) for name in names]
    )
    shutil.rmtree(target)
    ours_s, copy_s = statistics.median(one["seconds"] for one in fetched), statistics.median(copied)
    peak = max(one["peak_bytes"] for one in fetched) / 1e6
    size = sum(path.stat().st_size for path in source.iterdir())
    note = f"cp and sync {copy_s:.2f} s, ours {ours_s:.2f} s with SHA-256 and fsync, {AT_ONCE} files at once"
    figures = (
        Figure("speed, of cp and sync", copy_s / ours_s, "x cp", SPEED, at_least=True, identical=identical, note=note),
        Figure("memory", peak, "MB", MOST_MB),
    )
    described = f"{size / 1e9:.1f} GB in {len(names)} files, in memory; nginx serves them as an S3 bucket on loopback"
    return Measured(described, figures)


def _files(size: int) -> Path:
    folder = DATA / f"staging-{size >> 20}"
    folder.mkdir(exist_ok=True)
    for number in range(FILES):
        path = folder / f"volume.{number:02}.nsq"
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(os.urandom(size))
    return folder


def _anew(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.sync()


def _said(one: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(one.out.read_text())
    return document


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
