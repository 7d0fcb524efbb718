"""Which pieces of a search run now, from what was told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shardblast.core.search import Event

SEARCHING, STARTED, STOPPED, ENDED = "searching", "started", "stopped", "piece"
"""Kinds of events: nothing runs yet; a process began; one is gone that did not end well; one ended."""
TOLD = (SEARCHING, STARTED, STOPPED, ENDED)


@dataclass(frozen=True, slots=True)
class RunningPiece:
    """A BLAST+ process of a search that has not ended."""

    purpose: str
    batch: int
    """0-based."""
    shard: int | None
    node: str
    started: float
    """Seconds since 1970."""


def running_of(events: Iterable[Event]) -> list[RunningPiece]:
    """Return the pieces that run after these events, in the order in which they began."""
    found: dict[tuple[str, int, int | None], dict[str, RunningPiece]] = {}
    for event in events:
        if event.kind == SEARCHING:
            found.clear()
            continue
        piece = (event.data["purpose"], event.data["batch"], event.data["shard"])
        if event.kind == ENDED:  # a second process for it ends with the first
            found.pop(piece, None)
        elif event.kind == STARTED:
            found.setdefault(piece, {})[event.data["node"]] = RunningPiece(**event.data)
        elif event.kind == STOPPED:
            found.get(piece, {}).pop(event.data["node"], None)
    return sorted((one for nodes in found.values() for one in nodes.values()), key=lambda one: one.started)
