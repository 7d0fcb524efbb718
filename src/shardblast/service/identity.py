"""Who asks, and what they may do: nobody in particular on a loopback address, else holders of tokens."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shardblast.core.errors import ConflictError, NotAllowedError, UnauthorizedError
from shardblast.store.tokens import Token, TokenStore

PREFIX = "sb_"
ANYBODY = "anybody"


class Mode(StrEnum):
    """How callers are known."""

    NONE = "none"
    """Everybody is the same one user: only on a loopback address."""
    TOKEN = "token"


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    SEARCH = "search"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks."""

    owner: str
    scopes: frozenset[Scope]

    @property
    def sees(self) -> str | None:
        """Whose searches are seen; None: everybody's."""
        return None if Scope.ADMIN in self.scopes else self.owner

    def check(self, scope: Scope) -> None:
        """Refuse what is not allowed.

        Raises:
            NotAllowedError: The caller lacks the scope.
        """
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise NotAllowedError(f"The token does not allow to {scope}.", remedy="Use one with that scope.")


class Identity:
    """Tells who a token belongs to."""

    def __init__(self, mode: Mode, tokens: TokenStore) -> None:
        self._mode = mode
        self._tokens = tokens

    @property
    def everybody(self) -> bool:
        """Whether nobody has to sign in."""
        return self._mode is Mode.NONE

    def caller(self, token: str | None) -> Caller:
        """Return who asks.

        Raises:
            UnauthorizedError: The token is missing, unknown, expired or revoked.
        """
        if self._mode is Mode.NONE:
            return Caller(ANYBODY, frozenset(Scope))
        found = self._tokens.find(_hash(token)) if token else None
        if found is None or found.revoked is not None or (found.expires is not None and found.expires < time.time()):
            raise UnauthorizedError("No valid token was sent.", remedy="Send 'Authorization: Bearer TOKEN'.")
        return Caller(found.owner, frozenset(Scope(scope) for scope in found.scopes))


def create_token(store: TokenStore, name: str, owner: str, scopes: Sequence[Scope], days: float | None) -> str:
    """Make a token; it is told once and kept as a hash.

    Args:
        store: Keeps it.
        name: What it is for.
        owner: Whose searches it makes and sees.
        scopes: What it allows.
        days: After which it is void; None: never.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    now = time.time()
    expires = None if days is None else now + days * 86400
    token = Token(secrets.token_hex(8), name, owner, _hash(secret), tuple(scopes), now, expires, None)
    store.add(token)
    return secret


def check_mode(mode: Mode, host: str) -> None:
    """Refuse to let everybody in from outside this machine.

    Raises:
        ConflictError: The address is no loopback address.
    """
    if mode is Mode.NONE and not is_loopback(host):
        raise ConflictError(
            f"Without sign-in the service would be open to everybody who reaches {host}.",
            remedy="Use --auth token, or --host 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _hash(secret: str) -> str:
    """Return a token's hash: it has 256 random bits, so a plain one will do."""
    return hashlib.sha256(secret.encode()).hexdigest()
