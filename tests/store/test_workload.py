"""The counts of searches for scaling and metrics are the same in SQLite and in PostgreSQL."""

from __future__ import annotations

import pytest

from shardblast.core.lack import NO_NODE, Lack, LackCode
from shardblast.core.search import Failure, Search, SearchId, State, gave_back, lacks, moved
from shardblast.store.connection import SqlDatabase
from shardblast.store.searches import SearchStore, Unended, Workload


@pytest.fixture
def store(database: SqlDatabase) -> SearchStore:
    return SearchStore(database, lambda event: None)


def add(store: SearchStore, number: int, program: str = "blastn", generation: str = "g1") -> SearchId:
    about = (program, "nt", generation, (), "identical", float(number), 1, 100 * number)
    return store.add(Search(SearchId(f"s{number}"), "ada", "", *about), "f").id


def test_waiting_and_running_searches_are_counted_by_generation_and_program(
    store: SearchStore, database: SqlDatabase
) -> None:
    ids = [add(store, 1), add(store, 2), add(store, 3), add(store, 4, generation="g2"), add(store, 5, "tblastn")]
    store.change(ids[2], lambda one: moved(one, State.RUNNING, 9.0))
    store.change(ids[4], lambda one: moved(one, State.CANCELLED, 9.0))

    assert sorted(Workload(database).unended(), key=lambda one: one.letters) == [
        Unended("nt", "g1", "blastn", State.QUEUED, 2, 300),
        Unended("nt", "g1", "blastn", State.RUNNING, 1, 300),
        Unended("nt", "g2", "blastn", State.QUEUED, 1, 400),
    ]


def test_waiting_and_running_searches_are_listed_with_their_place_and_lack(
    store: SearchStore, database: SqlDatabase
) -> None:
    lack = Lack(LackCode.SHARDS, "a node that holds shard 1 of 2", (("nt.00", "nt.01"),))
    ids = [add(store, number) for number in range(1, 6)]
    for search_id in ids[1:4]:
        store.change(search_id, lambda one: moved(one, State.RUNNING, 9.0))
    store.change(ids[1], lambda one: gave_back(one, lack, 1, 20.0))
    store.change(ids[2], lambda one: lacks(one, NO_NODE, 20.0))
    store.change(ids[3], lambda one: moved(one, State.FAILED, 20.0, failure=Failure("c", "p", "r")))
    store.change(ids[4], lambda one: lacks(one, NO_NODE, 20.0))

    answer = {one.id: one for one in Workload(database).standings()}

    assert {one: answer[one].has_place for one in answer} == {"s1": False, "s2": False, "s3": True, "s5": False}
    assert [(one.stint, one.lack, one.lacks_since) for one in (answer[ids[0]], answer[ids[1]])] == [
        (1, None, None),
        (2, lack, 20.0),
    ]
    assert Workload(database).lacks() == {
        LackCode.SCHEDULER: 0,
        LackCode.NODES: 2,
        LackCode.SHARDS: 1,
        LackCode.BUSY: 0,
        LackCode.WHOLE_DATABASE: 0,
    }


def test_searches_are_counted_by_state(store: SearchStore, database: SqlDatabase) -> None:
    add(store, 1)
    add(store, 2)
    store.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 2.0))

    assert {state: number for state, number in Workload(database).counts().items() if number} == {
        State.QUEUED: 1,
        State.CANCELLED: 1,
    }
