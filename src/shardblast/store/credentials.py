"""Tokens, sessions and share links, kept as hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from shardblast.core.errors import NotFoundError
from shardblast.core.search import SearchId
from shardblast.store.connection import SqlDatabase
from shardblast.store.events import tell_peers
from shardblast.store.tables import searches, sessions, shares, tokens


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token."""

    id: str
    name: str
    owner: str
    hash: str
    scopes: tuple[str, ...]
    created: float
    expires: float | None
    revoked: float | None


class TokenStore:
    """Reads and changes tokens."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, token: Token) -> None:
        """Keep a token."""
        with self._database.writing() as connection:
            connection.execute(insert(tokens).values({**asdict(token), "scopes": list(token.scopes)}))

    def find(self, hashed: str) -> Token | None:
        """Return the token with this hash."""
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(tokens.c.hash == hashed)).one_or_none()
        return None if row is None else _token(row)

    def all(self) -> Sequence[Token]:
        """Return all tokens, oldest first."""
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created))]

    def revoke(self, token_id: str, at: float) -> None:
        """Make a token void.

        Raises:
            NotFoundError: There is no such token.
        """
        with self._database.writing() as connection:
            changed = connection.execute(update(tokens).where(tokens.c.id == token_id).values(revoked=at))
            if not changed.rowcount:
                raise NotFoundError("There is no such token.", remedy="List them: shardblast token list.")


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

    def __init__(self, database: SqlDatabase) -> None:
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


@dataclass(frozen=True, slots=True)
class Share:
    """What is kept of a share link."""

    id: str
    search_id: SearchId
    hash: str
    created: float


class ShareStore:
    """Reads and changes share links."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, share: Share) -> None:
        """Keep a share link.

        Raises:
            NotFoundError: The search has been deleted meanwhile.
        """
        search = select(searches.c.id).where(searches.c.id == share.search_id)
        with self._database.writing() as connection:
            if connection.scalar(search.with_for_update()) is None:
                raise NotFoundError("There is no such search.", remedy="It may have been deleted; list the searches.")
            connection.execute(insert(shares).values(asdict(share)))

    def find(self, hashed: str) -> Share | None:
        """Return the share link with this hash."""
        with self._database.reading() as connection:
            row = connection.execute(select(shares).where(shares.c.hash == hashed)).one_or_none()
        return None if row is None else Share(**row._mapping)

    def of_search(self, search_id: SearchId) -> Sequence[Share]:
        """Return the share links of a search, oldest first."""
        query = select(shares).where(shares.c.search_id == search_id).order_by(shares.c.created, shares.c.id)
        with self._database.reading() as connection:
            return [Share(**row._mapping) for row in connection.execute(query)]

    def remove(self, search_id: SearchId, share_id: str) -> None:
        """Remove a share link of a search, and have the other servers look again at the search.

        Raises:
            NotFoundError: The search has no such link.
        """
        this = (shares.c.search_id == search_id, shares.c.id == share_id)
        with self._database.writing() as connection:
            if not connection.execute(delete(shares).where(*this)).rowcount:
                raise NotFoundError("There is no such share link.", remedy="List those of the search.")
            tell_peers(connection, self._database.server, search_id)


def _token(row: Row[Any]) -> Token:
    return Token(**{**row._mapping, "scopes": tuple(row.scopes)})
