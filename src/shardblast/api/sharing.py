"""``/api/v1/searches/{id}/share``: links for others to read one search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response, status

from shardblast.api.context import CallerDep, SearchDep, ServiceDep
from shardblast.api.models import NewShareOut, ShareOut
from shardblast.service.callers import Scope

router = APIRouter(prefix="/searches/{search_id}", tags=["sharing"])


@router.post("/share", status_code=status.HTTP_201_CREATED)
def create_share(search: SearchDep, response: Response, service: ServiceDep, caller: CallerDep) -> NewShareOut:
    """Make a link by which anybody may read this search; its token is told this once."""
    caller.check(Scope.SEARCH)
    share, token = service.sharing.create(search.id)
    path = f"/api/v1/searches/{search.id}"
    response.headers["Location"] = f"{path}/shares/{share.id}"
    response.headers["Cache-Control"] = "no-store"
    address = f"{service.settings.address}{path}?share={token}"
    return NewShareOut(id=share.id, created=share.created, token=token, url=address)


@router.get("/shares")
def list_shares(search: SearchDep, service: ServiceDep, caller: CallerDep) -> list[ShareOut]:
    """List the links of a search, but not what they are."""
    caller.check(Scope.SEARCH)
    return [ShareOut(id=one.id, created=one.created) for one in service.sharing.all(search.id)]


@router.delete("/shares/{share_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_share(
    search: SearchDep, share_id: Annotated[str, Path(max_length=32)], service: ServiceDep, caller: CallerDep
) -> None:
    """Make a link void at once."""
    caller.check(Scope.SEARCH)
    service.sharing.revoke(search.id, share_id)
