"""Streams of what happens to a search or to a task."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sse_starlette import ServerSentEvent

from shardblast.bootstrap.service import Service
from shardblast.core.errors import NetworkError, NotAllowedError, NotFoundError, UnauthorizedError
from shardblast.core.search import SearchId, document
from shardblast.core.task import TaskId, task_document
from shardblast.service.events import OF_SEARCHES, OF_TASKS, ReadAfter

PING_EVERY_S = 15
PAUSE_S = 0.25
"""Between two messages to those who follow all searches."""
MOST_KNOWN = 10_000
"""The newest searches whose end is told to those who follow all of them, beside those that changed since."""
LONGEST_ID = 18
"""Digits of an event's id that a database holds."""

NO_MORE = (UnauthorizedError, NotAllowedError, NetworkError)
"""Errors of whoever may read no more, or of whom that can't be told any more."""

Snapshot = Callable[[], tuple[dict[str, Any], bool, int]]
"""Returns what is watched as it is, whether it is over, and the id of the last event in that."""


def id_of(told: str | None) -> int | None:
    """Return the id of the last event that a reader had; None if it had none, or what it says is none."""
    if told is None or not (told.isascii() and told.isdigit() and len(told) < LONGEST_ID):
        return None
    return int(told)


@dataclass(frozen=True, slots=True)
class Watched:
    """A search or a task whose events are streamed."""

    id: SearchId
    snapshot: Snapshot
    read_after: ReadAfter
    """Reads later events; raises NotFoundError when the reader may see no more."""


async def stream(
    service: Service,
    watched: Watched,
    last: int | None,
    shown: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda data: data,
) -> AsyncIterator[ServerSentEvent]:
    """Yield a snapshot, unless the reader was here before, and then the changes until it is over.

    Args:
        service: Has the events.
        watched: Whose.
        last: Id of the last event that the reader had; None: it had none.
        shown: Returns what of an event the reader may see.
    """

    def sent(kind: str, data: Mapping[str, Any], number: int) -> ServerSentEvent:
        return ServerSentEvent(json.dumps(dict(shown(data))), event=kind, id=str(number))

    now, is_over, known = await asyncio.to_thread(watched.snapshot)
    if last is None:
        yield sent("snapshot", now, known)
        if is_over:
            return
    elif is_over:
        while missed := await asyncio.to_thread(service.store.events_after, watched.id, last):
            for event in missed:
                last = event.id
                yield sent(event.kind, event.data, event.id)
        return
    else:
        known = last
    with suppress(NotFoundError):  # the reader may see no more
        async with service.broadcast.subscribed(watched.id, known, watched.read_after) as subscription:
            async for event in subscription.events():
                yield sent(event.kind, event.data, event.id)
                if event.ends:
                    return


async def changes(service: Service, sees: Callable[[], str | None]) -> AsyncIterator[ServerSentEvent]:
    """Yield the searches that change, as they are by then, as long as the reader may see them.

    Args:
        service: Has the searches.
        sees: Returns whose searches the reader sees by now; None: everybody's. Raises one of
            ``NO_MORE`` when the reader sees none.
    """
    known: set[SearchId] = set()  # what is deleted is told to whoever knew of it, and nobody else
    with (
        service.broadcast.followed(OF_SEARCHES) as following,
        suppress(*NO_MORE),
    ):
        async for changed in following.changes(PAUSE_S):
            owner = await asyncio.to_thread(sees)
            if None in changed:
                known = set(await asyncio.to_thread(service.store.newest, owner, MOST_KNOWN))
                yield ServerSentEvent("{}", event="reload")
                continue
            ids = {one for one in changed if one is not None}
            found = await asyncio.to_thread(service.store.some, ids, owner)
            present = {search.id for search in found}
            for search in found:
                yield ServerSentEvent(json.dumps(document(search)), event="search")
            for gone in known & ids - present:
                yield ServerSentEvent(json.dumps({"id": gone}), event="deleted")
            known = (known - ids) | present


async def task_changes(service: Service, check: Callable[[], None]) -> AsyncIterator[ServerSentEvent]:
    """Yield the tasks that change, as they are by then, as long as the reader may see them.

    Args:
        service: Has the tasks.
        check: Raises one of ``NO_MORE`` when the reader may see them no more.
    """
    with service.broadcast.followed(OF_TASKS) as following, suppress(*NO_MORE):
        async for changed in following.changes(PAUSE_S):
            await asyncio.to_thread(check)
            if None in changed:
                yield ServerSentEvent("{}", event="reload")
                continue
            ids = {TaskId(one) for one in changed if one is not None}
            for task in await asyncio.to_thread(service.tasks.some, ids):
                yield ServerSentEvent(json.dumps(task_document(task)), event="task")
