"""Searches, their pieces and their events in SQL: pages of searches, the work at hand and the speed of past work."""

from __future__ import annotations

import json
import math
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

from shardblast.core.errors import ConflictError, InputError
from shardblast.core.events import RUNNING_KINDS, RunningPiece, running_of
from shardblast.core.lack import LackCode
from shardblast.core.search import UNENDED, Event, Piece, Search, SearchId, Standing, State
from shardblast.store.connection import SqlDatabase, record_of
from shardblast.store.events import RecordStore, events_after
from shardblast.store.tables import SORTED_BY, events, pieces, searches

LOCK = 0x5BA58
"""Key of the advisory lock in PostgreSQL for the server that decides which searches start."""


Change = Callable[[Search], Search]
Observe = Callable[[Search | None, Search, Piece | None], None]
"""Called after each transaction, in order, with the search before and after it and the piece that it recorded."""


class Sort(StrEnum):
    """Sort keys of a list of searches; ties are ordered by the time of submission."""

    CREATED = "created"
    TITLE = "title"
    """The first 100 characters, ignoring case."""
    DATABASE = "database"
    STATE = "state"
    ELAPSED = "elapsed"
    """Run time; unfinished searches count as less than 0."""
    QUERIES = "queries"
    HITS = "hits"
    """Number of hits; unfinished searches count as less than 0."""


@dataclass(frozen=True, slots=True)
class SortOrder:
    sort: Sort = Sort.CREATED
    descending: bool = True

    def page(self, query: Select[Any], cursor: str | None) -> Select[Any]:
        """Return a query in this order, after a cursor. Raises InputError if the cursor is that of another order."""
        columns = self._columns
        if cursor is not None:
            values = self._values(cursor)
            last, row = tuple_(*values), tuple_(*columns)
            beyond = row < last if self.descending else row > last
            # This redundant condition is for planners that use only the first column.
            first = columns[0] <= values[0] if self.descending else columns[0] >= values[0]
            query = query.where(and_(first, beyond))
        return query.order_by(*(column.desc() if self.descending else column.asc() for column in columns))

    def filtered(self, column: Column[str]) -> ColumnElement[str]:
        """Return a column for a filter of a page.

        With a plain column SQLite would find and sort all matching rows instead of walking the order's index, which
        contains the column too. An expression prevents that.
        """
        return column if self.sort is Sort.CREATED else func.coalesce(column, "")

    @property
    def key(self) -> ColumnElement[Any]:
        """The expression by which searches are sorted."""
        return SORTED_BY.get(self.sort, searches.c.created)

    def cursor(self, row: Row[Any]) -> str:
        """Return the cursor of the page after a row, whose column ``sort_key`` holds the key."""
        position = json.dumps([self.sort, self.descending, row.sort_key, row.created, row.id])
        return urlsafe_b64encode(position.encode()).decode().rstrip("=")

    @property
    def _columns(self) -> list[ColumnElement[Any]]:
        keys = [] if self.sort is Sort.CREATED else [self.key]
        return [*keys, searches.c.created, searches.c.id]

    def _values(self, cursor: str) -> list[Value]:
        """Return the values of the columns at a cursor, which is untrusted input."""
        try:
            position = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            sort, descending, key, created, search_id = json.loads(position)
        except (ValueError, TypeError, RecursionError) as error:
            raise _invalid_cursor() from error
        values = [created, search_id] if self.sort is Sort.CREATED else [key, created, search_id]
        kinds = [float, str] if self.sort is Sort.CREATED else [_KINDS.get(self.sort, str), float, str]
        is_same_order = sort == self.sort and descending is self.descending
        if not is_same_order or not all(_is_value(value, kind) for value, kind in zip(values, kinds, strict=True)):
            raise _invalid_cursor()
        return values


NEWEST_FIRST = SortOrder()
EVENTS_AT_ONCE = 1000

LARGEST_INTEGER = (1 << 63) - 1
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Page:
    """A page of searches, and the cursor of the next one."""

    searches: Sequence[Search]
    cursor: str | None


class SearchStore(RecordStore[Search]):
    record, table, kind = Search, searches, "search"
    remedy = "It may have been deleted; list the searches."

    def __init__(
        self,
        database: SqlDatabase,
        announce: Callable[[Event], None],
        observe: Observe = lambda before, after, piece: None,
    ) -> None:
        super().__init__(database, announce)
        self._observe = observe

    def add(self, search: Search, fingerprint: str, idempotency_key: str | None = None) -> Search:
        """Add a search, or return that of its id or key. Raises ConflictError if the key was used for another one."""
        try:
            with self._transaction() as transaction:
                if existing := self._existing(transaction.connection, search, idempotency_key):
                    return _checked(existing, fingerprint)
                self._add(transaction, search, fingerprint=fingerprint, idempotency_key=idempotency_key)
                transaction.committed.append(lambda: self._observe(None, search, None))
        except IntegrityError:  # another server was faster
            with self._database.reading() as connection:
                existing = self._existing(connection, search, idempotency_key)
            if existing is None:
                raise
            return _checked(existing, fingerprint)
        return search

    def find(self, owner: str, idempotency_key: str, fingerprint: str | None = None) -> Search | None:
        """Return a search by owner and key, or None. Raises ConflictError if its fingerprint is not the given one."""
        query = select(searches).where(searches.c.owner == owner, searches.c.idempotency_key == idempotency_key)
        row = self._database.row(query)
        return None if row is None else _checked(row, fingerprint)

    def newest(self, owner: str | None, limit: int) -> Sequence[SearchId]:
        """Return the ids of an owner's newest searches (None: of anyone's)."""
        query = select(searches.c.id).order_by(searches.c.created.desc()).limit(limit)
        if owner is not None:
            query = query.where(searches.c.owner == owner)
        return [SearchId(search_id) for search_id in self._database.scalars(query)]

    def change(self, search_id: SearchId, change: Change, piece: Piece | None = None) -> Search:
        """Apply a pure function to a search, and record an ended piece. Raises ConflictError if its state forbids."""
        with self._transaction() as transaction:
            if piece is not None:
                transaction.connection.execute(insert(pieces).values(search_id=search_id, **asdict(piece)))
                transaction.note(search_id, "piece", asdict(piece))
            before, after = self._change(transaction, search_id, change)
            transaction.committed.append(lambda: self._observe(before, after, piece))
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
        """Return a page of searches, after that of a cursor, of an owner (None: anyone).

        ``text`` is part of a title, program, database or id, whatever the case of ASCII letters. Raises InputError if
        the cursor does not belong to this order.
        """
        query = page_query(owner, state, text, order, cursor).limit(limit + 1)
        rows = self._database.rows(query)
        is_last = len(rows) <= limit
        return Page(
            [record_of(Search, row._mapping) for row in rows[:limit]],
            None if is_last else order.cursor(rows[limit - 1]),
        )

    def pieces(self, search_id: SearchId) -> Sequence[Piece]:
        """Return the pieces of a search in the order in which they ended."""
        query = select(pieces).where(pieces.c.search_id == search_id).order_by(pieces.c.id)
        return self._database.records(Piece, query)

    def tell(self, search_id: SearchId, kind: str, data: dict[str, Any]) -> None:
        """Record an event that changes neither the search nor its pieces."""
        with self._transaction() as transaction:
            transaction.note(search_id, kind, data)

    def events(self, search_id: SearchId, kinds: Collection[str]) -> Iterator[Event]:
        """Yield all events of these kinds, oldest first."""
        last = 0
        while batch := events_after(self._database, search_id, last, EVENTS_AT_ONCE, kinds):
            yield from batch
            last = batch[-1].id

    def running(self, search_id: SearchId) -> Sequence[RunningPiece]:
        """Return the pieces of a search that are running now, on any node."""
        if self.get(search_id).state not in (State.RUNNING, State.CANCELLING):
            return []
        return running_of(self.events(search_id, RUNNING_KINDS))

    def nodes(self, search_id: SearchId) -> Sequence[str]:
        """Return the nodes of a search's pieces, in the order in which their first pieces ended."""
        query = select(pieces.c.node).where(pieces.c.search_id == search_id)
        return self._database.scalars(query.group_by(pieces.c.node).order_by(func.min(pieces.c.id)))

    def events_after(self, search_id: SearchId, last: int, limit: int = 1000) -> Sequence[Event]:
        """Return the events of a search or task with ids above ``last``, oldest first."""
        return events_after(self._database, search_id, last, limit)

    def delete(self, search_id: SearchId) -> None:
        """Remove an ended search, with its pieces, events and links. Raises ConflictError if it has not ended."""
        with self._transaction() as transaction:
            search = self._get(transaction.connection, search_id, lock=True)
            if not search.state.is_final:
                is_cancelling = search.state is State.CANCELLING
                remedy = "Wait until it is cancelled." if is_cancelling else "Cancel it first."
                raise ConflictError(f"The search is {search.state}.", remedy=remedy)
            transaction.note(search_id, "deleted", {})
            transaction.connection.execute(delete(events).where(events.c.search_id == search_id))
            transaction.connection.execute(delete(searches).where(searches.c.id == search_id))

    def ended_before(self, at: float, limit: int = 100) -> Sequence[SearchId]:
        """Return searches that ended before a time, oldest first."""
        query = select(searches.c.id).where(searches.c.finished < at).order_by(searches.c.finished).limit(limit)
        return [SearchId(search_id) for search_id in self._database.scalars(query)]

    def check(self) -> None:
        """Read and write without changing anything."""
        self._database.execute(update(searches).where(false()).values(attempt=0))

    def _existing(self, connection: Connection, search: Search, key: str | None) -> Row[Any] | None:
        same = searches.c.id == search.id
        if key is not None:
            same = or_(same, and_(searches.c.owner == search.owner, searches.c.idempotency_key == key))
        return connection.execute(select(searches).where(same)).first()


def page_query(owner: str | None, state: State | None, text: str, order: SortOrder, cursor: str | None) -> Select[Any]:
    """Return the query of a page, including the sort key as ``sort_key``; see ``SearchStore.page``."""
    query = order.page(select(searches, order.key.label("sort_key")), cursor)
    if owner is not None:
        query = query.where(order.filtered(searches.c.owner) == owner)
    if state is not None:
        query = query.where(order.filtered(searches.c.state) == state.value)
    if text:
        columns = (searches.c.title, searches.c.program, searches.c.database, searches.c.id)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return query


def _checked(row: Row[Any], fingerprint: str | None) -> Search:
    if fingerprint not in (None, row.fingerprint):
        problem = "This Idempotency-Key was used for another search."
        raise ConflictError(problem, remedy="Use a new key for a new request.")
    return record_of(Search, row._mapping)


_KINDS: dict[Sort, type[Value]] = {Sort.ELAPSED: float, Sort.QUERIES: int, Sort.HITS: int}


def _is_value(value: object, kind: type[Value]) -> bool:
    """Return whether a database accepts a value in a column of a kind."""
    match value:
        case str():
            return kind is str and "\0" not in value and not any(0xD800 <= ord(char) <= 0xDFFF for char in value)
        case bool():
            return False
        case int():
            return kind is not str and abs(value) <= LARGEST_INTEGER
        case float():
            return kind is float and math.isfinite(value)
    return False


def _invalid_cursor() -> InputError:
    return InputError("The cursor is invalid for this list.", remedy="Omit it to start at the first page.")


@dataclass(frozen=True, slots=True)
class Unended:
    """The number of waiting or running searches of one generation, program and state."""

    database: str
    generation: str
    program: str
    state: State
    searches: int
    letters: int
    """Bases or residues of all their queries."""


class Workload:
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def counts(self) -> Mapping[State, int]:
        query = select(searches.c.state, func.count()).group_by(searches.c.state)
        numbers = {State(state): number for state, number in self._database.rows(query)}
        return {state: numbers.get(state, 0) for state in State}

    def unended(self) -> Sequence[Unended]:
        """Return queued and running searches, grouped by generation, program and state."""
        group = [searches.c[name] for name in ("database", "generation", "program", "state")]
        totals = [func.count().label("searches"), func.sum(searches.c.letters).label("letters")]
        query = select(*group, *totals).group_by(*group)
        return self._database.records(Unended, query.where(searches.c.state.in_(UNENDED)))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other servers from deciding which searches start until the context ends; SQLite has no other servers."""
        if not self._database.is_shared:
            yield
            return
        with self._database.reading() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            yield

    def standings(self) -> Sequence[Standing]:
        """Return the unfinished searches with the columns that decide their place in the queue."""
        columns = [searches.c[name] for name in Standing.__slots__]
        return self._database.records(Standing, select(*columns).where(searches.c.state.in_(UNENDED)))

    def lacks(self) -> Mapping[LackCode, int]:
        """Return how many searches wait for each resource, excluding those that wait for their turn."""
        code = searches.c.lack["code"].as_string()
        query = select(code, func.count()).where(searches.c.state.in_(UNENDED)).group_by(code)
        rows = self._database.rows(query)
        numbers = {str(name): int(number) for name, number in rows}
        return {code: numbers.get(code.value, 0) for code in LackCode if code is not LackCode.TURN}

    def oldest_queued(self) -> float | None:
        """Return when the oldest queued search was submitted, or None if none is queued."""
        query = select(func.min(searches.c.created)).where(searches.c.state == State.QUEUED.value)
        submitted: float | None = self._database.scalar(query)
        return submitted

    def seconds_per_work(self, program: str, database: str, limit: int = 20) -> float | None:
        """Return the median seconds per base or residue of past searches of this kind, or None if there are none."""
        query = (
            select((searches.c.finished - searches.c.started) / searches.c.letters)
            .where(searches.c.state == State.COMPLETED.value, searches.c.letters > 0)
            .where(searches.c.program == program, searches.c.database == database)
            .order_by(searches.c.created.desc())
            .limit(limit)
        )
        ratios = sorted(float(ratio) for ratio in self._database.scalars(query) if ratio is not None)
        return ratios[len(ratios) // 2] if ratios else None
