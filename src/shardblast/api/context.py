"""Dependencies of routes: the service, the caller, the search of a URL, cookies and uploads."""

import base64
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request, Response

from shardblast.blast.queries import is_compressed, open_queries, reading_errors
from shardblast.bootstrap.service import Service
from shardblast.core.errors import InputError, TooLargeError, UnauthorizedError
from shardblast.core.search import Search, SearchId
from shardblast.service.callers import Caller, Scope

SESSION = "shardblast"
ATTEMPT = "shardblast-sign-in"

BLAST_PATH = "/blast/Blast.cgi"
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
"""A text to find something by, without NUL, which PostgreSQL rejects."""

BLOCK_BYTES = 1 << 20
IN_MEMORY_BYTES = 64 << 20
"""Maximum size of JSON and of forms without files; larger uploads must be files, which are not held in memory."""


def session_of(request: Request, service: Service) -> str | None:
    """Return the secret of the request's session; requests with a token do not use their session."""
    if "authorization" in request.headers:
        return None
    return request.cookies.get(_name(service, SESSION))


def attempt_of(request: Request, service: Service) -> str | None:
    """Return the cookie of the sign-in that a browser has begun."""
    return request.cookies.get(_name(service, ATTEMPT))


def set_cookie(response: Response, service: Service, name: str, value: str, seconds: float) -> None:
    """Set a cookie that scripts and other sites' forms can't use; 0 seconds remove it."""
    name, secure = _name(service, name), service.settings.is_secure
    response.set_cookie(name, value, max_age=int(seconds), secure=secure, httponly=True, samesite="lax")


def service_of(request: Request) -> Service:
    return cast(Service, request.app.state.service)


ServiceDep = Annotated[Service, Depends(service_of)]


def caller_of(request: Request, service: ServiceDep) -> Caller:
    """Return the caller. Raises UnauthorizedError if nobody is signed in."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.url.path == BLAST_PATH:
        scheme, token = "bearer", _password(token)
    if scheme and scheme.lower() != "bearer":
        raise UnauthorizedError(f"{scheme!r} sign-in is not supported.", remedy="Send 'Authorization: Bearer TOKEN'.")
    return service.identity.caller(token.strip() or None, session_of(request, service))


CallerDep = Annotated[Caller, Depends(caller_of)]


def reader_of(request: Request, service: Service) -> Callable[[], Caller]:
    """Return a function that returns the caller of a stream, and raises an error when the right to read is lost."""

    def reader() -> Caller:
        caller = caller_of(request, service)
        caller.check(Scope.READ)
        return caller

    return reader


def _with(scope: Scope) -> Any:
    """Return the dependency on a caller who has a scope; it raises NotAllowedError for others."""

    def checked(caller: CallerDep) -> Caller:
        caller.check(scope)
        return caller

    return Depends(checked)


ReaderDep = Annotated[Caller, _with(Scope.READ)]
SearcherDep = Annotated[Caller, _with(Scope.SEARCH)]
AdminDep = Annotated[Caller, _with(Scope.ADMIN)]


def search_of(search_id: str, service: ServiceDep, caller: CallerDep) -> Search:
    """Return the search in the URL, if the caller may see it."""
    caller.check(Scope.READ)
    return service.searches.get(SearchId(search_id), caller.sees)


SearchDep = Annotated[Search, Depends(search_of)]


def link_of(
    share: Annotated[str | None, Query(max_length=100, description="Token of a share link")] = None,
    x_share_token: Annotated[str | None, Header(max_length=100)] = None,
) -> str | None:
    """Return the token of the request's share link, if it has one."""
    return share or x_share_token


LinkDep = Annotated[str | None, Depends(link_of)]


def readable_of(request: Request, search_id: str, service: ServiceDep, link: LinkDep) -> Search:
    """Return the search in the URL for its owner or readers of its link. Raises NotFoundError for all others."""
    if link is None:
        return search_of(search_id, service, caller_of(request, service))
    service.sharing.check(SearchId(search_id), link)
    return service.searches.get(SearchId(search_id), None)


@contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """Yield a path for an upload; remove the file, and those beside it with the same stem, at the end."""
    path = folder / f"{secrets.token_hex(16)}.fa"
    try:
        yield path
    finally:
        for file in folder.glob(f"{path.stem}.*"):
            file.unlink(missing_ok=True)


async def limited(request: Request, most: int) -> AsyncIterator[bytes]:
    """Yield a request's body. Raises TooLargeError if it is longer than ``most`` bytes."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large(most)
    total = 0
    async for block in request.stream():
        total += len(block)
        if total > most:
            raise too_large(most)
        yield block


def bounded(request: Request, most: int) -> Request:
    """Return a request whose form raises TooLargeError like ``limited``."""
    body = limited(request, most)

    async def receive() -> dict[str, Any]:
        block = await anext(body, None)
        return {"type": "http.request", "body": block or b"", "more_body": block is not None}

    return Request(request.scope, receive)


def unpacked(path: Path, most: int) -> None:
    """Decompress a gzip or zstd file in place. Raises InputError if it is damaged or packed twice, or TooLargeError."""
    if not is_compressed(str(path)):
        return
    plain = path.with_suffix(".plain")
    total = 0
    again = "Compress it again, or send it uncompressed."
    with reading_errors("The upload", again), open_queries(str(path)) as source, plain.open("wb") as target:
        while block := source.read(BLOCK_BYTES):
            total += len(block)
            if total > most:
                raise too_large(most)
            target.write(block)
    if is_compressed(str(plain)):
        raise InputError("The upload was compressed twice.", remedy="Compress it once, or send it uncompressed.")
    plain.replace(path)


def _name(service: Service, name: str) -> str:
    """Return a cookie's name; over HTTPS the prefix keeps other hosts from setting the cookie."""
    return f"__Host-{name}" if service.settings.is_secure else name


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


ReadableDep = Annotated[Search, Depends(readable_of)]


def too_large(most: int) -> TooLargeError:
    """Return the error of an upload of more than ``most`` bytes."""
    return TooLargeError(f"The upload is larger than {most:,} bytes.", remedy="Send it in parts, as several searches.")
