"""The folders in which the service keeps files on this machine."""

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
from shardblast.engine.workspace import locked

LEAST_FREE_BYTES = 256 << 20
RESERVE_BYTES = 8 << 20

CLAIMED_WITHIN_S = 2.0
"""Time to retry a claim, because a command that checks for one locks the home briefly."""


@dataclass(frozen=True, slots=True)
class Claim:
    """How commands of the same user reach the service that uses a home."""

    address: str
    """Address on this machine: ``http://127.0.0.1:8642``."""
    token: str
    """Token with all scopes, valid while the service runs."""


@dataclass(frozen=True, slots=True)
class Folders:
    home: Path

    def claim(self, claim: Claim) -> None:
        """Reserve the home for this process and publish how commands reach it. Raises ConflictError if it is in use."""
        self.home.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + CLAIMED_WITHIN_S
        while (lock := locked(self._claim)) is None:
            if time.monotonic() > deadline:
                problem = f"Another service uses the folder {str(self.home)!r}."
                raise ConflictError(problem, remedy="Stop it, or give this one its own --home.")
            time.sleep(0.05)
        document = json.dumps(asdict(claim)).encode()
        os.pwrite(lock, document, 0)
        os.ftruncate(lock, len(document))

    def claimed(self) -> Claim | None:
        """Return how to reach the service of the home, or None. Raises ConflictError if it is another user's."""
        try:
            lock = locked(self._claim, fcntl.LOCK_SH) if self._claim.exists() else -1
            if lock is None:
                return Claim(**json.loads(self._claim.read_text()))
        except PermissionError as error:
            problem = f"The folder {str(self.home)!r} belongs to another user."
            raise ConflictError(problem, remedy="Run the command as that user.") from error
        except ValueError as error:
            raise ConflictError("The service is starting.", remedy="Try again.") from error
        if lock >= 0:
            os.close(lock)
        return None

    @property
    def _claim(self) -> Path:
        return self.home / "serve.lock"

    def work(self, search_id: SearchId) -> Path:
        """Return the folder of a search: its queries, the pieces of a running search, and its merged batches."""
        return _made(self.home / "searches" / search_id)

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.home).free

    def check_space(self) -> None:
        """Raise DiskFull if less than LEAST_FREE_BYTES is free."""
        if self.free_bytes < LEAST_FREE_BYTES:
            raise DiskFull(f"Only {self.free_bytes / 2**20:,.0f} MiB are free on the disk of the home folder.")
        self.take_reserve()

    def take_reserve(self) -> None:
        """Reserve some space, so that the failure of a search can be recorded on a full disk."""
        if not self._reserve.exists():
            with suppress(OSError), self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def give_reserve(self) -> None:
        """Release the reserve until there is enough space again."""
        self._reserve.unlink(missing_ok=True)

    @property
    def _reserve(self) -> Path:
        return self.home / "reserve"

    @property
    def incoming(self) -> Path:
        """Uploads for which no search exists yet."""
        return _made(self.home / "incoming")

    @property
    def scratch(self) -> Path:
        """Files that live as long as a request."""
        return _made(self.home / "scratch")

    @contextmanager
    def adding(self, database: str) -> Iterator[Path]:
        """Hold exclusively, within the context, the folder in which a database is prepared before it is stored."""
        folder = self.home / "adding" / database
        path = _made(folder.parent) / f".{database}"  # no database has such a name
        lock = locked(path)
        if lock is None:
            problem = f"The database {database!r} is being added or updated by another process."
            raise ConflictError(problem, remedy="Wait until that has ended.")
        try:
            yield _made(folder)
        finally:
            with suppress(OSError):
                folder.rmdir()  # fails if it holds files to resume with
            path.unlink()
            os.close(lock)

    @property
    def staged(self) -> Path:
        """Copies of databases from the storage."""
        return self.home / "staged"

    @property
    def taxonomy(self) -> Path:
        """Taxonomy files for all databases, if an operator provides them."""
        return self.home / "taxonomy"

    @property
    def databases(self) -> Path:
        """Alias files of the catalogue."""
        return self.home / "databases"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
