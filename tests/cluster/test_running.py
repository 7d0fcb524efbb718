"""Reports of nodes on running pieces, as the listener of a search receives them."""

from __future__ import annotations

from shardblast.cluster.driver import Running, piece_task
from shardblast.core.events import PieceStarted, PieceStopped, Purpose, SearchEvent


def test_running_pieces_are_reported_only_when_they_change() -> None:
    events: list[SearchEvent] = []
    running = Running(events.append)
    first, second = piece_task(0, 1), piece_task(2, 0)

    running.seen({(first, "a"): 0.1, ("merge-3", "a"): 2.0})
    running.seen({(first, "a"): 0.4})
    running.seen({(first, "a"): 0.7, (first, "b"): 0.1})
    running.seen({(first, "b"): 0.3})
    running.seen({(second, "b"): 0.1})

    piece, other = Purpose("search", 0, 1), Purpose("search", 2, 0)
    assert events == [
        PieceStarted(piece, "a", 0.1),
        PieceStarted(piece, "b", 0.1),
        PieceStopped(piece, "a"),
        PieceStopped(piece, "b"),
        PieceStarted(other, "b", 0.1),
    ]
