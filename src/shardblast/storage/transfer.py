"""Files copied to and from the storage: parallel range downloads, local copies, checksums."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore

from shardblast.core.errors import DamagedError, Interrupted

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

PART_BYTES = 8 << 20
PARALLEL = 4
"""Parts downloaded at once. These and one part waiting to be hashed are in memory."""
CHUNK_BYTES = 256 << 10
BLOCK_BYTES = 1 << 20


def download(
    store: ObjectStore,
    key: str,
    meta: ObjectMeta,
    path: Path,
    report: Callable[[int], None],
    stopped: Callable[[], bool],
) -> str:
    """Download an object to a new file, sync it, and return its SHA-256 in hexadecimal digits.

    Every part must belong to the version of the metadata. ``report`` is called in this thread with the number of bytes
    written, ``stopped`` in others.

    Raises DamagedError if the object changed during the download, or is shorter than its metadata says.
    """
    with path.open("wb") as file:
        digest = _Download(store, key, meta, file.fileno(), stopped).run(report)
        os.fsync(file.fileno())
    return digest


def take(stored: Path, path: Path, report: Callable[[int], None], stopped: Callable[[], bool]) -> tuple[int, str]:
    """Link a file to a new path, or copy it where linking fails; return its size in bytes and its SHA-256."""
    copies = not _linked(stored, path)
    digest, size = hashlib.sha256(), 0
    with stored.open("rb") as source, path.open("wb" if copies else "rb") as target:
        while chunk := source.read(BLOCK_BYTES):
            if stopped():
                raise Interrupted
            if copies:
                target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            report(len(chunk))
        if copies:
            target.flush()
            os.fsync(target.fileno())
    return size, digest.hexdigest()


def give(path: Path, stored: Path) -> bool:
    """Link a file into a folder store atomically, by a name with ``#`` that obstore hides; return whether it works."""
    stored.parent.mkdir(parents=True, exist_ok=True)
    hidden = stored.with_name(f"{stored.name}#{uuid4().int}")
    if not _linked(path, hidden):
        return False
    try:
        hidden.replace(stored)
    finally:
        hidden.unlink(missing_ok=True)  # replace() keeps both names if they are links to one file
    return True


def sha256_of(
    file: Path, report: Callable[[int], None] = lambda size_bytes: None, stopped: Callable[[], bool] = lambda: False
) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    digest, block = hashlib.sha256(), bytearray(BLOCK_BYTES)
    with file.open("rb", buffering=0) as source:
        while size := source.readinto(block):
            digest.update(memoryview(block)[:size])
            report(size)
            if stopped():
                raise Interrupted
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Download:
    _store: ObjectStore
    _key: str
    _meta: ObjectMeta
    _file: int
    _stopped: Callable[[], bool]
    _given_up: Event = field(default_factory=Event)

    def run(self, report: Callable[[int], None]) -> str:
        digest = hashlib.sha256()
        with ThreadPoolExecutor(PARALLEL, "download") as pool:
            try:
                for chunks in self._in_order(pool):
                    for chunk in chunks:
                        digest.update(chunk)
                    report(sum(map(len, chunks)))
            except BaseException:
                self._given_up.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return digest.hexdigest()

    def _in_order(self, pool: ThreadPoolExecutor) -> Iterator[list[bytes]]:
        pending: deque[Future[list[bytes]]] = deque()
        for start in range(0, self._meta["size"], PART_BYTES):
            pending.append(pool.submit(self._part, start, min(start + PART_BYTES, self._meta["size"])))
            if len(pending) > PARALLEL:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def _part(self, start: int, end: int) -> list[bytes]:
        """Write the bytes from ``start`` to before ``end``, and return them."""
        response = obstore.get(self._store, self._key, options=self._options(start, end))
        # Versions are compared here as well, since a server may ignore If-Match.
        if any(response.meta[fact] != self._meta[fact] for fact in ("e_tag", "size", "last_modified")):
            raise DamagedError(self._key, "it changed while being read")
        chunks = []
        for chunk in response.stream(CHUNK_BYTES):
            if self._given_up.is_set() or self._stopped():
                raise Interrupted
            _write(self._file, chunk, start)
            start += len(chunk)
            chunks.append(chunk)
        if start != end:
            raise DamagedError(self._key, "its end is missing")
        return chunks

    def _options(self, start: int, end: int) -> GetOptions:
        tag = self._meta["e_tag"]
        if tag is None or tag.startswith("W/"):  # a weak tag never matches
            return {"range": (start, end)}
        return {"range": (start, end), "if_match": tag}


def _write(file: int, content: bytes, offset: int) -> None:
    left = memoryview(content)
    while left:
        written = os.pwrite(file, left, offset)
        left, offset = left[written:], offset + written


def _linked(old: Path, new: Path) -> bool:
    """Create a hard link; return False where the file system or a system policy forbids it."""
    try:
        os.link(old.resolve(strict=True), new)
    except OSError:
        return False
    return True
