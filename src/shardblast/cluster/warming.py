"""Warming: files read into the page cache, and measured there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from shardblast.cluster.residency import resident_bytes
from shardblast.cluster.transfers import Transfer, Transfers, wait_for
from shardblast.core.errors import DatabaseError, Interrupted, OutOfMemory, file_error
from shardblast.core.node import Warmed, summed

BLOCK_BYTES = 1 << 20
FILES_AT_ONCE = 2
"""Faster than one by 5 % on an idle disk, and by half and more on one that others read too."""
STRAYS = 0.02
"""Of the bytes that were read, so many may have left memory again though there was room: of 2 GiB, up to 10 MiB were
seen to, with Linux 6.18 and most of the memory free. They are read again."""
MOST_PASSES = 4


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
