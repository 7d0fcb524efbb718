"""The life of a search that a service runs: its states, its phases, and what may follow what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, NewType

from shardblast.core.errors import ConflictError

SearchId = NewType("SearchId", str)


class State(StrEnum):
    """Where a search stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (State.COMPLETED, State.FAILED, State.CANCELLED)


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.COMPLETED, State.FAILED, State.CANCELLED}),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}
"""What may follow a state; back to ``queued`` is a retry."""


def check_transition(current: State, wanted: State) -> None:
    """Refuse a change of state that the table does not hold.

    Raises:
        ConflictError: It does not.
    """
    if wanted not in TRANSITIONS[current]:
        raise ConflictError(f"The search is {current}, so it can't become {wanted}.", remedy="Read its state again.")


class Phase(StrEnum):
    """What a running search does, in this order."""

    PREPARING = "preparing"
    """Reads the queries and plans; counted in queries."""
    STAGING = "staging"
    """Copies volumes to nodes; counted in bytes."""
    WARMING = "warming"
    """Reads volumes into memory; counted in bytes."""
    SEARCHING = "searching"
    """Runs BLAST+; counted in pieces."""
    MERGING = "merging"
    """Merges, and searches saturated queries again; counted in queries."""
    PUBLISHING = "publishing"
    """Stores the result; counted in batches."""


class PhaseStatus(StrEnum):
    """What became of a phase."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    """There was nothing to do, or the search ended before it."""
    FAILED = "failed"
    """It ended before it was done, by an error or because the search was cancelled."""


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """How far a phase is; ``done`` and ``total`` count finished things, in the phase's own unit."""

    phase: Phase
    status: PhaseStatus = PhaseStatus.PENDING
    started: float | None = None
    """Seconds since 1970."""
    finished: float | None = None
    done: int = 0
    total: int = 0


Progress = tuple[PhaseProgress, ...]
"""All phases in their order."""

NO_PROGRESS: Progress = tuple(PhaseProgress(phase) for phase in Phase)


def begin(progress: Progress, phase: Phase, at: float, total: int) -> Progress:
    """Return the progress with a phase begun: earlier ones are closed, those that never began are skipped.

    A phase that runs already keeps its start; one that a resumed search enters again runs again.
    """
    order = list(Phase)
    place = order.index(phase)
    now = progress[place]
    at = max(at, *(time or 0.0 for one in progress for time in (one.started, one.finished)))
    started = now.started if now.started is not None else at
    begun = replace(now, status=PhaseStatus.RUNNING, started=started, finished=None, total=total)
    return (*(_closed(one, at) for one in progress[:place]), begun, *progress[place + 1 :])


def count(progress: Progress, phase: Phase, done: int, total: int | None = None) -> Progress:
    """Return the progress with so many things of a phase finished, and ``total`` corrected if it is given."""
    return tuple(
        replace(one, done=done, total=one.total if total is None else total) if one.phase is phase else one
        for one in progress
    )


def end(progress: Progress, status: PhaseStatus, at: float) -> Progress:
    """Return the progress of a search that ended: what runs gets this status, what never began is skipped."""
    return tuple(_closed(one, at, status) for one in progress)


def ended_phases(before: Search, after: Search) -> Iterator[PhaseProgress]:
    """Yield the phases that ended between two states of a search."""
    for was, now in zip(before.progress, after.progress, strict=True):
        if now.finished is not None and now.finished != was.finished:
            yield now


def current(progress: Progress) -> Phase | None:
    """Return the phase that runs, or None."""
    return next((one.phase for one in progress if one.status is PhaseStatus.RUNNING), None)


def _closed(one: PhaseProgress, at: float, status: PhaseStatus = PhaseStatus.COMPLETED) -> PhaseProgress:
    if one.status is PhaseStatus.RUNNING:
        return replace(one, status=status, finished=at)
    return replace(one, status=PhaseStatus.SKIPPED) if one.status is PhaseStatus.PENDING else one


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a search failed: the code, text and remedy of the error that ended it."""

    code: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search as users see it."""

    id: SearchId
    owner: str
    title: str
    program: str
    database: str
    """Name in the catalogue."""
    generation: str
    options: tuple[str, ...]
    """BLAST+'s words, without -db, -query, -out and -outfmt."""
    exactness: str
    created: float
    """Seconds since 1970, as all times."""
    queries: int
    letters: int
    state: State = State.QUEUED
    progress: Progress = NO_PROGRESS
    started: float | None = None
    finished: float | None = None
    attempt: int = 1
    shards: int | None = None
    """None until it is planned."""
    why: str | None = None
    """Why it was cut into so many shards."""
    hits: int | None = None
    """Subjects over all queries; None until it is completed."""
    verdicts: Mapping[str, int] | None = None
    failure: Failure | None = None

    @property
    def phase(self) -> Phase | None:
        """The phase that runs."""
        return current(self.progress)


def document(search: Search) -> dict[str, Any]:
    """Return a search as JSON holds it, in answers and in events alike."""
    told = asdict(search)
    told["phases"] = [{"name": one.pop("phase"), **one} for one in told.pop("progress")]
    told["phase"] = search.phase
    return told


def search_of(values: Mapping[str, Any]) -> Search:
    """Return a search from what ``dataclasses.asdict`` made of it, after a way through JSON."""
    known = {name: values[name] for name in Search.__dataclass_fields__}
    known["options"] = tuple(known["options"])
    known["state"] = State(known["state"])
    known["progress"] = tuple(_progress_of(one) for one in known["progress"])
    known["failure"] = Failure(**known["failure"]) if known["failure"] else None
    return Search(**known)


def _progress_of(values: Mapping[str, Any]) -> PhaseProgress:
    return PhaseProgress(**{**values, "phase": Phase(values["phase"]), "status": PhaseStatus(values["status"])})


def moved(search: Search, wanted: State, at: float, **changes: Any) -> Search:
    """Return a search in its next state, with its progress and times to match.

    Raises:
        ConflictError: The table of transitions does not hold this.
    """
    check_transition(search.state, wanted)
    at = never_back(search, at)
    match wanted:
        case State.QUEUED:
            again = replace(search, progress=NO_PROGRESS, started=None, finished=None, failure=None)
            return replace(again, state=wanted, attempt=search.attempt + 1, **changes)
        case State.RUNNING:
            return replace(search, state=wanted, started=at, **changes)
    status = PhaseStatus.COMPLETED if wanted is State.COMPLETED else PhaseStatus.FAILED
    return replace(search, state=wanted, finished=at, progress=end(search.progress, status, at), **changes)


def never_back(search: Search, at: float) -> float:
    """Return a time that is not before what a search knows already: somebody may have set the clock back."""
    known = [search.created, search.started or 0.0]
    known += [time or 0.0 for one in search.progress for time in (one.started, one.finished)]
    return max(at, *known)


def again(search: Search, attempt: int, at: float) -> Search:
    """Return a search queued for its next attempt, or as it is if that has begun already."""
    return moved(search, State.QUEUED, at) if search.state.is_final and search.attempt < attempt else search


@dataclass(frozen=True, slots=True)
class Piece:
    """A BLAST+ process of a search that ended."""

    purpose: str
    batch: int
    """0-based."""
    shard: int | None
    seconds: float
    peak_memory_bytes: int
    node: str
    finished: float


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a search, as its watchers are told of it."""

    id: int
    """Grows with every event."""
    search_id: SearchId
    kind: str
    """``search``: its row changed; ``piece``: a process ended; ``deleted``."""
    data: Mapping[str, Any]

    @property
    def ends(self) -> bool:
        """Whether nothing more will be told of the search."""
        return self.kind == "deleted" or (self.kind == "search" and State(self.data["state"]).is_final)
