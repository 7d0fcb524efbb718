"""The application: routes, errors, headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from shardblast.api import blast_url, databases, operations, results, searches, sharing, sign_in
from shardblast.api.context import BLAST_PATH
from shardblast.api.cookies import session_of
from shardblast.api.errors import add_handlers, problem
from shardblast.api.metrics import Metrics
from shardblast.api.models import SearchIn
from shardblast.api.requests import Requests
from shardblast.bootstrap.service import Service
from shardblast.core.version import __version__
from shardblast.service.identity import is_loopback

PREFIX = "/api/v1"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def make_app(service: Service) -> ASGIApp:
    """Return the application; searches run from its start to its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.launch)
        try:
            yield
        finally:
            await asyncio.to_thread(service.close)

    context: Callable[[FastAPI], AbstractAsyncContextManager[None]] = lifespan
    app = FastAPI(
        title="shardblast",
        version=__version__,
        lifespan=context,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for router in (searches.router, results.router, sharing.router, databases.router, operations.me_router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(operations.router)
    app.include_router(sign_in.router)
    app.include_router(blast_url.router)
    add_handlers(app)
    app.middleware("http")(_guard)
    _describe_bodies(app)
    metrics = Metrics(service.store, service.broadcast)
    service.observers.add(metrics)
    app.state.metrics = metrics
    return Requests(app, service.observers)


async def _guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what another site's page makes a browser send, and tell browsers to trust nothing they should not."""
    service: Service = request.app.state.service
    if service.identity.everybody and not is_loopback(request.url.hostname or ""):
        return problem(403, "host", "Without sign-in only local names are answered.", "Use 127.0.0.1 or localhost.")
    changes = request.method not in SAFE_METHODS or request.url.path == BLAST_PATH
    if changes and _is_foreign(request, service):
        return problem(403, "cross-site", "Another site's page sent this.", "Use the service's own page.")
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _is_foreign(request: Request, service: Service) -> bool:
    """Tell whether another site's page sent a request, or may have: one that relies on a cookie must say where from."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None and site is None:
        return session_of(request, service) is not None
    host = request.headers.get("host", "")
    ours = (service.settings.public_url,) if service.settings.public_url else (f"http://{host}", f"https://{host}")
    return origin not in (None, *ours) or site not in (None, "same-origin", "none")


def _describe_bodies(app: FastAPI) -> None:
    """Add the model of bodies that a route reads by itself to the OpenAPI document."""
    made = app.openapi

    def openapi() -> dict[str, object]:
        document = made()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("SearchIn", SearchIn.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign]
