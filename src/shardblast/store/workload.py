"""What there is to do and how fast it was done before, over all searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from shardblast.core.search import UNENDED, SearchId, Standing, State
from shardblast.core.waiting import Lack, LackCode
from shardblast.store.connection import SqlDatabase
from shardblast.store.tables import searches

LOCK = 0x5BA58
"""Of PostgreSQL, for the server that decides which searches begin."""


@dataclass(frozen=True, slots=True)
class Unended:
    """Searches in one generation with one program that all wait, or all run."""

    database: str
    generation: str
    program: str
    state: State
    searches: int
    letters: int
    """Of all their queries."""


class Workload:
    """Looks at all searches; changes nothing."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def counts(self) -> Mapping[State, int]:
        """Return how many searches are in each state."""
        query = select(searches.c.state, func.count()).group_by(searches.c.state)
        with self._database.reading() as connection:
            found = {State(state): number for state, number in connection.execute(query).all()}
        return {state: found.get(state, 0) for state in State}

    def unended(self) -> Sequence[Unended]:
        """Return what waits or runs, as far as it is alike in one row."""
        alike = (searches.c.database, searches.c.generation, searches.c.program, searches.c.state)
        query = select(*alike, func.count(), func.sum(searches.c.letters)).group_by(*alike)
        query = query.where(searches.c.state.in_(UNENDED))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Unended(database, generation, program, State(state), number, int(letters))
            for database, generation, program, state, number, letters in rows
        ]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other servers from deciding which searches begin as long as the context lasts; SQLite has none."""
        if not self._database.is_shared:
            yield
            return
        with self._database.reading() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            yield

    def standings(self) -> Sequence[Standing]:
        """Return the searches that are not over, as far as their places are concerned."""
        columns = [searches.c[name] for name in Standing.__slots__]
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).where(searches.c.state.in_(UNENDED))).all()
        return [_standing(**row._mapping) for row in rows]

    def lacks(self) -> Mapping[LackCode, int]:
        """Return how many searches wait for what, but for their turn."""
        code = searches.c.lack["code"].as_string()
        query = select(code, func.count()).where(searches.c.state.in_(UNENDED)).group_by(code)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        numbers = {str(name): int(number) for name, number in found}
        return {code: numbers.get(code.value, 0) for code in LackCode if code is not LackCode.TURN}

    def oldest_queued(self) -> float | None:
        """Return when the oldest search that waits was submitted, or None if none waits."""
        query = select(func.min(searches.c.created)).where(searches.c.state == State.QUEUED.value)
        with self._database.reading() as connection:
            found: float | None = connection.scalar(query)
        return found

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


def _standing(*, id: str, state: str, lack: Mapping[str, Any] | None, **others: Any) -> Standing:
    return Standing(id=SearchId(id), state=State(state), lack=None if lack is None else Lack.of(lack), **others)
