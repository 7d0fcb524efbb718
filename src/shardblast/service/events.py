"""What happens in the service: events for subscribers, and for the log, metrics and traces."""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from shardblast.core.events import PieceFailed, QueryVerified
from shardblast.core.search import Event, Piece, Search, SearchId, State

WAITING = 256
"""Limit of the events queued for a slow reader. Beyond it, the reader reads them from the store, this many at once."""
MOST_CHANGED = 500
"""Limit of the changed searches that are reported one by one. Beyond it, any may have changed."""

ReadAfter = Callable[[SearchId, int, int], Sequence[Event]]
"""Returns a limited number of a search's events after one with this id."""

OF_SEARCHES = frozenset({"search", "deleted"})
"""Kinds of events that change the list of searches."""
OF_TASKS = frozenset({"task"})
"""Kinds of events that change the list of tasks."""

logger = logging.getLogger(__name__)

PROBES = ("/health", "/ready")
"""Routes that probes ask every few seconds for ever; the log leaves them out if they succeed."""


class Subscription:
    """One reader of one search's events."""

    def __init__(self, search_id: SearchId, last: int, read_after: ReadAfter) -> None:
        self._search_id = search_id
        self._last = last
        self._read_after = read_after
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(WAITING)
        self._missed = True
        """Whether some event is only in the store: an earlier one, or one for which the reader was too slow."""

    def offer(self, event: Event) -> None:
        """Take an event from any thread, without waiting."""
        self._loop.call_soon_threadsafe(self._put, event)

    def look(self) -> None:
        """Read the store again; callable from any thread. Another server made an event, or a link was revoked."""
        self._loop.call_soon_threadsafe(self._put, None)

    def _put(self, event: Event | None) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._missed = True

    async def events(self) -> AsyncIterator[Event]:
        """Yield every event after the last known one, each once, in order."""
        while True:
            while self._missed:
                self._missed = False
                found = await asyncio.to_thread(self._read_after, self._search_id, self._last, WAITING)
                for event in found:
                    self._last = event.id
                    yield event
                if len(found) == WAITING:
                    self._missed = True  # there may be more
            queued = await self._queue.get()
            if queued is None:
                self._missed = True
            elif queued.id > self._last:
                self._last = queued.id
                yield queued


class Following:
    """One reader of the ids of all searches, or all tasks, that change."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self._loop = asyncio.get_running_loop()
        self._changed: set[SearchId | None] = {None}
        self._some = asyncio.Event()
        self._some.set()

    def offer(self, search_id: SearchId | None) -> None:
        """Take the id of a changed search or task from any thread; None: any may have changed."""
        self._loop.call_soon_threadsafe(self._put, search_id)

    def _put(self, search_id: SearchId | None) -> None:
        if None not in self._changed:
            self._changed.add(search_id)
        if search_id is None or len(self._changed) > MOST_CHANGED:
            self._changed = {None}
        self._some.set()

    async def changes(self, pause_s: float) -> AsyncIterator[set[SearchId | None]]:
        """Yield the ids that changed since the last pause, each once; None alone, as at first: any may have changed."""
        while True:
            await self._some.wait()
            self._some.clear()
            changed, self._changed = self._changed, set()
            yield changed
            await asyncio.sleep(pause_s)


class Broadcast:
    """Distributes events to the subscriptions of their search, and to the followers of all searches."""

    def __init__(self) -> None:
        self._subscriptions: dict[SearchId, set[Subscription]] = defaultdict(set)
        self._following: set[Following] = set()
        self._lock = threading.Lock()

    @property
    def readers(self) -> int:
        """Number of subscriptions and followers."""
        with self._lock:
            return sum(map(len, self._subscriptions.values())) + len(self._following)

    def announce(self, event: Event) -> None:
        with self._lock:
            watching = list(self._subscriptions.get(event.search_id, ()))
            following = [follower for follower in self._following if event.kind in follower.kinds]
        for subscription in watching:
            subscription.offer(event)
        for follower in following:
            follower.offer(event.search_id)

    def look(self, search_id: SearchId | None) -> None:
        """Make the subscriptions of one search, or of all, read the store again."""
        with self._lock:
            groups = self._subscriptions.values() if search_id is None else [self._subscriptions.get(search_id, set())]
            watching = [subscription for group in groups for subscription in group]
            following = list(self._following)
        for subscription in watching:
            subscription.look()
        for follower in following:
            follower.offer(search_id)

    @contextmanager
    def followed(self, kinds: frozenset[str]) -> Iterator[Following]:
        """Follow all searches or all tasks: all that have events of these kinds."""
        following = Following(kinds)
        with self._lock:
            self._following.add(following)
        try:
            yield following
        finally:
            with self._lock:
                self._following.discard(following)

    @asynccontextmanager
    async def subscribed(self, search_id: SearchId, last: int, read_after: ReadAfter) -> AsyncIterator[Subscription]:
        """Subscribe to a search's events after that with the id ``last``; ``read_after`` reads them from the store."""
        subscription = Subscription(search_id, last, read_after)
        with self._lock:
            self._subscriptions[search_id].add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions[search_id].discard(subscription)
                if not self._subscriptions[search_id]:
                    del self._subscriptions[search_id]


@dataclass(frozen=True, slots=True)
class SearchChanged:
    """One transaction of the store has added (``before`` is None) or changed a search, or recorded a piece of it."""

    before: Search | None
    after: Search
    piece: Piece | None


@dataclass(frozen=True, slots=True)
class PieceFailure:
    search_id: SearchId
    event: PieceFailed


@dataclass(frozen=True, slots=True)
class QueryCompared:
    search_id: SearchId
    event: QueryVerified


@dataclass(frozen=True, slots=True)
class Answer:
    """A request was answered. The address is not included, because it may contain secrets."""

    request_id: str
    method: str
    route: str
    """The route as in the OpenAPI document, with names in place of ids."""
    status: int
    started: float
    """Seconds since 1970."""
    seconds: float
    received_bytes: int
    code: str = ""
    """Code of the problem, if the answer is one."""
    parent: str = ""
    """The caller's ``traceparent``."""


@dataclass(frozen=True, slots=True)
class BytesWritten:
    """An object was stored, or a result was printed."""

    where: Literal["storage", "result"]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ServiceClosed:
    """No more events follow."""


ServiceEvent = SearchChanged | PieceFailure | QueryCompared | Answer | BytesWritten | ServiceClosed
Notify = Callable[[ServiceEvent], None]
"""Called from any thread, while others may wait, so it must be quick."""


class Listeners(list[Notify]):
    """The functions that are called with every event of the service."""

    def __call__(self, event: ServiceEvent) -> None:
        for listener in self:
            listener(event)


def write_log(event: ServiceEvent) -> None:
    match event:
        case SearchChanged(before, after, _):
            _log_change(before, after)
        case PieceFailure(search_id, failed):
            fields: dict[str, Any] = {"search_id": search_id, **failed.purpose.document()}
            fields |= {"code": failed.error.code, "problem": failed.error.problem}
            logger.warning("piece failed", extra=fields)
        case QueryCompared(search_id, QueryVerified(query_id, False)):
            logger.error("a query has other hits without shards", extra={"search_id": search_id, "query": query_id})
        case Answer():
            fields = {"method": event.method, "route": event.route, "status": event.status}
            fields |= {"seconds": round(event.seconds, 4), "request_id": event.request_id}
            if event.code:
                fields["code"] = event.code
            logger.log(_level_of(event), "request answered", extra=fields)


def _level_of(answer: Answer) -> int:
    """Return the level of a request in the log."""
    if answer.status >= 500:
        return logging.WARNING
    return logging.DEBUG if answer.route in PROBES else logging.INFO


def _log_change(before: Search | None, after: Search) -> None:
    fields: dict[str, Any]
    lack = after.lack
    if lack is not None and (before is None or before.lack != lack):
        fields = {"search_id": after.id, "owner": after.owner, "code": lack.code.value}
        logger.warning("%s", lack.sentence, extra=fields)
    if before is not None and before.state is after.state:
        return
    fields = {"search_id": after.id, "owner": after.owner, "state": after.state.value}
    fields |= {"program": after.program, "database": after.database, "attempt": after.attempt}
    if after.state.is_final and after.started is not None and after.finished is not None:
        fields["seconds"] = round(after.finished - after.started, 3)
    if after.failure is not None:
        fields |= {"code": after.failure.code, "problem": after.failure.problem}
    level = logging.WARNING if after.state is State.FAILED else logging.INFO
    logger.log(level, "search %s", after.state, extra=fields)
