"""Callers, what they may do, and the sessions of their browsers."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum

from shardblast.core.errors import NotAllowedError, UnauthorizedError
from shardblast.store.credentials import Session, SessionStore


class Scope(StrEnum):
    """What a caller may do."""

    READ = "read"
    SEARCH = "search"
    ADMIN = "admin"


class Means(StrEnum):
    """How a caller is known."""

    NOTHING = "nothing"
    """Nobody has to sign in."""
    TOKEN = "token"
    """An API token of this service."""
    ISSUER = "issuer"
    """A token of the OpenID Connect issuer."""
    SESSION = "session"
    """A browser that signed in."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks."""

    owner: str
    """Whose searches they make and see."""
    scopes: frozenset[Scope]
    by: Means
    name: str
    """For people to read."""

    @property
    def sees(self) -> str | None:
        """Whose searches are seen; None: everybody's."""
        return None if Scope.ADMIN in self.scopes else self.owner

    def check(self, scope: Scope) -> None:
        """Refuse what is not allowed.

        Raises:
            NotAllowedError: The caller lacks the scope.
        """
        if scope in self.scopes or Scope.ADMIN in self.scopes:
            return
        if self.by is Means.TOKEN:
            raise NotAllowedError(f"The token does not allow to {scope}.", remedy="Use one with that scope.")
        raise NotAllowedError(f"{self.name} may not {scope}.", remedy="Ask who runs the service.")


def new_secret() -> str:
    """Return 256 random bits, as letters that need no quoting in addresses and headers."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return a secret's hash: it has 256 random bits, so a plain one will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """Begins and ends sessions; each is known by a secret that its browser alone has."""

    def __init__(self, store: SessionStore, hours: float) -> None:
        self._store = store
        self.seconds = hours * 3600
        """How long a session lasts."""

    def begin(self, caller: Caller, token: str | None = None) -> str:
        """Begin a session; return its secret, which is always a new one.

        Args:
            caller: Whose session it is.
            token: Hash of the API token that it rests on; None for a sign-in at the issuer.
        """
        secret, now = new_secret(), time.time()
        scopes = tuple(sorted(caller.scopes))
        self._store.add(Session(hashed(secret), caller.owner, caller.name, scopes, now, now + self.seconds, token))
        return secret

    def find(self, secret: str) -> Session:
        """Return a session that is not over.

        Raises:
            UnauthorizedError: There is none, or no longer.
        """
        found = self._store.find(hashed(secret))
        if found is None or found.expires <= time.time():
            raise UnauthorizedError("The session is over.", remedy="Sign in again.")
        return found

    def caller(self, secret: str) -> Caller:
        """Return whose session it is.

        Raises:
            UnauthorizedError: There is none, or no longer.
        """
        found = self.find(secret)
        return Caller(found.owner, frozenset(Scope(scope) for scope in found.scopes), Means.SESSION, found.name)

    def end(self, secret: str) -> None:
        """End a session."""
        self._store.remove(hashed(secret))

    def expire(self) -> int:
        """Forget the sessions that are over; return how many."""
        return self._store.remove_expired(time.time())
