"""``/api/v1/databases`` and ``/api/v1/tasks``: databases, and what is being done to them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from shardblast.api.context import CallerDep, ServiceDep, caller_of
from shardblast.api.events import PING_EVERY_S, Watched, id_of, stream, task_changes
from shardblast.api.models import FailureOut, SearchOut, StateName
from shardblast.bootstrap.service import Service
from shardblast.core.database import CataloguedDatabase
from shardblast.core.errors import NotFoundError
from shardblast.core.placement import NodePlan
from shardblast.core.program import Molecule
from shardblast.core.search import SearchId
from shardblast.core.task import Task, TaskId, TaskKind, task_document
from shardblast.service.callers import Caller, Scope
from shardblast.service.databases import Presence, Updates

router = APIRouter(prefix="/databases", tags=["databases"])

MOST_USES = 20
"""Searches that are named."""


class TaskOut(BaseModel):
    """Work on a database; times are seconds since 1970."""

    id: str
    kind: Literal["add", "update", "warm"]
    database: str
    owner: str
    state: StateName
    step: Literal["bringing", "checking", "storing", "staging", "warming", "switching"] | None
    done: int = Field(description="Bytes of the step")
    total: int = Field(description="Bytes of the step; 0 as long as it is not known")
    created: float
    started: float | None
    finished: float | None
    outcome: str | None
    failure: FailureOut | None

    @classmethod
    def of(cls, task: Task) -> TaskOut:
        """Return a task as it is answered."""
        return cls.model_validate(task_document(task))


TASK_OR_DATABASE: dict[int | str, dict[str, Any]] = {
    status.HTTP_202_ACCEPTED: {"model": TaskOut, "description": "It takes its time"}
}

tasks_router = APIRouter(prefix="/tasks", tags=["tasks"])


class DatabaseIn(BaseModel):
    """A database to serve."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    source: str = Field(
        description="A BLAST database on the server (without suffix), FASTA, ncbi:NAME, or another storage's database",
        max_length=4096,
    )
    copy_files: bool = Field(
        False, alias="copy", description="Copy a BLAST database into the storage in place of serving it where it lies"
    )
    replace: bool = Field(
        False, description="Replace a database of this name from another source; never one of the other molecule"
    )
    molecule: Molecule | None = Field(None, description="Of a FASTA file; null: as it looks")
    title: str = Field("", max_length=1000, description="Of a database made of a FASTA file")
    taxid_map: str | None = Field(
        None, max_length=4096, description="A file on the server with an id and a taxid a line"
    )
    base: str | None = Field(None, max_length=1000, description="Where NCBI's databases are published, if not at NCBI")

    def wanted(self) -> dict[str, Any]:
        """Return what the service takes."""
        settings: dict[str, Any] = {
            "molecule": self.molecule,
            "title": self.title,
            "taxid_map": self.taxid_map,
            "ncbi_base": self.base,
        }
        wanted = {"text": self.source, "settings": {name: value for name, value in settings.items() if value}}
        return {**wanted, "replace": True} if self.replace else wanted


class PresenceOut(BaseModel):
    """How much of a database is where, now: read from the disk and from the kernel."""

    staged_bytes: int = Field(description="On the server's disk")
    resident_bytes: int | None = Field(description="In its memory, of mapped_bytes; null if the kernel does not tell")
    mapped_bytes: int = Field(description="What a search maps into memory")
    problem: str | None = Field(description="Why it can't be searched as it is; null if it can")


class DatabaseOut(BaseModel):
    """A database."""

    name: str
    molecule: Literal["nucleotide", "protein"]
    generation: str
    title: str
    date: str
    num_seqs: int
    letters: int
    max_length: int
    volumes: int
    size_bytes: int = Field(description="Of all files")
    mapped_bytes: int = Field(description="Of what a search maps into memory")
    has_ids: bool
    has_taxids: bool
    masks: list[str]
    source_version: str
    in_place: bool
    added: float
    here: PresenceOut

    @classmethod
    def of(cls, one: CataloguedDatabase, here: Presence) -> DatabaseOut:
        """Return a database as it is answered: without its source, which is the server's own."""
        facts = one.facts
        same = ("molecule", "title", "date", "num_seqs", "letters", "max_length", "size_bytes", "mapped_bytes")
        values = {name: getattr(facts, name) for name in (*same, "has_ids", "has_taxids", "source_version")}
        return cls(
            name=one.name,
            generation=one.generation,
            volumes=len(facts.volumes),
            masks=list(facts.masks),
            in_place=one.path is not None,
            added=one.added,
            here=PresenceOut(**asdict(here)),
            **values,
        )


class UpdatesOut(BaseModel):
    """Whether a source has something newer."""

    current: str
    offered: str
    is_newer: bool

    @classmethod
    def of(cls, found: Updates) -> UpdatesOut:
        """Return what a source said as it is answered."""
        return cls(**asdict(found))


class ShareOfNodeOut(BaseModel):
    """What one node would hold and search."""

    volumes: list[str]
    first_oid: int | None = Field(description="0-based in the one volume, of a part of it; null for whole volumes")
    end_oid: int | None = Field(description="One more than the last")
    letters: int
    staged_bytes: int
    mapped_bytes: int


class PlanOut(BaseModel):
    """How a database would be cut for nodes."""

    fits: bool
    problem: str | None
    remedy: str | None
    memory_bytes: int = Field(description="Of each node")
    balance: float = Field(description="Letters of the largest shard over the mean")
    shares: list[ShareOfNodeOut]

    @classmethod
    def of(cls, plan: NodePlan) -> PlanOut:
        """Return a plan as it is answered."""
        return cls(
            fits=plan.fits,
            problem=plan.problem,
            remedy=plan.remedy,
            memory_bytes=plan.memory_bytes,
            balance=plan.balance,
            shares=[
                ShareOfNodeOut(
                    volumes=list(one.volumes),
                    first_oid=one.shard.oids.start if one.shard.oids else None,
                    end_oid=one.shard.oids.stop if one.shard.oids else None,
                    letters=one.shard.letters,
                    staged_bytes=one.staged_bytes,
                    mapped_bytes=one.mapped_bytes,
                )
                for one in plan.shares
            ],
        )


class UseOut(BaseModel):
    """What uses a database, or changes it."""

    searches: int = Field(description="That are not over")
    first: list[SearchOut] = Field(description="Some of them")
    tasks: list[TaskOut] = Field(description="That are not over")


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


@tasks_router.get("")
def list_tasks(
    service: ServiceDep,
    caller: CallerDep,
    database: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[TaskOut]:
    """List tasks, newest first."""
    caller.check(Scope.READ)
    return [TaskOut.of(one) for one in service.tasks.newest(database, limit)]


@tasks_router.get("/events", response_class=EventSourceResponse)
async def follow_tasks(request: Request, service: ServiceDep, caller: CallerDep) -> EventSourceResponse:
    """Stream which tasks change: ``task`` as it is now, or ``reload`` when any may have changed, as at the beginning.

    It ends when the caller may read no more.
    """
    caller.check(Scope.READ)
    changes = task_changes(service, lambda: caller_of(request, service).check(Scope.READ))
    return EventSourceResponse(changes, ping=PING_EVERY_S)


@tasks_router.get("/{task_id}")
def read_task(task_id: str, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Read a task."""
    caller.check(Scope.READ)
    return TaskOut.of(service.tasks.get(TaskId(task_id)))


@tasks_router.get("/{task_id}/events", response_class=EventSourceResponse)
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


@tasks_router.post("/{task_id}/cancel")
def cancel_task(task_id: str, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Stop a task for good; its owner and administrators may."""
    return TaskOut.of(service.tasks.cancel(_own(task_id, service, caller).id))


@tasks_router.post("/{task_id}/retry", status_code=status.HTTP_202_ACCEPTED)
def retry_task(task_id: str, response: Response, service: ServiceDep, caller: CallerDep) -> TaskOut:
    """Begin a task that failed or was cancelled again, as a new task; whoever may begin such a task may do so."""
    task = _own(task_id, service, caller)
    if task.kind is not TaskKind.WARM:
        caller.check(Scope.ADMIN)
    again = service.databases.retry(service.tasks, service.queue, task, caller.owner)
    response.headers["Location"] = f"/api/v1/tasks/{again.id}"
    return TaskOut.of(again)


@tasks_router.delete("/{task_id}", status_code=status.HTTP_204_NO_CONTENT)
def dismiss_task(task_id: str, service: ServiceDep, caller: CallerDep) -> None:
    """Remove a task that has ended from the lists; its owner and administrators may."""
    service.tasks.dismiss(_own(task_id, service, caller).id)


def _told(service: Service, one: CataloguedDatabase) -> DatabaseOut:
    return DatabaseOut.of(one, service.databases.presence(one))


def _begun(task: Task, response: Response) -> TaskOut:
    response.status_code = status.HTTP_202_ACCEPTED
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    return TaskOut.of(task)


def _own(task_id: str, service: Service, caller: Caller) -> Task:
    """Return a task that its owner or an administrator asks for."""
    caller.check(Scope.SEARCH)
    task = service.tasks.get(TaskId(task_id))
    if caller.sees not in (None, task.owner):
        raise NotFoundError("There is no such task of yours.", remedy="Ask who began it.")
    return task
