"""``/auth`` and share links: signing in, requests from other sites, what a link shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from shardblast.api.context import (
    ATTEMPT,
    BLAST_PATH,
    SESSION,
    CallerDep,
    SearchDep,
    ServiceDep,
    attempt_of,
    session_of,
    set_cookie,
)
from shardblast.api.errors import problem
from shardblast.api.models import NewShareOut, ShareOut
from shardblast.bootstrap.service import Service
from shardblast.core.errors import without_node
from shardblast.core.search import SearchId
from shardblast.service.callers import Scope
from shardblast.service.identity import is_loopback
from shardblast.service.openid import ATTEMPT_S, SignInAttempt

router = APIRouter(prefix="/auth", tags=["sign-in"])
PathText = Annotated[str, Query(alias="next", max_length=1000, description="A path of this service to end at")]

shares_router = APIRouter(prefix="/searches/{search_id}", tags=["sharing"])

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Shown = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Returns what a reader may see of the document of a search, of a piece or of a report."""


class WaysOut(BaseModel):
    """How people may come in, besides by an API token."""

    browser: bool = Field(description="At /auth/login")


@router.get("/ways")
def list_ways(service: ServiceDep) -> WaysOut:
    """Tell how people may sign in."""
    return WaysOut(browser=service.settings.signs_in_browsers)


@router.get("/login", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def login(service: ServiceDep, path: PathText = "/") -> Response:
    """Send a browser to the issuer to sign in."""
    attempt, address = service.identity.sign_in.begin(path)
    response = RedirectResponse(address, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})
    set_cookie(response, service, ATTEMPT, str(attempt), ATTEMPT_S)
    return response


@router.get("/callback", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def callback(request: Request, service: ServiceDep) -> Response:
    """Take a browser that the issuer sends back; its session is always a new one."""
    sign_in = service.identity.sign_in
    remembered = attempt_of(request, service)
    attempt = None if remembered is None else SignInAttempt.parse(remembered)
    secret = sign_in.finish(attempt, request.query_params)
    if (former := session_of(request, service)) is not None:
        service.sessions.end(former)
    target = "/" if attempt is None else attempt.next
    response = RedirectResponse(target, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})
    set_cookie(response, service, SESSION, secret, service.sessions.seconds)
    set_cookie(response, service, ATTEMPT, "", 0)
    return response


class TokenIn(BaseModel):
    """An API token, as its holder types it."""

    token: str = Field(min_length=1, max_length=1000)


@router.post("/token", status_code=status.HTTP_204_NO_CONTENT)
def sign_in_with_token(body: TokenIn, request: Request, response: Response, service: ServiceDep) -> None:
    """Begin a session of a browser by an API token; it ends with the token."""
    secret = service.identity.begin_session(body.token.strip())
    if (former := session_of(request, service)) is not None:
        service.sessions.end(former)
    set_cookie(response, service, SESSION, secret, service.sessions.seconds)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
def logout(request: Request, response: Response, service: ServiceDep) -> None:
    """End the browser's session here; the issuer's own goes on."""
    if (secret := session_of(request, service)) is not None:
        service.sessions.end(secret)
    set_cookie(response, service, SESSION, "", 0)


@shares_router.post("/share", status_code=status.HTTP_201_CREATED)
def create_share(search: SearchDep, response: Response, service: ServiceDep, caller: CallerDep) -> NewShareOut:
    """Make a link by which anybody may read this search; its token is told this once."""
    caller.check(Scope.SEARCH)
    share, token = service.sharing.create(search.id)
    path = f"/api/v1/searches/{search.id}"
    response.headers["Location"] = f"{path}/shares/{share.id}"
    response.headers["Cache-Control"] = "no-store"
    address = f"{service.settings.address}{path}?share={token}"
    return NewShareOut(id=share.id, created=share.created, token=token, url=address)


@shares_router.get("/shares")
def list_shares(search: SearchDep, service: ServiceDep, caller: CallerDep) -> list[ShareOut]:
    """List the links of a search, but not what they are."""
    caller.check(Scope.SEARCH)
    return [ShareOut(id=one.id, created=one.created) for one in service.sharing.all(search.id)]


@shares_router.delete("/shares/{share_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_share(
    search: SearchDep, share_id: Annotated[str, Path(max_length=32)], service: ServiceDep, caller: CallerDep
) -> None:
    """Make a link void at once."""
    caller.check(Scope.SEARCH)
    service.sharing.revoke(search.id, share_id)


class Guard:
    """Wraps the routes; nothing but them answers, so a reader that leaves before the answer begins ends it quietly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = _refusal(Request(scope))
        await (self._app if refused is None else refused)(scope, receive, marked)


def shown_to(link: str | None, service: Service, search_id: SearchId) -> Shown:
    """Return what the reader of a search may see, by the link that they came by; None: all."""
    return dict if link is None else _Outsider(service, search_id).shown


def _refusal(request: Request) -> Response | None:
    service: Service = request.app.state.service
    if service.identity.everybody and not is_loopback(request.url.hostname or ""):
        return problem(403, "host", "Without sign-in only local names are answered.", "Use 127.0.0.1 or localhost.")
    changes = request.method not in SAFE_METHODS or request.url.path == BLAST_PATH
    if changes and _is_foreign(request, service):
        return problem(403, "cross-site", "Another site's page sent this.", "Use the service's own page.")
    return None


def _is_foreign(request: Request, service: Service) -> bool:
    """Tell whether another site's page sent a request, or may have: one that relies on a cookie must say where from."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None and site is None:
        return session_of(request, service) is not None
    host = request.headers.get("host", "")
    ours = (service.settings.public_url,) if service.settings.public_url else (f"http://{host}", f"https://{host}")
    return origin not in (None, *ours) or site not in (None, "same-origin", "none")


class _Outsider:
    """Calls nodes by number, in the order in which their first pieces ended."""

    def __init__(self, service: Service, search_id: SearchId) -> None:
        known = service.store.nodes(search_id)
        self._numbers = {name: number for number, name in enumerate(known, 1)}

    def shown(self, told: Mapping[str, Any]) -> dict[str, Any]:
        shown = dict(told)
        if "owner" in told:
            shown["owner"] = None
        if told.get("failure") is not None:
            shown["failure"] = {**told["failure"], "problem": without_node(told["failure"]["problem"])}
        if "node" in told:
            shown["node"] = f"node {self._numbers.setdefault(told['node'], len(self._numbers) + 1)}"
        if "pieces" in told:
            shown["pieces"] = [self.shown(piece) for piece in told["pieces"]]
        return shown
