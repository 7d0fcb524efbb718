"""The work at hand and the speed of past work, over all searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, select

from shardblast.core.lack import LackCode
from shardblast.core.search import UNENDED, Standing, State
from shardblast.store.connection import SqlDatabase
from shardblast.store.tables import searches

LOCK = 0x5BA58
"""Key of the advisory lock in PostgreSQL for the server that decides which searches start."""


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
        with self._database.reading() as connection:
            submitted: float | None = connection.scalar(query)
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
