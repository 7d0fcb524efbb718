"""Events: written in the transaction that makes them, read by those who missed them."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from shardblast.core.search import Event, SearchId
from shardblast.store.connection import Database
from shardblast.store.peers import tell_peers
from shardblast.store.tables import events


def note(connection: Connection, database: Database, about: str, kind: str, data: dict[str, Any]) -> Event:
    """Write an event, and tell other servers of it when the transaction is committed.

    Args:
        connection: Of the transaction.
        database: Where it is.
        about: The id of a search or of a task.
        kind: As of ``Event``.
        data: For whoever watches.
    """
    values: dict[str, Any] = {"search_id": about, "kind": kind, "data": data, "at": time.time()}
    key = connection.execute(insert(events).values(values)).inserted_primary_key
    assert key is not None
    tell_peers(connection, database.server, SearchId(about))
    return Event(key[0], SearchId(about), kind, data, values["at"])


def events_after(database: Database, about: str, last: int, limit: int, kinds: Collection[str] = ()) -> Sequence[Event]:
    """Return the events of a search or of a task with larger ids, oldest first; of some kinds, or of all."""
    query = select(events).where(events.c.search_id == about, events.c.id > last)
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    with database.reading() as connection:
        rows = connection.execute(query.order_by(events.c.id).limit(limit)).all()
    return [Event(row.id, SearchId(row.search_id), row.kind, row.data, row.at) for row in rows]
