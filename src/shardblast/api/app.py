"""The application: routes, compression, the web page, programs and formats, ``/health`` and ``/ready``."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Self

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
from shardblast.api.context import CallerDep, LinkDep, ServiceDep, caller_of
from shardblast.api.errors import Requests, add_handlers, problem
from shardblast.api.metrics import Metrics
from shardblast.api.models import MeOut, SearchIn
from shardblast.api.results import ZIP, SelectionIn
from shardblast.bootstrap.service import Service
from shardblast.core import __version__
from shardblast.core.errors import NotFoundError
from shardblast.core.formats import FORMATS, PAIRWISE, Format, Syntax
from shardblast.core.option_table import OPTIONS, PERMITTED
from shardblast.core.program import Argument, Arguments, Kind, Molecule, NumericRange, Program
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
STATED_DEFAULT = re.compile(r"Default = [`']([^'`]+)'")
"""A default that only the description of an option states."""


def make_app(service: Service) -> ASGIApp:
    """Return the application, which runs searches from its start to its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.launch)
        try:
            yield
        finally:
            await asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1), service.close)  # others may be busy

    app = _routed(lifespan)
    app.state.service = service
    add_handlers(app)
    app.add_middleware(Guard)
    app.add_middleware(Compression)
    end = None if service.certificates is None else service.certificates.end()
    metrics = Metrics(service.workload, service.broadcast, service.members, service.health, end)
    service.listeners.append(metrics)
    app.state.metrics = metrics
    return Requests(app, service.listeners)


def openapi_document() -> dict[str, object]:
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
        refusal: Response | None = None

        async def marked(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                _mark(headers, is_part)
                if is_part and message["status"] in (400, 416) and headers["content-type"].startswith("text/plain"):
                    refusal = _bad_range(message["status"], headers.get("content-range"))
            if refusal is None:
                await send(message)

        await (self._plain if is_part else self._compressed)(scope, receive, marked)
        if refusal is not None:
            await refusal(scope, receive, send)


def _bad_range(status: int, size: str | None) -> Response:
    """Return the problem of a range that Starlette refuses in plain text; ``size`` is that of the file."""
    answer = problem(status, "range", "The range names no bytes of the file.", "Write it as bytes=0-99.")
    if size is not None:
        answer.headers["Content-Range"] = size
    return answer


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
    if name not in {path.name for path in (FILES / "assets").glob("*")}:  # no request may leave the folder
        raise NotFoundError("The page has no such file.", remedy="Load the page again.")
    return FileResponse(FILES / "assets" / name, headers={"Cache-Control": FOR_EVER})


class ReadyOut(BaseModel):
    """Whether the parts that searches need can be reached."""

    status: Literal["ok", "impaired"]
    checks: dict[str, str] = Field(description="Problem of each part that is away; ok for the others")
    away_since: dict[str, float] = Field(description="When each of these parts went away, in seconds since 1970")


@probes_router.get("/health")
async def health() -> dict[str, str]:
    """Answer while the process is running."""
    return {"status": "ok", "version": __version__}


@probes_router.get("/ready")
async def ready(service: ServiceDep) -> ReadyOut:
    """Answer while the service can answer requests, and say which parts that searches need are away."""
    away = await asyncio.to_thread(service.health.look)
    return ReadyOut(
        status="impaired" if away else "ok",
        checks={part: away[part].problem if part in away else "ok" for part in service.health.parts},
        away_since={part: outage.since for part, outage in away.items()},
    )


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
    def of(cls, argument: Argument) -> Self:
        allowed, option = argument.constraint or NumericRange(), OPTIONS[argument.name]
        stated = STATED_DEFAULT.search(argument.description)
        return cls(
            name=argument.name,
            kind=KINDS.get(argument.kind, "text"),
            default=argument.default or (stated and stated[1]),
            choices=list(argument.choices),
            least=max((bound for bound in (allowed.low, option.least) if bound is not None), default=None),
            most=min((bound for bound in (allowed.high, option.most) if bound is not None), default=None),
            description=" ".join(argument.description.split()),
        )


class FormatOut(BaseModel):
    """An output format of BLAST+, and the file in which a result of this format is sent."""

    number: int
    name: str
    kind: Syntax
    suffix: str = Field(description="Ending of the file's name, without a dot")
    media_type: str
    columns: list[str] = Field(description="Columns that may follow the number; empty if it takes none")
    options: list[str] = Field(description="Names of the output options that change it")

    @classmethod
    def of(cls, known: Format, columns: Collection[str]) -> Self:
        media_type, suffix = ZIP if known.file_suffix else (known.media_type, known.suffix)
        return cls(
            number=known.number,
            name=known.name,
            kind=known.syntax,
            suffix=suffix,
            media_type=media_type,
            columns=sorted(columns) if known.delimiter else [],
            options=list(known.options),
        )


class ProgramOut(BaseModel):
    """A program."""

    name: Program
    query: Molecule
    database: Molecule
    version: str = Field(description="Version of BLAST+")
    options: list[OptionOut]
    output: list[OptionOut] = Field(description="Options of the output, except its format")
    formats: list[FormatOut] = Field(description="Formats that it prints, by number")

    @classmethod
    def of(cls, known: Arguments) -> Self:
        program = known.program
        formats = [shown for shown in FORMATS.values() if program is Program.BLASTN or not shown.blastn_only]
        return cls(
            name=program,
            query=program.query_molecule,
            database=program.database_molecule,
            version=known.version,
            options=[OptionOut.of(argument) for name, argument in known.items() if name in PERMITTED],
            output=[OptionOut.of(known[name]) for name in FORMATS[PAIRWISE].options if name in known],
            formats=[FormatOut.of(shown, known.columns) for shown in formats],
        )


@programs_router.get("")
def list_programs(request: Request, service: ServiceDep, link: LinkDep) -> list[ProgramOut]:
    """List the programs, each with the options that searches may use, and with the formats of results.

    Readers of a share link may read them too.
    """
    if link is None:
        caller_of(request, service).check(Scope.READ)
    else:
        service.sharing.check(None, link)
    return [ProgramOut.of(service.preflights.arguments_of(program)) for program in Program]


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
