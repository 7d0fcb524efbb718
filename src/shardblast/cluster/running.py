"""Which pieces of a search nodes do, as they say themselves, told to whoever watches it."""

from __future__ import annotations

from shardblast.cluster.dispatch import Doing
from shardblast.engine.parts import SEARCH
from shardblast.engine.work import Purpose, Watcher

PIECE = "piece"


def piece_task(batch: int, shard: int | None) -> str:
    """Return the key of the task that searches a piece."""
    return f"{PIECE}-{batch}-{shard}"


class Running:
    """Compares what nodes do with what they did, and tells the difference."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._known: frozenset[tuple[str, str]] = frozenset()

    def seen(self, doing: Doing) -> None:
        """Take what nodes do now."""
        pieces = {one: seconds for one, seconds in doing.items() if one[0].startswith(f"{PIECE}-")}
        for key, node in self._known - pieces.keys():
            self._watcher.piece_stopped(_purpose(key), node)
        for key, node in pieces.keys() - self._known:
            self._watcher.piece_started(_purpose(key), node, pieces[key, node])
        self._known = frozenset(pieces)


def _purpose(key: str) -> Purpose:
    _, batch, shard = key.split("-")
    return Purpose(SEARCH, int(batch), int(shard))
