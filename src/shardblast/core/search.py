"""The life of a search: its states, the progress of its phases, and the order in which queued searches start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, NewType

from shardblast.core.cutting import magnitude
from shardblast.core.errors import ConflictError
from shardblast.core.lack import TURN, Lack, lacked
from shardblast.core.report import PieceReport

SearchId = NewType("SearchId", str)
Document = dict[str, Any]
"""A JSON document."""

FEWEST, MOST = 4, 64
"""Bounds of the default number of places. A running search costs the service a thread and some memory."""
HALVED_EVERY_S = 600.0
"""The waiting time after which a search counts as half as large, so that smaller ones can't delay it for ever."""


class Phase(StrEnum):
    """The phases of a running search, in order."""

    PREPARING = "preparing"
    """Reads the queries and plans; counted in queries."""
    STAGING = "staging"
    """Copies volumes to nodes; counted in bytes."""
    WARMING = "warming"
    """Reads volumes into memory; counted in bytes."""
    SEARCHING = "searching"
    """Runs BLAST+; counted in pieces."""
    MERGING = "merging"
    """Merges the hits and searches saturated queries again; counted in queries."""
    PUBLISHING = "publishing"
    """Stores the result; counted in files."""


class PhaseStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    """The phase had nothing to do, or the search ended before it."""
    FAILED = "failed"
    """An error or a cancellation ended the phase before it was done."""


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """The progress of a phase; ``done`` and ``total`` are in the phase's own unit."""

    phase: Phase
    status: PhaseStatus = PhaseStatus.PENDING
    started: float | None = None
    """Seconds since 1970."""
    finished: float | None = None
    done: int = 0
    total: int = 0


Progress = tuple[PhaseProgress, ...]
"""The progress of all phases, in order."""

NO_PROGRESS: Progress = tuple(PhaseProgress(phase) for phase in Phase)


def begin(progress: Progress, phase: Phase, at: float, total: int) -> Progress:
    """Return the progress after a phase begins: earlier phases are completed, or skipped if they never began.

    A phase that is already running keeps its start. A phase that a resumed search enters again runs again.
    """
    index = list(Phase).index(phase)
    entry = progress[index]
    at = max(at, *_times(progress))
    started = entry.started if entry.started is not None else at
    begun = replace(entry, status=PhaseStatus.RUNNING, started=started, finished=None, total=total)
    return (*(_closed(earlier, at) for earlier in progress[:index]), begun, *progress[index + 1 :])


def count(progress: Progress, phase: Phase, done: int, total: int | None = None) -> Progress:
    """Return the progress with a new count for a phase, and a new ``total`` if it is given."""
    return tuple(
        replace(entry, done=done, total=entry.total if total is None else total) if entry.phase is phase else entry
        for entry in progress
    )


def fail(progress: Progress, phase: Phase, at: float) -> Progress:
    """Return the progress after a phase fails but the search continues."""
    return tuple(_closed(entry, at, PhaseStatus.FAILED) if entry.phase is phase else entry for entry in progress)


def end(progress: Progress, status: PhaseStatus, at: float) -> Progress:
    """Return the progress of an ended search: the running phase gets this status, and pending ones are skipped."""
    return tuple(_closed(entry, at, status) for entry in progress)


def current(progress: Progress) -> Phase | None:
    """Return the phase that runs, or None."""
    return next((entry.phase for entry in progress if entry.status is PhaseStatus.RUNNING), None)


class State(StrEnum):
    """The state of a search or a task."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    """It was cancelled, but part of it still runs."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the state changes only on request."""
        return self in (State.COMPLETED, State.FAILED, State.CANCELLED)


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLING, State.CANCELLED}),
    State.RUNNING: frozenset({State.QUEUED, State.COMPLETED, State.FAILED, State.CANCELLING}),
    State.CANCELLING: frozenset({State.CANCELLED}),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}
"""The allowed transitions. A search returns to ``queued`` by a retry, or when it can't continue and gives up its place.
"""

UNENDED = tuple(state.value for state in State if not state.is_final)
"""The states that are not final."""


def check_transition(current: State, wanted: State) -> None:
    """Raise ``ConflictError`` for a transition that the table does not hold."""
    if wanted not in TRANSITIONS[current]:
        raise ConflictError(f"The search is {current}, so it can't become {wanted}.", remedy="Read its state again.")


def after_cancelling(current: State) -> State:
    """Return the state after a request to cancel; raise ConflictError if the search completed or failed."""
    match current:
        case State.QUEUED:
            return State.CANCELLED
        case State.CANCELLING | State.CANCELLED:
            return current
    check_transition(current, State.CANCELLING)
    return State.CANCELLING


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a search failed."""

    code: str
    problem: str
    remedy: str


OWN = ("progress", "failure", "stint", "lack", "lacks_since", "lacked_s")
"""Fields of a search that its document does not hold unchanged."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search as users see it."""

    id: SearchId
    owner: str
    title: str
    program: str
    database: str
    """The name in the catalogue."""
    generation: str
    options: tuple[str, ...]
    """BLAST+'s arguments, without -db, -query, -out and -outfmt."""
    exactness: str
    created: float
    """Seconds since 1970, like all times."""
    queries: int
    letters: int
    state: State = State.QUEUED
    progress: Progress = NO_PROGRESS
    started: float | None = None
    finished: float | None = None
    attempt: int = 1
    shards: int | None = None
    """The number of shards; None until the search is planned."""
    why: str | None = None
    """The reason for this number of shards."""
    hits: int | None = None
    """Subjects found, summed over the queries; None until the search completes."""
    verdicts: Mapping[str, int] | None = None
    failure: Failure | None = None
    output: tuple[str, ...] = ()
    """BLAST+'s arguments for the default output of the result, such as -outfmt."""
    stint: int = 1
    """The number of times that the search was queued: first, by retries, and after giving up its place."""
    lack: Lack | None = None
    """The missing resource that keeps it from running or continuing; None if it only waits for its turn."""
    lacks_since: float | None = None
    lacked_s: float = 0.0
    """How long this attempt lacked something before ``lacks_since``."""

    @property
    def phase(self) -> Phase | None:
        return current(self.progress)

    @property
    def waits_for(self) -> Lack | None:
        """What it waits for; None if it does not wait."""
        return TURN if self.lack is None and self.state is State.QUEUED else self.lack

    def runs(self, stint: int) -> bool:
        return self.state is State.RUNNING and self.stint == stint

    def document(self) -> Document:
        """Return the JSON document of the search, for responses and for events."""
        values = {name: getattr(self, name) for name in Search.__slots__ if name not in OWN}
        values["waiting"] = _waiting_document(self)
        values["phases"] = [_phase_document(entry) for entry in self.progress]
        values["phase"] = self.phase
        values["failure"] = None if self.failure is None else asdict(self.failure)
        return values


def moved(search: Search, wanted: State, at: float, **changes: Any) -> Search:
    """Return a search in its next state, with matching times; raise ConflictError for a forbidden transition."""
    check_transition(search.state, wanted)
    at = never_back(search, at)
    supplied = _supplied(search, at)
    match wanted:
        case State.QUEUED:
            again = replace(supplied, progress=NO_PROGRESS, started=None, finished=None, failure=None)
            attempt, lacked_s = (search.attempt + 1, 0.0) if search.state.is_final else (search.attempt, again.lacked_s)
            return replace(again, state=wanted, stint=search.stint + 1, attempt=attempt, lacked_s=lacked_s, **changes)
        case State.RUNNING:
            return replace(supplied, state=wanted, started=at, **changes)
        case State.CANCELLING:
            return replace(supplied, state=wanted, **changes)
    status = PhaseStatus.COMPLETED if wanted is State.COMPLETED else PhaseStatus.FAILED
    return replace(supplied, state=wanted, finished=at, progress=end(search.progress, status, at), **changes)


def lacks(search: Search, lack: Lack | None, at: float) -> Search:
    """Return a search with its current lack (None for nothing); a search that has ended stays as it is."""
    if search.state not in (State.QUEUED, State.RUNNING) or lack == search.lack:
        return search
    if lack is None:
        return _supplied(search, at)
    return replace(search, lack=lack, lacks_since=search.lacks_since or never_back(search, at))


def gave_back(search: Search, lack: Lack, stint: int, at: float) -> Search:
    """Return a search after it gives up its place among the running ones, if it still runs in this stint."""
    if not search.runs(stint):
        return search
    since = search.lacks_since or never_back(search, at)
    queued = moved(search, State.QUEUED, at)
    return replace(queued, lack=lack, lacks_since=since, lacked_s=search.lacked_s)


def cancelled(search: Search, at: float) -> Search:
    """Return a search after a request to cancel it; raise ConflictError if it completed or failed."""
    wanted = State.CANCELLING if search.state is State.QUEUED else after_cancelling(search.state)
    return search if wanted is search.state else moved(search, wanted, at)


def progressed(search: Search, progress: Progress) -> Search:
    """Return a search with new progress, if it still runs."""
    return search if search.state is not State.RUNNING else replace(search, progress=progress)


def ended_phases(before: Search, after: Search) -> Iterator[PhaseProgress]:
    """Yield the phases that ended between two states of a search."""
    for was, now in zip(before.progress, after.progress, strict=True):
        if now.finished is not None and now.finished != was.finished:
            yield now


def never_back(search: Search, at: float) -> float:
    """Return ``at``, or the latest time that the search holds if the clock was set back since."""
    return max(at, search.created, search.started or 0.0, *_times(search.progress))


def retried(search: Search, at: float) -> Search:
    """Return a search after a request to retry it; raise ConflictError if it neither failed nor was cancelled."""
    if search.state not in (State.FAILED, State.CANCELLED):
        problem = f"The search is {search.state}."
        raise ConflictError(problem, remedy="Only failed and cancelled searches can be retried.")
    return moved(search, State.QUEUED, at)


def in_stint(search: Search, stint: int) -> Search:
    """Return a search; raise ConflictError if it was cancelled and queued again after this stint."""
    if search.stint > stint:
        raise ConflictError("The search was queued again.", remedy="Wait for its next attempt.")
    return search


@dataclass(frozen=True, slots=True)
class Piece(PieceReport):
    """A finished BLAST+ process.

    ``batch`` and ``shard`` are 0-based. ``is_doubled`` says whether it was started on a second node as well.
    """

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    finished: float = field(kw_only=True)
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a search or of a task."""

    id: int
    """A number that grows with every event."""
    search_id: SearchId
    """The id of the search or of the task."""
    kind: str
    """``search`` or ``task``: its row changed; ``piece``: a process ended; ``deleted``; ``warning``; or one of
    ``core.events.RUNNING_KINDS``."""
    data: Mapping[str, Any]
    at: float | None = None
    """When it was recorded, in seconds since 1970; None for events of earlier versions."""

    @property
    def ends(self) -> bool:
        """Whether this is the last event of the search or of the task."""
        return self.kind == "deleted" or (self.kind in ("search", "task") and State(self.data["state"]).is_final)


@dataclass(frozen=True, slots=True)
class Standing:
    """The fields of a queued or running search that decide when it runs."""

    id: SearchId
    owner: str
    state: State
    letters: int
    created: float
    database: str
    generation: str
    stint: int
    lack: Lack | None
    lacks_since: float | None
    lacked_s: float

    @property
    def has_place(self) -> bool:
        """Whether it has a place among the running searches. A cancelled search keeps its place until it stops."""
        return self.state is not State.QUEUED


def places_for(cores: int) -> int:
    """Return how many searches run at once; one per core, because a tiny search hardly keeps one core busy."""
    return min(max(cores, FEWEST), MOST)


def admitted(
    queued: Iterable[Standing], running: Iterable[Standing], places: int, of_owner: int, at: float
) -> list[Standing]:
    """Return the searches that start now, in order.

    The smallest start first, by powers of two of their letters. Among equals, the owner with the fewest running
    searches goes first, then the oldest search. An owner who has ``of_owner`` places gets more only if no other owner
    waits.

    Args:
        queued: Searches that could run.
        running: Searches that have a place.
        of_owner: The number of places of an owner while others wait.
        at: The current time, in seconds since 1970.
    """
    owners = Counter(search.owner for search in running)
    waiting = {search.id: search for search in queued}
    starting: list[Standing] = []

    def rank(search: Standing) -> tuple[bool, int, int, float]:
        halvings = int(max(at - search.created, 0.0) // HALVED_EVERY_S)
        size = magnitude(search.letters) - halvings
        return owners[search.owner] >= of_owner, size, owners[search.owner], search.created

    while waiting and owners.total() < places:
        chosen = min(waiting.values(), key=rank)
        starting.append(waiting.pop(chosen.id))
        owners[chosen.owner] += 1
    return starting


def _times(progress: Progress) -> Iterator[float]:
    return (time or 0.0 for entry in progress for time in (entry.started, entry.finished))


def _closed(entry: PhaseProgress, at: float, status: PhaseStatus = PhaseStatus.COMPLETED) -> PhaseProgress:
    if entry.status is PhaseStatus.RUNNING:
        return replace(entry, status=status, finished=at)
    return replace(entry, status=PhaseStatus.SKIPPED) if entry.status is PhaseStatus.PENDING else entry


def _waiting_document(search: Search) -> dict[str, Any] | None:
    lack = search.waits_for
    if lack is None:
        return None
    since = search.created if search.lacks_since is None else search.lacks_since
    return {"code": lack.code, "sentence": lack.sentence, "since": since}


def _phase_document(entry: PhaseProgress) -> dict[str, Any]:
    return {"name": entry.phase, **{name: getattr(entry, name) for name in PhaseProgress.__slots__ if name != "phase"}}


def _supplied(search: Search, at: float) -> Search:
    """Return a search without its lack."""
    if search.lack is None:
        return search
    return replace(search, lack=None, lacks_since=None, lacked_s=lacked(search.lacked_s, search.lacks_since, at))
