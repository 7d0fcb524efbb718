"""What happens in a search: its events, and the log and the running pieces that follow from stored ones.

Each step of a search takes a ``Notify``, which it calls with events from any thread.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from shardblast.core.errors import ShardblastError
from shardblast.core.lack import Lack, LackCode
from shardblast.core.report import PieceReport, Verdict
from shardblast.core.search import Event, Phase, PhaseStatus, State
from shardblast.core.units import counted

WARNING = "warning"
"""The kind of events that hold a warning of BLAST+, or one of shardblast with its level."""
LOGGED = ("search", "piece", WARNING)
"""The kinds of events from which the log is made."""
QUERIES = ("query", "queries")
UNITS: Mapping[str, tuple[str, ...]] = {
    Phase.PREPARING: QUERIES,
    Phase.STAGING: ("byte",),
    Phase.WARMING: ("byte",),
    Phase.SEARCHING: ("piece",),
    Phase.MERGING: QUERIES,
    Phase.PUBLISHING: ("file",),
}
"""What the progress of each phase counts: its name, and its plural if that does not end in s."""

SEARCHING, STARTED, STOPPED, ENDED = "searching", "started", "stopped", "piece"
"""Kinds of events: no process runs yet; a process started; a process stopped without success; a process succeeded."""
RUNNING_KINDS = (SEARCHING, STARTED, STOPPED, ENDED)


@dataclass(frozen=True, slots=True)
class Purpose:
    name: str
    """The ``purpose`` of ``PieceReport``."""
    batch: int
    shard: int | None

    def document(self) -> dict[str, Any]:
        """Return the fields as events and logs hold them."""
        return {"purpose": self.name, "batch": self.batch, "shard": self.shard}


@dataclass(frozen=True, slots=True)
class PiecesPlanned:
    pieces: int


@dataclass(frozen=True, slots=True)
class PieceStarted:
    """A process for a piece runs."""

    purpose: Purpose
    node: str = ""
    """Empty for this machine."""
    seconds: float = 0.0
    """Time since it started."""


@dataclass(frozen=True, slots=True)
class PieceStopped:
    """A process for a piece stopped without success: its node is lost, or another node was faster."""

    purpose: Purpose
    node: str


@dataclass(frozen=True, slots=True)
class PieceFinished:
    piece: PieceReport | None
    """None, perhaps repeatedly, if an earlier run of the search finished it."""


@dataclass(frozen=True, slots=True)
class PieceFailed:
    """A process failed, which ends the search."""

    purpose: Purpose
    error: ShardblastError


@dataclass(frozen=True, slots=True)
class QueryJudged:
    """The result of a query is final."""

    query_id: str
    verdict: Verdict
    bound_reached: str | None = None
    """The number of the query, as in ``Query_1``, if a shard's list was still full at the largest limit."""


@dataclass(frozen=True, slots=True)
class QueryVerified:
    """A query was also searched without shards, or could not be."""

    query_id: str
    is_identical: bool | None
    """Whether its hits are the same; None if that could not be checked."""
    detail: str = ""
    """The first difference, or why it could not be checked."""

    @property
    def text(self) -> str:
        if self.is_identical is None:
            return f"{self.query_id} could not be verified: {self.detail}"
        found = "the same hits" if self.is_identical else "other hits"
        return f"Without shards, BLAST+ finds {found} of {self.query_id}."


@dataclass(frozen=True, slots=True)
class QueriesFinished:
    """More queries are merged, and printed if the search prints."""

    queries: int


@dataclass(frozen=True, slots=True)
class Warned:
    """BLAST+ printed warnings, perhaps repeatedly the same."""

    text: bytes


@dataclass(frozen=True, slots=True)
class PhaseBegun:
    phase: Phase
    total: int


@dataclass(frozen=True, slots=True)
class PhaseCounted:
    """A phase has come so far."""

    phase: Phase
    done: int
    total: int | None = None
    """None: as before."""


@dataclass(frozen=True, slots=True)
class PhaseFailed:
    """A phase failed, although the search continues."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class SearchWaits:
    """The search waits for a resource; None: it no longer waits."""

    lack: Lack | None


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that cost the search time: a lost node, work that runs again, a part that was away."""

    text: str
    """A sentence."""


def incident(text: str) -> dict[str, Any]:
    """Return the data of the event, of the kind ``WARNING``, that stands for an incident."""
    return {"text": text, "level": Level.WARNING.value, "is_incident": True}


PhaseEvent = PhaseBegun | PhaseCounted | PhaseFailed
PieceEvent = PiecesPlanned | PieceStarted | PieceStopped | PieceFinished | PieceFailed | PieceReport
SearchEvent = PhaseEvent | PieceEvent | QueryJudged | QueryVerified | QueriesFinished | Warned | SearchWaits | Incident
Notify = Callable[[SearchEvent], None]


def ignore(event: object) -> None: ...


class Level(StrEnum):
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a search's log."""

    at: float | None
    """Seconds since 1970; None for an event of an earlier version, which did not record it."""
    level: Level
    text: str


def log_of(events: Iterable[Event]) -> Iterator[Entry]:
    """Yield the log of a search from all of its events, in order."""
    before: Mapping[str, Any] = {}
    for event in events:
        if event.kind == "search":
            for level, text in _changes(before, event.data):
                yield Entry(event.at, level, text)
            before = event.data
        elif event.kind == "piece" and event.data["is_doubled"]:
            yield Entry(event.at, Level.WARNING, _doubled(event.data))
        elif event.kind == WARNING:
            given, text = event.data.get("level"), event.data["text"]
            yield Entry(event.at, Level(given), text) if given else Entry(event.at, Level.WARNING, f"BLAST+: {text}")


@dataclass(frozen=True, slots=True)
class RunningPiece:
    """A running BLAST+ process."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    purpose: str
    batch: int
    """0-based."""
    shard: int | None
    node: str
    started: float


def running_of(events: Iterable[Event]) -> list[RunningPiece]:
    """Return the pieces that run after these events, in the order in which they started."""
    by_piece: dict[tuple[str, int, int | None], dict[str, RunningPiece]] = {}
    for event in events:
        if event.kind == SEARCHING:
            by_piece.clear()
            continue
        key = (event.data["purpose"], event.data["batch"], event.data["shard"])
        if event.kind == ENDED:  # a second process for it ends with the first
            by_piece.pop(key, None)
        elif event.kind == STARTED:
            by_piece.setdefault(key, {})[event.data["node"]] = RunningPiece(**event.data)
        elif event.kind == STOPPED:
            by_piece.get(key, {}).pop(event.data["node"], None)
    return sorted((piece for nodes in by_piece.values() for piece in nodes.values()), key=lambda piece: piece.started)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    state = State(after["state"])
    if not before:
        queries = f"{counted(after['queries'], *QUERIES)} with {counted(after['letters'], 'letter')}"
        yield Level.NOTE, f"Submitted: {after['program']} in {after['database']}, {queries}."
        before = {**after, "state": State.QUEUED, "phases": [], "shards": None, "waiting": None}
    if after["attempt"] != before["attempt"]:
        yield Level.NOTE, f"It will run again: attempt {after['attempt']}."
        before = {**before, "phases": [], "shards": None}
    if state is State.RUNNING and before["state"] != State.RUNNING:
        yield Level.NOTE, "It starts to run."
    if state is State.QUEUED and before["state"] == State.RUNNING:
        yield Level.NOTE, "It gives up its place among the running searches."
        before = {**before, "phases": []}
    yield from _waiting(before, after)
    if after["shards"] is not None and after["shards"] != before["shards"]:
        cut = "is searched whole" if after["shards"] <= 1 else f"is cut into {after['shards']:,} shards"
        yield Level.NOTE, f"The database {cut}: {after['why']}."
    yield from _phases(before["phases"], after["phases"])
    if state is State.CANCELLING and state != before["state"]:
        yield Level.NOTE, "It is being cancelled."
    if state.is_final and state != before["state"]:
        yield _end(state, after)


def _phases(before: list[Mapping[str, Any]], after: list[Mapping[str, Any]]) -> Iterator[tuple[Level, str]]:
    statuses = {phase["name"]: phase["status"] for phase in before}
    for phase in after:
        if phase["status"] != statuses.get(phase["name"], PhaseStatus.PENDING):
            yield from _status(phase)


def _status(phase: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    name, unit = str(phase["name"]).capitalize(), UNITS[phase["name"]]
    if phase["status"] == PhaseStatus.RUNNING:
        yield Level.NOTE, f"{name} begins" + (f": {counted(phase['total'], *unit)}." if phase["total"] else ".")
    elif phase["status"] == PhaseStatus.COMPLETED:
        took = max((phase["finished"] or 0.0) - (phase["started"] or 0.0), 0.0)
        yield Level.NOTE, f"{name} is done after {took:,.1f} s: {counted(phase['done'], *unit)}."
    elif phase["status"] == PhaseStatus.FAILED:
        done, total = phase["done"], counted(phase["total"], *unit)
        yield Level.WARNING, f"{name} ended before it was done: {done:,} of {total}."


def _waiting(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    was, now = _lack(before), _lack(after)
    if now is not None and now != was:
        yield Level.WARNING, now
    elif was is not None and now is None and after["state"] == before["state"]:
        yield Level.NOTE, "It no longer waits."


def _lack(search: Mapping[str, Any]) -> str | None:
    """Return what a search waits for, unless it is only its turn."""
    waiting = search["waiting"]
    return None if waiting is None or waiting["code"] == LackCode.TURN else waiting["sentence"]


def _end(state: State, search: Mapping[str, Any]) -> tuple[Level, str]:
    if state is State.COMPLETED:
        verdicts = ", ".join(f"{number:,} {verdict}" for verdict, number in (search["verdicts"] or {}).items())
        return Level.NOTE, f"Completed: {counted(search['hits'] or 0, 'hit')}; queries: {verdicts or 'none'}."
    if state is State.CANCELLED:
        return Level.WARNING, "It was cancelled."
    failure = search["failure"] or {"problem": "", "remedy": ""}
    return Level.PROBLEM, f"It failed: {failure['problem']} {failure['remedy']}".rstrip()


def _doubled(piece: Mapping[str, Any]) -> str:
    shard = "" if piece["shard"] is None else f", shard {piece['shard'] + 1}"
    return (
        f"Batch {piece['batch'] + 1}{shard} was late, so a second node started it as well; "
        f"{piece['node']} finished first, after {piece['seconds']:,.1f} s."
    )
