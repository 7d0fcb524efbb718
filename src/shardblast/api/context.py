"""What every route may use, and who asks."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from shardblast.bootstrap.service import Service
from shardblast.core.errors import UnauthorizedError
from shardblast.core.search import Search, SearchId
from shardblast.service.identity import Caller, Scope


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
    if scheme and scheme.lower() != "bearer":
        raise UnauthorizedError(f"{scheme!r} is no way to sign in here.", remedy="Send 'Authorization: Bearer TOKEN'.")
    return service.identity.caller(token.strip() or None)


CallerDep = Annotated[Caller, Depends(caller_of)]


def search_of(search_id: str, service: ServiceDep, caller: CallerDep) -> Search:
    """Return the search that an address names.

    Raises:
        NotAllowedError: The caller may not read.
        NotFoundError: There is none that the caller may see.
    """
    caller.check(Scope.READ)
    return service.searches.get(SearchId(search_id), caller.sees)


SearchDep = Annotated[Search, Depends(search_of)]
