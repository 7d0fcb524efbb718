"""Writes what a running search finishes to the store, each thing once."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import Any

from shardblast.core.errors import DiskFull, ShardblastError, StoreError, without_folders
from shardblast.core.log import WARNING
from shardblast.core.progress import Phase, begin, count
from shardblast.core.report import PieceReport
from shardblast.core.running import STARTED, STOPPED
from shardblast.core.search import Piece, Search, SearchId, progressed
from shardblast.engine.stored import StoredPlan
from shardblast.engine.work import Purpose
from shardblast.service.observers import Observer, PieceFailure
from shardblast.store.searches import SearchStore

MOST_WARNINGS = 100
LONGEST_WARNING = 500
"""Letters."""

logger = logging.getLogger(__name__)


class Recorder:
    """Watches one search."""

    def __init__(self, store: SearchStore, search_id: SearchId, plan: StoredPlan, observer: Observer) -> None:
        self._store = store
        self._id = search_id
        self._plan = plan
        self._observer = observer
        self._lock = threading.Lock()
        self._pieces = self._queries = 0
        self._merging = False
        self._known = {_run_of(one) for one in store.pieces(search_id)}
        self._warnings = {str(one.data["text"]) for one in store.events(search_id, [WARNING])}

    def queries_read(self, queries: int) -> None: ...

    def pieces_planned(self, pieces: int) -> None: ...

    def piece_started(self, purpose: Purpose, node: str = "", seconds: float = 0.0) -> None:
        started = time.time() - seconds
        self._tell(STARTED, {**_named(purpose), "node": node or socket.gethostname(), "started": started})

    def piece_stopped(self, purpose: Purpose, node: str) -> None:
        self._tell(STOPPED, {**_named(purpose), "node": node})

    def piece_finished(self, piece: PieceReport | None) -> None:
        with self._lock:
            self._pieces += 1
            done = self._pieces
            told = None if piece is None else _told(piece)
            if told is not None and _run_of(told) in self._known:
                told = None
            self._store.change(self._id, lambda one: _counted(one, Phase.SEARCHING, done), told)
            self._merge_if_all_pieces_are_there()

    def piece_failed(self, purpose: Purpose, error: ShardblastError) -> None:
        failure = PieceFailure(self._id, purpose.name, purpose.batch, purpose.shard, error)
        self._observer.piece_failed(failure)

    def queries_finished(self, queries: int) -> None:
        with self._lock:
            self._queries += queries
            done = self._queries
            if done >= self._plan.queries:
                self._begin_merging()
            if self._merging:
                self._store.change(self._id, lambda one: _counted(one, Phase.MERGING, done))

    def warned(self, text: bytes) -> None:
        for line in text.decode(errors="replace").splitlines():
            told = without_folders(line)[:LONGEST_WARNING]
            if told and told not in self._warnings and len(self._warnings) < MOST_WARNINGS:
                self._warnings.add(told)
                self._tell(WARNING, {"text": told})

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        """Tell what can be missed: the search goes on without it."""
        try:
            self._store.tell(self._id, kind, data)
        except (StoreError, DiskFull) as error:
            logger.info("it can't be noted what runs: %s", error.problem, extra={"search_id": self._id})

    def _merge_if_all_pieces_are_there(self) -> None:
        if self._pieces >= self._plan.pieces:
            self._begin_merging()

    def _begin_merging(self) -> None:
        if self._merging:
            return
        self._merging = True
        pieces, queries, total = self._pieces, self._queries, self._plan.queries

        def change(one: Search) -> Search:
            searched = count(one.progress, Phase.SEARCHING, pieces, pieces)
            merging = begin(searched, Phase.MERGING, time.time(), total)
            return progressed(one, count(merging, Phase.MERGING, queries))

        self._store.change(self._id, change)


def _named(purpose: Purpose) -> dict[str, Any]:
    return {"purpose": purpose.name, "batch": purpose.batch, "shard": purpose.shard}


def _run_of(piece: Piece) -> tuple[object, ...]:
    """Return what no other run has in common with that of a piece."""
    return piece.purpose, piece.batch, piece.shard, piece.node, piece.seconds


def _told(piece: PieceReport) -> Piece:
    now = time.time()
    node = piece.node or socket.gethostname()
    cost = (piece.seconds, piece.peak_memory_bytes)
    return Piece(piece.purpose, piece.batch, piece.shard, *cost, node, now, piece.is_doubled)


def _counted(search: Search, phase: Phase, done: int) -> Search:
    return progressed(search, count(search.progress, phase, done))
