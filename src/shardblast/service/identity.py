"""Who sends a request: holders of tokens, sessions and share links."""

import ipaddress
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from shardblast.core.errors import ConflictError, NotFoundError, UnauthorizedError
from shardblast.core.search import Event, SearchId
from shardblast.service.callers import Caller, Means, Scope, Sessions, hashed, new_secret
from shardblast.service.events import ReadAfter
from shardblast.service.openid import SignIn
from shardblast.service.settings import EVERYWHERE, Mode, Settings
from shardblast.store.credentials import Share, ShareStore, Token, TokenStore

PREFIX = "sb_"
ANYBODY = "anybody"
OPERATOR = "operator"
"""Owner of the commands that run on the service's own machine."""

LINK_PREFIX = "sbs_"


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Finds the caller behind a token or a session."""

    _mode: Mode
    _tokens: TokenStore
    _sessions: Sessions
    _sign_in: SignIn | None
    local_token: str = field(default_factory=new_secret, init=False)
    """Token for commands on this machine, known to everyone who may read the home."""

    @property
    def sign_in(self) -> SignIn:
        """The sign-in for browsers. Raises NotFoundError if there is none."""
        if self._sign_in is None:
            raise NotFoundError("This service has no sign-in for browsers.", remedy="Start it with --auth oidc.")
        return self._sign_in

    def caller(self, token: str | None, session: str | None = None) -> Caller:
        """Return the caller, by token first. Raises UnauthorizedError, or NetworkError if the issuer is away."""
        if self._mode is Mode.NONE:
            return Caller(ANYBODY, frozenset(Scope), Means.NOTHING, ANYBODY)
        if token is not None and secrets.compare_digest(token.encode(), self.local_token.encode()):
            return Caller(OPERATOR, frozenset(Scope), Means.TOKEN, OPERATOR)
        if token is None and session is not None:
            return self._caller_of_session(session)
        if token is not None and not token.startswith(PREFIX) and self._sign_in is not None:
            return self._sign_in.caller_of_token(token)
        caller = self._caller_of_hash(hashed(token)) if token else None
        if caller is None:
            raise UnauthorizedError("No valid token was sent.", remedy="Send 'Authorization: Bearer TOKEN'.")
        return caller

    def begin_session(self, token: str) -> str:
        """Create a session, which is valid as long as its API token; return its secret."""
        caller = self._caller_of_hash(hashed(token))
        if caller is None:
            raise UnauthorizedError("This token is not valid.", remedy="Check it, or ask your administrator for one.")
        return self._sessions.begin(caller, hashed(token))

    def _caller_of_session(self, secret: str) -> Caller:
        token = self._sessions.find(secret).token
        caller = self._sessions.caller(secret) if token is None else self._caller_of_hash(token)
        if caller is None or (token is None and self._sign_in is None):
            raise UnauthorizedError("The session has expired.", remedy="Sign in again.")
        return replace(caller, by=Means.SESSION)

    def _caller_of_hash(self, token: str) -> Caller | None:
        """Return the caller behind an API token, by its hash; None if it is unknown, expired or revoked."""
        known = self._tokens.find(token)
        if known is None or known.revoked is not None or (known.expires is not None and known.expires < time.time()):
            return None
        return Caller(known.owner, frozenset(Scope(scope) for scope in known.scopes), Means.TOKEN, known.owner)


def create_token(store: TokenStore, name: str, owner: str, scopes: Sequence[Scope], days: float | None) -> str:
    """Create a token and return it. Only its hash is stored. ``days`` None: it does not expire."""
    secret = PREFIX + new_secret()
    now = time.time()
    expires = None if days is None else now + days * 86400
    token = Token(secrets.token_hex(8), name, owner, hashed(secret), tuple(scopes), now, expires, None)
    store.add(token)
    return secret


def check_mode(settings: Settings) -> None:
    """Refuse to serve other machines without sign-in, or to redirect browsers to an address they can't reach."""
    host, mode = settings.host, settings.auth
    if mode is Mode.OIDC and host.strip("[]") in EVERYWHERE and not settings.public_url:
        raise ConflictError(f"Browsers can't be redirected to {host}.", remedy="Add --public-url https://NAME.")
    if mode is Mode.NONE and not is_loopback(host):
        problem = f"Without sign-in, everyone who can connect to {host} could use the service."
        raise ConflictError(problem, remedy="Use --auth token or oidc, or --host 127.0.0.1.")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback one."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Sharing:
    """Creates, checks and revokes share links."""

    store: ShareStore
    announce: Callable[[SearchId], None]
    """Makes the readers of a search check their links again."""

    def create(self, search_id: SearchId) -> tuple[Share, str]:
        """Create a link; return it with its token, of which only the hash is stored."""
        token = LINK_PREFIX + new_secret()
        share = Share(secrets.token_hex(8), search_id, hashed(token), time.time())
        self.store.add(share)
        return share, token

    def check(self, search_id: SearchId | None, token: str) -> None:
        """Raise NotFoundError for a token that is not valid for this search, or for any if it is None."""
        share = self.store.find(hashed(token))
        if share is None or search_id not in (None, share.search_id):
            problem = "There is no such search."
            raise NotFoundError(problem, remedy="Ask for a new link. This one may have been revoked.")

    def reader(self, token: str | None, read_after: ReadAfter) -> ReadAfter:
        """Return a reader of a search's events that, with a link, raises NotFoundError once that has been revoked."""
        if token is None:
            return read_after

        def read(search_id: SearchId, last: int, limit: int) -> Sequence[Event]:
            self.check(search_id, token)
            return read_after(search_id, last, limit)

        return read

    def revoke(self, search_id: SearchId, share_id: str) -> None:
        """Revoke a link and end the event streams that use it."""
        self.store.remove(search_id, share_id)
        self.announce(search_id)
