"""Every setting of the service, with its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a user may ask for."""

    upload_bytes: int = 1 << 30
    """Of a request's body, packed or not, and of the queries when unpacked."""
    queries: int = 1_000_000
    letters: int = 1_000_000_000
    """Over all queries of a search."""
    kept_bytes: int = 1 << 30
    """Of the sequences that a search has hit; with more, its result is printed only while its database is there."""
    running: int = 2
    """Searches that run at once."""
    running_of_owner: int = 1
    """Searches of one owner that run at once."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``shardblast serve`` is told, by options or by environment variables."""

    home: Path
    """Folder for all that the service keeps (``--home``, ``SHARDBLAST_HOME``)."""
    host: str = "127.0.0.1"
    port: int = 8642
    database_url: str = ""
    """``SHARDBLAST_DATABASE_URL``; default: SQLite in the home folder."""
    storage_url: str = ""
    """``SHARDBLAST_STORAGE``; default: files in the home folder."""
    retention_days: float = 30.0
    """Searches are deleted so long after their end; 0 keeps them."""
    limits: Limits = field(default_factory=Limits)

    @property
    def database(self) -> str:
        """The SQL database's address."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'shardblast.sqlite'}"

    @property
    def storage(self) -> str:
        """The object store's address."""
        return self.storage_url or (self.home.absolute() / "storage").as_uri()
