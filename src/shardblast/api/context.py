"""What every route may use: the service, who asks, cookies, uploads."""

from __future__ import annotations

import base64
import gzip
import secrets
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request, Response

from shardblast.blast.queries import is_packed, open_queries
from shardblast.bootstrap.service import Service
from shardblast.core.errors import InputError, TooLargeError, UnauthorizedError
from shardblast.core.search import Search, SearchId
from shardblast.service.callers import Caller, Scope

SESSION = "shardblast"
ATTEMPT = "shardblast-sign-in"

BLAST_PATH = "/blast/Blast.cgi"
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
"""To find something by; PostgreSQL takes no text with NUL in it."""

BLOCK_BYTES = 1 << 20
IN_MEMORY_BYTES = 64 << 20
"""Of JSON and of forms without files; more is to be sent as a file, which is not held in memory."""


def session_of(request: Request, service: Service) -> str | None:
    """Return the secret of the session that a request relies on: one with a token relies on none."""
    if "authorization" in request.headers:
        return None
    return request.cookies.get(_name(service, SESSION))


def attempt_of(request: Request, service: Service) -> str | None:
    """Return what a browser remembers of a sign-in that it has begun."""
    return request.cookies.get(_name(service, ATTEMPT))


def set_cookie(response: Response, service: Service, name: str, value: str, seconds: float) -> None:
    """Give a browser a cookie that no script and no other site's form sees; 0 seconds take it away."""
    response.set_cookie(
        _name(service, name),
        value,
        max_age=int(seconds),
        path="/",
        secure=service.settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def service_of(request: Request) -> Service:
    """Return the service that the application was made for."""
    return cast(Service, request.app.state.service)


ServiceDep = Annotated[Service, Depends(service_of)]


def caller_of(request: Request, service: ServiceDep) -> Caller:
    """Return who asks.

    Raises:
        UnauthorizedError: Nobody that the service knows.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.url.path == BLAST_PATH:
        scheme, token = "bearer", _password(token)
    if scheme and scheme.lower() != "bearer":
        raise UnauthorizedError(f"{scheme!r} is no way to sign in here.", remedy="Send 'Authorization: Bearer TOKEN'.")
    return service.identity.caller(token.strip() or None, session_of(request, service))


CallerDep = Annotated[Caller, Depends(caller_of)]


def search_of(search_id: str, service: ServiceDep, caller: CallerDep) -> Search:
    """Return the search that an address names, for its owner.

    Raises:
        NotAllowedError: The caller may not read.
        NotFoundError: There is none that the caller may see.
    """
    caller.check(Scope.READ)
    return service.searches.get(SearchId(search_id), caller.sees)


SearchDep = Annotated[Search, Depends(search_of)]


def link_of(
    share: Annotated[str | None, Query(max_length=100, description="Token of a share link")] = None,
    x_share_token: Annotated[str | None, Header(max_length=100)] = None,
) -> str | None:
    """Return the token of the share link that the request came by."""
    return share or x_share_token


LinkDep = Annotated[str | None, Depends(link_of)]


def readable_of(request: Request, search_id: str, service: ServiceDep, link: LinkDep) -> Search:
    """Return the search that an address names, for its owner or for whoever has a share link; only to read it.

    Raises:
        UnauthorizedError: Nobody that the service knows, and without a link.
        NotAllowedError: The caller may not read.
        NotFoundError: There is none that the caller may see, or the link is not of this one.
    """
    if link is None:
        return search_of(search_id, service, caller_of(request, service))
    service.sharing.check(SearchId(search_id), link)
    return service.searches.get(SearchId(search_id), None)


@contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """Name a file for an upload; it is gone when the context is left."""
    path = folder / f"{secrets.token_hex(16)}.fa"
    try:
        yield path
    finally:
        for left in folder.glob(f"{path.stem}.*"):
            left.unlink(missing_ok=True)


async def limited(request: Request, most: int) -> AsyncIterator[bytes]:
    """Yield a request's body.

    Raises:
        TooLargeError: It is longer than allowed.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    total = 0
    async for block in request.stream():
        total += len(block)
        if total > most:
            raise _too_large(most)
        yield block


def bounded(request: Request, most: int) -> Request:
    """Return a request whose body, when it is read as a form, raises as ``limited`` does."""
    body = limited(request, most)

    async def receive() -> dict[str, Any]:
        block = await anext(body, None)
        return {"type": "http.request", "body": block or b"", "more_body": block is not None}

    return Request(request.scope, receive)


def unpacked(path: Path, most: int) -> None:
    """Unpack a file of gzip or zstd in its place; a plain one stays.

    Raises:
        InputError: It is damaged.
        TooLargeError: It holds more than is allowed.
    """
    if not is_packed(str(path)):
        return
    plain = path.with_suffix(".plain")
    total = 0
    try:
        with open_queries(str(path)) as source, plain.open("wb") as target:
            while block := source.read(BLOCK_BYTES):
                total += len(block)
                if total > most:
                    raise _too_large(most)
                target.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error, OSError) as error:
        raise InputError(
            f"The upload can't be unpacked: {error}.", remedy="Pack it again, or send it plain."
        ) from error
    plain.replace(path)


def _name(service: Service, name: str) -> str:
    """Return a name under which browsers take a cookie from this host alone, where they can tell."""
    return f"__Host-{name}" if service.settings.is_secure else name


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


ReadableDep = Annotated[Search, Depends(readable_of)]


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"The upload is larger than {most:,} bytes.", remedy="Send it in parts, as several searches.")
