"""What every route may use, and who asks."""

from __future__ import annotations

import base64
from typing import Annotated, cast

from fastapi import Depends, Header, Query, Request

from shardblast.api.cookies import session_of
from shardblast.bootstrap.service import Service
from shardblast.core.errors import UnauthorizedError
from shardblast.core.search import Search, SearchId
from shardblast.service.callers import Caller, Scope

BLAST_PATH = "/blast/Blast.cgi"
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
"""To find something by; PostgreSQL takes no text with NUL in it."""


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


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


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


ReadableDep = Annotated[Search, Depends(readable_of)]
