"""Objects in a folder or in a cloud's bucket: put, read in ranges, list, delete; and where they lie."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import from_url

from shardblast.core.database import Generation
from shardblast.core.errors import DamagedError, DatabaseError, DiskFull, NotFoundError, StorageError
from shardblast.storage.transfer import PARALLEL, download, give, take

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

READ_BYTES = 1 << 20
SEND_BYTES = 8 << 20
MOST_PARTS = 10_000
"""Of one object, in every cloud."""
LISTED = 1000
"""Keys of one page, and of one request to delete."""

METADATA = "metadata.json"
"""What a generation is; written last, so that its files are whole when it is there."""

ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
"""What names another server than the cloud's own; obstore reads these variables itself."""

RETRY: RetryConfig = {
    "max_retries": 10,
    "backoff": {"init_backoff": timedelta(milliseconds=250), "base": 3, "max_backoff": timedelta(seconds=15)},
    "retry_timeout": timedelta(minutes=3),
}
"""Of one request. A body that breaks off is asked for again from there, as one of these."""

_STALLED = timedelta(seconds=30)
_SLOWEST = timedelta(minutes=30)
"""Of one request with its body: no more than parts of some megabytes are asked for at once."""

_NO_SPACE = os.strerror(errno.ENOSPC)
_ADDRESS = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s?]*)(?:\?\S*)?")
_STATUS = re.compile(r"(non-2xx status code: \d+[^:\n]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an object must be."""

    size_bytes: int
    sha256: str
    """In hexadecimal digits; empty if it is not known."""


def _never() -> bool:
    """Go on."""
    return False


def _silent(size_bytes: int) -> None:
    """Tell nobody of progress."""


class Objects:
    """A store of objects. Keys are relative, with slashes; an object appears whole or not at all."""

    def __init__(self, url: str, stored: Callable[[int], None] = _silent) -> None:
        """Open a store; a folder is made if it is missing.

        Args:
            url: ``file:///PATH``, ``s3://BUCKET/PREFIX``, ``gs://…`` or ``az://…``; credentials come from where the
                cloud's own tools look for them.
            stored: Is told the size of each object that was written.

        Raises:
            StorageError: The address is none that we know.
        """
        self._stored = stored
        self._folder = folder_of(url)
        with translated(shown(url)):
            self._store = open_store(url)

    def put(self, key: str, content: bytes | Path, told: Callable[[int], None] = _silent) -> None:
        """Write an object; large files go in parts side by side, of which a few are in memory.

        Args:
            key: Its name.
            content: The bytes, or a file.
            told: Is told of bytes that were taken to be sent, in this thread. An error that it raises ends the
                work, and there is no new object.

        Raises:
            DamagedError: The file changed meanwhile; there is no new object.
        """
        with translated(key):
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            if isinstance(content, Path) and size > SEND_BYTES:
                part = max(SEND_BYTES, -(-size // MOST_PARTS))
                chunks = _read(content, size, told)
                obstore.put(self._store, key, chunks, use_multipart=True, chunk_size=part, max_concurrency=PARALLEL)
            else:
                obstore.put(self._store, key, content if isinstance(content, bytes) else content.read_bytes())
                told(size)
        self._stored(size)

    def keep(self, key: str, path: Path, told: Callable[[int], None] = _silent) -> None:
        """Put a file that its owner gives away: in a folder of the same file system it only gets a second name.

        Whoever gives it must not change it in place afterwards.

        Raises:
            DamagedError: The file changed meanwhile; there is no new object.
        """
        lies = self.local_path(key)
        with translated(key):
            if lies is None or not give(path, lies):
                return self.put(key, path, told)
            size = path.stat().st_size
        told(size)
        self._stored(size)

    def read(self, key: str) -> bytes:
        """Return a whole object; only for small ones.

        Raises:
            NotFoundError: There is none.
        """
        with translated(key):
            return bytes(obstore.get(self._store, key).bytes())

    def size(self, key: str) -> int:
        """Return the size of an object in bytes.

        Raises:
            NotFoundError: There is none.
        """
        with translated(key):
            return obstore.head(self._store, key)["size"]

    def fetch(
        self,
        key: str,
        path: Path,
        *,
        told: Callable[[int], None] = _silent,
        stopped: Callable[[], bool] = _never,
        expected: Expected | None = None,
    ) -> str:
        """Write an object to a file, which gets its name when it is whole, checked and on the disk.

        From a folder of the same file system it is the stored file itself under a second name: do not change it in
        place. Only one at a time may fetch to the same path.

        Args:
            key: The object.
            path: The file; until it is whole, it has ``.partial`` after its name.
            told: Is told of bytes that have come, in this thread.
            stopped: Ends the work when it says so; it is asked in several threads.
            expected: What the object must be.

        Returns:
            SHA-256 of the object, in hexadecimal digits.

        Raises:
            NotFoundError: There is none.
            DamagedError: It is not what is expected, or changed on the way.
            DiskFull: There is no space for it.
            Interrupted: ``stopped`` said so.
        """
        lies = self.local_path(key)
        with translated(key):
            meta = obstore.head(self._store, key)
            if expected:
                _check_size(key, expected, meta["size"])
            with _partial(path) as partial:
                if lies is None:
                    size, digest = meta["size"], download(self._store, key, meta, partial, told, stopped)
                else:
                    size, digest = take(lies, partial, told, stopped)
                if expected:
                    _check_size(key, expected, size)
                    _check_digest(key, expected, digest)
        return digest

    def local_path(self, key: str) -> Path | None:
        """Return where an object lies, or would lie, in a folder of this machine; None in a cloud.

        Raises:
            StorageError: The key is none.
        """
        if self._folder is None:
            return None
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise StorageError(f"{key!r} is no key.", remedy="Use names with slashes between them.")
        return self._folder / key

    def exists(self, key: str) -> bool:
        """Tell whether there is such an object."""
        try:
            self.size(key)
        except NotFoundError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix."""
        with translated(prefix):
            for page in obstore.list(self._store, prefix, chunk_size=LISTED):
                yield from (meta["path"] for meta in page)

    def changed(self, prefix: str) -> dict[str, float]:
        """Return when objects below a prefix were written, by key: in seconds since 1970, by the store's own clock."""
        with translated(prefix):
            pages = obstore.list(self._store, prefix, chunk_size=LISTED)
            return {meta["path"]: meta["last_modified"].timestamp() for page in pages for meta in page}

    def delete(self, prefix: str, but: Collection[str] = ()) -> None:
        """Remove every object below a prefix but these; it is no error if somebody else removes one meanwhile."""
        keys = [key for key in self.keys(prefix) if key not in but]
        for start in range(0, len(keys), LISTED):
            self._delete(keys[start : start + LISTED])

    def discard(self, key: str) -> None:
        """Remove one object; no error if there is none."""
        self._delete([key])

    def _delete(self, keys: list[str]) -> None:
        try:
            with translated(keys[0]):
                obstore.delete(self._store, keys)
        except NotFoundError:
            if len(keys) > 1:
                for key in keys:
                    self._delete([key])

    def check(self) -> None:
        """Write and read a small object, the same one each time: of two checks at once none removes the other's.

        Raises:
            StorageError: That does not work.
        """
        self.put("health/probe", b"ok")
        self.read("health/probe")


def database_key(database: str) -> str:
    """Return what the keys of all that belongs to a database begin with."""
    return f"databases/{database}/"


def current_key(database: str) -> str:
    """Return the key of the object that names the generation that new searches use."""
    return f"databases/{database}/current"


def generation_key(database: str, generation: str, name: str = "") -> str:
    """Return the key of one of a generation's files; without a name, what all of them begin with."""
    return f"databases/{database}/{generation}/{name}"


def search_key(search_id: str, name: str = "") -> str:
    """Return the key of one of a search's objects; without a name, what all of them begin with."""
    return f"searches/{search_id}/{name}"


def read_generation(objects: Objects, database: str, name: str) -> Generation:
    """Return a generation, as the storage describes it.

    Raises:
        DatabaseError: It does not, or its description is damaged.
        NotFoundError: There is none.
    """
    try:
        return Generation.of(json.loads(objects.read(generation_key(database, name, METADATA))))
    except ValueError as error:
        raise DatabaseError(
            f"The description of database {database!r} is damaged: {error}.", remedy="Update the database."
        ) from error


def open_store(url: str) -> ObjectStore:
    """Open the store at an address; a folder is made if it is missing.

    Raises:
        StorageError: There is a password in the address.
        obstore.exceptions.BaseError, ValueError: The address is none that obstore knows.
    """
    there = urlsplit(url)
    if there.password:
        raise StorageError(
            "The address of the storage holds a password.",
            remedy="Leave it out: credentials come from the environment, as the cloud's own tools take them.",
        )
    if there.scheme == "file":
        return from_url(url, mkdir=True, automatic_cleanup=True)
    client: ClientConfig = {"allow_http": _is_plain(url), "read_timeout": _STALLED, "timeout": _SLOWEST}
    remote: dict[str, Any] = {"client_options": client, "retry_config": RETRY}
    return from_url(url, **remote)


def folder_of(url: str) -> Path | None:
    """Return the folder that a ``file:`` address names; None for any other."""
    there = urlsplit(url)
    return Path(unquote(there.path)) if there.scheme == "file" else None


def shown(url: str) -> str:
    """Return an address as it may be told: without user, password and what follows a question mark."""
    there = urlsplit(url)
    return there._replace(netloc=there.netloc.rpartition("@")[2], query="", fragment="").geturl()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the errors of obstore and of files into ours.

    Args:
        what: A key, or an address as it may be shown.

    Raises:
        NotFoundError: There is no such object.
        DamagedError: The object is another one than it was.
        DiskFull: There is no space for it.
        StorageError: Anything else.
    """
    try:
        yield
    except PreconditionError as error:
        raise DamagedError(what, "it changed while it was read") from error
    except (BaseError, OSError, ValueError) as error:
        raise _ours(what, error) from error


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """Yield a name that is no file yet; at the end the file there gets its own, or goes if that is no good end."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path, size: int, told: Callable[[int], None]) -> Iterator[bytes]:
    left = size
    with path.open("rb") as file:
        while left >= 0 and (chunk := file.read(READ_BYTES)):
            yield chunk
            left -= len(chunk)
            told(len(chunk))
    if left:
        raise DamagedError(path.name, "it changed while it was stored")


def _check_size(key: str, expected: Expected, size: int) -> None:
    if size != expected.size_bytes:
        raise DamagedError(key, f"it has {size:,} bytes and not {expected.size_bytes:,}")


def _check_digest(key: str, expected: Expected, digest: str) -> None:
    if expected.sha256 and digest != expected.sha256.lower():
        raise DamagedError(key, "its checksum is wrong")


def _is_plain(url: str) -> bool:
    """Tell whether the address, or the variable that names its server, says ``http:``; nothing else allows it."""
    scheme = urlsplit(url).scheme
    named = next((os.environ[name] for name in ENDPOINTS.get(scheme, ()) if os.environ.get(name)), url)
    return named.startswith("http:")


def _ours(what: str, error: Exception) -> Exception:
    text = str(error)
    codes = set(_CODE.findall(text))
    missing = isinstance(error, FileNotFoundError) and error.errno is None  # obstore's; the system's have a number
    if missing and not codes & _NO_BUCKET:
        return NotFoundError(f"There is no {what} in the storage.", remedy="It may have been deleted.")
    if _NO_SPACE in text or (isinstance(error, OSError) and error.errno == errno.EDQUOT):
        return DiskFull()
    return StorageError(
        f"The storage fails for {what}: {_said(text, codes)}.",
        remedy="Check SHARDBLAST_STORAGE, its credentials and its space.",
    )


def _said(text: str, codes: set[str]) -> str:
    """Return the first line, without queries of addresses, and of a server's answer only its code."""
    line = text.partition("\n")[0].strip().rstrip(".:")
    before, status, _ = (*_STATUS.split(line, maxsplit=1), "", "")[:3]
    return _ADDRESS.sub(r"\1\2", f"{before}{status}") + "".join(f" ({code})" for code in sorted(codes))
