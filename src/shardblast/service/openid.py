"""OpenID Connect: the issuer and its keys, and signing in with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from shardblast.core.errors import InputError, NetworkError, UnauthorizedError
from shardblast.service.callers import Caller, Means, Scope, Sessions, new_secret
from shardblast.service.settings import Settings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Asymmetric ones: what verifies a signature must not be able to make one."""
KINDS = (None, "jwt", "at+jwt", "application/at+jwt")
"""``typ`` of tokens that say who somebody is; an issuer signs others too, such as those that end a session."""
LEEWAY_S = 30
"""How far the issuer's clock and ours may be apart."""
TIMEOUT_S = 5.0
VALID_FOR_S = 3600.0
"""What was published is read again after this long, so that a key that was withdrawn does not stay trusted."""
READ_EVERY_S = 10.0
"""And not more often than this, however many tokens with unknown keys arrive."""
RETRY_EVERY_S = 1.0
"""While nothing could be read yet."""

Claims = Mapping[str, Any]
logger = logging.getLogger(__name__)

CALLBACK = "/auth/callback"
ATTEMPT_S = 600
"""A browser has to be back from the issuer within this time."""
LONGEST_OWNER = 200
LONGEST_PATH = 1000
NAMES = ("name", "preferred_username", "email", "sub")


@dataclass(frozen=True, slots=True)
class Published:
    """What an issuer tells of itself."""

    issuer: str
    authorization: str
    token: str
    userinfo: str | None
    takes_basic: bool
    """Whether the client's secret goes into a header, as is usual, or into the form."""
    names_itself: bool
    """Whether it says who it is when it sends a browser back (RFC 9207)."""
    keys: KeySet


class Issuer:
    """Talks to the issuer; may be used from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        rarely = httpx.Limits(max_keepalive_connections=0)  # a kept connection would be stale when it is used again
        self._http = httpx.Client(timeout=TIMEOUT_S, limits=rarely, headers={"Accept": "application/json"})
        self._lock = threading.Lock()
        self._known: Published | None = None
        self._read = self._tried = -VALID_FOR_S

    def published(self, *, newer_than: Published | None = None) -> Published:
        """Return what the issuer publishes, read again when it is old or when something newer is asked for.

        Raises:
            NetworkError: It could not be read even once.
        """
        known = self._known
        is_old = time.monotonic() - self._read >= VALID_FOR_S
        if known is not None and known is not newer_than and not is_old:
            return known
        if not self._lock.acquire(blocking=known is None):  # somebody reads it, and what is known will do meanwhile
            assert known is not None
            return known
        try:
            if self._known is known:  # nobody else has read it meanwhile
                self._try_to_read()
            if self._known is None:
                raise _unreachable(self._settings.oidc_issuer)
            return self._known
        finally:
            self._lock.release()

    def claims(self, token: str, audience: str) -> Claims:
        """Return what a token says, if the issuer signed it for this audience and it is valid now.

        Raises:
            UnauthorizedError: It is not.
            NetworkError: The issuer's keys are needed and can't be read.
        """
        published = self.published()
        try:
            try:
                return _claims(token, audience, published)
            except (InvalidKeyIdError, BadSignatureError):  # the key may be a new one
                newer = self.published(newer_than=published)
                if newer is published:
                    raise
                return _claims(token, audience, newer)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            logger.info("a token is refused: %s", type(error).__name__)
            raise UnauthorizedError("The issuer's token is not valid here.", remedy="Sign in again.") from error

    def redeem(self, code: str, verifier: str, redirect: str) -> dict[str, Any]:
        """Return the tokens for the code that a browser came back with.

        Raises:
            UnauthorizedError: The issuer does not take the code.
            NetworkError: It can't be reached, or does not take us.
        """
        published, ours = self.published(), self._settings
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        basic = None
        if ours.oidc_client_secret and published.takes_basic:
            basic = (quote(ours.oidc_client_id, safe=""), quote(ours.oidc_client_secret, safe=""))
        else:
            form["client_id"] = ours.oidc_client_id
            if ours.oidc_client_secret:
                form["client_secret"] = ours.oidc_client_secret
        status, told = self._ask("POST", published.token, data=form, auth=basic)
        if status == 400 and told.get("error") == "invalid_grant":
            raise UnauthorizedError("The issuer does not take this sign-in.", remedy="Sign in again.")
        if status != 200:
            logger.error("the issuer refuses this service: %r", told.get("error"))
            raise NetworkError("The issuer refuses this service.", remedy="Check the client's id and secret.")
        return told

    def userinfo(self, access_token: str) -> Claims:
        """Return what the issuer tells of whom it gave an access token; nothing if it does not tell."""
        address = self.published().userinfo
        if address is None:
            return {}
        status, told = self._ask("GET", address, headers={"Authorization": f"Bearer {access_token}"})
        return told if status == 200 else {}

    def _try_to_read(self) -> None:
        """Read what is published, unless that was tried just now; what is known stays when it fails."""
        now = time.monotonic()
        if now - self._tried < (RETRY_EVERY_S if self._known is None else READ_EVERY_S):
            return
        self._tried = now
        try:
            self._known = self._discover()
        except NetworkError as error:
            logger.warning("sign-in: %s %s", error.problem, error.remedy)
            return
        self._read = now

    def _discover(self) -> Published:
        issuer = self._settings.oidc_issuer
        told = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if str(told.get("issuer")).rstrip("/") != issuer.rstrip("/"):
            raise NetworkError(f"{issuer} names itself differently.", remedy="Check --oidc-issuer.")
        try:
            methods = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            userinfo = told.get("userinfo_endpoint")
            return Published(
                issuer=told["issuer"],
                authorization=checked_address(told["authorization_endpoint"]),
                token=checked_address(told["token_endpoint"]),
                userinfo=None if userinfo is None else checked_address(userinfo),
                takes_basic="client_secret_basic" in methods,
                names_itself=told.get("authorization_response_iss_parameter_supported") is True,
                keys=_public_keys(self._document(checked_address(told["jwks_uri"]))),
            )
        except (KeyError, TypeError, ValueError, JoseError) as error:
            raise NetworkError(f"{issuer} publishes no way to sign in.", remedy="Check --oidc-issuer.") from error

    def _document(self, address: str) -> dict[str, Any]:
        status, told = self._ask("GET", address)
        if status != 200:
            raise _unreachable(address)
        return told

    def _ask(self, method: str, address: str, **request: Any) -> tuple[int, dict[str, Any]]:
        try:
            answer = self._http.request(method, address, **request)
            told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _unreachable(address) from error
        if not isinstance(told, dict):
            raise _unreachable(address)
        return answer.status_code, told


def checked_address(address: str) -> str:
    """Return an address where secrets may be sent.

    Raises:
        ValueError: It is neither HTTPS nor on this machine.
    """
    parts = urlsplit(address)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError(address)
    return address


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A sign-in that a browser has begun; nothing of it is kept here, the browser holds it in a cookie.

    State, nonce and verifier are made of one secret, so that the one that others see (state) tells nothing of the
    other two.
    """

    secret: str
    next: str
    """Where the browser is sent in the end: a path of ours."""

    @classmethod
    def parse(cls, cookie: str) -> SignInAttempt:
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

    def begin(self, path: str) -> tuple[SignInAttempt, str]:
        """Return a new attempt, and the issuer's address where it goes on.

        Raises:
            InputError: The path is none of ours.
            NetworkError: The issuer can't be reached.
        """
        attempt = SignInAttempt(new_secret(), checked_path(path))
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

    def finish(self, attempt: SignInAttempt | None, answer: Mapping[str, str]) -> str:
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

    def _identified(self, tokens: Mapping[str, Any], attempt: SignInAttempt) -> Claims:
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


def _public_keys(told: Any) -> KeySet:
    """Return the keys that sign; a shared secret among them would make its reader an issuer."""
    keys = KeySet.import_key_set(told)
    return KeySet([key for key in keys if key.key_type != "oct" and key.get("use") in (None, "sig")])


def _claims(token: str, audience: str, published: Published) -> Claims:
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    decoded = jwt.decode(token, published.keys, algorithms=ALGORITHMS, registry=registry)
    kind = decoded.header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in KINDS:
        raise ValueError("a token of another kind")
    jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": published.issuer},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        exp={"essential": True},
    ).validate(decoded.claims)
    return decoded.claims


def _unreachable(address: str) -> NetworkError:
    host = urlsplit(address).netloc
    return NetworkError(f"The sign-in at {host} can't be reached.", remedy="Try again later; API tokens go on working.")


def _letters(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
