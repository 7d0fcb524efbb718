"""Searches, pieces and events in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import product
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Select, insert, text

from shardblast.core.errors import ConflictError, InputError, NotFoundError, StoreError
from shardblast.core.lack import Lack, LackCode
from shardblast.core.search import Event, Failure, Phase, Piece, Search, SearchId, State, begin, count, lacks, moved
from shardblast.store.connection import MIGRATIONS, SqlDatabase, migrate, newest
from shardblast.store.searches import SearchStore, Sort, SortOrder, page_query
from shardblast.store.tables import searches


@pytest.fixture
def announced() -> list[Event]:
    return []


@pytest.fixture
def store(database: SqlDatabase, announced: list[Event]) -> SearchStore:
    return SearchStore(database, announced.append)


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


def test_a_search_is_read_as_it_was_written(store: SearchStore) -> None:
    lack = Lack(LackCode.SHARDS, "a node that holds shard 1 of 2", (("nt.00",), ("nt.01", "nt.02")))
    running = moved(a_search(output=("-outfmt", "6")), State.RUNNING, 2.0)
    waiting = lacks(replace(running, progress=begin(running.progress, Phase.SEARCHING, 3.0, 8)), lack, 4.0)
    failed = moved(a_search(2, verdicts={"merged": 2}, state=State.RUNNING), State.FAILED, 3.0)
    failed = replace(failed, failure=Failure("bug", "It failed.", "Retry."), shards=8, why="it is large", hits=2**40)

    for search in (a_search(3), waiting, failed):
        store.add(search, "f")
        assert store.get(search.id) == search


def test_the_newest_revision_is_the_last_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [newest()]


def test_tables_at_the_newest_revision_are_not_written_to(database: SqlDatabase) -> None:
    with database.writing():
        migrate(database)


def test_a_search_is_read_back_unchanged(store: SearchStore) -> None:
    search = a_search(progress=count(begin(a_search().progress, Phase.PREPARING, 5.0, 3), Phase.PREPARING, 2))

    store.add(search, "f")

    assert store.get(search.id) == search


def test_every_change_is_announced_after_it_is_committed(store: SearchStore, announced: list[Event]) -> None:
    store.add(a_search(), "f")
    piece = Piece("search", 0, 1, 2.5, 1 << 30, "node", finished=7.0)

    store.change(SearchId("s1"), lambda one: moved(one, State.RUNNING, 6.0), piece)

    assert [event.kind for event in announced] == ["search", "piece", "search"]
    assert announced[-1].data["state"] == "running"
    assert store.pieces(SearchId("s1")) == [piece]
    assert [event.id for event in store.events_after(SearchId("s1"), announced[0].id)] == [
        event.id for event in announced[1:]
    ]


def test_a_change_without_effect_announces_nothing(store: SearchStore, announced: list[Event]) -> None:
    store.add(a_search(), "f")

    store.change(SearchId("s1"), lambda one: one)

    assert len(announced) == 1


def test_a_refused_change_leaves_everything(store: SearchStore, announced: list[Event]) -> None:
    store.add(a_search(), "f")
    piece = Piece("search", 0, 1, 2.5, 1 << 30, "node", finished=7.0)

    with pytest.raises(ConflictError):
        store.change(SearchId("s1"), lambda one: moved(one, State.COMPLETED, 6.0), piece)

    assert store.get(SearchId("s1")).state is State.QUEUED
    assert store.pieces(SearchId("s1")) == []
    assert len(announced) == 1


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


def test_pages_contain_every_search_once_newest_first(store: SearchStore) -> None:
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


ORDERS = [SortOrder(sort, descending) for sort in Sort for descending in (True, False)]


def test_pages_of_every_order_contain_every_search_once(store: SearchStore) -> None:
    for search in some_searches():
        store.add(search, "f")

    for order, owner in product(ORDERS, ("ada", None)):
        of_owner = [one for one in some_searches() if owner in (one.owner, None)]
        seen = list(walk(store, owner=owner, order=order))

        assert seen == sorted(of_owner, key=lambda one: place_of(one, order.sort), reverse=order.descending), order


def some_searches() -> list[Search]:
    states = [State.QUEUED, State.RUNNING, State.COMPLETED, State.FAILED]
    found = []
    for number in range(30):
        state = states[number % 4]
        ended = state.is_final
        more: dict[str, object] = {"title": f"{'Ab' if number % 2 else 'aB'} {number * 7 % 5}", "queries": number % 3}
        more |= {"database": f"db{number % 2}", "state": state, "created": float(number // 3)}
        more |= {"started": None if state is State.QUEUED else 40.0, "finished": 40.1 + number % 6 if ended else None}
        more |= {"hits": number % 5 if state is State.COMPLETED else None, "owner": "bob" if number % 7 == 0 else "ada"}
        found.append(a_search(number, id=SearchId(f"s{number:02}"), **more))
    return found


def place_of(search: Search, sort: Sort) -> tuple[object, ...]:
    ended = search.finished is not None and search.started is not None
    keys: dict[Sort, object] = {
        Sort.CREATED: search.created,
        Sort.TITLE: search.title.lower(),
        Sort.DATABASE: search.database,
        Sort.STATE: search.state.value,
        Sort.ELAPSED: (search.finished or 0.0) - (search.started or 0.0) if ended else -1.0,
        Sort.QUERIES: search.queries,
        Sort.HITS: -1 if search.hits is None else search.hits,
    }
    return keys[sort], search.created, search.id


def walk(store: SearchStore, *, owner: str | None, order: SortOrder, state: State | None = None) -> Iterator[Search]:
    cursor = None
    while True:
        page = store.page(owner=owner, state=state, limit=4, cursor=cursor, order=order)
        yield from page.searches
        cursor = page.cursor
        if cursor is None:
            return


def test_a_page_is_read_from_an_index_and_nothing_is_sorted(store: SearchStore, database: SqlDatabase) -> None:
    with database.writing() as connection:
        connection.execute(insert(searches), [asdict(one) | {"fingerprint": ""} for one in many_searches(2000)])

    for order, owner in product(ORDERS, ("ada", None)):
        first = store.page(owner=owner, state=None, limit=50, cursor=None, order=order)
        for cursor in (None, first.cursor):
            plan = explained(database, page_query(owner, None, "", order, cursor).limit(50))

            assert "INDEX searches_" in plan or "Index Scan" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
            assert "->  Sort" not in plan, plan  # except of the few that are alike in what comes first


def many_searches(number: int) -> Iterator[Search]:
    for at in range(number):
        owner = "bob" if at % 10 else "ada"
        yield a_search(at, created=float(at), owner=owner, title=f"title {at * 7919 % number}", queries=at % 50)


def explained(database: SqlDatabase, query: Select[Any]) -> str:
    """Return how a database would find the rows of a query; PostgreSQL sorts few rows rather than use an index."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    how = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    written = query.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.reading() as connection:
        if not is_sqlite:
            connection.execute(text("SET LOCAL enable_sort = off"))
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"{how} {str(written).replace('%', '%%')}"))


def test_a_search_whose_place_changes_is_on_no_page_twice(store: SearchStore) -> None:
    for number in range(6):
        store.add(a_search(number), "f")
    order = SortOrder(Sort.STATE, descending=False)
    first = store.page(owner=None, state=None, limit=3, cursor=None, order=order)

    store.change(first.searches[0].id, lambda one: moved(one, State.CANCELLED, 9.0))
    rest = store.page(owner=None, state=None, limit=9, cursor=first.cursor, order=order)

    assert {one.id for one in first.searches} & {one.id for one in rest.searches} == set()
    assert len(first.searches) + len(rest.searches) == 6


def strange_cursors() -> Iterator[str]:
    for announced in ("[]", "{}", "1", '["created", true, 1.0, 1e999, "a"]', '["created", true, 1.0, true, "a"]'):
        yield urlsafe_b64encode(announced.encode()).decode()
    yield urlsafe_b64encode(b'["title", true, "\\u0000", 1.0, "a"]').decode()
    yield urlsafe_b64encode(b'["title", true, "\\ud800", 1.0, "a"]').decode()
    yield from ("x", "nan_", "\u00e9", "1", urlsafe_b64encode(b"[" * 50_000).decode())


@pytest.mark.parametrize("order", [SortOrder(), SortOrder(Sort.TITLE)])
def test_an_invalid_cursor_is_refused(store: SearchStore, order: SortOrder) -> None:
    for cursor in strange_cursors():
        with pytest.raises(InputError):
            store.page(owner=None, state=None, limit=9, cursor=cursor, order=order)


def test_a_cursor_of_another_order_is_refused(store: SearchStore) -> None:
    for number in range(3):
        store.add(a_search(number), "f")
    cursor = store.page(owner=None, state=None, limit=1, cursor=None, order=SortOrder(Sort.TITLE)).cursor

    for other in (SortOrder(), SortOrder(Sort.TITLE, descending=False), SortOrder(Sort.HITS)):
        with pytest.raises(InputError):
            store.page(owner=None, state=None, limit=1, cursor=cursor, order=other)


def test_changes_from_many_threads_are_all_kept_and_announced_in_order(
    store: SearchStore, announced: list[Event]
) -> None:
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
    assert len(announced) == 121
    assert [event.id for event in announced] == sorted(event.id for event in announced)


def test_a_search_that_is_not_over_is_not_deleted(store: SearchStore) -> None:
    store.add(a_search(), "f")

    with pytest.raises(ConflictError, match="queued"):
        store.delete(SearchId("s1"))


def test_a_deleted_search_leaves_nothing(store: SearchStore, announced: list[Event]) -> None:
    store.add(a_search(), "f")
    piece = Piece("search", 0, None, 2.5, 1 << 30, "node", finished=7.0)
    store.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 2.0), piece)

    store.delete(SearchId("s1"))

    assert announced[-1].kind == "deleted"
    assert store.pieces(SearchId("s1")) == []
    assert store.events_after(SearchId("s1"), 0) == []
    with pytest.raises(NotFoundError):
        store.get(SearchId("s1"))


def test_nodes_are_listed_in_the_order_of_their_first_pieces(store: SearchStore) -> None:
    search, other = (store.add(a_search(number), "f").id for number in (1, 2))
    for number, (of, node) in enumerate([(search, "b"), (other, "c"), (search, "a"), (search, "b")]):
        store.change(of, lambda one: one, Piece("search", number, 0, 1.0, 1, node, finished=1.0))

    assert list(store.nodes(search)) == ["b", "a"]
    assert list(store.nodes(other)) == ["c"]


def test_searches_that_ended_long_ago_are_found(store: SearchStore) -> None:
    for number in (1, 2):
        store.add(a_search(number), "f")
        store.change(SearchId(f"s{number}"), lambda one, at=float(number): moved(one, State.CANCELLED, at))

    assert store.ended_before(1.5) == ["s1"]


@pytest.mark.parametrize("address", ["mysql://host/db", "nothing"])
def test_an_unknown_database_is_refused(address: str) -> None:
    with pytest.raises(StoreError):
        SqlDatabase(address)


def test_an_unreachable_database_is_reported() -> None:
    with pytest.raises(StoreError):
        migrate(SqlDatabase("postgresql://nobody@127.0.0.1:1/absent"))
