"""Signing in with OpenID Connect: the authorization code flow with PKCE for browsers, signed tokens for programs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from shardblast.core.errors import InputError, NetworkError, UnauthorizedError
from shardblast.service.callers import Caller, Means, Scope
from shardblast.service.issuer import Claims, Issuer
from shardblast.service.secret import new_secret
from shardblast.service.sessions import Sessions
from shardblast.service.settings import Settings

CALLBACK = "/auth/callback"
ATTEMPT_S = 600
"""A browser has to be back from the issuer within this time."""
LONGEST_OWNER = 200
LONGEST_PATH = 1000
NAMES = ("name", "preferred_username", "email", "sub")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that a browser has begun; nothing of it is kept here, the browser holds it in a cookie.

    State, nonce and verifier are made of one secret, so that the one that others see (state) tells nothing of the
    other two.
    """

    secret: str
    next: str
    """Where the browser is sent in the end: a path of ours."""

    @classmethod
    def parse(cls, cookie: str) -> Attempt:
        """Return the attempt that a browser remembers.

        Raises:
            InputError: It would lead to another site.
        """
        secret, _, path = cookie.partition(".")
        return cls(secret, checked_path(unquote(path)))

    def __str__(self) -> str:
        return f"{self.secret}.{quote(self.next)}"

    @property
    def state(self) -> str:
        """Ties the issuer's answer to the browser that asked."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Ties the issuer's token to this attempt."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Shows that whoever brings the code began the attempt (PKCE)."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """What the issuer is told of the verifier."""
        return _letters(hashlib.sha256(self.verifier.encode()).digest())

    def _derived(self, purpose: str) -> str:
        return _letters(hmac.digest(self.secret.encode(), purpose.encode(), "sha256"))


class SignIn:
    """Makes callers of the issuer's tokens, and sessions of the browsers that it sends back."""

    def __init__(self, settings: Settings, issuer: Issuer, sessions: Sessions, address: str) -> None:
        """Wire it; nothing is asked of the issuer yet.

        Args:
            settings: What was agreed with the issuer.
            issuer: Signs the tokens.
            sessions: Of the browsers that signed in.
            address: Where browsers find this service.
        """
        self._settings = settings
        self._issuer = issuer
        self._sessions = sessions
        self._redirect = address + CALLBACK

    def connect(self) -> None:
        """Read what the issuer publishes; if that fails it is tried again when somebody signs in."""
        try:
            self._issuer.published()
        except NetworkError:
            logger.error("nobody can sign in at %s until it can be reached", self._settings.oidc_issuer)

    def begin(self, path: str) -> tuple[Attempt, str]:
        """Return a new attempt, and the issuer's address where it goes on.

        Raises:
            InputError: The path is none of ours.
            NetworkError: The issuer can't be reached.
        """
        attempt = Attempt(new_secret(), checked_path(path))
        wanted = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect,
            "scope": self._settings.oidc_scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        address = httpx.URL(self._issuer.published().authorization).copy_merge_params(wanted)
        return attempt, str(address)

    def finish(self, attempt: Attempt | None, answer: Mapping[str, str]) -> str:
        """Return the secret of a new session for a browser that came back.

        Args:
            attempt: What the browser remembers; None: nothing.
            answer: The parameters that the issuer gave it.

        Raises:
            UnauthorizedError: This browser did not begin it, or the issuer does not vouch for anybody.
            NetworkError: The issuer can't be reached.
        """
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise UnauthorizedError("This sign-in was not begun in this browser, or too long ago.", remedy="Try again.")
        self._check_sender(answer.get("iss"))
        if "code" not in answer:
            logger.info("a sign-in was refused by the issuer: %.100r", answer.get("error"))
            raise UnauthorizedError("The issuer did not sign you in.", remedy="Try again, or ask who runs it.")
        tokens = self._issuer.redeem(answer["code"], attempt.verifier, self._redirect)
        return self._sessions.begin(self._caller(self._identified(tokens, attempt), Means.SESSION))

    def caller_of_token(self, token: str) -> Caller:
        """Return whom a token of the issuer's is about.

        Raises:
            UnauthorizedError: It is not valid here.
            NetworkError: The issuer can't be reached.
        """
        audience = self._settings.oidc_audience or self._settings.oidc_client_id
        return self._caller(self._issuer.claims(token, audience), Means.ISSUER)

    def _check_sender(self, told: str | None) -> None:
        """Refuse the answer of another issuer than the one that was asked (RFC 9207)."""
        published = self._issuer.published()
        if told != published.issuer and (told is not None or published.names_itself):
            raise UnauthorizedError("Another issuer answered.", remedy="Try again.")

    def _identified(self, tokens: Mapping[str, Any], attempt: Attempt) -> Claims:
        """Return what the issuer says of whom it signed in: in the token, and when it is asked."""
        client = self._settings.oidc_client_id
        claims = self._issuer.claims(str(tokens.get("id_token")), client)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client) != client or claims.get("nonce") != attempt.nonce:
            raise UnauthorizedError("The issuer's token is for another sign-in.", remedy="Try again.")
        more = self._issuer.userinfo(str(tokens.get("access_token")))
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims

    def _caller(self, claims: Claims, by: Means) -> Caller:
        """Return whom claims are about; their ``sub`` means somebody at this issuer alone."""
        issuer = self._settings.oidc_issuer.partition("://")[2].rstrip("/")
        owner = f"oidc:{claims['sub']}@{issuer}"
        if len(owner) > LONGEST_OWNER or not owner.isprintable():
            raise UnauthorizedError("The issuer's name for you is too long.", remedy="Ask who runs the service.")
        told = next(one for one in map(claims.get, NAMES) if one and isinstance(one, str))
        name = "".join(letter for letter in told[:LONGEST_OWNER] if letter.isprintable())
        scopes = {Scope.READ, Scope.SEARCH} | ({Scope.ADMIN} if self._is_admin(claims) else set())
        return Caller(owner, frozenset(scopes), by, name)

    def _is_admin(self, claims: Claims) -> bool:
        if self._settings.admin_claim is None:
            return False
        name, value = self._settings.admin_claim
        found = claims.get(name)
        if found is None:  # such as Keycloak's realm_access.roles
            found = claims
            for part in name.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
        return value in found if isinstance(found, list) else found == value


def checked_path(path: str) -> str:
    """Return a path of this service.

    Raises:
        InputError: A browser would, or might, take it for another site's.
    """
    parts = None
    with suppress(ValueError):  # "//["
        parts = urlsplit(path) if path.isprintable() and path.isascii() else None
    is_ours = parts is not None and not parts.scheme and not parts.netloc and path[:1] == "/" and path[:2] != "//"
    if not is_ours or "\\" in path or len(path) > LONGEST_PATH:
        raise InputError("'next' is no path of this service.", remedy="Begin it with one '/'.")
    return path


def _letters(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
