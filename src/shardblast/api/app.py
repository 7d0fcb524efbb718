"""The application: routes, errors, what is wrapped around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from shardblast.api import (
    blast_url,
    databases,
    nodes,
    operations,
    page,
    programs,
    results,
    searches,
    sharing,
    sign_in,
    tasks,
)
from shardblast.api.errors import add_handlers
from shardblast.api.guard import Guard
from shardblast.api.metrics import Metrics
from shardblast.api.models import SearchIn
from shardblast.api.packing import Packing
from shardblast.api.requests import Requests
from shardblast.api.selections import SelectionIn
from shardblast.bootstrap.service import Service
from shardblast.core.version import __version__

PREFIX = "/api/v1"


def make_app(service: Service) -> ASGIApp:
    """Return the application; searches run from its start to its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.launch)
        try:
            yield
        finally:
            await asyncio.to_thread(service.close)

    app = _routed(lifespan)
    app.state.service = service
    add_handlers(app)
    app.add_middleware(Guard)
    app.add_middleware(Packing)
    metrics = Metrics(service.workload, service.broadcast, service.members)
    service.observers.add(metrics)
    app.state.metrics = metrics
    return Requests(app, service.observers)


def openapi_document() -> dict[str, object]:
    """Return the OpenAPI document of the application."""
    return _routed(None).openapi()


def _routed(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None) -> FastAPI:
    """Return an application that has its routes only."""
    app = FastAPI(
        title="shardblast",
        version=__version__,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    ours = (searches.router, results.router, sharing.router, databases.router, tasks.router, nodes.router)
    for router in (programs.router, *ours, operations.me_router):
        app.include_router(router, prefix=PREFIX)
    for router in (operations.router, sign_in.router, blast_url.router, page.router):
        app.include_router(router)
    _describe_bodies(app)
    return app


def _describe_bodies(app: FastAPI) -> None:
    """Add the model of bodies that a route reads by itself to the OpenAPI document."""
    made = app.openapi

    def openapi() -> dict[str, object]:
        document = made()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (SearchIn, SelectionIn):
            schemas.setdefault(model.__name__, model.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign]
