"""Where the service keeps files on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from shardblast.core.errors import ConflictError, DiskFull
from shardblast.core.search import SearchId

LEAST_FREE_BYTES = 256 << 20
RESERVE_BYTES = 8 << 20

CLAIMED_WITHIN_S = 2.0
"""A command that looks whether the home is claimed locks it for a moment."""


@dataclass(frozen=True, slots=True)
class Claim:
    """How commands of the same user reach the service that a home belongs to."""

    address: str
    """For this machine: ``http://127.0.0.1:8642``."""
    token: str
    """Allows everything as long as the service runs."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders below the home."""

    home: Path

    def claim(self, claim: Claim) -> None:
        """Keep the home for this process as long as it lives, and tell commands how to reach it.

        Raises:
            ConflictError: Another service uses it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + CLAIMED_WITHIN_S
        while (lock := _lock(self._claim, fcntl.LOCK_EX)) is None:
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"Another service uses the folder {str(self.home)!r}.",
                    remedy="Stop it, or give this one its own --home.",
                )
            time.sleep(0.05)
        told = json.dumps(asdict(claim)).encode()
        os.pwrite(lock, told, 0)
        os.ftruncate(lock, len(told))

    def claimed(self) -> Claim | None:
        """Return how to reach the service that the home belongs to; None if none runs.

        Raises:
            ConflictError: It is another user's.
        """
        try:
            lock = _lock(self._claim, fcntl.LOCK_SH) if self._claim.exists() else -1
            if lock is None:
                return Claim(**json.loads(self._claim.read_text()))
        except PermissionError as error:
            raise ConflictError(
                f"The folder {str(self.home)!r} is another user's.", remedy="Run the command as that user."
            ) from error
        except ValueError as error:
            raise ConflictError("The service is about to start.", remedy="Try again.") from error
        if lock >= 0:
            os.close(lock)
        return None

    @property
    def _claim(self) -> Path:
        return self.home / "serve.lock"

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
        lock = _lock(folder.with_name(f"{database}.lock"), fcntl.LOCK_EX)
        if lock is None:
            raise ConflictError(
                f"The database {database!r} is being added or updated by another process.", remedy="Wait for its end."
            )
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


def _lock(path: Path, kind: int) -> int | None:
    """Return a descriptor that holds a lock on a file until it is closed; None if another process holds one."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
