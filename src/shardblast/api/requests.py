"""Each request as a whole: its id, in the answer's head and in the log, and what is told of it when it is over."""

from __future__ import annotations

import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shardblast.service.observers import Answer, Observer

HEADER = "X-Request-ID"
TAKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Ids of a proxy before us that are taken over; others may forge lines of the log."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_LEFT = 499
"""What nginx calls a request that was given up before it was answered."""


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
