"""The orders in which searches are listed, and where a page begins."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, and_, func, tuple_

from shardblast.core.errors import InputError
from shardblast.store.tables import SORTED_BY, searches

MOST_WHOLE = (1 << 63) - 1
Value = str | int | float


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
class Order:
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
