"""Sessions of browsers, under the hashes of their secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from shardblast.store.connection import Database
from shardblast.store.tables import sessions


@dataclass(frozen=True, slots=True)
class Session:
    """What is kept of a session."""

    hash: str
    owner: str
    name: str
    scopes: tuple[str, ...]
    created: float
    expires: float
    token: str | None = None
    """Hash of the API token that the session rests on; None if the issuer signed its owner in."""


class SessionStore:
    """Reads and changes sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session) -> None:
        """Keep a session."""
        with self._database.writing() as connection:
            connection.execute(insert(sessions).values({**asdict(session), "scopes": list(session.scopes)}))

    def find(self, hashed: str) -> Session | None:
        """Return the session with this hash."""
        with self._database.reading() as connection:
            row = connection.execute(select(sessions).where(sessions.c.hash == hashed)).one_or_none()
        return None if row is None else Session(**{**row._mapping, "scopes": tuple(row.scopes)})

    def remove(self, hashed: str) -> None:
        """Remove a session, if it is there."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == hashed))

    def remove_expired(self, at: float) -> int:
        """Remove the sessions that are void at a time; return how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(sessions).where(sessions.c.expires <= at)).rowcount
