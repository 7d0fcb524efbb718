"""OpenID Connect: the issuer with its keys, and the sign-in of browsers."""

import base64
import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
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
"""Asymmetric algorithms, because a key that verifies signatures must not be able to create them."""
KINDS = (None, "jwt", "at+jwt", "application/at+jwt")
"""Accepted ``typ`` of tokens that identify a user. Issuers sign other tokens too, such as logout tokens."""
LEEWAY_S = 30
"""Accepted difference between the issuer's clock and this one."""
TIMEOUT_S = 5.0
VALID_FOR_S = 3600.0
"""Maximum age of the published keys, so that a withdrawn key does not stay trusted."""
READ_EVERY_S = 10.0
"""Minimum interval between reads, however many tokens with unknown keys arrive."""
RETRY_EVERY_S = 1.0
"""Minimum interval until the first successful read."""

Claims = Mapping[str, Any]
logger = logging.getLogger(__name__)

CALLBACK = "/auth/callback"
ATTEMPT_S = 600
"""Time for a browser to return from the issuer."""
LONGEST_OWNER = 200
LONGEST_PATH = 1000
NAMES = ("name", "preferred_username", "email", "sub")


@dataclass(frozen=True, slots=True)
class Published:
    """Metadata that an issuer publishes."""

    issuer: str
    authorization: str
    token: str
    userinfo: str | None
    takes_basic: bool
    """Whether the client's secret is sent in a header, as is usual, rather than in the form."""
    names_itself: bool
    """Whether it adds its name when it redirects a browser back (RFC 9207)."""
    keys: KeySet


class Issuer:
    """Client of the issuer, shared by all threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        rarely = httpx.Limits(max_keepalive_connections=0)  # an idle connection would be stale at its next use
        self._http = httpx.Client(timeout=TIMEOUT_S, limits=rarely, headers={"Accept": "application/json"})
        self._lock = threading.Lock()
        self._known: Published | None = None
        self._read = self._tried = -VALID_FOR_S

    def published(self, *, newer_than: Published | None = None) -> Published:
        """Return the metadata, read again when old or ``newer_than`` it. Raises NetworkError if it was never read."""
        known = self._known
        is_old = time.monotonic() - self._read >= VALID_FOR_S
        if known is not None and known is not newer_than and not is_old:
            return known
        if not self._lock.acquire(blocking=known is None):  # another thread is reading it; use the known one meanwhile
            assert known is not None
            return known
        try:
            if self._known is known:  # no other thread has read it meanwhile
                self._try_to_read()
            if self._known is None:
                raise _unreachable(self._settings.oidc_issuer)
            return self._known
        finally:
            self._lock.release()

    def claims(self, token: str, audience: str) -> Claims:
        """Return the claims of a token that is valid for this audience. Raises UnauthorizedError, or NetworkError."""
        published = self.published()
        try:
            try:
                return _claims(token, audience, published)
            except (InvalidKeyIdError, BadSignatureError):  # the issuer may have a new key
                newer = self.published(newer_than=published)
                if newer is published:
                    raise
                return _claims(token, audience, newer)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            logger.info("a token was rejected: %s", type(error).__name__)
            problem = "The issuer's token is not valid for this service."
            raise UnauthorizedError(problem, remedy="Sign in again.") from error

    def redeem(self, code: str, verifier: str, redirect: str) -> dict[str, Any]:
        """Exchange the code with which a browser returned for tokens."""
        published, settings = self.published(), self._settings
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        basic = None
        if settings.oidc_client_secret and published.takes_basic:
            basic = (quote(settings.oidc_client_id, safe=""), quote(settings.oidc_client_secret, safe=""))
        else:
            form["client_id"] = settings.oidc_client_id
            if settings.oidc_client_secret:
                form["client_secret"] = settings.oidc_client_secret
        status, tokens = self._ask("POST", published.token, data=form, auth=basic)
        if status == 400 and tokens.get("error") == "invalid_grant":
            raise UnauthorizedError("The issuer rejected this sign-in.", remedy="Sign in again.")
        if status != 200:
            logger.error("the issuer rejected this service: %r", tokens.get("error"))
            raise NetworkError("The issuer rejected this service.", remedy="Check the client's id and secret.")
        return tokens

    def userinfo(self, access_token: str) -> Claims:
        """Return the issuer's claims about the holder of an access token; empty if it provides none."""
        address = self.published().userinfo
        if address is None:
            return {}
        status, claims = self._ask("GET", address, headers={"Authorization": f"Bearer {access_token}"})
        return claims if status == 200 else {}

    def _try_to_read(self) -> None:
        """Read the metadata, unless that was tried recently. If it fails, the known metadata stays."""
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
        document = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if str(document.get("issuer")).rstrip("/") != issuer.rstrip("/"):
            raise NetworkError(f"{issuer} publishes a different issuer name.", remedy="Check --oidc-issuer.")
        try:
            methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            userinfo = document.get("userinfo_endpoint")
            return Published(
                issuer=document["issuer"],
                authorization=checked_address(document["authorization_endpoint"]),
                token=checked_address(document["token_endpoint"]),
                userinfo=None if userinfo is None else checked_address(userinfo),
                takes_basic="client_secret_basic" in methods,
                names_itself=document.get("authorization_response_iss_parameter_supported") is True,
                keys=_public_keys(self._document(checked_address(document["jwks_uri"]))),
            )
        except (KeyError, TypeError, ValueError, JoseError) as error:
            problem = f"{issuer} publishes no usable OpenID metadata."
            raise NetworkError(problem, remedy="Check --oidc-issuer.") from error

    def _document(self, address: str) -> dict[str, Any]:
        status, document = self._ask("GET", address)
        if status != 200:
            raise _unreachable(address)
        return document

    def _ask(self, method: str, address: str, **request: Any) -> tuple[int, dict[str, Any]]:
        try:
            answer = self._http.request(method, address, **request)
            document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _unreachable(address) from error
        if not isinstance(document, dict):
            raise _unreachable(address)
        return answer.status_code, document


def checked_address(address: str) -> str:
    """Return an address that is HTTPS or on this machine. Raises ValueError if secrets may not be sent there."""
    parts = urlsplit(address)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError(address)
    return address


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A sign-in that a browser has begun. The service stores nothing of it; the browser holds it in a cookie.

    State, nonce and verifier are derived from one secret, so that the public state reveals nothing about the other two.
    """

    secret: str
    next: str
    """Path of this service to which the browser is redirected at the end."""

    @classmethod
    def parse(cls, cookie: str) -> Self:
        secret, _, path = cookie.partition(".")
        return cls(secret, checked_path(unquote(path)))

    def __str__(self) -> str:
        return f"{self.secret}.{quote(self.next)}"

    @property
    def state(self) -> str:
        """Value that ties the issuer's answer to the browser."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Value that ties the issuer's token to this attempt."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Value that proves that the sender of the code began the attempt (PKCE)."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """Hash of the verifier, for the issuer."""
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())

    def _derived(self, purpose: str) -> str:
        return _encoded(hmac.digest(self.secret.encode(), purpose.encode(), "sha256"))


@dataclass(frozen=True, slots=True)
class SignIn:
    """Turns the issuer's tokens into callers, and its sign-ins into sessions."""

    _settings: Settings
    _issuer: Issuer
    _sessions: Sessions
    _address: str
    """Where browsers find this service."""

    def connect(self) -> None:
        """Read the issuer's metadata. If that fails, the next sign-in tries again."""
        try:
            self._issuer.published()
        except NetworkError:
            logger.error("sign-in is impossible until %s can be reached", self._settings.oidc_issuer)

    def begin(self, path: str) -> tuple[SignInAttempt, str]:
        """Return a new attempt, and the issuer's address to which the browser is redirected."""
        attempt = SignInAttempt(new_secret(), checked_path(path))
        parameters = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._address + CALLBACK,
            "scope": self._settings.oidc_scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        address = httpx.URL(self._issuer.published().authorization).copy_merge_params(parameters)
        return attempt, str(address)

    def finish(self, attempt: SignInAttempt | None, answer: Mapping[str, str]) -> str:
        """Return the secret of a new session for a browser that returned from the issuer with its ``answer``."""
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise UnauthorizedError("This sign-in was begun in another browser, or too long ago.", remedy="Try again.")
        self._check_sender(answer.get("iss"))
        if "code" not in answer:
            logger.info("the issuer rejected a sign-in: %.100r", answer.get("error"))
            raise UnauthorizedError("The issuer did not sign you in.", remedy="Try again, or ask its administrator.")
        tokens = self._issuer.redeem(answer["code"], attempt.verifier, self._address + CALLBACK)
        return self._sessions.begin(self._caller(self._identified(tokens, attempt), Means.SESSION))

    def caller_of_token(self, token: str) -> Caller:
        """Return the caller whom a token of the issuer identifies."""
        audience = self._settings.oidc_audience or self._settings.oidc_client_id
        return self._caller(self._issuer.claims(token, audience), Means.ISSUER)

    def _check_sender(self, sender: str | None) -> None:
        """Reject the answer of an issuer that was not asked (RFC 9207)."""
        published = self._issuer.published()
        if sender != published.issuer and (sender is not None or published.names_itself):
            raise UnauthorizedError("Another issuer answered.", remedy="Try again.")

    def _identified(self, tokens: Mapping[str, Any], attempt: SignInAttempt) -> Claims:
        """Return the issuer's claims about the user, from the token and from its userinfo endpoint."""
        client = self._settings.oidc_client_id
        claims = self._issuer.claims(str(tokens.get("id_token")), client)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client) != client or claims.get("nonce") != attempt.nonce:
            raise UnauthorizedError("The issuer's token is for another sign-in.", remedy="Try again.")
        more = self._issuer.userinfo(str(tokens.get("access_token")))
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims

    def _caller(self, claims: Claims, by: Means) -> Caller:
        """Return the caller whom claims identify. Their ``sub`` is unique only within this issuer."""
        issuer = self._settings.oidc_issuer.partition("://")[2].rstrip("/")
        owner = f"oidc:{claims['sub']}@{issuer}"
        if len(owner) > LONGEST_OWNER or not owner.isprintable():
            problem = "The issuer's name for you is too long."
            raise UnauthorizedError(problem, remedy="Ask the administrator of the service.")
        full_name = next(claim for claim in map(claims.get, NAMES) if claim and isinstance(claim, str))
        name = "".join(character for character in full_name[:LONGEST_OWNER] if character.isprintable())
        scopes = {Scope.READ, Scope.SEARCH} | ({Scope.ADMIN} if self._is_admin(claims) else set())
        return Caller(owner, frozenset(scopes), by, name)

    def _is_admin(self, claims: Claims) -> bool:
        if self._settings.admin_claim is None:
            return False
        name, value = self._settings.admin_claim
        claim = claims.get(name)
        if claim is None:  # such as Keycloak's realm_access.roles
            claim = claims
            for part in name.split("."):
                claim = claim.get(part) if isinstance(claim, Mapping) else None
        return value in claim if isinstance(claim, list) else claim == value


def checked_path(path: str) -> str:
    """Return a path of this service. Raises InputError if a browser could take it for another site's address."""
    parts = None
    with suppress(ValueError):  # "//["
        parts = urlsplit(path) if path.isprintable() and path.isascii() else None
    is_ours = parts is not None and not parts.scheme and not parts.netloc and path[:1] == "/" and path[:2] != "//"
    if not is_ours or "\\" in path or len(path) > LONGEST_PATH:
        raise InputError("'next' is not a path of this service.", remedy="Begin it with a single '/'.")
    return path


def _public_keys(document: Any) -> KeySet:
    """Return the signing keys. A symmetric key is excluded, because everyone who reads it could sign tokens."""
    keys = KeySet.import_key_set(document)
    return KeySet([key for key in keys if key.key_type != "oct" and key.get("use") in (None, "sig")])


def _claims(token: str, audience: str, published: Published) -> Claims:
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    decoded = jwt.decode(token, published.keys, algorithms=ALGORITHMS, registry=registry)
    kind = decoded.header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in KINDS:
        raise ValueError("unexpected kind of token")
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
    return NetworkError(f"The sign-in at {host} can't be reached.", remedy="Try again later. API tokens still work.")


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
