"""Errors as problem details (RFC 9457), and each request as a whole: its id, its time, its code."""

from __future__ import annotations

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
from shardblast.service.events import Answer, Observer

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
"""The first class that fits decides."""

MOST_TOLD = 50
"""Problems of one request."""

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
TAKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Ids of a proxy before us that are taken over; others may forge lines of the log."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_LEFT = 499
"""What nginx calls a request that was given up before it was answered."""


def add_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(ShardblastError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(Exception, _bug)


def problem(status: int, code: str, detail: str, remedy: str, **more: Any) -> JSONResponse:
    """Return a problem as a response."""
    content = {"type": f"urn:shardblast:{code}", "title": code.replace("-", " "), "status": status, "code": code}
    content |= {"detail": detail, "remedy": remedy, **more}
    note_code(code)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def status_of(error: ShardblastError) -> int:
    """Return the HTTP status of an error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def invalid_body(error: ValidationError) -> RequestValidationError:
    """Return what says that a body which a route reads by itself is not as it should be."""
    told = error.errors(include_url=False, include_context=False)
    return RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in told])


@dataclass(slots=True)
class Asked:
    """The request in hand."""

    id: str
    code: str = ""
    """Of the problem that it was answered with."""
    status: int = CLIENT_LEFT
    received_bytes: int = 0
    at: float = field(default_factory=time.time)
    since: float = field(default_factory=time.monotonic)


current: ContextVar[Asked | None] = ContextVar("request", default=None)


def request_id() -> str:
    """Return the id of the request in hand, or none."""
    asked = current.get()
    return asked.id if asked else ""


def note_code(code: str) -> None:
    """Note the problem that the request in hand is answered with."""
    if asked := current.get():
        asked.code = code


class Requests:
    """Wraps the whole application, its answers to bugs included."""

    def __init__(self, app: ASGIApp, observer: Observer) -> None:
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = headers.get(HEADER, "")
        asked = Asked(sent if TAKEN.fullmatch(sent) else secrets.token_hex(8))

        async def counted() -> Message:
            message = await receive()
            asked.received_bytes += len(message.get("body", b""))
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = asked.id
            await send(message)

        token = current.set(asked)
        try:
            await self._app(scope, counted, marked)
        except Exception:
            if asked.code != "internal":  # else it is answered and in the log
                raise
        finally:
            current.reset(token)
            self._observer.answered(_answer(asked, scope, headers.get("traceparent", "")))


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShardblastError)
    status = status_of(error)
    more = {"problems": [asdict(one) for one in error.problems[:MOST_TOLD]]} if isinstance(error, RefusedError) else {}
    hidden = status >= 500 or isinstance(error, DatabaseError)
    detail = without_folders(error.problem) if hidden else error.problem
    answer = problem(status, error.code, detail, error.remedy, **more)
    if status == 401 and request.url.path == BLAST_PATH:
        answer.headers["WWW-Authenticate"] = 'Basic realm="shardblast"'  # all that Biopython can answer
    return answer


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    told = [
        {
            "code": "invalid",
            "field": ".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]),
            "detail": f"{one['msg']}.",
            "remedy": "See /api/v1/openapi.json for what is expected.",
        }
        for one in islice(error.errors(), MOST_TOLD)
    ]
    return problem(422, "invalid", "The request is not as it should be.", "Mend what 'problems' lists.", problems=told)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media-type"}
    code = codes.get(error.status_code, "http")
    answer = problem(error.status_code, code, str(error.detail), "Check the address and the method.")
    answer.headers.update(error.headers or {})
    return answer


async def _disk(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    logger.error("a file failed: %s", error)
    return await _ours(request, file_error(error))


async def _bug(request: Request, error: Exception) -> JSONResponse:
    number = request_id()
    logger.error("a bug answered %s (%s)", request.method, number, exc_info=error)
    return problem(500, "internal", f"The service failed; its log tells more under {number}.", "Try again.", id=number)


def _answer(asked: Asked, scope: Scope, parent: str) -> Answer:
    method = scope["method"] if scope["method"] in METHODS else "other"
    seconds = time.monotonic() - asked.since
    figures = (asked.status, asked.at, seconds, asked.received_bytes)
    return Answer(asked.id, method, _route(scope), *figures, asked.code, parent)


def _route(scope: Scope) -> str:
    """Return the route's template; the route itself may lack the prefix that it was included with."""
    template: str = getattr(scope.get("route"), "path_format", "")
    if not template:
        return "none"
    before = scope["path"].split("/")[: -template.count("/")]
    return "/".join(before) + template
