"""Refuses what another site's page makes a browser send, and tells browsers to trust nothing they should not."""

from __future__ import annotations

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shardblast.api.context import BLAST_PATH
from shardblast.api.cookies import session_of
from shardblast.api.errors import problem
from shardblast.bootstrap.service import Service
from shardblast.service.identity import is_loopback

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Wraps the routes; nothing but them answers, so a reader that leaves before the answer begins ends it quietly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
