"""Who asks: holders of tokens, sessions and share links."""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

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
"""Who runs commands on the service's own machine."""

LINK_PREFIX = "sbs_"


class Identity:
    """Tells who a token or a session belongs to."""

    def __init__(self, mode: Mode, tokens: TokenStore, sessions: Sessions, sign_in: SignIn | None) -> None:
        self._mode = mode
        self.local_token = new_secret()
        """Known to whoever may read the home: commands on this machine."""
        self._tokens = tokens
        self._sessions = sessions
        self._sign_in = sign_in

    @property
    def everybody(self) -> bool:
        """Whether nobody has to sign in."""
        return self._mode is Mode.NONE

    @property
    def sign_in(self) -> SignIn:
        """How browsers sign in.

        Raises:
            NotFoundError: They don't here.
        """
        if self._sign_in is None:
            raise NotFoundError("Browsers don't sign in here.", remedy="Serve with --auth oidc.")
        return self._sign_in

    def caller(self, token: str | None, session: str | None = None) -> Caller:
        """Return who asks; a token goes before a session.

        Raises:
            UnauthorizedError: There is neither, or it is unknown, expired or revoked.
            NetworkError: The issuer is needed to tell, and can't be reached.
        """
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
        """Begin a session for a browser whose user has an API token; return its secret.

        The session ends with the token: each request looks at that.

        Raises:
            UnauthorizedError: The token is unknown, expired or revoked.
        """
        caller = self._caller_of_hash(hashed(token))
        if caller is None:
            raise UnauthorizedError("This token is not valid.", remedy="Check it, or ask your administrator for one.")
        return self._sessions.begin(caller, hashed(token))

    def _caller_of_session(self, secret: str) -> Caller:
        token = self._sessions.find(secret).token
        caller = self._sessions.caller(secret) if token is None else self._caller_of_hash(token)
        if caller is None or (token is None and self._sign_in is None):
            raise UnauthorizedError("The session is over.", remedy="Sign in again.")
        return replace(caller, by=Means.SESSION)

    def _caller_of_hash(self, token: str) -> Caller | None:
        """Return whom an API token lets in, by its hash; None if it is unknown, expired or revoked."""
        found = self._tokens.find(token)
        if found is None or found.revoked is not None or (found.expires is not None and found.expires < time.time()):
            return None
        return Caller(found.owner, frozenset(Scope(scope) for scope in found.scopes), Means.TOKEN, found.owner)


def create_token(store: TokenStore, name: str, owner: str, scopes: Sequence[Scope], days: float | None) -> str:
    """Make a token; it is told once and kept as a hash.

    Args:
        store: Keeps it.
        name: What it is for.
        owner: Whose searches it makes and sees.
        scopes: What it allows.
        days: After which it is void; None: never.
    """
    secret = PREFIX + new_secret()
    now = time.time()
    expires = None if days is None else now + days * 86400
    token = Token(secrets.token_hex(8), name, owner, hashed(secret), tuple(scopes), now, expires, None)
    store.add(token)
    return secret


def check_mode(settings: Settings) -> None:
    """Refuse to let everybody in from outside this machine, and to send browsers to an address that is none.

    Raises:
        ConflictError: The address is no loopback address, or stands for all.
    """
    host, mode = settings.host, settings.auth
    if mode is Mode.OIDC and host.strip("[]") in EVERYWHERE and not settings.public_url:
        raise ConflictError(f"No browser can be sent back to {host}.", remedy="Add --public-url https://NAME.")
    if mode is Mode.NONE and not is_loopback(host):
        raise ConflictError(
            f"Without sign-in the service would be open to everybody who reaches {host}.",
            remedy="Use --auth token or oidc, or --host 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Sharing:
    """Makes, checks and revokes share links."""

    def __init__(self, store: ShareStore, announce: Callable[[SearchId], None]) -> None:
        """Keep links in a store; ``announce`` has the readers of a search look again whether theirs is good."""
        self._store = store
        self._announce = announce

    def create(self, search_id: SearchId) -> tuple[Share, str]:
        """Make a link; return it with its token, which is told once.

        Raises:
            NotFoundError: The search has been deleted meanwhile.
        """
        token = LINK_PREFIX + new_secret()
        share = Share(secrets.token_hex(8), search_id, hashed(token), time.time())
        self._store.add(share)
        return share, token

    def all(self, search_id: SearchId) -> Sequence[Share]:
        """Return the links of a search, oldest first."""
        return self._store.of_search(search_id)

    def check(self, search_id: SearchId, token: str) -> None:
        """Refuse a token that is not of this search, as if there were no such search.

        Raises:
            NotFoundError: It is not, or no longer.
        """
        found = self._store.find(hashed(token))
        if found is None or found.search_id != search_id:
            raise NotFoundError("There is no such search.", remedy="Ask for a new link; it may have been revoked.")

    def reader(self, token: str | None, read_after: ReadAfter) -> ReadAfter:
        """Return what reads a search's events from the store as long as a link is good; None needs none.

        Raises (when it reads):
            NotFoundError: The link has been revoked.
        """
        if token is None:
            return read_after

        def read(search_id: SearchId, last: int, limit: int) -> Sequence[Event]:
            self.check(search_id, token)
            return read_after(search_id, last, limit)

        return read

    def revoke(self, search_id: SearchId, share_id: str) -> None:
        """Make a link void at once, and end the event streams that were opened by it.

        Raises:
            NotFoundError: The search has no such link.
        """
        self._store.remove(search_id, share_id)
        self._announce(search_id)
