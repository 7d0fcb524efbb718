"""Sessions and share links in SQLite and in PostgreSQL."""

from __future__ import annotations

import pytest

from shardblast.core.errors import NotFoundError
from shardblast.core.search import Search, SearchId, State, moved
from shardblast.store.connection import SqlDatabase
from shardblast.store.credentials import Session, SessionStore, Share, ShareStore
from shardblast.store.searches import SearchStore

SEARCH = SearchId("s1")


def a_session(name: str, expires: float) -> Session:
    return Session(name, "oidc:ada@login", "Ada", ("read", "search"), 1.0, expires)


@pytest.fixture
def searches(database: SqlDatabase) -> SearchStore:
    store = SearchStore(database, lambda event: None)
    store.add(Search(SEARCH, "ada", "a title", "blastn", "16s", "g1", (), "identical", 1.0, 3, 300), "f")
    return store


def test_a_session_is_read_back_unchanged_until_it_is_removed(database: SqlDatabase) -> None:
    store = SessionStore(database)

    store.add(a_session("h", 5.0))

    assert store.find("h") == a_session("h", 5.0)
    store.remove("h")
    store.remove("h")
    assert store.find("h") is None


def test_sessions_that_are_over_are_removed(database: SqlDatabase) -> None:
    store = SessionStore(database)
    for name, expires in (("a", 5.0), ("b", 6.0), ("c", 7.0)):
        store.add(a_session(name, expires))

    assert store.remove_expired(6.0) == 2

    assert [store.find(name) is None for name in "abc"] == [True, True, False]


def test_share_links_are_of_one_search_and_go_with_it(database: SqlDatabase, searches: SearchStore) -> None:
    store = ShareStore(database)
    shares = [Share(f"i{number}", SEARCH, f"h{number}", float(number)) for number in range(3)]
    for share in shares:
        store.add(share)

    assert store.of_search(SEARCH) == shares
    store.remove(SEARCH, "i1")
    with pytest.raises(NotFoundError):
        store.remove(SearchId("s2"), "i0")
    assert store.find("h0") == shares[0]
    assert store.find("h1") is None
    searches.change(SEARCH, lambda one: moved(one, State.CANCELLED, 2.0))
    searches.delete(SEARCH)
    assert store.find("h0") is None


def test_a_search_that_is_gone_is_not_shared(database: SqlDatabase) -> None:
    with pytest.raises(NotFoundError):
        ShareStore(database).add(Share("i", SEARCH, "h", 1.0))
