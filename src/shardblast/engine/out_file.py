"""Opens the output of a search: standard output, or a file that gets its name when it is complete."""

import hashlib
import io
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, cast

from shardblast.core.errors import EngineError, OutputError
from shardblast.engine.workspace import locked

BLOCK_BYTES = 1 << 20
PARTIAL = ".partial"
"""The suffix of the temporary file beside an output."""
OWN_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/1": 1, "/dev/fd/2": 2}
"""Links to this process's own streams, which may be files that must not be replaced."""


class Tally(io.RawIOBase):
    """A stream that hashes the bytes written to it, so that an output with the same beginning can continue it."""

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

    def continue_from(self, source: BinaryIO) -> None:
        """Copy the rest of a stream that begins with the bytes written so far. Raises EngineError if it does not."""
        digest, left = hashlib.sha256(), self._size
        while left and (block := source.read(min(left, BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
        if digest.digest() != self._digest.digest():
            problem = "The output of BLAST+ differs from the output that was printed before BLAST+ took over."
            remedy = "Search again with '--shards off', and report this as a bug in shardblast."
            raise EngineError(problem, remedy=remedy)
        shutil.copyfileobj(source, self._target, BLOCK_BYTES)


@contextmanager
def open_output(out: str | None) -> Iterator[BinaryIO]:
    """Open the output; a file is renamed at its end. A link stays a link; a replaced file passes on mode and owner."""
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
        _sweep(path)
        partial, lock = _locked_partial(path)
    try:
        with _translated(out), partial:
            yield cast(BinaryIO, partial)
        with _translated(out):
            _move(Path(partial.name), path)
    finally:
        Path(partial.name).unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def appears_whole(out: str | None) -> bool:
    """Return whether the output appears only when it is complete, in a file that is renamed in the end."""
    if out is None or out == "-" or out in OWN_STREAMS:
        return False
    path = Path(os.path.realpath(out))
    return not path.exists() or (path.is_file() and os.access(path.parent, os.W_OK))


def is_writable(out: str) -> bool:
    """Return whether an existing file, or a new file in an existing folder, can be written under this name."""
    path = os.path.realpath(out)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return bool(out) and not out.endswith("/") and os.access(os.path.dirname(path), os.W_OK)
    except OSError:  # the name is too long, or its parent is not a folder
        return False
    return not stat.S_ISDIR(mode) and not out.endswith("/") and os.access(path, os.W_OK)


def deliver(files: Path, out: str) -> None:
    """Write the files of a folder to the folder of ``out``, which names one of them; that file is written last."""
    path = Path(out)
    for file in sorted(files.iterdir(), key=lambda file: file.name == path.name):
        with file.open("rb") as source, open_output(str(path.with_name(file.name))) as target:
            shutil.copyfileobj(source, target)


def _locked_partial(path: Path) -> tuple[Any, int | None]:
    """Create the temporary file of an output and lock it; the lock is None where the file system has no locks."""
    while True:
        partial = NamedTemporaryFile(  # noqa: SIM115 - closed by ``open_output``, where its errors are translated
            dir=path.parent, prefix=_prefix(path), suffix=PARTIAL, delete=False
        )
        try:
            if (lock := locked(Path(partial.name), flags=os.O_RDWR)) is not None:
                return partial, lock
        except OSError:
            return partial, None
        partial.close()  # another command has just swept it


def _sweep(path: Path) -> None:
    """Remove the temporary files of commands that were killed while they wrote this output."""
    for partial in _partials(path.parent):
        if partial.name.startswith(_prefix(path)):
            with suppress(OSError):
                if (lock := locked(partial, flags=os.O_RDWR | os.O_NOFOLLOW)) is not None:
                    partial.unlink(missing_ok=True)
                    os.close(lock)


@cache
def _partials(folder: Path) -> list[Path]:
    """Return the temporary files of outputs that were in a folder when this process first wrote there."""
    return list(folder.glob(f".shardblast-*{PARTIAL}"))


def _prefix(path: Path) -> str:
    """Return the beginning of the names of an output's temporary files, short enough for any name of the output."""
    return f".shardblast-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}-"


def _move(partial: Path, path: Path) -> None:
    if not path.exists():
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        partial.replace(path)
        return
    before = path.stat()
    if before.st_nlink > 1:  # its other hard links must show the result too
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
        raise  # the reader has closed the pipe
    except OSError as error:
        raise OutputError(f"{out!r} can't be written: {error.strerror}.", remedy="Check -out and the disk.") from error
