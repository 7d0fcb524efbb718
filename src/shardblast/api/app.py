"""The application: routes, compression, the web page, programs and health."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from shardblast.api import auth, databases, ncbi, nodes, results, searches
from shardblast.api.auth import Guard
from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.errors import Requests, add_handlers
from shardblast.api.metrics import Metrics
from shardblast.api.models import MeOut, SearchIn
from shardblast.api.results import SelectionIn
from shardblast.bootstrap.service import Service
from shardblast.core import __version__
from shardblast.core.errors import NotFoundError
from shardblast.core.program import Argument, Kind, Molecule, Program
from shardblast.service.callers import Caller, Scope

PREFIX = "/api/v1"

LEVEL = 3
"""Compression level: results shrink to a third or a seventh, at 50 MB/s or more; level 9 runs at a tenth of that."""

FILES = Path(__file__).with_name("static")
ADDRESSES = ("/", "/new", "/searches", "/searches/{rest:path}", "/databases", "/databases/{rest:path}", "/nodes")
"""Paths of the page, which it routes itself."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FOR_EVER = "public, max-age=31536000, immutable"
"""Cache-Control of files whose names change with their content."""
NOT_BUILT = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>shardblast</title></head><body>
<h1>The page is not built</h1>
<p>The service works: its HTTP interface is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
<p>For the page, install Node.js 20 or newer with npm, run <code>make setup</code>, and start the service again.</p>
</body></html>
"""

page_router = APIRouter(include_in_schema=False)

probes_router = APIRouter(tags=["operations"])
me_router = APIRouter(tags=["identity"])

programs_router = APIRouter(prefix="/programs", tags=["programs"])
KindName = Literal["flag", "text", "whole", "real", "boolean"]
KINDS: dict[Kind, KindName] = {
    Kind.FLAG: "flag",
    Kind.INTEGER: "whole",
    Kind.BIG_INTEGER: "whole",
    Kind.REAL: "real",
    Kind.BOOLEAN: "boolean",
}
"""Names of the kinds; all other kinds are text."""
SAME = ("Failure", "HeldVolume", "Piece", "Presence", "Problem", "RunningPiece", "Updates")
RECORDS = {**{name: f"{name}Out" for name in SAME}, "SearchReport": "ReportOut"}
"""Names that dataclasses of the service have in the OpenAPI document. Their docstrings describe their fields there."""
RECORD = re.compile(rf'(?<=#/components/schemas/)({"|".join(RECORDS)})(?=")')


def make_app(service: Service) -> ASGIApp:
    """Return the application, which runs searches from its start to its end."""

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
    app.add_middleware(Compression)
    metrics = Metrics(service.workload, service.broadcast, service.members)
    service.observers.add(metrics)
    app.state.metrics = metrics
    return Requests(app, service.observers)


def openapi_document() -> dict[str, object]:
    """Return the OpenAPI document of the application."""
    return _routed(None).openapi()


class Compression:
    """Middleware that compresses responses, except ranges (of the plain bytes), event streams and zip archives."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, compresslevel=LEVEL)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._plain(scope, receive, send)
            return
        is_part = "range" in Headers(scope=scope)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), is_part)
            await send(message)

        await (self._plain if is_part else self._compressed)(scope, receive, marked)


def show_page() -> Response:
    """Return the page's HTML document."""
    document = FILES / "index.html"
    if not document.exists():
        return HTMLResponse(NOT_BUILT, 503)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(document, headers=headers, media_type="text/html")


for address in ADDRESSES:
    page_router.add_api_route(address, show_page, methods=["GET", "HEAD"])


@page_router.api_route("/assets/{name}", methods=["GET", "HEAD"])
def read_asset(name: str) -> Response:
    """Return a script, style or picture of the page."""
    path = FILES / "assets" / name
    if name not in _names():
        raise NotFoundError("The page has no such file.", remedy="Load the page again.")
    return FileResponse(path, headers={"Cache-Control": FOR_EVER})


@probes_router.get("/health")
def health() -> dict[str, str]:
    """Answer while the process is running."""
    return {"status": "ok", "version": __version__}


@probes_router.get("/ready")
def ready(service: ServiceDep, response: Response) -> dict[str, Any]:
    """Check whether searches can run, and return the problems."""
    checks = service.operations.checks()
    good = all(state == "ok" for state in checks.values())
    response.status_code = 200 if good else 503
    return {"status": "ok" if good else "failing", "checks": checks}


@probes_router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Return Prometheus metrics."""
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type=CONTENT_TYPE_LATEST)


@me_router.get("/me", response_model=MeOut)
def read_me(caller: CallerDep) -> Caller:
    """Return the caller, the caller's scopes and the way of signing in."""
    return caller


class OptionOut(BaseModel):
    """An option of BLAST+, with BLAST+'s own description."""

    name: str = Field(description="Name without the dash")
    kind: KindName
    default: str | None = Field(description="null if BLAST+ has no default, or if it depends on the task")
    choices: list[str] = Field(description="All allowed values; empty: any value of the kind")
    least: float | None
    most: float | None
    description: str

    @classmethod
    def of(cls, argument: Argument) -> OptionOut:
        bounds = argument.constraint
        return cls(
            name=argument.name,
            kind=KINDS.get(argument.kind, "text"),
            default=argument.default,
            choices=list(argument.choices),
            least=bounds.low if bounds else None,
            most=bounds.high if bounds else None,
            description=" ".join(argument.description.split()),
        )


class ProgramOut(BaseModel):
    """A program."""

    name: Program
    query: Molecule
    database: Molecule
    version: str = Field(description="Version of BLAST+")
    options: list[OptionOut]


@programs_router.get("")
def list_programs(service: ServiceDep, caller: CallerDep) -> list[ProgramOut]:
    """List the programs, each with the options that searches may use."""
    caller.check(Scope.READ)
    return [_program_out(service.preflights.arguments(program), program) for program in Program]


def _routed(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None) -> FastAPI:
    """Return an application with routes and without middleware."""
    app = FastAPI(
        title="shardblast",
        version=__version__,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    ours = (searches.router, results.router, auth.shares_router, databases.router, databases.tasks_router, nodes.router)
    for router in (programs_router, *ours, me_router):
        app.include_router(router, prefix=PREFIX)
    for router in (probes_router, auth.router, ncbi.router, page_router):
        app.include_router(router)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Add the models of bodies that routes parse themselves to the OpenAPI document, and name the records in it."""
    made = app.openapi

    def openapi() -> dict[str, object]:
        document: dict[str, Any] = json.loads(RECORD.sub(lambda found: RECORDS[found[0]], json.dumps(made())))
        schemas = document["components"]["schemas"]
        for name, shown in RECORDS.items():
            schemas[shown] = schema = schemas.pop(name)
            schema |= {"title": shown, "required": list(schema["properties"])}
            for field in schema["properties"].values():
                field.pop("default", None)  # answers hold all fields
                field |= {"description": field["description"].rstrip(".")} if "description" in field else {}
        document["components"]["schemas"] = dict(sorted(schemas.items())) | {
            model.__name__: model.model_json_schema() for model in (SearchIn, SelectionIn)
        }
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _mark(headers: MutableHeaders, is_part: bool) -> None:
    """Mark plain and compressed responses as different, so that caches never combine parts of both."""
    if "etag" not in headers:
        return
    if is_part:
        headers.add_vary_header("Accept-Encoding")
    elif "content-encoding" in headers:
        headers["etag"] = f"W/{headers['etag']}"
        del headers["accept-ranges"]


def _names() -> frozenset[str]:
    """Return the names of existing assets, so that no request leaves their folder."""
    folder = FILES / "assets"
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()


def _program_out(arguments: tuple[str, list[Argument]], program: Program) -> ProgramOut:
    version, options = arguments
    return ProgramOut(
        name=program,
        query=program.query_molecule,
        database=program.database_molecule,
        version=version,
        options=[OptionOut.of(option) for option in options],
    )
