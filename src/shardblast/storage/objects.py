"""Objects in a folder or a cloud bucket: write, read, list, delete; the keys; translated errors."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import from_url

from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.errors import DamagedError, DatabaseError, DiskFull, NotFoundError, StorageError
from shardblast.core.units import counted, split_address
from shardblast.storage.transfer import PARALLEL, download, give, take

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

log = logging.getLogger(__name__)

READ_BYTES = 1 << 20
SEND_BYTES = 8 << 20
MOST_PARTS = 10_000
"""Maximum number of parts of one object, in every cloud."""
LISTED = 1000
"""Keys per page of a listing, and per delete request."""

CHECK_STORAGE = "Check SHARDBLAST_STORAGE, its credentials and its free space."
MARK = "shardblast-storage"
"""Name of the empty file in a folder that is a storage; it distinguishes an empty storage from an empty mount point."""
FETCHES = 3
"""Attempts to fetch a file undamaged."""
METADATA = "metadata.json"
"""Metadata of a generation. It is written last, so if it exists, the generation's files are complete."""

ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
"""Environment variables that replace the cloud's own server; obstore reads them itself."""

RETRY: RetryConfig = {
    "max_retries": 10,
    "backoff": {"init_backoff": timedelta(milliseconds=250), "base": 3, "max_backoff": timedelta(seconds=15)},
    "retry_timeout": timedelta(minutes=3),
}
"""Retries of one request. obstore resumes an interrupted body where it ended and counts that as a retry."""

QUICK: RetryConfig = {**RETRY, "max_retries": 1, "retry_timeout": timedelta(seconds=2)}
_QUICK = timedelta(seconds=4)
_STALLED = timedelta(seconds=30)
_SLOWEST = timedelta(minutes=30)
"""Time limit of one request with its body, which is a part of a few megabytes."""

_NO_SPACE = os.strerror(errno.ENOSPC)
_ADDRESS = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s?]*)(?:\?\S*)?")
_STATUS = re.compile(r"(non-2xx status code: \d+[^:\n]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected size and checksum of an object."""

    size_bytes: int
    sha256: str
    """Hexadecimal digits; empty if unknown."""


def _silent(size_bytes: int) -> None: ...


class Objects:
    """An object store. Keys are relative paths with slashes; each object appears atomically."""

    def __init__(
        self, url: str, stored: Callable[[int], None] = _silent, *, is_known: bool = False, is_quick: bool = False
    ) -> None:
        """Open ``file:///PATH``, ``s3://BUCKET/PREFIX``, ``gs://…`` or ``az://…``, creating and marking a folder.

        Credentials are found where the cloud's own tools look for them. ``stored`` is called with the size in bytes of
        each object written. ``is_known`` says that the storage exists: an empty folder is then an empty mount point.
        ``is_quick`` gives up after seconds instead of minutes.
        """
        self._url, self._stored, self._folder, self._is_quick = url, stored, folder_of(url), is_quick
        with translated(shown(url)), suppress(*([OSError] if is_known else [])):
            if self._folder is None:
                _ = self._store
            elif not (is_known and self._is_away(self._folder)):
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / MARK).touch()

    @cached_property
    def _store(self) -> ObjectStore:
        return open_store(self._url, is_quick=self._is_quick)

    @contextmanager
    def _reached(self, key: str) -> Iterator[None]:
        """Translate errors. While the whole folder is away, nothing is missing in it, and nothing writes to it."""
        with translated(key):
            if self._folder is not None and self._is_away(self._folder):
                how = f"empty or not mounted: it has no file {MARK}" if self._folder.is_dir() else "missing"
                raise StorageError(f"The folder of the storage is {how}.", remedy=CHECK_STORAGE)
            yield

    def _is_away(self, folder: Path) -> bool:
        """Return whether a folder has no mark, nor anything that an earlier version stored without one."""
        return not any((folder / name).exists() for name in (MARK, "databases", "searches"))

    def put(self, key: str, content: bytes | Path, report: Callable[[int], None] = _silent) -> None:
        """Write bytes or a file as an object; large files are uploaded as parallel parts, a few of which are in memory.

        ``report`` is called in this thread with the number of bytes read for sending. If it raises, the upload is
        abandoned and no object appears.
        """
        with self._reached(key):
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            if isinstance(content, Path) and size > SEND_BYTES:
                part = max(SEND_BYTES, -(-size // MOST_PARTS))
                chunks = _read(content, size, report)
                obstore.put(self._store, key, chunks, use_multipart=True, chunk_size=part, max_concurrency=PARALLEL)
            else:
                obstore.put(self._store, key, content if isinstance(content, bytes) else content.read_bytes())
                report(size)
        self._stored(size)

    def keep(self, key: str, path: Path, report: Callable[[int], None] = _silent) -> None:
        """Store a file that its owner gives away; in a folder on the same file system it is only linked.

        The file must not be changed in place afterwards.
        """
        local = self.local_path(key)
        with self._reached(key):
            if local is None or not give(path, local):
                return self.put(key, path, report)
            size = path.stat().st_size
        report(size)
        self._stored(size)

    def read(self, key: str) -> bytes:
        """Return a whole object, which must be small."""
        with self._reached(key):
            return bytes(obstore.get(self._store, key).bytes())

    def find(self, key: str) -> bytes | None:
        """Return a whole object, which must be small; None if it does not exist."""
        with suppress(NotFoundError):
            return self.read(key)
        return None

    def size(self, key: str) -> int:
        """Return the size of an object in bytes."""
        with self._reached(key):
            return obstore.head(self._store, key)["size"]

    def fetch(
        self,
        key: str,
        path: Path,
        *,
        report: Callable[[int], None] = _silent,
        stopped: Callable[[], bool] = lambda: False,
        expected: Expected | None = None,
    ) -> str:
        """Write an object to a file and return its SHA-256 in hexadecimal digits.

        The file gets its final name once it is complete, verified and safe on disk; before that its name ends in
        ``.partial``. If the store is a folder on the same file system, the file is a hard link to the stored one and
        must not be changed in place. Only one caller at a time may fetch to a path.

        ``report`` is called in this thread with the number of bytes received. ``stopped``, called in several threads,
        stops the download when it returns true. Raises DamagedError if the object differs from ``expected``, or changed
        during the download.
        """
        local = self.local_path(key)
        with self._reached(key):
            meta = obstore.head(self._store, key)
            if expected:
                _check_size(key, expected, meta["size"])
            with _partial(path) as partial:
                if local is None:
                    size, digest = meta["size"], download(self._store, key, meta, partial, report, stopped)
                else:
                    size, digest = take(local, partial, report, stopped)
                if expected:
                    _check_size(key, expected, size)
                    if expected.sha256 and digest != expected.sha256.lower():
                        raise DamagedError(key, "its checksum is wrong")
        return digest

    def local_path(self, key: str) -> Path | None:
        """Return where an object is, or would be, in a local folder; None for a cloud."""
        if self._folder is None:
            return None
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise StorageError(f"{key!r} is not a valid key.", remedy="Use names separated by slashes.")
        return self._folder / key

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except NotFoundError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with a prefix."""
        with self._reached(prefix):
            for page in obstore.list(self._store, prefix, chunk_size=LISTED):
                yield from (meta["path"] for meta in page)

    def changed(self, prefix: str) -> dict[str, float]:
        """Return when each object below a prefix was written, in seconds since 1970 by the store's clock."""
        with self._reached(prefix):
            pages = obstore.list(self._store, prefix, chunk_size=LISTED)
            return {meta["path"]: meta["last_modified"].timestamp() for page in pages for meta in page}

    def delete(self, prefix: str, but: Collection[str] = ()) -> None:
        """Remove every object below a prefix except ``but``, ignoring objects that somebody else removes meanwhile."""
        keys = [key for key in self.keys(prefix) if key not in but]
        for start in range(0, len(keys), LISTED):
            self._delete(keys[start : start + LISTED])

    def discard(self, key: str) -> None:
        """Remove an object if it exists."""
        self._delete([key])

    def _delete(self, keys: list[str]) -> None:
        try:
            with self._reached(keys[0]):
                obstore.delete(self._store, keys)
        except NotFoundError:
            if len(keys) > 1:
                for key in keys:
                    self._delete([key])

    def check(self) -> None:
        """Write and read a small object. Its key is fixed, so concurrent checks do not disturb each other."""
        self.put("health/probe", b"ok")
        self.read("health/probe")


def database_key(database: str) -> str:
    """Return the prefix of all keys of a database."""
    return f"databases/{database}/"


def current_key(database: str) -> str:
    """Return the key of the object that names the generation for new searches."""
    return f"databases/{database}/current"


def generation_key(database: str, generation: str, name: str = "") -> str:
    """Return the key of a file of a generation; without a name, the prefix of all of them."""
    return f"databases/{database}/{generation}/{name}"


PINS = "pins"
PINNED_FOR_S = 3600.0
"""A pin that was not renewed for this long counts as abandoned."""


def pin_key(search_id: str, database: str = "", generation: str = "") -> str:
    """Return the key of the object that keeps a generation while a command searches it; that of all by default."""
    return f"{PINS}/{search_id}/" + f"{database}/{generation}" * bool(database)


def pinned(objects: Objects, database: str) -> Counter[str]:
    """Return the generations of a database that commands search now, with the number of these commands.

    Ages are measured by this machine's clock; a store's clock is off by seconds at most.
    """
    oldest = time.time() - PINNED_FOR_S
    keys = [key.split("/") for key, renewed in objects.changed(PINS).items() if renewed > oldest]
    return Counter(generation for _, _, name, generation in keys if name == database)


def search_key(search_id: str, name: str = "") -> str:
    """Return the key of an object of a search; without a name, the prefix of all of them."""
    return f"searches/{search_id}/{name}"


def read_generation(objects: Objects, database: str, name: str) -> Generation:
    """Return a generation from its metadata in the storage."""
    try:
        return Generation.of(json.loads(objects.read(generation_key(database, name, METADATA))))
    except ValueError as error:
        problem = f"The metadata of database {database!r} is damaged: {error}."
        raise DatabaseError(problem, remedy="Update the database.") from error


def fetch_file(
    objects: Objects,
    key: str,
    file: DatabaseFile,
    path: Path,
    report: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    """Fetch a file of a database, again if it is damaged; see ``Objects.fetch``.

    ``report`` is called with a negative number for bytes that are fetched again.
    """
    done = 0

    def count(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        report(size_bytes)

    for attempt in range(1, FETCHES + 1):
        try:
            objects.fetch(key, path, report=count, stopped=stopped, expected=Expected(file.size_bytes, file.sha256))
            return
        except DamagedError as error:
            log.warning("A fetched file is damaged: %s", error.problem, extra={"file": key, "attempt": attempt})
            if attempt == FETCHES:
                raise
            count(-done)


def open_store(url: str, *, is_quick: bool = False) -> ObjectStore:
    """Open the store at an address; a folder must exist.

    Raises StorageError if the address contains a password, and errors of obstore and ValueError if it is not valid.
    """
    parts = split_address(url, "storage address")
    if parts.password:
        problem = "The storage address contains a password."
        remedy = "Remove it, and supply credentials through the environment as for the cloud's own tools."
        raise StorageError(problem, remedy=remedy)
    if parts.scheme == "file":
        return from_url(url, automatic_cleanup=True)
    server = next((os.environ[name] for name in ENDPOINTS.get(parts.scheme, ()) if os.environ.get(name)), url)
    plain = server.startswith("http:")
    client: ClientConfig = {"allow_http": plain, "read_timeout": _STALLED, "timeout": _SLOWEST}
    if is_quick:
        client |= {"timeout": _QUICK, "connect_timeout": _QUICK}
    remote: dict[str, Any] = {"client_options": client, "retry_config": QUICK if is_quick else RETRY}
    return from_url(url, **remote)


def folder_of(url: str) -> Path | None:
    """Return the folder of a ``file:`` address; None for other addresses."""
    parts = split_address(url, "storage address")
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def shown(url: str) -> str:
    """Return an address without user, password and query, fit for messages."""
    parts = split_address(url, "storage address")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate errors of obstore and of the file system; ``what`` is a key, or an address from ``shown``.

    Raises:
        NotFoundError: The object does not exist.
        DamagedError: The object was replaced meanwhile.
        DiskFull: The disk has no space.
        StorageError: Anything else failed.
    """
    try:
        yield
    except PreconditionError as error:
        raise DamagedError(what, "it changed while being read") from error
    except (BaseError, OSError, ValueError) as error:
        raise _translation(what, error) from error


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """Yield a temporary path; rename its file to ``path`` on success, remove it on failure."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path, size: int, report: Callable[[int], None]) -> Iterator[bytes]:
    left = size
    with path.open("rb") as file:
        while left >= 0 and (chunk := file.read(READ_BYTES)):
            yield chunk
            left -= len(chunk)
            report(len(chunk))
    if left:
        raise DamagedError(path.name, "it changed while being stored")


def _check_size(key: str, expected: Expected, size: int) -> None:
    if size != expected.size_bytes:
        raise DamagedError(key, f"it has {counted(size, 'byte')} instead of {expected.size_bytes:,}")


def _translation(what: str, error: Exception) -> Exception:
    text = str(error)
    codes = set(_CODE.findall(text))
    missing = isinstance(error, FileNotFoundError) and error.errno is None  # raised by obstore, not by the system
    if missing and not codes & _NO_BUCKET:
        return NotFoundError(f"There is no {what} in the storage.", remedy="It may have been deleted.")
    if _NO_SPACE in text or (isinstance(error, OSError) and error.errno == errno.EDQUOT):
        return DiskFull()
    return StorageError(f"The storage failed for {what}: {_summary(text, codes)}.", remedy=CHECK_STORAGE)


def _summary(text: str, codes: set[str]) -> str:
    """Return the first line of an error, without queries in addresses, followed by the server's error codes."""
    line = text.partition("\n")[0].strip().rstrip(".:")
    before, status, _ = (*_STATUS.split(line, maxsplit=1), "", "")[:3]
    return _ADDRESS.sub(r"\1\2", f"{before}{status}") + "".join(f" ({code})" for code in sorted(codes))
