"""Where the service keeps files on this machine."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from shardblast.core.errors import ConflictError
from shardblast.core.search import SearchId


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
        file = os.open(self.home / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise ConflictError(
                f"Another service uses the folder {str(self.home)!r}.",
                remedy="Stop it, or give this one its own --home.",
            ) from error

    def work(self, search_id: SearchId) -> Path:
        """Return a search's own folder: its queries, its pieces while they are needed, its merged batches."""
        folder = self.home / "searches" / search_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

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

    @property
    def databases(self) -> Path:
        """Aliases of the catalogue."""
        return self.home / "databases"
