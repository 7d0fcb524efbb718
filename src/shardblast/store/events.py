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
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection, Select, Table, func, insert, select, update

from shardblast.core.errors import NotFoundError, StoreError
from shardblast.core.search import Event, Search, SearchId
from shardblast.core.task import Task
from shardblast.store.connection import SqlDatabase, record_of
from shardblast.store.tables import events

if TYPE_CHECKING:
    import psycopg

CHANNEL = "shardblast_searches"
QUIET_S = 5.0
"""How long to wait for a notification before the connection is tested."""
RETRY_S = 1.0

logger = logging.getLogger(__name__)

Record = TypeVar("Record", Search, Task)


def events_after(
    database: SqlDatabase, about: str, last: int, limit: int, kinds: Collection[str] = ()
) -> Sequence[Event]:
    """Return the events of a search or task with ids above ``last``, oldest first; optionally only of some kinds."""
    query = select(events).where(events.c.search_id == about, events.c.id > last)
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    return database.records(Event, query.order_by(events.c.id).limit(limit))


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in which events are noted."""

    database: SqlDatabase
    connection: Connection
    announce: Callable[[Event], None]
    committed: list[Callable[[], object]] = field(default_factory=list)
    """Called in order once the transaction is committed."""

    def note(self, about: str, kind: str, data: dict[str, Any]) -> None:
        """Write an event about a search or task; other servers are notified when it is committed."""
        values: dict[str, Any] = {"search_id": about, "kind": kind, "data": data, "at": time.time()}
        key = self.connection.execute(insert(events).values(values)).inserted_primary_key
        assert key is not None
        notify_peers(self.connection, self.database.server, SearchId(about))
        event = Event(key[0], SearchId(about), kind, data, values["at"])
        self.committed.append(lambda: self.announce(event))


class RecordStore(Generic[Record]):
    """Reads and changes searches or tasks, and passes each event to ``announce`` once it is committed."""

    record: type[Record]
    table: Table
    kind: str
    """Kind of the events that hold the new state of a search or task."""
    remedy: str
    """Advice for a search or task that does not exist."""

    def __init__(self, database: SqlDatabase, announce: Callable[[Event], None]) -> None:
        self._database = database
        self._announce = announce
        self._order = threading.Lock()
        """Held from before a commit until its events are announced, so that readers get them in the order of their ids.
        """

    def get(self, about: str) -> Record:
        with self._database.reading() as connection:
            return self._get(connection, about)

    def snapshot(self, about: str) -> tuple[Record, int]:
        """Return a search or task and the id of its last event."""
        with self._database.reading() as connection:
            found = self._get(connection, about)
            last = connection.scalar(select(func.max(events.c.id)).where(events.c.search_id == about))
        return found, last or 0

    def some(self, ids: Collection[str], owner: str | None = None) -> Sequence[Record]:
        """Return those of these ids that exist and belong to an owner (None: to anyone)."""
        query = select(self.table).where(self.table.c.id.in_(ids))
        return self._all(query if owner is None else query.where(self.table.c.owner == owner))

    def _all(self, query: Select[Any]) -> Sequence[Record]:
        return self._database.records(self.record, query)

    def _get(self, connection: Connection, about: str, *, lock: bool = False) -> Record:
        query = select(self.table).where(self.table.c.id == about)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no such {self.kind}.", remedy=self.remedy)
        return record_of(self.record, row._mapping)

    def _add(self, transaction: Transaction, record: Record, **more: Any) -> None:
        transaction.connection.execute(insert(self.table).values(asdict(record) | more))
        transaction.note(record.id, self.kind, record.document())

    def _change(
        self, transaction: Transaction, about: str, change: Callable[[Record], Record]
    ) -> tuple[Record, Record]:
        """Apply a pure function to a search or task; return it before and after."""
        before = self._get(transaction.connection, about, lock=True)
        after = change(before)
        if after != before:
            transaction.connection.execute(update(self.table).where(self.table.c.id == about).values(asdict(after)))
            transaction.note(about, self.kind, after.document())
        return before, after

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._order:
            with self._database.writing() as connection:
                transaction = Transaction(self._database, connection, self._announce)
                yield transaction
            for call in transaction.committed:
                call()


class Peers:
    """The other servers on this database; SQLite never has any."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    @property
    def possible(self) -> bool:
        """Whether several servers can share the database."""
        return self._database.is_shared

    def join(self, notify: Callable[[SearchId | None], None]) -> None:
        """Become visible to other servers. ``notify`` gets each search that one changed, or None if some are missed."""
        if self.possible:
            threading.Thread(target=self._listen, args=(self._connect(), notify), daemon=True).start()

    @contextmanager
    def gone(self, server: str) -> Iterator[bool]:
        """Yield whether a server is gone; until the context ends, no other server gets the answer yes."""
        with self._database.writing() as connection:
            yield bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_key(server)))))

    def _listen(self, connection: psycopg.Connection | None, notify: Callable[[SearchId | None], None]) -> None:
        """Receive notifications until the process ends, and with it the connection."""
        import psycopg  # slow to import, and needed by PostgreSQL alone

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
        import psycopg

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
