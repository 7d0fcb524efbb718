"""``/api/v1/databases`` and ``/api/v1/tasks``: databases, and the tasks that add, update or warm them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from shardblast.api.context import AdminDep, CallerDep, ReaderDep, SearcherDep, ServiceDep, reader_of
from shardblast.api.events import PING_EVERY_S, Watched, id_of, stream, task_changes
from shardblast.api.models import SearchOut, StateName
from shardblast.bootstrap.service import Service
from shardblast.core.errors import NotFoundError
from shardblast.core.node import Presence
from shardblast.core.placement import NodePlan
from shardblast.core.program import Molecule
from shardblast.core.search import Document, Failure, SearchId
from shardblast.core.task import Task, TaskId, TaskKind
from shardblast.service.callers import Caller, Scope
from shardblast.service.databases import Updates

router = APIRouter(prefix="/databases", tags=["databases"])

MOST_USES = 20
"""Maximum number of searches that are listed as users of a database."""


class TaskOut(BaseModel):
    """A task that adds, updates or warms a database; times are seconds since 1970."""

    id: str
    kind: Literal["add", "update", "warm"]
    database: str
    owner: str | None = Field(description="null for callers who are neither the owner nor an administrator")
    state: StateName
    step: Literal["bringing", "checking", "storing", "staging", "warming", "switching"] | None
    done: int = Field(description="Bytes of the step that are done")
    total: int = Field(description="Bytes of the whole step; 0 if unknown")
    created: float
    started: float | None
    finished: float | None
    outcome: str | None
    failure: Failure | None


TASK_OR_DATABASE: dict[int | str, dict[str, Any]] = {
    status.HTTP_202_ACCEPTED: {"model": TaskOut, "description": "A task has begun"}
}

tasks_router = APIRouter(prefix="/tasks", tags=["tasks"])


class DatabaseIn(BaseModel):
    """A database to serve."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    source: str = Field(
        description="BLAST database on the server (no suffix), FASTA file, ncbi:NAME, or another storage's database",
        max_length=4096,
    )
    copy_files: bool = Field(
        False, alias="copy", description="Copy a BLAST database into the storage; otherwise it is used in place"
    )
    replace: bool = Field(
        False, description="Replace a database of this name from another source; never one of the other molecule"
    )
    molecule: Molecule | None = Field(None, description="Molecule of a FASTA file; null: detected automatically")
    title: str = Field("", max_length=1000, description="Title of a database made from a FASTA file")
    taxid_map: str | None = Field(
        None, max_length=4096, description="File on the server with an id and a taxid per line"
    )
    base: str | None = Field(None, max_length=1000, description="URL of a mirror of NCBI's databases")

    def wanted(self) -> dict[str, Any]:
        """Return the details of the service's task."""
        settings = {"molecule": self.molecule, "title": self.title, "taxid_map": self.taxid_map, "ncbi_base": self.base}
        wanted = {"text": self.source, "settings": {name: value for name, value in settings.items() if value}}
        return {**wanted, "replace": True} if self.replace else wanted


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
    size_bytes: int = Field(description="Size of all files")
    mapped_bytes: int = Field(description="Size of the files that a search maps into memory")
    has_ids: bool
    has_taxids: bool
    masks: list[str]
    source_version: str
    in_place: bool
    added: float
    here: Presence


class ShareOfNodeOut(BaseModel):
    """The share of a database that one node would hold and search."""

    volumes: list[str]
    first_oid: int | None = Field(description="First oid (0-based) of a part of a volume; null for whole volumes")
    end_oid: int | None = Field(description="Last oid of the part, plus one")
    letters: int
    staged_bytes: int
    mapped_bytes: int


class PlanOut(BaseModel):
    """The shards of a database for a number of nodes."""

    fits: bool
    problem: str | None
    remedy: str | None
    memory_bytes: int = Field(description="Memory of each node")
    balance: float = Field(description="Letters of the largest shard, divided by the mean")
    shares: list[ShareOfNodeOut]


class UseOut(BaseModel):
    """The searches and tasks that use a database."""

    searches: int = Field(description="Number of unfinished searches")
    results: int = Field(description="Number of finished searches whose results can't be printed without the database")
    first: list[SearchOut] = Field(description="Some of these searches")
    tasks: list[TaskOut] = Field(description="Unfinished tasks")


@router.get("", response_model=list[DatabaseOut])
def list_databases(service: ServiceDep, caller: ReaderDep) -> list[Document]:
    """List the databases by name, each with how much of it is on the disks and in the memory of nodes now."""
    return [service.databases.described(database) for database in service.databases.generations.all()]


@router.post("", status_code=status.HTTP_201_CREATED, response_model=DatabaseOut | TaskOut, responses=TASK_OR_DATABASE)
def add_database(body: DatabaseIn, response: Response, service: ServiceDep, caller: AdminDep) -> Document:
    """Add a database: register files of the server in place (201), or copy them from the source in a task (202)."""
    if not body.copy_files and service.databases.lies_here(body.source):
        database = service.databases.register(body.name, body.source, replace=body.replace)
        response.headers["Location"] = f"/api/v1/databases/{database.name}"
        return service.databases.described(database)
    task = service.databases.add(service.tasks, body.name, body.wanted(), caller.owner)
    return _begun(task, response, caller)


@router.get("/{name}", response_model=DatabaseOut)
def read_database(name: str, service: ServiceDep, caller: ReaderDep) -> Document:
    """Read a database, with how much of it is on the disks and in the memory of nodes now."""
    return service.databases.described(service.catalogue.get(name))


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT)
def remove_database(name: str, service: ServiceDep, caller: AdminDep, force: bool = False) -> None:
    """Remove a database. Files that are used in place are kept.

    ``force`` cancels the searches that use it, and gives up the results that can't be printed without it.
    """
    service.removal.remove(name, force=force)


@router.get("/{name}/use", response_model=UseOut)
def read_use(name: str, service: ServiceDep, caller: AdminDep) -> Document:
    """List the searches and tasks that use a database, and count the results that its removal would lose."""
    using = service.databases.uses(name)
    return {
        "searches": len(using),
        "results": service.databases.results_of(name),
        "first": [search.document() for search in service.store.some(using[:MOST_USES], None)],
        "tasks": service.tasks.store.active(name),
    }


@router.post("/{name}/warm", status_code=status.HTTP_202_ACCEPTED, response_model=TaskOut)
def warm_database(name: str, response: Response, service: ServiceDep, caller: SearcherDep) -> Document:
    """Start to copy a database to the nodes, or to this machine without a cluster, and to read it into memory."""
    return _begun(service.databases.begin_warming(service.tasks, name, caller.owner), response, caller)


@router.post("/{name}/update", response_model=DatabaseOut | TaskOut, responses=TASK_OR_DATABASE)
def update_database(name: str, response: Response, service: ServiceDep, caller: AdminDep) -> Document:
    """Update a database from its source in a task (202). Searches continue in the old generation meanwhile.

    A database that is used in place is read again at once (200).
    """
    updated = service.databases.update(service.tasks, name, caller.owner)
    return _begun(updated, response, caller) if isinstance(updated, Task) else service.databases.described(updated)


@router.get("/{name}/updates")
def check_updates(name: str, service: ServiceDep, caller: AdminDep) -> Updates:
    """Check whether the source has a newer version."""
    return service.databases.check_updates(name)


@router.get("/{name}/plan", response_model=PlanOut)
def plan_database(
    name: str,
    service: ServiceDep,
    caller: ReaderDep,
    nodes: Annotated[int, Query(ge=1, le=10_000)],
    memory_bytes: Annotated[int, Query(ge=1, le=1 << 60, description="Memory of each node")],
) -> NodePlan:
    """Plan the shards of a database for a number of nodes, and check whether they fit in memory."""
    return service.databases.plan(name, nodes, memory_bytes)


@tasks_router.get("", response_model=list[TaskOut])
def list_tasks(
    service: ServiceDep,
    caller: ReaderDep,
    database: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[Document]:
    """List tasks, newest first."""
    return [caller.shown(task.document()) for task in service.tasks.store.newest(database, limit)]


@tasks_router.get("/events", response_class=EventSourceResponse)
async def follow_tasks(request: Request, service: ServiceDep, caller: ReaderDep) -> EventSourceResponse:
    """Stream changed tasks: ``task`` with its new state, or ``reload`` if any may have changed, as at the start.

    The stream ends when the caller loses the right to read.
    """
    return EventSourceResponse(task_changes(service, reader_of(request, service)), ping=PING_EVERY_S)


@tasks_router.get("/{task_id}", response_model=TaskOut)
def read_task(task_id: str, service: ServiceDep, caller: ReaderDep) -> Document:
    """Read a task."""
    return caller.shown(service.tasks.store.get(TaskId(task_id)).document())


@tasks_router.get("/{task_id}/events", response_class=EventSourceResponse)
async def read_events(
    task_id: str,
    service: ServiceDep,
    caller: ReaderDep,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> EventSourceResponse:
    """Stream a task: first its state now, then every change."""
    service.tasks.store.get(TaskId(task_id))

    watched = Watched(SearchId(task_id), service.tasks.store.snapshot, service.store.events_after)
    return EventSourceResponse(stream(service, watched, id_of(last_event_id), caller.shown), ping=PING_EVERY_S)


@tasks_router.post("/{task_id}/cancel", response_model=TaskOut)
def cancel_task(task_id: str, service: ServiceDep, caller: CallerDep) -> Task:
    """Cancel a task. Only its owner and administrators may."""
    return service.tasks.cancel(_own(task_id, service, caller).id)


@tasks_router.post("/{task_id}/retry", status_code=status.HTTP_202_ACCEPTED, response_model=TaskOut)
def retry_task(task_id: str, response: Response, service: ServiceDep, caller: CallerDep) -> Document:
    """Start a failed or cancelled task again, as a new task."""
    task = _own(task_id, service, caller)
    if task.kind is not TaskKind.WARM:
        caller.check(Scope.ADMIN)
    return _begun(service.databases.retry(service.tasks, task, caller.owner), response, caller)


@tasks_router.delete("/{task_id}", status_code=status.HTTP_204_NO_CONTENT)
def dismiss_task(task_id: str, service: ServiceDep, caller: CallerDep) -> None:
    """Remove a finished task from the lists. Only its owner and administrators may."""
    service.tasks.dismiss(_own(task_id, service, caller).id)


def _begun(task: Task, response: Response, caller: Caller) -> Document:
    """Answer with a task, which may be one that somebody else began."""
    response.status_code = status.HTTP_202_ACCEPTED
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    return caller.shown(task.document())


def _own(task_id: str, service: Service, caller: Caller) -> Task:
    """Return a task, if the caller is its owner or an administrator."""
    caller.check(Scope.SEARCH)
    task = service.tasks.store.get(TaskId(task_id))
    if not caller.may_see(task.owner):
        raise NotFoundError("There is no such task.", remedy="It may belong to another user.")
    return task
