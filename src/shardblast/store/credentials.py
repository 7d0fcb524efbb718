"""Tokens, sessions and share links, stored as hashes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, Table, delete, insert, select, update

from shardblast.core.errors import NotFoundError
from shardblast.core.search import SearchId
from shardblast.store.connection import SqlDatabase
from shardblast.store.events import notify_peers
from shardblast.store.tables import searches, sessions, shares, tokens

Credential = TypeVar("Credential", bound="Token | Session | Share")


class CredentialStore(Generic[Credential]):
    table: Table
    credential: type[Credential]

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, credential: Credential) -> None:
        self._database.execute(insert(self.table).values(asdict(credential)))

    def find(self, hashed: str) -> Credential | None:
        return next(iter(self._all(select(self.table).where(self.table.c.hash == hashed))), None)

    def _all(self, query: Select[Any]) -> Sequence[Credential]:
        return self._database.records(self.credential, query)


@dataclass(frozen=True, slots=True)
class Token:
    id: str
    name: str
    owner: str
    hash: str
    scopes: tuple[str, ...]
    created: float
    expires: float | None
    revoked: float | None


class TokenStore(CredentialStore[Token]):
    table, credential = tokens, Token

    def all(self) -> Sequence[Token]:
        """Return all tokens, oldest first."""
        return self._all(select(tokens).order_by(tokens.c.created))

    def revoke(self, token_id: str, at: float) -> None:
        if not self._database.execute(update(tokens).where(tokens.c.id == token_id).values(revoked=at)):
            raise NotFoundError("There is no such token.", remedy="List the tokens with 'shardblast token list'.")


@dataclass(frozen=True, slots=True)
class Session:
    hash: str
    owner: str
    name: str
    scopes: tuple[str, ...]
    created: float
    expires: float
    token: str | None = None
    """Hash of the API token that the session is based on; None if an identity provider signed the user in."""


class SessionStore(CredentialStore[Session]):
    table, credential = sessions, Session

    def remove(self, hashed: str) -> None:
        self._database.execute(delete(sessions).where(sessions.c.hash == hashed))

    def remove_expired(self, at: float) -> int:
        """Remove the sessions that have expired by a time; return their number."""
        return self._database.execute(delete(sessions).where(sessions.c.expires <= at))


@dataclass(frozen=True, slots=True)
class Share:
    id: str
    search_id: SearchId
    hash: str
    created: float


class ShareStore(CredentialStore[Share]):
    table, credential = shares, Share

    def add(self, credential: Share) -> None:
        """Add a share link. Raises NotFoundError if the search was deleted meanwhile."""
        search = select(searches.c.id).where(searches.c.id == credential.search_id)
        with self._database.writing() as connection:
            if connection.scalar(search.with_for_update()) is None:
                raise NotFoundError("There is no such search.", remedy="It may have been deleted; list the searches.")
            connection.execute(insert(shares).values(asdict(credential)))

    def of_search(self, search_id: SearchId) -> Sequence[Share]:
        """Return the share links of a search, oldest first."""
        query = select(shares).where(shares.c.search_id == search_id).order_by(shares.c.created, shares.c.id)
        return self._all(query)

    def remove(self, search_id: SearchId, share_id: str) -> None:
        """Remove a share link of a search, and notify the other servers."""
        link = delete(shares).where(shares.c.search_id == search_id, shares.c.id == share_id)
        with self._database.writing() as connection:
            if not connection.execute(link).rowcount:
                raise NotFoundError("There is no such share link.", remedy="List the share links of the search.")
            notify_peers(connection, self._database.server, search_id)
