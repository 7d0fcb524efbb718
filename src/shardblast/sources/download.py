"""Files over HTTP: interrupted downloads are resumed, and every file is checked for completeness."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from shardblast.core.errors import DamagedError, DatabaseError, NetworkError, SourceChanged
from shardblast.sources.source import Progress

CHECK_MIRROR = "Check the address of the mirror, if another than NCBI is used."
FAILURES = 6
"""Consecutive failures without progress before a server is given up."""
DAMAGES = 3
"""Attempts to download a file with the correct checksum."""
LONGEST_PAUSE_S = 30.0
_MISSING = (403, 404, 410)
"""Statuses of missing files; S3 answers 403 to clients that may not list."""
_TRANSIENT = (408, 416, 425, 429, 500, 502, 503, 504)
_MD5 = re.compile(r'"([0-9a-f]{32})"')
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The facts of a file when it was offered."""

    name: str
    size_bytes: int
    validator: str
    """``ETag`` or ``Last-Modified``, which differs if the content does; empty if only the checksum decides."""
    md5: str
    """Hexadecimal digits; empty if unknown."""


class _Transient(Exception):
    """A failure that a retry may resolve."""


class _Differs(_Transient):
    """The server sends another file than the offered one."""


class Web:
    """The files below a base address."""

    def __init__(self, base: str, timeout_s: float, retry_s: float) -> None:
        self.base = base.rstrip("/")
        self._retry_s = retry_s
        headers = {"Accept-Encoding": "identity", "User-Agent": "shardblast"}
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=True, headers=headers)

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def read(self, path: str, limit_bytes: int, pause: Callable[[float], None]) -> bytes | None:
        """Return a small file, or None if it is missing. Raises DatabaseError if it exceeds ``limit_bytes``."""

        def attempt() -> bytes | None:
            with self._answer("GET", path) as response:
                if response.status_code in _MISSING:
                    return None
                content = b""
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > limit_bytes:
                        problem = f"{self._described(path)} is larger than {limit_bytes:,} bytes."
                        raise DatabaseError(problem, remedy=CHECK_MIRROR)
                return content

        return self._with_retries(path, attempt, pause)

    def look(self, path: str, name: str, pause: Callable[[float], None]) -> RemoteFile | None:
        """Return a file's facts from its headers, or None if it is missing. Raises DatabaseError without its size."""

        def attempt() -> httpx.Headers | None:
            with self._answer("HEAD", path) as response:
                return None if response.status_code in _MISSING else response.headers

        headers = self._with_retries(path, attempt, pause)
        if headers is None:
            return None
        if not headers.get("Content-Length", "").isdecimal():
            raise DatabaseError(f"{self.base} does not report the size of {name}.", remedy="Use another mirror.")
        return RemoteFile(name, int(headers["Content-Length"]), _validator(headers), _md5(headers))

    def fetch(self, path: str, file: RemoteFile, partial: Path, progress: Progress) -> None:
        """Download and verify a file, resuming an earlier attempt.

        Raises SourceChanged if the server has another file than the offered one, and DamagedError if the checksum is
        wrong in each attempt.
        """
        progress.add(_size_of(partial))
        for _ in range(DAMAGES):
            self._complete(path, file, partial, progress)
            if not file.md5 or _md5_of(partial) == file.md5:
                return
            progress.add(-_size_of(partial))
            partial.unlink()
        raise DamagedError(
            file.name, f"{self.base} sent it {DAMAGES} times, never with its published checksum {file.md5}"
        )

    def _complete(self, path: str, file: RemoteFile, partial: Path, progress: Progress) -> None:
        if file.size_bytes == 0:
            partial.touch()
        while (have := _size_of(partial)) != file.size_bytes or not partial.exists():
            if have > file.size_bytes or (have and not (file.validator or file.md5)):
                progress.add(-have)
                partial.unlink()

            def attempt() -> None:
                self._append(path, file, partial, progress)
                if _size_of(partial) < file.size_bytes:
                    raise _Transient("the response was cut short")

            self._with_retries(file.name, attempt, progress.pause, lambda: _size_of(partial))

    def _append(self, path: str, file: RemoteFile, partial: Path, progress: Progress) -> None:
        have = _size_of(partial)
        ranges = {"Range": f"bytes={have}-"} if have else {}
        with self._answer("GET", path, ranges) as response:
            self._require_same(response, file)
            if have and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                progress.add(-have)  # the server sends the whole file
                partial.unlink()
                have = 0
            with partial.open("ab", buffering=0) as target:
                for chunk in response.iter_raw():
                    have += len(chunk)
                    if have > file.size_bytes:
                        raise _Differs("it has become longer")
                    target.write(chunk)
                    progress.add(len(chunk))

    @contextmanager
    def _answer(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        with self._client.stream(method, f"{self.base}/{path}", headers=headers) as response:
            if response.status_code in _TRANSIENT:
                raise _Transient(f"HTTP status {response.status_code}")
            if response.is_error and response.status_code not in _MISSING:
                problem = f"Could not fetch {self._described(path)}: HTTP status {response.status_code}."
                raise NetworkError(problem, remedy=CHECK_MIRROR)
            yield response

    def _require_same(self, response: httpx.Response, file: RemoteFile) -> None:
        if response.status_code in _MISSING:
            raise SourceChanged(file.name, "it has been removed")
        if file.validator and _validator(response.headers) != file.validator:
            raise _Differs("its content has changed")
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if (total or response.headers.get("Content-Length", "")) not in (str(file.size_bytes), "", "*"):
            raise _Differs("its size has changed")

    def _with_retries(
        self,
        path: str,
        attempt: Callable[[], _Result],
        pause: Callable[[float], None],
        gained: Callable[[], int] = lambda: 0,
    ) -> _Result:
        """Retry until an attempt succeeds, or too many in a row fail without ``gained`` growing."""
        failures = 0
        while True:
            before = gained()
            try:
                return attempt()
            except (_Transient, httpx.TransportError) as error:
                failures = 1 if gained() > before else failures + 1
                if failures == FAILURES:
                    if isinstance(error, _Differs):
                        raise SourceChanged(path, str(error)) from error
                    problem = f"Could not fetch {self._described(path)}: {str(error) or type(error).__name__}."
                    remedy = "Try again later (files already downloaded are kept), or use another mirror."
                    raise NetworkError(problem, remedy=remedy) from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise NetworkError(f"Could not fetch {self._described(path)}: {error}.", remedy=CHECK_MIRROR) from error
            pause(min(self._retry_s * 2 ** (failures - 1), LONGEST_PAUSE_S))

    def _described(self, path: str) -> str:
        return f"{path} from {self.base}"


def _validator(headers: httpx.Headers) -> str:
    return headers.get("ETag") or headers.get("Last-Modified") or ""


def _md5(headers: httpx.Headers) -> str:
    """Return the checksum in an object store's ``ETag``; empty if the object was uploaded in parts or is encrypted."""
    encrypted = headers.get("x-amz-server-side-encryption", "AES256") != "AES256"
    customer = "x-amz-server-side-encryption-customer-algorithm" in headers
    match = _MD5.fullmatch(headers.get("ETag", ""))
    return match[1] if match and not encrypted and not customer else ""


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
