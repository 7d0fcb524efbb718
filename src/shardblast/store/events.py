"""Events, written in the transaction that makes them; and the other servers on the same PostgreSQL.

A server holds a lock of the database's for as long as its connection lives, so whether it is gone is asked of
PostgreSQL and not of a clock. Changes are told by ``NOTIFY`` within the transaction that makes them.
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
LOOKED_AFTER_S = 5.0
"""How often the connection is tried when nothing is told."""
AGAIN_AFTER_S = 1.0

logger = logging.getLogger(__name__)


def note(connection: Connection, database: SqlDatabase, about: str, kind: str, data: dict[str, Any]) -> Event:
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


def events_after(
    database: SqlDatabase, about: str, last: int, limit: int, kinds: Collection[str] = ()
) -> Sequence[Event]:
    """Return the events of a search or of a task with larger ids, oldest first; of some kinds, or of all."""
    query = select(events).where(events.c.search_id == about, events.c.id > last)
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    with database.reading() as connection:
        rows = connection.execute(query.order_by(events.c.id).limit(limit)).all()
    return [Event(row.id, SearchId(row.search_id), row.kind, row.data, row.at) for row in rows]


class Peers:
    """The other servers on this database; there are none on SQLite."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    @property
    def possible(self) -> bool:
        """Whether several servers may share the database."""
        return self._database.is_shared

    def join(self, tell: Callable[[SearchId | None], None]) -> None:
        """Become known to the others.

        Args:
            tell: Is called with every search that another server changed; with None when some may have been missed.

        Raises:
            StoreError: The database can't be reached.
        """
        if self.possible:
            threading.Thread(target=self._listen, args=(self._connect(), tell), daemon=True).start()

    @contextmanager
    def gone(self, server: str) -> Iterator[bool]:
        """Tell whether a server is gone; as long as the context lasts, nobody else is told that it is."""
        with self._database.writing() as connection:
            yield bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_key(server)))))

    def _listen(self, connection: psycopg.Connection | None, tell: Callable[[SearchId | None], None]) -> None:
        """Follow the others until the process ends, and with it the connection."""
        missed = False
        while True:
            try:
                if connection is None:
                    connection, missed = self._connect(), True
                if missed:
                    tell(None)
                    missed = False
                for notice in connection.notifies(timeout=LOOKED_AFTER_S, stop_after=1):
                    server, _, search_id = notice.payload.partition(" ")
                    if server != self._database.server:
                        tell(SearchId(search_id))
                connection.execute("SELECT 1")
            except psycopg.Error as error:
                logger.warning("the connection to the other servers is lost: %s", error)
                connection = None
            except StoreError as error:  # the connection is kept, else the others would take this server for gone
                logger.warning("other servers can't be followed: %s", error.problem)
                missed = True
                time.sleep(AGAIN_AFTER_S)

    def _connect(self) -> psycopg.Connection:
        url = self._database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            connection = psycopg.connect(url, autocommit=True)
            connection.execute("SELECT pg_advisory_lock(%s)", [_key(self._database.server)])
            connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            raise StoreError("The database can't be reached.", remedy="Check that it runs.") from error
        return connection


def tell_peers(connection: Connection, server: str, search_id: SearchId) -> None:
    """Tell the others, when the transaction is committed, that a search has changed."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, f"{server} {search_id}")))


def _key(server: str) -> int:
    """Return the number of a server's lock."""
    return int.from_bytes(hashlib.sha256(server.encode()).digest()[:8], signed=True)
