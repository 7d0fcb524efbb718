"""``/api/v1/tasks``: what is being done to databases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, status
from sse_starlette import EventSourceResponse

from shardblast.api.context import CallerDep, ServiceDep, caller_of
from shardblast.api.database_models import TaskOut
from shardblast.api.events import PING_EVERY_S, Watched, id_of, stream, task_changes
from shardblast.bootstrap.service import Service
from shardblast.core.errors import NotFoundError
from shardblast.core.search import SearchId
from shardblast.core.task import Task, TaskId, TaskKind, task_document
from shardblast.service.callers import Caller, Scope

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("")
def list_tasks(
    service: ServiceDep,
    caller: CallerDep,
    database: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[TaskOut]:
    """List tasks, newest first."""
    caller.check(Scope.READ)
    return [TaskOut.of(one) for one in service.tasks.newest(database, limit)]


@router.get("/events", response_class=EventSourceResponse)
async def follow_tasks(request: Request, service: ServiceDep, caller: CallerDep) -> EventSourceResponse:
    """Stream which tasks change: ``task`` as it is now, or ``reload`` when any may have changed, as at the beginning.

    It ends when the caller may read no more.
    """
    caller.check(Scope.READ)
    changes = task_changes(service, lambda: caller_of(request, service).check(Scope.READ))
    return EventSourceResponse(changes, ping=PING_EVERY_S)


@router.get("/{task_id}")
def read_task(task_id: str, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Read a task."""
    caller.check(Scope.READ)
    return TaskOut.of(service.tasks.get(TaskId(task_id)))


@router.get("/{task_id}/events", response_class=EventSourceResponse)
async def read_events(
    task_id: str,
    service: ServiceDep,
    caller: CallerDep,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> EventSourceResponse:
    """Stream what happens to a task: first the task as it is, then every change."""
    caller.check(Scope.READ)
    service.tasks.get(TaskId(task_id))

    def snapshot() -> tuple[dict[str, object], bool, int]:
        task, last = service.tasks.snapshot(TaskId(task_id))
        return task_document(task), task.state.is_final, last

    watched = Watched(SearchId(task_id), snapshot, service.store.events_after)
    return EventSourceResponse(stream(service, watched, id_of(last_event_id)), ping=PING_EVERY_S)


@router.post("/{task_id}/cancel")
def cancel_task(task_id: str, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Stop a task for good; its owner and administrators may."""
    return TaskOut.of(service.tasks.cancel(_own(task_id, service, caller).id))


@router.post("/{task_id}/retry", status_code=status.HTTP_202_ACCEPTED)
def retry_task(task_id: str, response: Response, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Begin a task that failed or was cancelled again, as a new task; whoever may begin such a task may do so."""
    task = _own(task_id, service, caller)
    if task.kind is not TaskKind.WARM:
        caller.check(Scope.ADMIN)
    again = service.databases.retry(service.tasks, service.queue, task, caller.owner)
    response.headers["Location"] = f"/api/v1/tasks/{again.id}"
    return TaskOut.of(again)


@router.delete("/{task_id}", status_code=status.HTTP_204_NO_CONTENT)
def dismiss_task(task_id: str, service: ServiceDep, caller: CallerDep) -> None:
    """Remove a task that has ended from the lists; its owner and administrators may."""
    service.tasks.dismiss(_own(task_id, service, caller).id)


def _own(task_id: str, service: Service, caller: Caller) -> Task:
    """Return a task that its owner or an administrator asks for."""
    caller.check(Scope.SEARCH)
    task = service.tasks.get(TaskId(task_id))
    if caller.sees not in (None, task.owner):
        raise NotFoundError("There is no such task of yours.", remedy="Ask who began it.")
    return task
