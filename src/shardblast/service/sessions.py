"""Sessions of browsers that signed in."""

from __future__ import annotations

import time

from shardblast.core.errors import UnauthorizedError
from shardblast.service.callers import Caller, Means, Scope
from shardblast.service.secret import hashed, new_secret
from shardblast.store.sessions import Session, SessionStore


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
