"""Files moved to and from the storage: downloads in parallel ranges, local copies, checksums."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
"""Parts asked for at once. With one more that waits to be hashed, they are what a download holds in memory."""
CHUNK_BYTES = 256 << 10

READ_BYTES = 1 << 20

BLOCK_BYTES = 1 << 20


def download(
    store: ObjectStore,
    key: str,
    meta: ObjectMeta,
    path: Path,
    told: Callable[[int], None],
    stopped: Callable[[], bool],
) -> str:
    """Write an object to a file that is new, and on the disk at the end.

    Args:
        store: Where it is.
        key: Its name there.
        meta: What the store says of it; every part must be of that one.
        path: The file.
        told: Is told of bytes that were written, in the thread that calls.
        stopped: Is asked now and then, in other threads.

    Returns:
        SHA-256 in hexadecimal digits.

    Raises:
        DamagedError: The object changed on the way, or is shorter than the store says.
        Interrupted: ``stopped`` said so.
    """
    with path.open("wb") as file:
        digest = _Download(store, key, meta, file.fileno(), stopped).run(told)
        os.fsync(file.fileno())
    return digest


def take(lies: Path, path: Path, told: Callable[[int], None], stopped: Callable[[], bool]) -> tuple[int, str]:
    """Give a file a second name, or copy it where that can't be, and read it once.

    Args:
        lies: The file.
        path: Its new name.
        told: Is told of bytes that were read.
        stopped: Is asked now and then.

    Returns:
        Size in bytes, and SHA-256 in hexadecimal digits.

    Raises:
        Interrupted: ``stopped`` said so.
    """
    copies = not _linked(lies, path)
    digest, size = hashlib.sha256(), 0
    with lies.open("rb") as source, path.open("wb" if copies else "rb") as target:
        while chunk := source.read(READ_BYTES):
            if stopped():
                raise Interrupted
            if copies:
                target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            told(len(chunk))
        if copies:
            target.flush()
            os.fsync(target.fileno())
    return size, digest.hexdigest()


def give(path: Path, lies: Path) -> bool:
    """Name a file as an object, which appears at once; return whether that could be done.

    Until then it has a name that obstore does not list.
    """
    lies.parent.mkdir(parents=True, exist_ok=True)
    hidden = lies.with_name(f"{lies.name}#{uuid4().int}")
    if not _linked(path, hidden):
        return False
    try:
        hidden.replace(lies)
    finally:
        hidden.unlink(missing_ok=True)  # two names of one file: replace leaves both
    return True


def sha256_of(
    file: Path, told: Callable[[int], None] = lambda size_bytes: None, stopped: Callable[[], bool] = lambda: False
) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Args:
        file: To be read.
        told: Gets bytes as they are read.
        stopped: Whether to give up.

    Raises:
        Interrupted: It was stopped.
    """
    digest, block = hashlib.sha256(), bytearray(BLOCK_BYTES)
    with file.open("rb", buffering=0) as source:
        while size := source.readinto(block):
            digest.update(memoryview(block)[:size])
            told(size)
            if stopped():
                raise Interrupted
    return digest.hexdigest()


class _Download:
    def __init__(self, store: ObjectStore, key: str, meta: ObjectMeta, file: int, stopped: Callable[[], bool]) -> None:
        self._store = store
        self._key = key
        self._meta = meta
        self._file = file
        self._stopped = stopped
        self._given_up = Event()

    def run(self, told: Callable[[int], None]) -> str:
        digest = hashlib.sha256()
        with ThreadPoolExecutor(PARALLEL, "download") as pool:
            try:
                for chunks in self._in_order(pool):
                    for chunk in chunks:
                        digest.update(chunk)
                    told(sum(map(len, chunks)))
            except BaseException:
                self._given_up.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return digest.hexdigest()

    def _in_order(self, pool: ThreadPoolExecutor) -> Iterator[list[bytes]]:
        asked: deque[Future[list[bytes]]] = deque()
        for start in range(0, self._meta["size"], PART_BYTES):
            asked.append(pool.submit(self._part, start, min(start + PART_BYTES, self._meta["size"])))
            if len(asked) > PARALLEL:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()

    def _part(self, start: int, end: int) -> list[bytes]:
        """Write the bytes from ``start`` to before ``end``, and return them; what breaks off obstore asks for again."""
        answer = obstore.get(self._store, self._key, options=self._options(start, end))
        if not _same(answer.meta, self._meta):
            raise DamagedError(self._key, "it changed while it was read")
        chunks = []
        for chunk in answer.stream(CHUNK_BYTES):
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
        if tag is None or tag.startswith("W/"):  # a weak one never matches
            return {"range": (start, end)}
        return {"range": (start, end), "if_match": tag}


def _same(one: ObjectMeta, other: ObjectMeta) -> bool:
    """Compare what tells versions of an object apart: a server may not know of If-Match."""
    return (one["e_tag"], one["size"], one["last_modified"]) == (other["e_tag"], other["size"], other["last_modified"])


def _write(file: int, content: bytes, offset: int) -> None:
    left = memoryview(content)
    while left:
        written = os.pwrite(file, left, offset)
        left, offset = left[written:], offset + written


def _linked(old: Path, new: Path) -> bool:
    """Give a file a second name; false where the file system, or a rule of the system, does not allow it."""
    try:
        os.link(old.resolve(strict=True), new)
    except OSError:
        return False
    return True
