"""Event streams of searches and tasks."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sse_starlette import ServerSentEvent

from shardblast.bootstrap.service import Service
from shardblast.core.errors import NetworkError, NotAllowedError, NotFoundError, UnauthorizedError
from shardblast.core.search import Search, SearchId
from shardblast.core.task import Task, TaskId
from shardblast.service.callers import Caller
from shardblast.service.events import OF_SEARCHES, OF_TASKS, ReadAfter

PING_EVERY_S = 15
PAUSE_S = 0.25
"""Pause between two batches of changes in the streams of all searches and tasks."""
MOST_KNOWN = 10_000
"""Number of the newest searches whose removal the stream of all searches reports, besides changed ones."""
LONGEST_ID = 18
"""Maximum number of digits of an event's id in a database."""

NO_MORE = (UnauthorizedError, NotAllowedError, NetworkError)
"""Errors of a reader who lost the right to read, or whose right can't be checked any more."""


def id_of(last_event_id: str | None) -> int | None:
    """Return the id of the last event that a reader received; None if there was none or if it is not valid."""
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdigit():
        return None
    return int(last_event_id) if len(last_event_id) < LONGEST_ID else None


@dataclass(frozen=True, slots=True)
class Watched:
    """A search or a task whose events are streamed."""

    id: SearchId
    snapshot: Callable[[SearchId], tuple[Search | Task, int]]
    """Returns the search or task and the id of its last event."""
    read_after: ReadAfter
    """Reads later events; raises NotFoundError when the reader loses the right to see them."""


async def stream(
    service: Service,
    watched: Watched,
    last: int | None,
    shown: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda data: data,
) -> AsyncIterator[ServerSentEvent]:
    """Yield a snapshot, then the changes until the end.

    A reader who names the ``last`` event that it received gets no snapshot. ``shown`` returns what the reader may see.
    """

    def sent(kind: str, data: Mapping[str, Any], number: int) -> ServerSentEvent:
        return ServerSentEvent(json.dumps(dict(shown(data))), event=kind, id=str(number))

    now, known = await asyncio.to_thread(watched.snapshot, watched.id)
    if last is None:
        yield sent("snapshot", now.document(), known)
        if now.state.is_final:
            return
    elif now.state.is_final:
        while missed := await asyncio.to_thread(service.store.events_after, watched.id, last):
            for event in missed:
                last = event.id
                yield sent(event.kind, event.data, event.id)
        return
    else:
        known = last
    with suppress(NotFoundError):  # the reader lost the right to see it
        async with service.broadcast.subscribed(watched.id, known, watched.read_after) as subscription:
            async for event in subscription.events():
                yield sent(event.kind, event.data, event.id)
                if event.ends:
                    return


async def changes(service: Service, reader: Callable[[], Caller]) -> AsyncIterator[ServerSentEvent]:
    """Yield the changed searches that a reader may see, until ``reader`` raises one of ``NO_MORE``."""
    known: set[SearchId] = set()  # only readers who knew of a search learn that it was deleted
    with service.broadcast.followed(OF_SEARCHES) as following, suppress(*NO_MORE):
        async for changed in following.changes(PAUSE_S):
            owner = (await asyncio.to_thread(reader)).sees
            if None in changed:
                known = set(await asyncio.to_thread(service.store.newest, owner, MOST_KNOWN))
                yield ServerSentEvent("{}", event="reload")
                continue
            ids = {search_id for search_id in changed if search_id is not None}
            found = await asyncio.to_thread(service.store.some, ids, owner)
            present = {search.id for search in found}
            for search in found:
                yield ServerSentEvent(json.dumps(search.document()), event="search")
            for gone in known & ids - present:
                yield ServerSentEvent(json.dumps({"id": gone}), event="deleted")
            known = (known - ids) | present


async def task_changes(service: Service, reader: Callable[[], Caller]) -> AsyncIterator[ServerSentEvent]:
    """Yield changed tasks in their new states, until ``reader`` raises one of ``NO_MORE``."""
    with service.broadcast.followed(OF_TASKS) as following, suppress(*NO_MORE):
        async for changed in following.changes(PAUSE_S):
            caller = await asyncio.to_thread(reader)
            if None in changed:
                yield ServerSentEvent("{}", event="reload")
                continue
            ids = {TaskId(task_id) for task_id in changed if task_id is not None}
            for task in await asyncio.to_thread(service.tasks.store.some, ids):
                yield ServerSentEvent(json.dumps(caller.shown(task.document())), event="task")
