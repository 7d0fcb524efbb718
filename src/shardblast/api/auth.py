"""``/auth`` and share links: sign-in, rejection of cross-site requests, and the view of a link's readers."""

from collections.abc import Callable, Mapping, Sequence
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
    SearchDep,
    SearcherDep,
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
from shardblast.service.identity import is_loopback
from shardblast.service.openid import ATTEMPT_S, SignInAttempt
from shardblast.service.settings import Mode
from shardblast.store.credentials import Share

router = APIRouter(prefix="/auth", tags=["sign-in"])
PathText = Annotated[str, Query(alias="next", max_length=1000, description="Path of this service to return to")]

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
"""Returns the part of a search's, piece's or report's document that a reader may see."""


class WaysOut(BaseModel):
    """Ways to sign in, besides API tokens."""

    browser: bool = Field(description="Whether /auth/login signs browsers in")


@router.get("/ways")
def list_ways(service: ServiceDep) -> WaysOut:
    """List the ways to sign in."""
    return WaysOut(browser=service.settings.signs_in_browsers)


@router.get("/login", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def login(service: ServiceDep, path: PathText = "/") -> Response:
    """Redirect a browser to the issuer to sign in."""
    attempt, address = service.identity.sign_in.begin(path)
    response = RedirectResponse(address, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})
    set_cookie(response, service, ATTEMPT, str(attempt), ATTEMPT_S)
    return response


@router.get("/callback", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def callback(request: Request, service: ServiceDep) -> Response:
    """Begin a new session for a browser that the issuer sends back."""
    sign_in = service.identity.sign_in
    remembered = attempt_of(request, service)
    attempt = None if remembered is None else SignInAttempt.parse(remembered)
    secret = sign_in.finish(attempt, request.query_params)
    _end_session(request, service)
    target = "/" if attempt is None else attempt.next
    response = RedirectResponse(target, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})
    set_cookie(response, service, SESSION, secret, service.sessions.seconds)
    set_cookie(response, service, ATTEMPT, "", 0)
    return response


class TokenIn(BaseModel):
    """An API token, as its holder enters it."""

    token: str = Field(min_length=1, max_length=1000)


@router.post("/token", status_code=status.HTTP_204_NO_CONTENT)
def sign_in_with_token(body: TokenIn, request: Request, response: Response, service: ServiceDep) -> None:
    """Begin a browser session with an API token; it ends with the token."""
    secret = service.identity.begin_session(body.token.strip())
    _end_session(request, service)
    set_cookie(response, service, SESSION, secret, service.sessions.seconds)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
def logout(request: Request, response: Response, service: ServiceDep) -> None:
    """End the browser's session here; its session at the issuer continues."""
    _end_session(request, service)
    set_cookie(response, service, SESSION, "", 0)


@shares_router.post("/share", status_code=status.HTTP_201_CREATED)
def create_share(search: SearchDep, response: Response, service: ServiceDep, caller: SearcherDep) -> NewShareOut:
    """Create a link with which anyone may read this search. Its token is returned only here."""
    share, token = service.sharing.create(search.id)
    path = f"/api/v1/searches/{search.id}"
    response.headers["Location"] = f"{path}/shares/{share.id}"
    response.headers["Cache-Control"] = "no-store"
    address = f"{service.settings.address}{path}?share={token}"
    return NewShareOut(id=share.id, created=share.created, token=token, url=address)


@shares_router.get("/shares", response_model=list[ShareOut])
def list_shares(search: SearchDep, service: ServiceDep, caller: SearcherDep) -> Sequence[Share]:
    """List the links of a search, without their tokens."""
    return service.sharing.store.of_search(search.id)


@shares_router.delete("/shares/{share_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_share(
    search: SearchDep, share_id: Annotated[str, Path(max_length=32)], service: ServiceDep, caller: SearcherDep
) -> None:
    """Revoke a link at once."""
    service.sharing.revoke(search.id, share_id)


class Guard:
    """Middleware that rejects cross-site requests and adds security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
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
    """Return the view of a search for a reader.

    Readers of a link see no owner, and nodes as numbers, in the order in which the nodes finished first pieces.
    """
    if link is None:
        return dict
    numbers = {name: number for number, name in enumerate(service.store.nodes(search_id), 1)}

    def shown(document: Mapping[str, Any]) -> dict[str, Any]:
        seen = dict(document)
        if "owner" in document:
            seen["owner"] = None
        if (failure := document.get("failure")) is not None:
            seen["failure"] = {**failure, "problem": without_node(failure["problem"])}
        if "node" in document:
            seen["node"] = f"node {numbers.setdefault(document['node'], len(numbers) + 1)}"
        if "pieces" in document:
            seen["pieces"] = [shown(piece) for piece in document["pieces"]]
        return seen

    return shown


def _refusal(request: Request) -> Response | None:
    service: Service = request.app.state.service
    if service.settings.auth is Mode.NONE and not is_loopback(request.url.hostname or ""):
        detail = "A service without sign-in answers only under a local name."
        return problem(403, "host", detail, "Use 127.0.0.1 or localhost.")
    changes = request.method not in SAFE_METHODS or request.url.path == BLAST_PATH
    if changes and _is_foreign(request, service):
        detail = "Request rejected: its origin does not match this service."
        remedy = "Use the service's own page. Behind a proxy, pass on the Host header or set --public-url."
        return problem(403, "cross-site", detail, remedy)
    return None


def _is_foreign(request: Request, service: Service) -> bool:
    """Return whether another site's page may have sent a request. One that relies on a cookie must name its origin."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None and site is None:
        return session_of(request, service) is not None
    host = request.headers.get("host", "")
    ours = (service.settings.public_url,) if service.settings.public_url else (f"http://{host}", f"https://{host}")
    return origin not in (None, *ours) or site not in (None, "same-origin", "none")


def _end_session(request: Request, service: Service) -> None:
    if (secret := session_of(request, service)) is not None:
        service.sessions.end(secret)
