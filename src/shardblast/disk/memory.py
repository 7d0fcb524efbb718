"""Files in memory: measured in the page cache, and warmed."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from shardblast.core.errors import DatabaseError, EngineError, Interrupted, OutOfMemory, file_errors
from shardblast.core.node import Warmed, summed
from shardblast.disk.staging import Transfer, Transfers, wait_for

BLOCK_BYTES = 1 << 20
FILES_AT_ONCE = 2
"""Files read at once. Two are 5 % faster than one on an idle disk, and 50 % or more on a disk with other readers."""
STRAYS = 0.02
"""Fraction of the bytes that may leave memory again although there is room. With Linux 6.18 and mostly free memory, up
to 10 MiB of 2 GiB did. These files are read again."""
MOST_PASSES = 4

_FILES_AT_ONCE = 1000
"""Files per call of ``fincore``, far below the limit of a command line."""
_CAP_FOWNER = 1 << 3
"""The capability that bypasses ownership checks of files."""


def warm(files: Sequence[Path], report: Callable[[int], None], stopped: Callable[[], bool] = lambda: False) -> Warmed:
    """Read files into the page cache, except those that are completely there.

    ``report`` is called with numbers of bytes read or found in memory; ``stopped`` is called in several threads. Raises
    DatabaseError if there are no files, or one is missing, and OutOfMemory if they did not all stay in memory.
    """
    sizes = [_size(file) for file in files]
    total = sum(sizes)
    if not total:
        raise DatabaseError("There are no files to warm.", remedy="Stage volumes of the database on this node first.")
    cold = _cold(files, sizes)
    report(sum(size for file, size in zip(files, sizes, strict=True) if file not in cold))
    if not cold:
        return Warmed(total, total)
    _read_all(cold, report, stopped)
    resident, passes = summed(resident_bytes(files)), 1
    while resident is not None and 0 < total - resident < STRAYS * total and passes < MOST_PASSES:
        _read_all(_cold(files, sizes), lambda size_bytes: None, stopped)
        resident, passes = summed(resident_bytes(files)), passes + 1
    if resident is not None and resident < total:
        problem = f"Only {resident / 2**20:,.1f} of {total / 2**20:,.1f} MiB stayed in memory after reading."
        remedy = "Give this node more memory, run less on it, or spread the database over more nodes."
        raise OutOfMemory(problem, remedy=remedy)
    return Warmed(resident, total)


def resident_bytes(files: Sequence[Path]) -> list[int | None]:
    """Return how many bytes of each file are in memory: 0 for a missing file, None if unknown.

    They are unknown without util-linux's ``fincore``, and for files that this process neither owns nor may write: for
    these the kernel always reports that all pages are resident.

    Source: Linux, mm/mincore.c, can_do_mincore().
    """
    program = shutil.which("fincore")
    if program is None:
        return [None] * len(files)
    known: dict[str, int] = {}
    for first in range(0, len(files), _FILES_AT_ONCE):
        known |= _measured(program, [str(file) for file in files[first : first + _FILES_AT_ONCE]])
    return [known.get(str(file), 0) if _is_measurable(file) else None for file in files]


def _cold(files: Sequence[Path], sizes: Sequence[int]) -> list[Path]:
    """Return the files that are not known to be completely in memory."""
    resident = resident_bytes(files)
    return [file for file, size, known in zip(files, sizes, resident, strict=True) if known != size]


def _size(file: Path) -> int:
    with _reading(file):
        return file.stat().st_size


def _read_all(files: Sequence[Path], report: Callable[[int], None], stopped: Callable[[], bool]) -> None:
    reading = Transfers(FILES_AT_ONCE)
    try:
        with reading.joined({file: partial(_read, file, stopped) for file in files}) as transfers:
            wait_for(transfers, report, stopped)
    finally:
        reading.close()


def _read(file: Path, stopped: Callable[[], bool], transfer: Transfer) -> None:
    block = memoryview(bytearray(BLOCK_BYTES))
    with _reading(file), file.open("rb", buffering=0) as source:
        if hasattr(os, "posix_fadvise"):  # missing on macOS
            os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while not (transfer.stopped() or stopped()):
            size = source.readinto(block)
            if not size:
                return
            transfer.count(size)
    raise Interrupted


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    with file_errors():
        try:
            yield
        except FileNotFoundError as error:
            problem = f"The database file {file.name!r} is missing."
            raise DatabaseError(problem, remedy="Stage or add the database again.") from error


def _measured(program: str, files: Sequence[str]) -> Mapping[str, int]:
    argv = [program, "--bytes", "--json", "--output", "RES,SIZE,FILE", "--", *files]
    result = subprocess.run(argv, capture_output=True, env={**os.environ, "LC_ALL": "C"})
    try:
        rows = json.loads(os.fsdecode(result.stdout))["fincore"]
        return {row["file"]: min(int(row["res"]), int(row["size"])) for row in rows}  # fincore counts whole pages
    except (ValueError, KeyError) as error:
        message = result.stderr.decode(errors="replace").strip()
        problem = f"fincore failed to report the pages in memory: {message}"
        raise EngineError(problem, remedy="Check util-linux.") from error


def _is_measurable(file: Path) -> bool:
    try:
        owner = file.stat().st_uid
    except OSError:
        return True  # a missing file has no pages in memory
    if owner == os.geteuid() or os.access(file, os.W_OK, effective_ids=True):
        return True
    match = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.M)
    return match is not None and bool(int(match[1], 16) & _CAP_FOWNER)
