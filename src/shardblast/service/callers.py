"""Callers: what they may see and do (their scopes), and the sessions of their browsers."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shardblast.core.errors import NotAllowedError, UnauthorizedError
from shardblast.core.search import Document
from shardblast.store.credentials import Session, SessionStore


class Scope(StrEnum):
    """What a caller may do."""

    READ = "read"
    SEARCH = "search"
    ADMIN = "admin"


class Means(StrEnum):
    """How a caller was identified."""

    NOTHING = "nothing"
    """The service requires no sign-in."""
    TOKEN = "token"
    """An API token of this service."""
    ISSUER = "issuer"
    """A token of the OpenID Connect issuer."""
    SESSION = "session"
    """The session of a browser that signed in."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a request."""

    owner: str
    scopes: frozenset[Scope]
    by: Means
    name: str

    @property
    def sees(self) -> str | None:
        """Owner of the searches that the caller sees; None: all owners."""
        return None if Scope.ADMIN in self.scopes else self.owner

    def may_see(self, owner: str) -> bool:
        """Return whether the caller may see what belongs to an owner, and who that is."""
        return self.sees in (None, owner)

    def shown(self, document: Mapping[str, Any]) -> Document:
        """Return the document of a task, without an owner whom the caller may not see."""
        return {**document} if self.may_see(document["owner"]) else {**document, "owner": None}

    def check(self, scope: Scope) -> None:
        """Raise NotAllowedError if the caller lacks a scope."""
        if scope in self.scopes or Scope.ADMIN in self.scopes:
            return
        if self.by is Means.TOKEN:
            raise NotAllowedError(f"This token lacks the scope '{scope}'.", remedy="Use a token with that scope.")
        problem = f"{self.name} lacks the scope '{scope}'."
        raise NotAllowedError(problem, remedy="Ask the administrator of the service for it.")


def new_secret() -> str:
    """Return 256 random bits as text that needs no quoting in URLs and headers."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return a secret's hash. A plain hash suffices, because the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """Creates and ends sessions. Only the browser holds the secret that identifies its session."""

    def __init__(self, store: SessionStore, hours: float) -> None:
        self._store = store
        self.seconds = hours * 3600

    def begin(self, caller: Caller, token: str | None = None) -> str:
        """Create a session by an API token, given its hash, or (None) the issuer's sign-in; return its new secret."""
        secret, now = new_secret(), time.time()
        scopes = tuple(sorted(caller.scopes))
        self._store.add(Session(hashed(secret), caller.owner, caller.name, scopes, now, now + self.seconds, token))
        return secret

    def find(self, secret: str) -> Session:
        """Return a session. Raises UnauthorizedError if it does not exist or has expired."""
        session = self._store.find(hashed(secret))
        if session is None or session.expires <= time.time():
            raise UnauthorizedError("The session has expired.", remedy="Sign in again.")
        return session

    def caller(self, secret: str) -> Caller:
        """Return the user of a session; the errors are those of ``find``."""
        session = self.find(secret)
        return Caller(session.owner, frozenset(Scope(scope) for scope in session.scopes), Means.SESSION, session.name)

    def end(self, secret: str) -> None:
        self._store.remove(hashed(secret))

    def expire(self) -> int:
        """Delete expired sessions; return their number."""
        return self._store.remove_expired(time.time())
