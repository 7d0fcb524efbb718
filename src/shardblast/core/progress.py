"""How far a search is: its phases, each counted in finished things."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


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


def _closed(one: PhaseProgress, at: float, status: PhaseStatus = PhaseStatus.COMPLETED) -> PhaseProgress:
    if one.status is PhaseStatus.RUNNING:
        return replace(one, status=status, finished=at)
    return replace(one, status=PhaseStatus.SKIPPED) if one.status is PhaseStatus.PENDING else one
