"""Answers packed with gzip, for whoever accepts it and asks for no part of them."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEVEL = 3
"""Results shrink to between a third and a seventh, 50 MB a second and more; level 9 takes a tenth of that speed."""


class Packing:
    """Wraps the application. Parts (ranges) are of the plain bytes; event streams and zip archives stay as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._packed = GZipMiddleware(app, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._plain(scope, receive, send)
            return
        is_part = "range" in Headers(scope=scope)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), is_part)
            await send(message)

        await (self._plain if is_part else self._packed)(scope, receive, marked)


def _mark(headers: MutableHeaders, is_part: bool) -> None:
    """Tell caches that there are two forms, and keep parts of the one from being joined to the other."""
    if "etag" not in headers:
        return
    if is_part:
        headers.add_vary_header("Accept-Encoding")
    elif "content-encoding" in headers:
        headers["etag"] = f"W/{headers['etag']}"
        del headers["accept-ranges"]
