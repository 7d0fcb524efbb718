"""Long-running work on a database: adding, updating or warming it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, NewType

from shardblast.core.errors import ConflictError
from shardblast.core.search import Document, Failure, State, after_cancelling, check_transition

TaskId = NewType("TaskId", str)


class TaskKind(StrEnum):
    ADD = "add"
    """Fetches a database from its source, stores it and adds it to the catalogue."""
    UPDATE = "update"
    """Adds a newer version of a database; running searches finish on the old version."""
    WARM = "warm"
    """Reads a database into memory."""


class Step(StrEnum):
    """The current step of a task, to which its progress in bytes refers."""

    BRINGING = "bringing"
    """Copies or makes the files."""
    CHECKING = "checking"
    """Computes their checksums."""
    STORING = "storing"
    """Writes them to the storage."""
    STAGING = "staging"
    """Copies them to a node's disk."""
    WARMING = "warming"
    """Reads them into memory."""
    SWITCHING = "switching"
    """Switches new searches to the new version; from here the task can't be cancelled."""


@dataclass(frozen=True, slots=True)
class Task:
    """Work on a database, with the states of a search."""

    id: TaskId
    kind: TaskKind
    database: str
    owner: str
    details: Mapping[str, Any]
    """The request, and the offer of the source."""
    created: float
    """Seconds since 1970, like all times."""
    state: State = State.QUEUED
    step: Step | None = None
    done: int = 0
    """Bytes done in the current step."""
    total: int = 0
    """Bytes of the current step; 0 if unknown."""
    started: float | None = None
    finished: float | None = None
    outcome: str | None = None
    """The result or, while the task waits for the storage or for nodes, the reason, as text for people."""
    failure: Failure | None = None

    def document(self) -> Document:
        """Return the JSON document of the task, without the details, which are internal."""
        values = asdict(self)
        del values["details"]
        return values


def task_moved(task: Task, wanted: State, at: float, **changes: Any) -> Task:
    """Return a task in its next state; raise ConflictError if the transition is not allowed, or comes too late."""
    check_transition(task.state, wanted)
    if wanted is State.CANCELLING and task.step is Step.SWITCHING:
        raise ConflictError("The task is about to end and can no longer be cancelled.", remedy="Read its state again.")
    at = max(at, task.created, task.started or 0.0)
    if wanted is State.RUNNING:
        changes["started"] = at
    elif wanted.is_final:
        changes["finished"] = at
    return replace(task, state=wanted, **changes)


def task_cancelled(task: Task, at: float) -> Task:
    """Return a task after a request to cancel it, which may be repeated; raise ConflictError if it comes too late."""
    wanted = after_cancelling(task.state)
    return task if wanted is task.state else task_moved(task, wanted, at)
