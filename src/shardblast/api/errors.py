"""Errors as problem details (RFC 9457), and the request middleware: id, timing, access log."""

import asyncio
import logging
import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shardblast.api.context import BLAST_PATH
from shardblast.core.errors import (
    ConflictError,
    DatabaseError,
    DiskFull,
    InputError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    ShardblastError,
    StorageError,
    StoreError,
    TooLargeError,
    UnauthorizedError,
    file_error,
    without_folders,
)
from shardblast.service.events import Answer, Notify

STATUSES: tuple[tuple[type[ShardblastError], int], ...] = (
    (RefusedError, 422),
    (InputError, 422),
    (DatabaseError, 409),
    (NotFoundError, 404),
    (ConflictError, 409),
    (NotAllowedError, 403),
    (UnauthorizedError, 401),
    (TooLargeError, 413),
    (NetworkError, 503),
    (DiskFull, 507),
    (StoreError, 503),
    (StorageError, 503),
    (ShardblastError, 500),
)
"""HTTP statuses; the first class that matches an error decides."""

MOST_PROBLEMS = 50
"""Maximum number of problems in one answer."""

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
TAKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Ids of a proxy that are adopted; other text could forge log lines."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_LEFT = 499
"""nginx's status of a request whose client left before the answer."""


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    app.add_exception_handler(ShardblastError, _shardblast_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(Exception, _bug)


def problem(status: int, code: str, detail: str, remedy: str, **more: Any) -> JSONResponse:
    content = {"type": f"urn:shardblast:{code}", "title": code.replace("-", " "), "status": status, "code": code}
    content |= {"detail": detail, "remedy": remedy, **more}
    note_code(code)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def status_of(error: ShardblastError) -> int:
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def invalid_body(error: ValidationError) -> RequestValidationError:
    """Return the error of a body that a route parses itself, as FastAPI raises it for other bodies."""
    problems = error.errors(include_url=False, include_context=False)
    return RequestValidationError([{**found, "loc": ("body", *found["loc"])} for found in problems])


@dataclass(slots=True)
class CurrentRequest:
    id: str
    code: str = ""
    status: int = CLIENT_LEFT
    received_bytes: int = 0
    started: float = field(default_factory=time.time)
    since: float = field(default_factory=time.monotonic)


current: ContextVar[CurrentRequest | None] = ContextVar("request", default=None)


def request_id() -> str:
    """Return the id of the current request, or an empty text outside of requests."""
    request = current.get()
    return request.id if request else ""


def note_code(code: str) -> None:
    """Note the code of the problem with which the current request is answered."""
    if request := current.get():
        request.code = code


class Requests:
    """The outermost middleware: request ids and the access log, also for unexpected errors."""

    def __init__(self, app: ASGIApp, notify: Notify) -> None:
        self._app = app
        self._notify = notify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = headers.get(HEADER, "")
        request = CurrentRequest(sent if TAKEN.fullmatch(sent) else secrets.token_hex(8))

        async def counted() -> Message:
            message = await receive()
            request.received_bytes += len(message.get("body", b""))
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request.id
            await send(message)

        token = current.set(request)
        try:
            await self._app(scope, counted, marked)
        except asyncio.CancelledError:  # the server stops
            if request.status == CLIENT_LEFT:
                await problem(503, "stopping", "The service is stopping.", "Try again.")(scope, counted, marked)
        except Exception:
            if request.code != "internal":  # an internal error is already answered and logged
                raise
        finally:
            current.reset(token)
            self._notify(_answer(request, scope, headers.get("traceparent", "")))


async def _shardblast_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShardblastError)
    status = status_of(error)
    more: dict[str, Any] = {}
    if isinstance(error, RefusedError):
        more["problems"] = [asdict(found) for found in error.problems[:MOST_PROBLEMS]]
    if error.allowed_with:
        more["allowed_with"] = error.allowed_with
    hidden = status >= 500 or isinstance(error, DatabaseError)
    detail = without_folders(error.problem) if hidden else error.problem
    answer = problem(status, error.code, detail, error.remedy, **more)
    if status == 401 and request.url.path == BLAST_PATH:
        answer.headers["WWW-Authenticate"] = 'Basic realm="shardblast"'  # the only scheme that Biopython supports
    return answer


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [
        {
            "code": "invalid",
            "field": ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0]),
            "detail": f"{found['msg'].removeprefix('Value error, ')}.",
            "remedy": "/api/v1/openapi.json describes the expected request.",
        }
        for found in islice(error.errors(), MOST_PROBLEMS)
    ]
    return problem(422, "invalid", "The request is not valid.", "Fix the listed problems.", problems=problems)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media-type"}
    code = codes.get(error.status_code, "http")
    answer = problem(error.status_code, code, str(error.detail), "Check the address and the method.")
    answer.headers.update(error.headers or {})
    return answer


async def _disk(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    logger.error("a file operation failed: %s", error)
    return await _shardblast_error(request, file_error(error))


async def _bug(request: Request, error: Exception) -> JSONResponse:
    number = request_id()
    logger.error("unexpected error in %s (%s)", request.method, number, exc_info=error)
    detail = f"The service failed unexpectedly. Its log has the details under {number}."
    return problem(500, "internal", detail, "Try again.", id=number)


def _answer(request: CurrentRequest, scope: Scope, parent: str) -> Answer:
    return Answer(
        request_id=request.id,
        method=scope["method"] if scope["method"] in METHODS else "other",
        route=_route(scope),
        status=request.status,
        started=request.started,
        seconds=time.monotonic() - request.since,
        received_bytes=request.received_bytes,
        code=request.code,
        parent=parent,
    )


def _route(scope: Scope) -> str:
    """Return the route's template with its prefix, which ``scope["route"]`` may lack."""
    template: str = getattr(scope.get("route"), "path_format", "")
    if not template:
        return "none"
    before = scope["path"].split("/")[: -template.count("/")]
    return "/".join(before) + template
