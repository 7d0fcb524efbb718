"""``/api/v1/databases``."""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.models import DatabaseIn, DatabaseOut
from shardblast.service.callers import Scope

router = APIRouter(prefix="/databases", tags=["databases"])


@router.get("")
def list_databases(service: ServiceDep, caller: CallerDep) -> list[DatabaseOut]:
    """List the databases by name."""
    caller.check(Scope.READ)
    return [DatabaseOut.of(one) for one in service.catalogue.all()]


@router.post("", status_code=status.HTTP_201_CREATED)
def add_database(body: DatabaseIn, response: Response, service: ServiceDep, caller: CallerDep) -> DatabaseOut:
    """Register a database where it lies on the server."""
    caller.check(Scope.ADMIN)
    one = service.catalogue.add(body.name, body.source)
    response.headers["Location"] = f"/api/v1/databases/{one.name}"
    return DatabaseOut.of(one)


@router.get("/{name}")
def read_database(name: str, service: ServiceDep, caller: CallerDep) -> DatabaseOut:
    """Read a database."""
    caller.check(Scope.READ)
    return DatabaseOut.of(service.catalogue.get(name))


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT)
def remove_database(name: str, service: ServiceDep, caller: CallerDep) -> None:
    """Take a database out of the catalogue; its files stay."""
    caller.check(Scope.ADMIN)
    service.catalogue.remove(name)
