"""Searches, their pieces and their events in SQL; sorted pages of their list."""

from __future__ import annotations

import json
import math
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from shardblast.core.errors import ConflictError, InputError, NotFoundError
from shardblast.core.history import RUNNING_KINDS, RunningPiece, running_of
from shardblast.core.search import Event, Piece, Search, SearchId, State, document, search_of
from shardblast.store.connection import SqlDatabase
from shardblast.store.events import events_after, note
from shardblast.store.tables import SORTED_BY, events, pieces, searches

Change = Callable[[Search], Search]
Observe = Callable[[Search | None, Search, Piece | None], None]
"""Is told of a search before and after a transaction, and of the piece that it notes; in their order."""


class Sort(StrEnum):
    """What searches are listed by; those that are alike by the time at which they were submitted."""

    CREATED = "created"
    TITLE = "title"
    """By its first 100 letters, whatever their case."""
    DATABASE = "database"
    STATE = "state"
    ELAPSED = "elapsed"
    """How long they ran; those that have not ended count as less than 0."""
    QUERIES = "queries"
    HITS = "hits"
    """Those that have not ended count as less than 0."""


@dataclass(frozen=True, slots=True)
class SortOrder:
    """An order of searches."""

    sort: Sort = Sort.CREATED
    descending: bool = True

    def page(self, query: Select[Any], cursor: str | None) -> Select[Any]:
        """Return a query of searches in this order, from a cursor on.

        Raises:
            InputError: The cursor is none of this order.
        """
        columns = self._columns
        if cursor is not None:
            place = self._place(cursor)
            at, here = tuple_(*place), tuple_(*columns)
            beyond = here < at if self.descending else here > at
            # The first column says the same again, for planners that look no further.
            first = columns[0] <= place[0] if self.descending else columns[0] >= place[0]
            query = query.where(and_(first, beyond))
        return query.order_by(*(one.desc() if self.descending else one.asc() for one in columns))

    def filtered(self, column: Column[str]) -> ColumnElement[str]:
        """Return a column for a filter of a page.

        SQLite would rather find all rows by such a column and sort them than walk the order's index, which holds the
        column too; unless it is an expression.
        """
        return column if self.sort is Sort.CREATED else func.coalesce(column, "")

    @property
    def key(self) -> ColumnElement[Any]:
        """What the searches are sorted by."""
        return SORTED_BY.get(self.sort, searches.c.created)

    def cursor(self, row: Row[Any]) -> str:
        """Return the cursor of the page that begins after a row, which has the key as ``sort_key``."""
        told = json.dumps([self.sort, self.descending, row.sort_key, row.created, row.id])
        return urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @property
    def _columns(self) -> list[ColumnElement[Any]]:
        same = [] if self.sort is Sort.CREATED else [self.key]
        return [*same, searches.c.created, searches.c.id]

    def _place(self, cursor: str) -> list[Value]:
        """Return the values of the columns at a cursor; anybody may have written it."""
        try:
            sort, descending, key, created, search_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (ValueError, TypeError, RecursionError) as error:
            raise _strange() from error
        place = [created, search_id] if self.sort is Sort.CREATED else [key, created, search_id]
        kinds = [float, str] if self.sort is Sort.CREATED else [_KINDS.get(self.sort, str), float, str]
        is_ours = sort == self.sort and descending is self.descending
        if not is_ours or not all(_is_value(one, kind) for one, kind in zip(place, kinds, strict=True)):
            raise _strange()
        return place


NEWEST_FIRST = SortOrder()
EVENTS_AT_ONCE = 1000

MOST_WHOLE = (1 << 63) - 1
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Page:
    """Some searches, and where the next page begins."""

    searches: Sequence[Search]
    cursor: str | None


class SearchStore:
    """Reads and changes searches; tells ``announce`` of every event once it is committed."""

    def __init__(
        self,
        database: SqlDatabase,
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
                    event = note(connection, self._database, search.id, "search", document(search))
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

    def some(self, ids: Collection[SearchId], owner: str | None) -> Sequence[Search]:
        """Return those of some searches that are there and this owner's; None: whosever they are."""
        query = select(searches).where(searches.c.id.in_(ids))
        if owner is not None:
            query = query.where(searches.c.owner == owner)
        with self._database.reading() as connection:
            return [_search(row) for row in connection.execute(query)]

    def newest(self, owner: str | None, limit: int) -> Sequence[SearchId]:
        """Return the ids of an owner's newest searches; None: everybody's."""
        query = select(searches.c.id).order_by(searches.c.created.desc()).limit(limit)
        if owner is not None:
            query = query.where(searches.c.owner == owner)
        with self._database.reading() as connection:
            return [SearchId(one) for one in connection.scalars(query)]

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
                    told.append(note(connection, self._database, search_id, "piece", asdict(piece)))
                if after != before:
                    connection.execute(update(searches).where(searches.c.id == search_id).values(row_of(after)))
                    told.append(note(connection, self._database, search_id, "search", document(after)))
            for event in told:
                self._announce(event)
            self._observe(before, after, piece)
        return after

    def page(
        self,
        *,
        owner: str | None,
        state: State | None,
        limit: int,
        cursor: str | None,
        text: str = "",
        order: SortOrder = NEWEST_FIRST,
    ) -> Page:
        """Return searches.

        Args:
            owner: Whose; None: everybody's.
            state: Only those in it.
            limit: How many.
            cursor: Of the page before.
            text: Only those whose title, program, database or id holds it, whatever the case of ASCII letters.
            order: Which come first.

        Raises:
            InputError: The cursor is none of this order.
        """
        query = page_query(owner, state, text, order, cursor).limit(limit + 1)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        found = [_search(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(found, order.cursor(rows[limit - 1]) if more else None)

    def pieces(self, search_id: SearchId) -> Sequence[Piece]:
        """Return the pieces of a search in the order in which they ended."""
        query = select(pieces).where(pieces.c.search_id == search_id).order_by(pieces.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Piece(**{name: getattr(row, name) for name in Piece.__slots__}) for row in rows]

    def tell(self, search_id: SearchId, kind: str, data: dict[str, Any]) -> None:
        """Note something that changes neither the search nor its pieces, and tell whoever watches it."""
        with self._order:
            with self._database.writing() as connection:
                event = note(connection, self._database, search_id, kind, data)
            self._announce(event)

    def events(self, search_id: SearchId, kinds: Collection[str]) -> Iterator[Event]:
        """Yield all events of these kinds, oldest first."""
        last = 0
        while found := events_after(self._database, search_id, last, EVENTS_AT_ONCE, kinds):
            yield from found
            last = found[-1].id

    def running(self, search_id: SearchId) -> Sequence[RunningPiece]:
        """Return the pieces of a search that run now, wherever that is."""
        if self.get(search_id).state not in (State.RUNNING, State.CANCELLING):
            return []
        return running_of(self.events(search_id, RUNNING_KINDS))

    def nodes(self, search_id: SearchId) -> Sequence[str]:
        """Return the nodes of a search's pieces, in the order in which their first ones ended."""
        query = select(pieces.c.node).where(pieces.c.search_id == search_id)
        with self._database.reading() as connection:
            return list(connection.scalars(query.group_by(pieces.c.node).order_by(func.min(pieces.c.id))))

    def events_after(self, search_id: SearchId, last: int, limit: int = 1000) -> Sequence[Event]:
        """Return the events of a search or of a task with larger ids, oldest first."""
        return events_after(self._database, search_id, last, limit)

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
                    raise ConflictError(f"The search is {search.state}.", remedy=_before_it_is_deleted(search.state))
                last = note(connection, self._database, search_id, "deleted", {})
                connection.execute(delete(events).where(events.c.search_id == search_id))
                connection.execute(delete(searches).where(searches.c.id == search_id))
            self._announce(last)

    def by_key(self, owner: str, key: str) -> Search | None:
        """Return the search that an owner submitted with an idempotency key, if there is one."""
        query = select(searches).where(searches.c.owner == owner, searches.c.idempotency_key == key)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _search(row)

    def ended_before(self, at: float, limit: int = 100) -> Sequence[SearchId]:
        """Return searches that ended before a time, oldest first."""
        query = select(searches.c.id).where(searches.c.finished < at).order_by(searches.c.finished).limit(limit)
        with self._database.reading() as connection:
            return [SearchId(one) for one in connection.scalars(query)]

    def check(self) -> None:
        """Read and write, but change nothing.

        Raises:
            StoreError: That does not work: the database is away, or may only be read.
        """
        with self._database.writing() as connection:
            connection.execute(update(searches).where(false()).values(attempt=0))

    def _get(self, connection: Connection, search_id: SearchId, *, lock: bool = False) -> Search:
        query = select(searches).where(searches.c.id == search_id)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError("There is no such search.", remedy="It may have been deleted; list the searches.")
        return _search(row)

    def _same(self, connection: Connection, search: Search, key: str | None) -> Row[Any] | None:
        same = searches.c.id == search.id
        if key is not None:
            same = or_(same, and_(searches.c.owner == search.owner, searches.c.idempotency_key == key))
        return connection.execute(select(searches).where(same)).first()


def page_query(owner: str | None, state: State | None, text: str, order: SortOrder, cursor: str | None) -> Select[Any]:
    """Return what finds the searches of a page, with what they are sorted by; as of ``page``."""
    query = order.page(select(searches, order.key.label("sort_key")), cursor)
    if owner is not None:
        query = query.where(order.filtered(searches.c.owner) == owner)
    if state is not None:
        query = query.where(order.filtered(searches.c.state) == state.value)
    if text:
        named = (searches.c.title, searches.c.program, searches.c.database, searches.c.id)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in named)))
    return query


def row_of(search: Search) -> dict[str, Any]:
    """Return the values of a search's row."""
    row = asdict(search)
    row["options"] = list(search.options)
    row["output"] = list(search.output)
    row["verdicts"] = None if search.verdicts is None else dict(search.verdicts)
    return row


def _before_it_is_deleted(state: State) -> str:
    return "Wait until it is cancelled." if state is State.CANCELLING else "Cancel it first."


def _search(row: Row[Any]) -> Search:
    return search_of(dict(row._mapping))


def _checked(row: Row[Any], fingerprint: str) -> Search:
    if row.fingerprint != fingerprint:
        raise ConflictError(
            "This Idempotency-Key was used for another search.", remedy="Use a new key for a new request."
        )
    return _search(row)


_KINDS: dict[Sort, type[Value]] = {Sort.ELAPSED: float, Sort.QUERIES: int, Sort.HITS: int}


def _is_value(value: object, kind: type[Value]) -> bool:
    """Tell whether a database takes a value for a column."""
    match value:
        case str():
            return kind is str and "\0" not in value and not any(0xD800 <= ord(one) <= 0xDFFF for one in value)
        case bool():
            return False
        case int():
            return kind is not str and abs(value) <= MOST_WHOLE
        case float():
            return kind is float and math.isfinite(value)
    return False


def _strange() -> InputError:
    return InputError("The cursor is none of ours.", remedy="Leave it out to start again.")
