"""Where results go: standard output, or a file that gets its name when it is whole."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from shardblast.core.errors import EngineError, OutputError

BLOCK_BYTES = 1 << 20
OWN_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/1": 1, "/dev/fd/2": 2}
"""Links that follow to whatever our own streams are, which may be files that must not be replaced."""


class Tally(io.RawIOBase):
    """A stream that notes what goes through it, so that another output that begins in the same way can go on there."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target = target
        self._size = 0
        self._digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._target.write(data)
        self._digest.update(data)
        self._size += len(data)
        return len(data)

    def go_on(self, source: BinaryIO) -> None:
        """Copy what a stream holds behind the bytes that were written.

        Raises:
            EngineError: It begins with others.
        """
        begun, left = hashlib.sha256(), self._size
        while left and (block := source.read(min(left, BLOCK_BYTES))):
            begun.update(block)
            left -= len(block)
        if begun.digest() != self._digest.digest():
            raise EngineError(
                "BLAST+ prints something else than was printed until it had to go on alone.",
                remedy="Search again with '--shards off', and report this as a fault of shardblast.",
            )
        shutil.copyfileobj(source, self._target, BLOCK_BYTES)


@contextmanager
def open_output(out: str | None) -> Iterator[BinaryIO]:
    """Open the output; a file is written under a temporary name beside it and renamed when all went well.

    A link stays a link, and a file that is replaced leaves its mode and owner.

    Raises:
        OutputError: It can't be written.
    """
    if out is None or out == "-":
        with _translated("standard output"):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    if out in OWN_STREAMS:
        with _translated(out), open(os.dup(OWN_STREAMS[out]), "wb") as stream:
            yield stream
        return
    path = Path(os.path.realpath(out))
    if not appears_whole(out):
        with _translated(out), path.open("wb") as stream:  # a pipe or /dev/null can't be renamed over
            yield stream
        return
    with _translated(out):
        partial = NamedTemporaryFile(  # noqa: SIM115 - closed below, where its errors have a meaning
            dir=path.parent, prefix=".shardblast-", suffix=".partial", delete=False
        )
    try:
        with _translated(out), partial:
            yield cast(BinaryIO, partial)
        with _translated(out):
            _move(Path(partial.name), path)
    finally:
        Path(partial.name).unlink(missing_ok=True)


def appears_whole(out: str | None) -> bool:
    """Tell whether nothing is printed before everything is: into a file that gets its name in the end."""
    if out is None or out == "-" or out in OWN_STREAMS:
        return False
    path = Path(os.path.realpath(out))
    return not path.exists() or (path.is_file() and os.access(path.parent, os.W_OK))


def is_writable(out: str) -> bool:
    """Tell whether a file can be written under this name: one that is there, or a new one in a folder that is there."""
    path = os.path.realpath(out)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return bool(out) and not out.endswith("/") and os.access(os.path.dirname(path), os.W_OK)
    except OSError:  # the name is too long, or its folder is no folder
        return False
    return not stat.S_ISDIR(mode) and not out.endswith("/") and os.access(path, os.W_OK)


def deliver(files: Path, out: str) -> None:
    """Write the files of a folder beside each other, where ``-out`` names one of them; that one last.

    Args:
        files: The folder.
        out: A path whose last part is the name of one of the files.

    Raises:
        OutputError: One can't be written.
    """
    place = Path(out)
    for file in sorted(files.iterdir(), key=lambda file: file.name == place.name):
        with file.open("rb") as source, open_output(str(place.with_name(file.name))) as target:
            shutil.copyfileobj(source, target)


def _move(partial: Path, path: Path) -> None:
    if not path.exists():
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
        return
    before = path.stat()
    if before.st_nlink > 1:  # its other names are to see the result too
        shutil.copyfile(partial, path)
        return
    with suppress(PermissionError):
        os.chown(partial, before.st_uid, before.st_gid)
    partial.chmod(before.st_mode & 0o7777)
    partial.replace(path)


@contextmanager
def _translated(out: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read wants no more
    except OSError as error:
        raise OutputError(f"{out!r} can't be written: {error.strerror}.", remedy="Check -out and the disk.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
