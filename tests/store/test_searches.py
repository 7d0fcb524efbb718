"""What the service remembers, alike in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import inspect

from shardblast.core.errors import ConflictError, InputError, NotFoundError, StoreError
from shardblast.core.search import Event, Phase, Piece, Search, SearchId, State, begin, count, moved
from shardblast.store.connection import Database
from shardblast.store.migrate import migrate
from shardblast.store.searches import SearchStore
from shardblast.store.tables import metadata


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def store(database: Database, told: list[Event]) -> SearchStore:
    return SearchStore(database, told.append)


def a_search(number: int = 1, **changes: object) -> Search:
    search = Search(
        SearchId(f"s{number}"),
        "ada",
        f"title {number}",
        "blastn",
        "16s",
        "g1",
        ("-evalue", "1e-5"),
        "identical",
        float(number),
        3,
        300,
    )
    return replace(search, **changes)  # type: ignore[arg-type]


def test_tables_are_those_that_the_migrations_make(database: Database) -> None:
    found = inspect(database.engine)

    for table in metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys())
        assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_migrations_go_down_and_up_again(database: Database) -> None:
    migrate(database, "base")
    assert "searches" not in inspect(database.engine).get_table_names()

    migrate(database)
    migrate(database)

    assert "searches" in inspect(database.engine).get_table_names()


def test_a_search_comes_back_as_it_went_in(store: SearchStore) -> None:
    search = a_search(progress=count(begin(a_search().progress, Phase.PREPARING, 5.0, 3), Phase.PREPARING, 2))

    store.add(search, "f")

    assert store.get(search.id) == search


def test_every_change_is_told_after_it_is_kept(store: SearchStore, told: list[Event]) -> None:
    store.add(a_search(), "f")
    piece = Piece("search", 0, 1, 2.5, 1 << 30, "node", 7.0)

    store.change(SearchId("s1"), lambda one: moved(one, State.RUNNING, 6.0), piece)

    assert [event.kind for event in told] == ["search", "piece", "search"]
    assert told[-1].data["state"] == "running"
    assert store.pieces(SearchId("s1")) == [piece]
    assert [event.id for event in store.events_after(SearchId("s1"), told[0].id)] == [event.id for event in told[1:]]


def test_a_change_that_changes_nothing_tells_nothing(store: SearchStore, told: list[Event]) -> None:
    store.add(a_search(), "f")

    store.change(SearchId("s1"), lambda one: one)

    assert len(told) == 1


def test_a_refused_change_leaves_everything(store: SearchStore, told: list[Event]) -> None:
    store.add(a_search(), "f")
    piece = Piece("search", 0, 1, 2.5, 1 << 30, "node", 7.0)

    with pytest.raises(ConflictError):
        store.change(SearchId("s1"), lambda one: moved(one, State.COMPLETED, 6.0), piece)

    assert store.get(SearchId("s1")).state is State.QUEUED
    assert store.pieces(SearchId("s1")) == []
    assert len(told) == 1


def test_the_same_key_gives_the_same_search(store: SearchStore) -> None:
    store.add(a_search(1), "f", "key")

    again = store.add(a_search(2), "f", "key")

    assert again.id == "s1"


def test_a_key_for_another_request_is_refused(store: SearchStore) -> None:
    store.add(a_search(1), "f", "key")

    with pytest.raises(ConflictError, match="Idempotency-Key"):
        store.add(a_search(2), "other", "key")


def test_a_key_of_another_owner_is_another_key(store: SearchStore) -> None:
    store.add(a_search(1), "f", "key")

    assert store.add(a_search(2, owner="bob"), "f", "key").id == "s2"


def test_pages_hold_every_search_once_newest_first(store: SearchStore) -> None:
    for number in range(25):
        store.add(a_search(number, created=float(number // 3)), "f")

    seen: list[str] = []
    cursor = None
    while True:
        page = store.page(owner=None, state=None, limit=4, cursor=cursor)
        seen += [one.id for one in page.searches]
        cursor = page.cursor
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == 25
    assert [int(one[1:]) // 3 for one in seen] == sorted((int(one[1:]) // 3 for one in seen), reverse=True)


def test_pages_are_of_one_owner_and_one_state(store: SearchStore) -> None:
    store.add(a_search(1), "f")
    store.add(a_search(2, owner="bob"), "f")
    store.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 2.0))

    assert [one.id for one in store.page(owner="bob", state=None, limit=9, cursor=None).searches] == ["s2"]
    assert [one.id for one in store.page(owner=None, state=State.CANCELLED, limit=9, cursor=None).searches] == ["s1"]


@pytest.mark.parametrize("cursor", ["x", "nan_", "0x1p9999999_a", "1"])
def test_a_strange_cursor_is_refused(store: SearchStore, cursor: str) -> None:
    with pytest.raises(InputError):
        store.page(owner=None, state=None, limit=9, cursor=cursor)


def test_changes_from_many_threads_are_all_kept_and_told_in_order(store: SearchStore, told: list[Event]) -> None:
    store.add(a_search(), "f")

    def add() -> None:
        for _ in range(30):
            store.change(SearchId("s1"), lambda one: replace(one, letters=one.letters + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get(SearchId("s1")).letters == 300 + 120
    assert len(told) == 121
    assert [event.id for event in told] == sorted(event.id for event in told)


def test_a_search_that_is_not_over_is_not_deleted(store: SearchStore) -> None:
    store.add(a_search(), "f")

    with pytest.raises(ConflictError, match="queued"):
        store.delete(SearchId("s1"))


def test_a_deleted_search_leaves_nothing(store: SearchStore, told: list[Event]) -> None:
    store.add(a_search(), "f")
    piece = Piece("search", 0, None, 2.5, 1 << 30, "node", 7.0)
    store.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 2.0), piece)

    store.delete(SearchId("s1"))

    assert told[-1].kind == "deleted"
    assert store.pieces(SearchId("s1")) == []
    assert store.events_after(SearchId("s1"), 0) == []
    with pytest.raises(NotFoundError):
        store.get(SearchId("s1"))


def test_searches_are_counted_by_state(store: SearchStore) -> None:
    store.add(a_search(1), "f")
    store.add(a_search(2), "f")
    store.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 2.0))

    assert {state: number for state, number in store.counts().items() if number} == {
        State.QUEUED: 1,
        State.CANCELLED: 1,
    }


def test_what_ended_long_ago_is_found(store: SearchStore) -> None:
    for number in (1, 2):
        store.add(a_search(number), "f")
        store.change(SearchId(f"s{number}"), lambda one, at=float(number): moved(one, State.CANCELLED, at))

    assert store.ended_before(1.5) == ["s1"]


@pytest.mark.parametrize("address", ["mysql://host/db", "nothing"])
def test_an_unknown_database_is_refused(address: str) -> None:
    with pytest.raises(StoreError):
        Database(address)


def test_a_database_that_is_away_is_told() -> None:
    with pytest.raises(StoreError):
        migrate(Database("postgresql://nobody@127.0.0.1:1/absent"))
