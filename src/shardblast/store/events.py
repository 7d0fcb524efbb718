"""Events, written in the transaction that causes them, and notifications between servers on the same PostgreSQL.

Each server holds an advisory lock while its connection lives, so PostgreSQL rather than a clock decides whether a
server is gone. Changes are sent by ``NOTIFY`` within the transaction that makes them.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, func, insert, select

from shardblast.core.errors import StoreError
from shardblast.core.search import Event, SearchId
from shardblast.store.connection import SqlDatabase
from shardblast.store.tables import events

CHANNEL = "shardblast_searches"
QUIET_S = 5.0
"""How long to wait for a notification before the connection is tested."""
RETRY_S = 1.0

logger = logging.getLogger(__name__)


def note(connection: Connection, database: SqlDatabase, about: str, kind: str, data: dict[str, Any]) -> Event:
    """Write an event in a transaction; other servers are notified when it is committed.

    Args:
        about: The id of a search or of a task.
    """
    values: dict[str, Any] = {"search_id": about, "kind": kind, "data": data, "at": time.time()}
    key = connection.execute(insert(events).values(values)).inserted_primary_key
    assert key is not None
    notify_peers(connection, database.server, SearchId(about))
    return Event(key[0], SearchId(about), kind, data, values["at"])


def events_after(
    database: SqlDatabase, about: str, last: int, limit: int, kinds: Collection[str] = ()
) -> Sequence[Event]:
    """Return the events of a search or task with ids above ``last``, oldest first; optionally only of some kinds."""
    query = select(events).where(events.c.search_id == about, events.c.id > last)
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    rows = database.rows(query.order_by(events.c.id).limit(limit))
    return [Event(row.id, SearchId(row.search_id), row.kind, row.data, row.at) for row in rows]


class Peers:
    """The other servers on this database; SQLite never has any."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    @property
    def possible(self) -> bool:
        """Whether several servers can share the database."""
        return self._database.is_shared

    def join(self, notify: Callable[[SearchId | None], None]) -> None:
        """Become visible to the other servers, and follow their changes.

        Args:
            notify: Called with each search that another server changed, or with None if changes may have been missed.
        """
        if self.possible:
            threading.Thread(target=self._listen, args=(self._connect(), notify), daemon=True).start()

    @contextmanager
    def gone(self, server: str) -> Iterator[bool]:
        """Yield whether a server is gone; until the context ends, no other server gets the answer yes."""
        with self._database.writing() as connection:
            yield bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_key(server)))))

    def _listen(self, connection: psycopg.Connection | None, notify: Callable[[SearchId | None], None]) -> None:
        """Receive notifications until the process ends, and with it the connection."""
        missed = False
        while True:
            try:
                if connection is None:
                    connection, missed = self._connect(), True
                if missed:
                    notify(None)
                    missed = False
                for notice in connection.notifies(timeout=QUIET_S, stop_after=1):
                    server, _, search_id = notice.payload.partition(" ")
                    if server != self._database.server:
                        notify(SearchId(search_id))
                connection.execute("SELECT 1")
            except psycopg.Error as error:
                logger.warning("lost the connection for notifications from other servers: %s", error)
                connection = None
            except StoreError as error:  # without this connection, the others would regard this server as gone
                logger.warning("could not process changes of other servers: %s", error.problem)
                missed = True
                time.sleep(RETRY_S)

    def _connect(self) -> psycopg.Connection:
        url = self._database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            connection = psycopg.connect(url, autocommit=True)
            connection.execute("SELECT pg_advisory_lock(%s)", [_key(self._database.server)])
            connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            raise StoreError("The database can't be reached.", remedy="Check that it is running.") from error
        return connection


def notify_peers(connection: Connection, server: str, search_id: SearchId) -> None:
    """Notify the other servers, once the transaction is committed, that a search has changed."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, f"{server} {search_id}")))


def _key(server: str) -> int:
    """Return the key of a server's advisory lock."""
    return int.from_bytes(hashlib.sha256(server.encode()).digest()[:8], signed=True)
