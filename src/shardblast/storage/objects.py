"""Objects under a prefix: put, read in ranges, list, delete; the same for a folder and for a cloud's bucket."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from shardblast.core.errors import DiskFull, NotFoundError, StorageError

READ_BYTES = 1 << 20
NO_SPACE = os.strerror(errno.ENOSPC)


class Objects:
    """A store of objects. Keys are relative, with slashes; an object appears whole or not at all."""

    def __init__(self, url: str, stored: Callable[[int], None] = lambda size_bytes: None) -> None:
        """Open a store; a folder is made if it is missing.

        Args:
            url: ``file:///PATH``, ``s3://BUCKET/PREFIX``, ``gs://…`` or ``az://…``; credentials come from where the
                cloud's own tools look for them.
            stored: Is told the size of each object that was written.

        Raises:
            StorageError: The address is none that we know.
        """
        self._stored = stored
        with _translated(url):
            local: dict[str, Any] = {"mkdir": True, "automatic_cleanup": True} if url.startswith("file:") else {}
            self._store = from_url(url, **local)

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object; large ones go in parts, so that memory stays small."""
        with _translated(key):
            obstore.put(self._store, key, content)
            self._stored(len(content) if isinstance(content, bytes) else content.stat().st_size)

    def read(self, key: str) -> bytes:
        """Return a whole object; only for small ones.

        Raises:
            NotFoundError: There is none.
        """
        with _translated(key):
            return bytes(obstore.get(self._store, key).bytes())

    def fetch(self, key: str, path: Path) -> None:
        """Write an object to a file, which gets its name when it is whole.

        Raises:
            NotFoundError: There is none.
        """
        partial = path.with_name(path.name + ".partial")
        with _translated(key), partial.open("wb") as file:
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=READ_BYTES):
                file.write(chunk)
        partial.replace(path)

    def exists(self, key: str) -> bool:
        """Tell whether there is such an object."""
        try:
            with _translated(key):
                obstore.head(self._store, key)
        except NotFoundError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix."""
        with _translated(prefix):
            for page in obstore.list(self._store, prefix):
                yield from (meta["path"] for meta in page)

    def delete(self, prefix: str) -> None:
        """Remove every object below a prefix; none is no error."""
        keys = list(self.keys(prefix))
        with _translated(prefix):
            if keys:
                obstore.delete(self._store, keys)

    def check(self) -> None:
        """Write and read a small object, the same one each time: of two checks at once none removes the other's.

        Raises:
            StorageError: That does not work.
        """
        self.put("health/probe", b"ok")
        self.read("health/probe")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no {what} in the storage.", remedy="It may have been deleted.") from error
    except (BaseError, OSError, ValueError) as error:
        if NO_SPACE in str(error):
            raise DiskFull from error
        raise StorageError(
            f"The storage fails for {what}: {error}.", remedy="Check SHARDBLAST_STORAGE, its credentials and its space."
        ) from error
