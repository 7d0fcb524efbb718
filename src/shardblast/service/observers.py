"""Who is told of what happens in the service: the log, the metrics, the traces; each takes what it wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shardblast.core.errors import ShardblastError
from shardblast.core.search import Piece, Search, SearchId


@dataclass(frozen=True, slots=True)
class PieceFailure:
    """A BLAST+ process of a search that failed."""

    search_id: SearchId
    purpose: str
    batch: int
    shard: int | None
    error: ShardblastError


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that was answered; what it asked for is in no field, since an address may hold secrets."""

    request_id: str
    method: str
    route: str
    """As in the OpenAPI document, with names in place of ids."""
    status: int
    started: float
    """Seconds since 1970."""
    seconds: float
    received_bytes: int
    code: str = ""
    """Of the problem, if it was one."""
    parent: str = ""
    """The caller's ``traceparent``."""


class Observer:
    """Is told from any thread, also while others wait: must be quick. Overrides what it wants to know."""

    def search_changed(self, before: Search | None, after: Search) -> None:
        """A search was added (before is None) or changed."""

    def piece_ended(self, search: Search, piece: Piece) -> None:
        """A BLAST+ process ended well."""

    def piece_failed(self, failure: PieceFailure) -> None:
        """A BLAST+ process failed."""

    def answered(self, answer: Answer) -> None:
        """A request is over."""

    def stored(self, size_bytes: int) -> None:
        """An object was written to the storage."""

    def printed(self, size_bytes: int) -> None:
        """A result was printed."""

    def close(self) -> None:
        """Nothing more happens."""


class Observers(Observer):
    """Tells all."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._all = list(observers)

    def add(self, observer: Observer) -> None:
        """Tell one more of what happens from now on."""
        self._all.append(observer)

    def noted(self, before: Search | None, after: Search, piece: Piece | None) -> None:
        """Tell what one transaction of the store has changed."""
        if piece is not None:
            self.piece_ended(after, piece)
        if after != before:
            self.search_changed(before, after)

    def search_changed(self, before: Search | None, after: Search) -> None:
        for one in self._all:
            one.search_changed(before, after)

    def piece_ended(self, search: Search, piece: Piece) -> None:
        for one in self._all:
            one.piece_ended(search, piece)

    def piece_failed(self, failure: PieceFailure) -> None:
        for one in self._all:
            one.piece_failed(failure)

    def answered(self, answer: Answer) -> None:
        for one in self._all:
            one.answered(answer)

    def stored(self, size_bytes: int) -> None:
        for one in self._all:
            one.stored(size_bytes)

    def printed(self, size_bytes: int) -> None:
        for one in self._all:
            one.printed(size_bytes)

    def close(self) -> None:
        for one in self._all:
            one.close()
