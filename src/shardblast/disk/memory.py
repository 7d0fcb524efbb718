"""What of files is in memory: measured in the page cache, and warmed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from shardblast.core.errors import DatabaseError, EngineError, Interrupted, OutOfMemory, file_error
from shardblast.core.node import Warmed, summed
from shardblast.disk.staging import Transfer, Transfers, wait_for

BLOCK_BYTES = 1 << 20
FILES_AT_ONCE = 2
"""Faster than one by 5 % on an idle disk, and by half and more on one that others read too."""
STRAYS = 0.02
"""Of the bytes that were read, so many may have left memory again though there was room: of 2 GiB, up to 10 MiB were
seen to, with Linux 6.18 and most of the memory free. They are read again."""
MOST_PASSES = 4

_FILES_AT_ONCE = 1000
"""In one call of ``fincore``: far below the limit of a command line."""
_CAP_FOWNER = 1 << 3
"""The capability to do with any file what its owner may."""


def warm(files: Sequence[Path], told: Callable[[int], None], stopped: Callable[[], bool] = lambda: False) -> Warmed:
    """Have files in the page cache; those that are wholly there are not read.

    Args:
        files: Which.
        told: Is told of bytes as they are read, or found in memory.
        stopped: Is asked before each block, in other threads too, whether to stop.

    Raises:
        DatabaseError: There are no files, or one is gone.
        OutOfMemory: They did not all stay in memory.
        Interrupted: It was stopped.
    """
    sizes = [_size(file) for file in files]
    total = sum(sizes)
    if not total:
        raise DatabaseError("There is nothing to warm.", remedy="Stage volumes of the database on this node first.")
    cold = _cold(files, sizes)
    told(sum(size for file, size in zip(files, sizes, strict=True) if file not in cold))
    if not cold:
        return Warmed(total, total)
    _read_all(cold, told, stopped)
    resident, passes = summed(resident_bytes(files)), 1
    while resident is not None and 0 < total - resident < STRAYS * total and passes < MOST_PASSES:
        _read_all(_cold(files, sizes), lambda size_bytes: None, stopped)
        resident, passes = summed(resident_bytes(files)), passes + 1
    if resident is not None and resident < total:
        raise _too_little_memory(resident, total)
    return Warmed(resident, total)


def resident_bytes(files: Sequence[Path]) -> list[int | None]:
    """Return how many bytes of each file are in memory: 0 for one that is gone, None where that can't be known.

    It can't without util-linux's ``fincore``, and not for a file that we neither own nor may write: of such a file
    the kernel says that all of it is in memory, whatever is.

    Raises:
        EngineError: ``fincore`` fails.

    Source:
        Linux, mm/mincore.c, can_do_mincore().
    """
    program = shutil.which("fincore")
    if program is None:
        return [None] * len(files)
    known: dict[str, int] = {}
    for first in range(0, len(files), _FILES_AT_ONCE):
        known |= _asked(program, [str(file) for file in files[first : first + _FILES_AT_ONCE]])
    return [known.get(str(file), 0) if _is_told(file) else None for file in files]


def _cold(files: Sequence[Path], sizes: Sequence[int]) -> list[Path]:
    """Return the files that are not wholly in memory, as far as is known."""
    resident = resident_bytes(files)
    return [file for file, size, known in zip(files, sizes, resident, strict=True) if known != size]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError as error:
        raise _gone(file) from error
    except OSError as error:
        raise file_error(error) from error


def _read_all(files: Sequence[Path], told: Callable[[int], None], stopped: Callable[[], bool]) -> None:
    reading = Transfers(FILES_AT_ONCE)
    try:
        with reading.joined({file: partial(_read, file, stopped) for file in files}) as transfers:
            wait_for(transfers, told, stopped)
    finally:
        reading.close()


def _read(file: Path, stopped: Callable[[], bool], transfer: Transfer) -> None:
    block = memoryview(bytearray(BLOCK_BYTES))
    try:
        with file.open("rb", buffering=0) as source:
            if hasattr(os, "posix_fadvise"):  # not on macOS
                os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while not (transfer.stopped() or stopped()):
                size = source.readinto(block)
                if not size:
                    return
                transfer.told(size)
    except FileNotFoundError as error:
        raise _gone(file) from error
    except OSError as error:
        raise file_error(error) from error
    raise Interrupted


def _gone(file: Path) -> DatabaseError:
    return DatabaseError(f"The file {file.name!r} of the database is gone.", remedy="Stage or add the database again.")


def _too_little_memory(resident: int, total: int) -> OutOfMemory:
    return OutOfMemory(
        f"Only {resident / 2**20:,.1f} of {total / 2**20:,.1f} MiB stay in memory after all were read.",
        remedy="Give this node more memory, run less beside it, or spread the database over more nodes.",
    )


def _asked(program: str, files: Sequence[str]) -> Mapping[str, int]:
    argv = [program, "--bytes", "--json", "--output", "RES,SIZE,FILE", "--", *files]
    result = subprocess.run(argv, capture_output=True, env={**os.environ, "LC_ALL": "C"})
    try:
        told = json.loads(os.fsdecode(result.stdout))["fincore"]
        return {one["file"]: min(int(one["res"]), int(one["size"])) for one in told}  # pages are counted whole
    except (ValueError, KeyError) as error:
        said = result.stderr.decode(errors="replace").strip()
        raise EngineError(f"fincore does not tell what is in memory: {said}", remedy="Check util-linux.") from error


def _is_told(file: Path) -> bool:
    try:
        owner = file.stat().st_uid
    except OSError:
        return True  # it is gone, and has nothing in memory
    return owner == os.geteuid() or os.access(file, os.W_OK, effective_ids=True) or _acts_as_owner()


def _acts_as_owner() -> bool:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.M)
    return found is not None and bool(int(found[1], 16) & _CAP_FOWNER)
