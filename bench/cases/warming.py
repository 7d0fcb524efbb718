"""A node's volumes: how fast they come into memory, and what a staging costs when all is there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench import data
from bench.cases.case import Measured, Settings
from bench.figure import Figure
from bench.place import BUILD, DATA
from shardblast.blast.database import open_database, read_facts
from shardblast.blast.installation import find_installation
from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.program import Molecule
from shardblast.disk.memory import resident_bytes, warm
from shardblast.disk.staging import Stager
from shardblast.storage.objects import Objects

WARMING = 0.9
AGAIN_MS = 50
TURNS = 3
"""Runs of each way for one asked for: other load on the machine shows in single ones."""
MEGABYTE = 1 << 20


def measure(settings: Settings) -> Measured:
    """Warming beside ``cat``, both with none of the files in memory."""
    files = _files(settings.size(8, 2), settings.size(256, 8) * MEGABYTE)
    total = sum(file.stat().st_size for file in files)
    ways: dict[str, Callable[[], object]] = {
        "cat": lambda: subprocess.run(["cat", *map(str, files)], stdout=subprocess.DEVNULL, check=True),
        "warm": lambda: warm(files, lambda size_bytes: None),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(settings.repeats * TURNS):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            _cool(files)
            seconds[name].append(_timed(ways[name]))
    again = _timed(lambda: warm(files, lambda size_bytes: None))
    cat_s, warm_s = median(seconds["cat"]), median(seconds["warm"])
    note = f"{total / warm_s / 1e6:,.0f} MB/s, cat {total / cat_s / 1e6:,.0f} MB/s"
    figures = (
        Figure("speed of warming", cat_s / warm_s, "x cat", WARMING, at_least=True, ours_s=warm_s, note=note),
        Figure("warming what is warm", again * 1000, "ms"),
    )
    return Measured(f"{len(files)} files, {total / 1e6:,.0f} MB, none of it in memory", figures)


def measure_again(settings: Settings) -> Measured:
    """A node that starts, and stages what it already has."""
    storage, cache = BUILD / "storage", BUILD / "cache"
    for folder in (storage, cache):
        shutil.rmtree(folder, ignore_errors=True)
    objects = Objects(storage.as_uri())
    generation = _stored(objects)
    first = Stager(objects, cache)
    first.stage(generation, None)
    first.close()
    seconds = [_timed(lambda: _start_and_stage(objects, cache, generation)) for _ in range(settings.repeats * TURNS)]
    what = f"{len(generation.volumes)} volumes of 16S of demo/data, {generation.size_bytes / 1e6:,.1f} MB"
    return Measured(what, (Figure("start, and staging again", median(seconds) * 1000, "ms", AGAIN_MS),))


def _start_and_stage(objects: Objects, cache: Path, generation: Generation) -> None:
    node = Stager(objects, cache)
    node.start()
    node.stage(generation, None)
    node.close()


def _files(count: int, size_bytes: int) -> list[Path]:
    files = [DATA / f"warming{number}-{size_bytes}" for number in range(count)]
    for file in files:
        if not file.exists() or file.stat().st_size < size_bytes:
            with file.open("wb") as target:
                for _ in range(size_bytes // MEGABYTE):
                    target.write(os.urandom(MEGABYTE))
    return files


def _cool(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as one:
            os.fsync(one.fileno())
            os.posix_fadvise(one.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if any(resident_bytes(files)):
        raise data.NoData("the kernel keeps files in memory, or does not tell")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _stored(objects: Objects) -> Generation:
    """Put a database of eight volumes into a storage."""
    database = data.small_rrna_in_volumes()
    facts = read_facts(find_installation(), open_database(find_installation(), str(database), Molecule.NUCLEOTIDE))

    def known(file: Path) -> DatabaseFile:
        return DatabaseFile(file.name, file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())

    generation = facts.generation("rrna", "1", str(database), "", known)
    for file in facts.files:
        objects.put(f"databases/rrna/1/{file.name}", file)
    return generation
