"""Somebody who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shardblast.core.errors import NotAllowedError


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
