"""Searches, their pieces and their events: every change is one transaction that also writes the event."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, false, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from shardblast.core.errors import ConflictError, InputError, NotFoundError
from shardblast.core.search import Event, Piece, Search, SearchId, State, document, search_of
from shardblast.store.connection import Database
from shardblast.store.peers import tell_peers
from shardblast.store.tables import events, pieces, searches

Change = Callable[[Search], Search]
Observe = Callable[[Search | None, Search, Piece | None], None]
"""Is told of a search before and after a transaction, and of the piece that it notes; in their order."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some searches, newest first, and where the next page begins."""

    searches: Sequence[Search]
    cursor: str | None


class SearchStore:
    """Reads and changes searches; tells ``announce`` of every event once it is committed."""

    def __init__(
        self,
        database: Database,
        announce: Callable[[Event], None],
        observe: Observe = lambda before, after, piece: None,
    ) -> None:
        self._database = database
        self._announce = announce
        self._observe = observe
        self._order = threading.Lock()
        """Held from before a commit until its events are announced, so that readers have them in the order of ids."""

    def add(self, search: Search, fingerprint: str, idempotency_key: str | None = None) -> Search:
        """Add a search, or return the one that this id or this owner's key already made.

        Raises:
            ConflictError: The key was used for another request.
        """
        values = row_of(search) | {"fingerprint": fingerprint, "idempotency_key": idempotency_key}
        try:
            with self._order:
                with self._database.writing() as connection:
                    if found := self._same(connection, search, idempotency_key):
                        return _checked(found, fingerprint)
                    connection.execute(insert(searches).values(values))
                    event = self._note(connection, search.id, "search", document(search))
                self._announce(event)
                self._observe(None, search, None)
        except IntegrityError:  # another server was faster
            with self._database.reading() as connection:
                found = self._same(connection, search, idempotency_key)
            if found is None:
                raise
            return _checked(found, fingerprint)
        return search

    def find(self, owner: str, idempotency_key: str, fingerprint: str) -> Search | None:
        """Return the search that an owner's key made.

        Raises:
            ConflictError: It was another request.
        """
        same = and_(searches.c.owner == owner, searches.c.idempotency_key == idempotency_key)
        with self._database.reading() as connection:
            row = connection.execute(select(searches).where(same)).first()
        return None if row is None else _checked(row, fingerprint)

    def get(self, search_id: SearchId) -> Search:
        """Return a search.

        Raises:
            NotFoundError: There is none with this id.
        """
        with self._database.reading() as connection:
            return self._get(connection, search_id)

    def snapshot(self, search_id: SearchId) -> tuple[Search, int]:
        """Return a search and the id of the last event that it includes."""
        with self._database.reading() as connection:
            search = self._get(connection, search_id)
            last = connection.scalar(select(func.max(events.c.id)).where(events.c.search_id == search_id))
        return search, last or 0

    def change(self, search_id: SearchId, change: Change, piece: Piece | None = None) -> Search:
        """Apply a pure change to a search, and note a piece that ended; one transaction.

        Raises:
            NotFoundError: There is no such search.
            ConflictError: The change refused the state it found.
        """
        told: list[Event] = []
        with self._order:
            with self._database.writing() as connection:
                before = self._get(connection, search_id, lock=True)
                after = change(before)
                if piece is not None:
                    connection.execute(insert(pieces).values(search_id=search_id, **asdict(piece)))
                    told.append(self._note(connection, search_id, "piece", asdict(piece)))
                if after != before:
                    connection.execute(update(searches).where(searches.c.id == search_id).values(row_of(after)))
                    told.append(self._note(connection, search_id, "search", document(after)))
            for event in told:
                self._announce(event)
            self._observe(before, after, piece)
        return after

    def page(self, *, owner: str | None, state: State | None, limit: int, cursor: str | None) -> Page:
        """Return searches, newest first; ``owner`` None is everybody's.

        Raises:
            InputError: The cursor is none of ours.
        """
        query = select(searches).order_by(searches.c.created.desc(), searches.c.id.desc()).limit(limit + 1)
        if owner is not None:
            query = query.where(searches.c.owner == owner)
        if state is not None:
            query = query.where(searches.c.state == state.value)
        if cursor is not None:
            at, last = _place(cursor)
            query = query.where(or_(searches.c.created < at, and_(searches.c.created == at, searches.c.id < last)))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        found = [_search(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(found, f"{found[-1].created.hex()}_{found[-1].id}" if more else None)

    def pieces(self, search_id: SearchId) -> Sequence[Piece]:
        """Return the pieces of a search in the order in which they ended."""
        query = select(pieces).where(pieces.c.search_id == search_id).order_by(pieces.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Piece(row.purpose, row.batch, row.shard, row.seconds, row.peak_memory_bytes, row.node, row.finished)
            for row in rows
        ]

    def events_after(self, search_id: SearchId, last: int, limit: int = 1000) -> Sequence[Event]:
        """Return the events of a search with larger ids, oldest first."""
        query = select(events).where(events.c.search_id == search_id, events.c.id > last)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(events.c.id).limit(limit)).all()
        return [Event(row.id, SearchId(row.search_id), row.kind, row.data) for row in rows]

    def delete(self, search_id: SearchId) -> None:
        """Remove a search that has ended, with all that belongs to it.

        Raises:
            NotFoundError: There is none.
            ConflictError: It is not over.
        """
        with self._order:
            with self._database.writing() as connection:
                search = self._get(connection, search_id, lock=True)
                if not search.state.is_final:
                    raise ConflictError(f"The search is {search.state}.", remedy="Cancel it first.")
                last = self._note(connection, search_id, "deleted", {})
                connection.execute(delete(events).where(events.c.search_id == search_id))
                connection.execute(delete(searches).where(searches.c.id == search_id))
            self._announce(last)

    def ended_before(self, at: float, limit: int = 100) -> Sequence[SearchId]:
        """Return searches that ended before a time, oldest first."""
        query = select(searches.c.id).where(searches.c.finished < at).order_by(searches.c.finished).limit(limit)
        with self._database.reading() as connection:
            return [SearchId(one) for one in connection.scalars(query)]

    def oldest_queued(self) -> float | None:
        """Return when the oldest search that waits was submitted, or None if none waits."""
        query = select(func.min(searches.c.created)).where(searches.c.state == State.QUEUED.value)
        with self._database.reading() as connection:
            found: float | None = connection.scalar(query)
        return found

    def check(self) -> None:
        """Read and write, but change nothing.

        Raises:
            StoreError: That does not work: the database is away, or may only be read.
        """
        with self._database.writing() as connection:
            connection.execute(update(searches).where(false()).values(attempt=0))

    def counts(self) -> Mapping[State, int]:
        """Return how many searches are in each state."""
        query = select(searches.c.state, func.count()).group_by(searches.c.state)
        with self._database.reading() as connection:
            found = {State(state): number for state, number in connection.execute(query).all()}
        return {state: found.get(state, 0) for state in State}

    def seconds_per_work(self, program: str, database: str, limit: int = 20) -> float | None:
        """Return the median seconds per letter of past searches of this kind, or None if there were none."""
        query = (
            select((searches.c.finished - searches.c.started) / searches.c.letters)
            .where(searches.c.state == State.COMPLETED.value, searches.c.letters > 0)
            .where(searches.c.program == program, searches.c.database == database)
            .order_by(searches.c.created.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            found = sorted(float(one) for one in connection.scalars(query) if one is not None)
        return found[len(found) // 2] if found else None

    def _get(self, connection: Connection, search_id: SearchId, *, lock: bool = False) -> Search:
        query = select(searches).where(searches.c.id == search_id)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError("There is no such search.", remedy="It may have been deleted; list the searches.")
        return _search(row)

    def _note(self, connection: Connection, search_id: SearchId, kind: str, data: dict[str, Any]) -> Event:
        values = {"search_id": search_id, "kind": kind, "data": data}
        key = connection.execute(insert(events).values(values)).inserted_primary_key
        assert key is not None
        tell_peers(connection, self._database.server, search_id)
        return Event(key[0], search_id, kind, data)

    def _same(self, connection: Connection, search: Search, key: str | None) -> Row[Any] | None:
        same = searches.c.id == search.id
        if key is not None:
            same = or_(same, and_(searches.c.owner == search.owner, searches.c.idempotency_key == key))
        return connection.execute(select(searches).where(same)).first()


def _place(cursor: str) -> tuple[float, str]:
    """Return the time and the id of the search that a cursor follows."""
    created, separator, last = cursor.partition("_")
    try:
        at = float.fromhex(created)
    except (ValueError, OverflowError):
        at = math.nan
    if not separator or not math.isfinite(at):
        raise InputError("The cursor is none of ours.", remedy="Leave it out to start again.")
    return at, last


def row_of(search: Search) -> dict[str, Any]:
    """Return the values of a search's row."""
    row = asdict(search)
    row["options"] = list(search.options)
    row["verdicts"] = None if search.verdicts is None else dict(search.verdicts)
    return row


def _search(row: Row[Any]) -> Search:
    return search_of(dict(row._mapping))


def _checked(row: Row[Any], fingerprint: str) -> Search:
    if row.fingerprint != fingerprint:
        raise ConflictError(
            "This Idempotency-Key was used for another search.", remedy="Use a new key for a new request."
        )
    return _search(row)
