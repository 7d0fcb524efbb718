"""Work on a database that takes its time: to add it, to update it, to warm it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, NewType

from shardblast.core.errors import ConflictError
from shardblast.core.search import Failure, State, after_cancelling, check_transition

TaskId = NewType("TaskId", str)


class TaskKind(StrEnum):
    """What is done."""

    ADD = "add"
    """Brings a database from its source, stores it and makes it known."""
    UPDATE = "update"
    """The same for a newer version of a known one; searches go on in the old one meanwhile."""
    WARM = "warm"
    """Reads a database into memory."""


class Step(StrEnum):
    """What a task does just now; the bytes done are those of this step."""

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
    """Makes known what new searches take, in a moment, which is not taken back: it can't be cancelled any more."""


@dataclass(frozen=True, slots=True)
class Task:
    """Work on a database; has the states of a search."""

    id: TaskId
    kind: TaskKind
    database: str
    owner: str
    details: Mapping[str, Any]
    """What it was asked to do, and what its source offered."""
    created: float
    """Seconds since 1970, as all times."""
    state: State = State.QUEUED
    step: Step | None = None
    done: int = 0
    """Bytes of the step."""
    total: int = 0
    """Bytes; 0 as long as it is not known."""
    started: float | None = None
    finished: float | None = None
    outcome: str | None = None
    """What came of it, for people to read."""
    failure: Failure | None = None


def task_moved(task: Task, wanted: State, at: float, **changes: Any) -> Task:
    """Return a task in its next state.

    Raises:
        ConflictError: The table of transitions does not hold this, or it is too late to cancel the task.
    """
    check_transition(task.state, wanted)
    if wanted is State.CANCELLING and task.step is Step.SWITCHING:
        raise ConflictError("The task is about to end and can't be cancelled any more.", remedy="Read its state again.")
    at = max(at, task.created, task.started or 0.0)
    if wanted is State.RUNNING:
        changes["started"] = at
    elif wanted.is_final:
        changes["finished"] = at
    return replace(task, state=wanted, **changes)


def task_cancelled(task: Task, at: float) -> Task:
    """Return a task that somebody cancels; one that is cancelled already stays as it is.

    Raises:
        ConflictError: It is over, or it is too late to cancel it.
    """
    wanted = after_cancelling(task.state)
    return task if wanted is task.state else task_moved(task, wanted, at)


def task_document(task: Task) -> dict[str, Any]:
    """Return a task as JSON holds it; its details are the service's own."""
    told = asdict(task)
    del told["details"]
    return told


def task_of(values: Mapping[str, Any]) -> Task:
    """Return a task from what ``dataclasses.asdict`` made of it, after a way through JSON."""
    known = {name: values[name] for name in Task.__dataclass_fields__}
    known["kind"], known["state"] = TaskKind(known["kind"]), State(known["state"])
    known["step"] = None if known["step"] is None else Step(known["step"])
    known["failure"] = Failure(**known["failure"]) if known["failure"] else None
    return Task(**known)
