"""What scaling and metrics are told of all searches, alike in SQLite and in PostgreSQL."""

from __future__ import annotations

import pytest

from shardblast.core.search import Search, SearchId, State, moved
from shardblast.store.connection import Database
from shardblast.store.searches import SearchStore
from shardblast.store.workload import Unended, Workload


@pytest.fixture
def store(database: Database) -> SearchStore:
    return SearchStore(database, lambda event: None)


def add(store: SearchStore, number: int, program: str = "blastn", generation: str = "g1") -> SearchId:
    about = (program, "nt", generation, (), "identical", float(number), 1, 100 * number)
    return store.add(Search(SearchId(f"s{number}"), "ada", "", *about), "f").id


def test_what_waits_and_what_runs_is_told_by_generation_and_program(store: SearchStore, database: Database) -> None:
    ids = [add(store, 1), add(store, 2), add(store, 3), add(store, 4, generation="g2"), add(store, 5, "tblastn")]
    store.change(ids[2], lambda one: moved(one, State.RUNNING, 9.0))
    store.change(ids[4], lambda one: moved(one, State.CANCELLED, 9.0))

    assert sorted(Workload(database).unended(), key=lambda one: one.letters) == [
        Unended("nt", "g1", "blastn", State.QUEUED, 2, 300),
        Unended("nt", "g1", "blastn", State.RUNNING, 1, 300),
        Unended("nt", "g2", "blastn", State.QUEUED, 1, 400),
    ]


def test_searches_are_counted_by_state(store: SearchStore, database: Database) -> None:
    add(store, 1)
    add(store, 2)
    store.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 2.0))

    assert {state: number for state, number in Workload(database).counts().items() if number} == {
        State.QUEUED: 1,
        State.CANCELLED: 1,
    }
