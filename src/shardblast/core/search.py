"""The life of a search: its states, its phases and their progress, and when its turn comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, NewType

from shardblast.core.cutting import magnitude
from shardblast.core.errors import ConflictError
from shardblast.core.waiting import TURN, Lack, lacked

SearchId = NewType("SearchId", str)

FEWEST, MOST = 4, 64
"""Places, where the operator does not say how many. A search that runs costs the service a thread and some memory."""
HALVED_EVERY_S = 600.0
"""A search that has waited for so long counts as half as large, so that small ones can't keep it waiting for ever."""


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


def fail(progress: Progress, phase: Phase, at: float) -> Progress:
    """Return the progress with a phase ended before it was done, though the search goes on."""
    return tuple(_closed(one, at, PhaseStatus.FAILED) if one.phase is phase else one for one in progress)


def end(progress: Progress, status: PhaseStatus, at: float) -> Progress:
    """Return the progress of a search that ended: what runs gets this status, what never began is skipped."""
    return tuple(_closed(one, at, status) for one in progress)


def current(progress: Progress) -> Phase | None:
    """Return the phase that runs, or None."""
    return next((one.phase for one in progress if one.status is PhaseStatus.RUNNING), None)


class State(StrEnum):
    """Where a search stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    """It was cancelled, and something of it still runs."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (State.COMPLETED, State.FAILED, State.CANCELLED)


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.QUEUED, State.COMPLETED, State.FAILED, State.CANCELLING}),
    State.CANCELLING: frozenset({State.CANCELLED}),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}
"""What may follow a state; back to ``queued`` is a retry, or a search that can't go on gives back its place."""

UNENDED = tuple(state.value for state in State if not state.is_final)
"""The states of what is not over."""


def check_transition(current: State, wanted: State) -> None:
    """Refuse a change of state that the table does not hold.

    Raises:
        ConflictError: It does not.
    """
    if wanted not in TRANSITIONS[current]:
        raise ConflictError(f"The search is {current}, so it can't become {wanted}.", remedy="Read its state again.")


def after_cancelling(current: State) -> State:
    """Return the state that follows when somebody cancels: what runs has to end first.

    Raises:
        ConflictError: It is over, and was not cancelled.
    """
    match current:
        case State.QUEUED:
            return State.CANCELLED
        case State.CANCELLING | State.CANCELLED:
            return current
    check_transition(current, State.CANCELLING)
    return State.CANCELLING


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
    output: tuple[str, ...] = ()
    """BLAST+'s words for how the result is printed unless it is asked for in another way: -outfmt and so on."""
    stint: int = 1
    """Grows whenever it is queued: by a retry, and when it gives back its place."""
    lack: Lack | None = None
    """What keeps it from running or from going on, but for its turn."""
    lacks_since: float | None = None
    lacked_s: float = 0.0
    """How long it lacked something before that, in this attempt."""

    @property
    def phase(self) -> Phase | None:
        """The phase that runs."""
        return current(self.progress)

    @property
    def waits_for(self) -> Lack | None:
        """What it waits for; None if it does not wait."""
        return TURN if self.lack is None and self.state is State.QUEUED else self.lack

    def runs(self, stint: int) -> bool:
        """Tell whether the search runs in this stint."""
        return self.state is State.RUNNING and self.stint == stint


OWN = ("progress", "failure", "stint", "lack", "lacks_since", "lacked_s")
"""Fields that JSON does not hold as they are."""


def document(search: Search) -> dict[str, Any]:
    """Return a search as JSON holds it, in answers and in events alike."""
    told = {name: getattr(search, name) for name in Search.__slots__ if name not in OWN}
    told["waiting"] = _waiting_document(search)
    told["phases"] = [_phase_document(one) for one in search.progress]
    told["phase"] = search.phase
    told["failure"] = None if search.failure is None else asdict(search.failure)
    return told


def search_of(values: Mapping[str, Any]) -> Search:
    """Return a search from what ``dataclasses.asdict`` made of it, after a way through JSON."""
    known = {"output": (), **values}  # one that was queued by an earlier version has none
    known = {name: known[name] for name in Search.__dataclass_fields__}
    known["options"] = tuple(known["options"])
    known["output"] = tuple(known["output"])
    known["state"] = State(known["state"])
    known["progress"] = tuple(_progress_of(one) for one in known["progress"])
    known["failure"] = Failure(**known["failure"]) if known["failure"] else None
    known["lack"] = Lack.of(known["lack"]) if known["lack"] else None
    return Search(**known)


def moved(search: Search, wanted: State, at: float, **changes: Any) -> Search:
    """Return a search in its next state, with its progress and times to match.

    Raises:
        ConflictError: The table of transitions does not hold this.
    """
    check_transition(search.state, wanted)
    at = never_back(search, at)
    match wanted:
        case State.QUEUED:
            again = replace(_found(search, at), progress=NO_PROGRESS, started=None, finished=None, failure=None)
            attempt, lacked_s = (search.attempt + 1, 0.0) if search.state.is_final else (search.attempt, again.lacked_s)
            return replace(again, state=wanted, stint=search.stint + 1, attempt=attempt, lacked_s=lacked_s, **changes)
        case State.RUNNING:
            return replace(_found(search, at), state=wanted, started=at, **changes)
        case State.CANCELLING:
            return replace(_found(search, at), state=wanted, **changes)
    status = PhaseStatus.COMPLETED if wanted is State.COMPLETED else PhaseStatus.FAILED
    return replace(_found(search, at), state=wanted, finished=at, progress=end(search.progress, status, at), **changes)


def lacks(search: Search, lack: Lack | None, at: float) -> Search:
    """Return a search that is not over with what it lacks by now; None: nothing."""
    if search.state not in (State.QUEUED, State.RUNNING) or lack == search.lack:
        return search
    if lack is None:
        return _found(search, at)
    return replace(search, lack=lack, lacks_since=search.lacks_since or never_back(search, at))


def gave_back(search: Search, lack: Lack, stint: int, at: float) -> Search:
    """Return a search that gives back its place among those that run, if it still runs in this stint."""
    if not search.runs(stint):
        return search
    since = search.lacks_since or never_back(search, at)
    queued = moved(search, State.QUEUED, at)
    return replace(queued, lack=lack, lacks_since=since, lacked_s=search.lacked_s)


def cancelled(search: Search, at: float) -> Search:
    """Return a search that somebody cancels; one that is cancelled already stays as it is.

    Raises:
        ConflictError: It is over.
    """
    wanted = after_cancelling(search.state)
    return search if wanted is search.state else moved(search, wanted, at)


def progressed(search: Search, progress: Progress) -> Search:
    """Return a search with other progress, if it still runs."""
    return search if search.state is not State.RUNNING else replace(search, progress=progress)


def ended_phases(before: Search, after: Search) -> Iterator[PhaseProgress]:
    """Yield the phases that ended between two states of a search."""
    for was, now in zip(before.progress, after.progress, strict=True):
        if now.finished is not None and now.finished != was.finished:
            yield now


def never_back(search: Search, at: float) -> float:
    """Return a time that is not before what a search knows already: somebody may have set the clock back."""
    known = [search.created, search.started or 0.0]
    known += [time or 0.0 for one in search.progress for time in (one.started, one.finished)]
    return max(at, *known)


def retried(search: Search, at: float) -> Search:
    """Return a search that somebody runs again.

    Raises:
        ConflictError: It neither failed nor was cancelled.
    """
    if search.state not in (State.FAILED, State.CANCELLED):
        raise ConflictError(f"The search is {search.state}.", remedy="Only failed and cancelled ones run again.")
    return moved(search, State.QUEUED, at)


def in_stint(search: Search, stint: int) -> Search:
    """Return a search if it was not queued again since this stint.

    Raises:
        ConflictError: It was: somebody cancelled it and ran it again before the stint had ended.
    """
    if search.stint > stint:
        raise ConflictError("The search was queued again.", remedy="Its next attempt runs in its turn.")
    return search


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
    is_doubled: bool = False
    """Whether a second node was given it too, because the first took far longer than others; ``node`` was quicker."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a search, as its watchers are told of it."""

    id: int
    """Grows with every event."""
    search_id: SearchId
    """Or that of a task."""
    kind: str
    """``search`` or ``task``: its row changed; ``piece``: a process ended; ``deleted``; ``warning``; those of
    ``core.running``, which tell what runs."""
    data: Mapping[str, Any]
    at: float | None = None
    """When it was noted, in seconds since 1970; None for events of earlier versions."""

    @property
    def ends(self) -> bool:
        """Whether nothing more will be told of the search or of the task."""
        return self.kind == "deleted" or (self.kind in ("search", "task") and State(self.data["state"]).is_final)


@dataclass(frozen=True, slots=True)
class Standing:
    """A search that is not over, as far as its place is concerned."""

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
        """Whether it is among those that run; one that is being cancelled has its place until nothing of it runs."""
        return self.state is not State.QUEUED


def places_for(cores: int) -> int:
    """Return how many searches run at once on so many cores: a tiny search hardly keeps one of them busy."""
    return min(max(cores, FEWEST), MOST)


def admitted(
    queued: Iterable[Standing], running: Iterable[Standing], places: int, of_owner: int, at: float
) -> list[Standing]:
    """Return the searches that begin now, in their order.

    The smallest come first, by powers of two of their letters; among equals those of the owner of whom least runs, then
    the oldest. An owner who has ``of_owner`` places gets more only if nobody else wants them.

    Args:
        queued: Searches that could run.
        running: Those that have a place.
        places: How many there are.
        of_owner: How many an owner has while others wait.
        at: The time, in seconds since 1970.
    """
    owners = Counter(one.owner for one in running)
    left = {one.id: one for one in queued}
    found: list[Standing] = []

    def rank(one: Standing) -> tuple[bool, int, int, float]:
        return owners[one.owner] >= of_owner, _magnitude(one, at), owners[one.owner], one.created

    while left and owners.total() < places:
        chosen = min(left.values(), key=rank)
        found.append(left.pop(chosen.id))
        owners[chosen.owner] += 1
    return found


def _closed(one: PhaseProgress, at: float, status: PhaseStatus = PhaseStatus.COMPLETED) -> PhaseProgress:
    if one.status is PhaseStatus.RUNNING:
        return replace(one, status=status, finished=at)
    return replace(one, status=PhaseStatus.SKIPPED) if one.status is PhaseStatus.PENDING else one


def _waiting_document(search: Search) -> dict[str, Any] | None:
    lack = search.waits_for
    if lack is None:
        return None
    since = search.created if search.lacks_since is None else search.lacks_since
    return {"code": lack.code, "sentence": lack.sentence, "since": since}


def _phase_document(one: PhaseProgress) -> dict[str, Any]:
    return {"name": one.phase, **{name: getattr(one, name) for name in PhaseProgress.__slots__ if name != "phase"}}


def _progress_of(values: Mapping[str, Any]) -> PhaseProgress:
    return PhaseProgress(**{**values, "phase": Phase(values["phase"]), "status": PhaseStatus(values["status"])})


def _found(search: Search, at: float) -> Search:
    """Return a search that lacks nothing any more."""
    if search.lack is None:
        return search
    return replace(search, lack=None, lacks_since=None, lacked_s=lacked(search.lacked_s, search.lacks_since, at))


def _magnitude(one: Standing, at: float) -> int:
    return magnitude(one.letters) - int(max(at - one.created, 0.0) // HALVED_EVERY_S)
