"""Tokens, kept as hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from shardblast.core.errors import NotFoundError
from shardblast.store.connection import Database
from shardblast.store.tables import tokens


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

    def __init__(self, database: Database) -> None:
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


def _token(row: Row[Any]) -> Token:
    return Token(**{**row._mapping, "scopes": tuple(row.scopes)})
