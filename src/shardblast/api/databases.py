"""``/api/v1/databases``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status

from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.database_models import DatabaseIn, DatabaseOut, PlanOut, TaskOut, UpdatesOut, UseOut
from shardblast.api.models import SearchOut
from shardblast.bootstrap.service import Service
from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.task import Task
from shardblast.service.callers import Scope

router = APIRouter(prefix="/databases", tags=["databases"])

MOST_USES = 20
"""Searches that are named."""
TASK_OR_DATABASE: dict[int | str, dict[str, Any]] = {
    status.HTTP_202_ACCEPTED: {"model": TaskOut, "description": "It takes its time"}
}


@router.get("")
def list_databases(service: ServiceDep, caller: CallerDep) -> list[DatabaseOut]:
    """List the databases by name, each with how much of it is on the disk and in memory now."""
    caller.check(Scope.READ)
    return [_told(service, one) for one in service.databases.all()]


@router.post("", status_code=status.HTTP_201_CREATED, responses=TASK_OR_DATABASE)
def add_database(body: DatabaseIn, response: Response, service: ServiceDep, caller: CallerDep) -> DatabaseOut | TaskOut:
    """Add a database: register it where it lies on the server (201), or bring it from its source (202, a task)."""
    caller.check(Scope.ADMIN)
    if not body.copy_files and service.databases.lies_here(body.source):
        one = service.databases.register(body.name, body.source, replace=body.replace)
        response.headers["Location"] = f"/api/v1/databases/{one.name}"
        return _told(service, one)
    task = service.databases.add(service.tasks, service.queue, body.name, body.wanted(), caller.owner)
    return _begun(task, response)


@router.get("/{name}")
def read_database(name: str, service: ServiceDep, caller: CallerDep) -> DatabaseOut:
    """Read a database, with how much of it is on the disk and in memory now."""
    caller.check(Scope.READ)
    return _told(service, service.catalogue.get(name))


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT)
def remove_database(name: str, service: ServiceDep, caller: CallerDep, force: bool = False) -> None:
    """Remove a database; files that were registered in place stay. ``force`` cancels the searches that use it."""
    caller.check(Scope.ADMIN)
    service.removal.remove(name, force=force)


@router.get("/{name}/use")
def read_use(name: str, service: ServiceDep, caller: CallerDep) -> UseOut:
    """Tell what uses a database, or changes it: what its removal would have to wait for, or cancel."""
    caller.check(Scope.ADMIN)
    using = service.databases.uses(name)
    first = service.store.some(using[:MOST_USES], None)
    tasks = service.tasks.active(name)
    return UseOut(
        searches=len(using), first=[SearchOut.of(one) for one in first], tasks=[TaskOut.of(one) for one in tasks]
    )


@router.post("/{name}/warm", status_code=status.HTTP_202_ACCEPTED)
def warm_database(name: str, response: Response, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Begin to read a database into memory."""
    caller.check(Scope.SEARCH)
    return _begun(service.databases.begin_warming(service.tasks, service.queue, name, caller.owner), response)


@router.post("/{name}/update", responses=TASK_OR_DATABASE)
def update_database(name: str, response: Response, service: ServiceDep, caller: CallerDep) -> DatabaseOut | TaskOut:
    """Bring what the source has now (202, a task); searches go on in the old generation meanwhile.

    A database that is registered in place is looked at at once (200).
    """
    caller.check(Scope.ADMIN)
    found = service.databases.update(service.tasks, service.queue, name, caller.owner)
    return _begun(found, response) if isinstance(found, Task) else _told(service, found)


@router.get("/{name}/updates")
def check_updates(name: str, service: ServiceDep, caller: CallerDep) -> UpdatesOut:
    """Ask the source whether it has something newer."""
    caller.check(Scope.ADMIN)
    return UpdatesOut.of(service.databases.check_updates(name))


@router.get("/{name}/plan")
def plan_database(
    name: str,
    service: ServiceDep,
    caller: CallerDep,
    nodes: Annotated[int, Query(ge=1, le=10_000)],
    memory_bytes: Annotated[int, Query(ge=1, le=1 << 60, description="Of each node")],
) -> PlanOut:
    """Tell how the database would be cut for so many nodes, and whether that fits in their memory."""
    caller.check(Scope.READ)
    return PlanOut.of(service.databases.plan(name, nodes, memory_bytes))


def _told(service: Service, one: CataloguedDatabase) -> DatabaseOut:
    return DatabaseOut.of(one, service.databases.presence(one))


def _begun(task: Task, response: Response) -> TaskOut:
    response.status_code = status.HTTP_202_ACCEPTED
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    return TaskOut.of(task)
