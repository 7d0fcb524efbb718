"""Where the service keeps files on this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shardblast.core.errors import ConflictError, DiskFull
from shardblast.core.search import SearchId

LEAST_FREE_BYTES = 256 << 20
RESERVE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders below the home."""

    home: Path

    def claim(self) -> None:
        """Keep the home for this process as long as it lives.

        Raises:
            ConflictError: Another service uses it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        problem = f"Another service uses the folder {str(self.home)!r}."
        _locked(self.home / "serve.lock", problem, "Stop it, or give this one its own --home.")

    def work(self, search_id: SearchId) -> Path:
        """Return a search's own folder: its queries, its pieces while they are needed, its merged batches."""
        folder = self.home / "searches" / search_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def free_bytes(self) -> int:
        """What is free on the disk."""
        return shutil.disk_usage(self.home).free

    def check_space(self) -> None:
        """Refuse to begin what a nearly full disk would end.

        Raises:
            DiskFull: Less is free than a search may need.
        """
        if self.free_bytes < LEAST_FREE_BYTES:
            raise DiskFull(f"Only {self.free_bytes / 2**20:,.0f} MiB are free in the home folder.")
        self.take_reserve()

    def take_reserve(self) -> None:
        """Keep some space aside, so that on a full disk the failure of a search can still be noted."""
        if not self._reserve.exists():
            with suppress(OSError), self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def give_reserve(self) -> None:
        """Give that space back, until there is enough again."""
        self._reserve.unlink(missing_ok=True)

    @property
    def _reserve(self) -> Path:
        return self.home / "reserve"

    @property
    def incoming(self) -> Path:
        """Uploads that are not yet a search."""
        folder = self.home / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def scratch(self) -> Path:
        """Files of a request that lives as long as the request."""
        folder = self.home / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def adding(self, database: str) -> Iterator[Path]:
        """Have the folder in which a database is brought before it is stored, and nobody else.

        Raises:
            ConflictError: Another process brings this database.
        """
        folder = self.home / "adding" / database
        folder.mkdir(parents=True, exist_ok=True)
        problem = f"The database {database!r} is being added or updated by another process."
        lock = _locked(folder.with_name(f"{database}.lock"), problem, "Wait for its end.")
        try:
            yield folder
        finally:
            os.close(lock)

    @property
    def staged(self) -> Path:
        """Copies of databases that lie in the storage."""
        return self.home / "staged"

    @property
    def taxonomy(self) -> Path:
        """Names of taxids for all databases, if an operator puts them there."""
        return self.home / "taxonomy"

    @property
    def databases(self) -> Path:
        """Aliases of the catalogue."""
        return self.home / "databases"


def _locked(path: Path, problem: str, remedy: str) -> int:
    """Return a descriptor that holds a lock on a file until it is closed.

    Raises:
        ConflictError: Another process holds it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise ConflictError(problem, remedy=remedy) from error
    return file
