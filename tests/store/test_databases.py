"""Databases and their generations in SQLite and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.errors import ConflictError, NotFoundError
from shardblast.core.program import Molecule
from shardblast.core.search import SearchId, State, moved
from shardblast.store.connection import SqlDatabase
from shardblast.store.databases import DatabaseStore
from shardblast.store.searches import SearchStore
from tests.store.test_searches import a_search


def a_generation(name: str = "g1", database: str = "16s") -> Generation:
    volume = VolumeMetadata("v.00", 7, 700, 120, 200, (DatabaseFile("v.00.nsq", 190, "ab"),))
    facts = ("title", "Nov 1, 2026  1:00 AM", 5, (volume,), (), True, False, ("dust",), "ncbi:16S", "2026-11-01")
    return Generation(database, name, Molecule.NUCLEOTIDE, *facts)


@pytest.fixture
def store(database: SqlDatabase) -> DatabaseStore:
    return DatabaseStore(database)


def test_a_generation_is_read_back_unchanged(store: DatabaseStore) -> None:
    store.add(a_generation(), None, {"text": "ncbi:16S"}, 5.0)

    found = store.get("16s", "g1")

    assert found.facts == a_generation()
    assert (found.path, found.added) == (None, 5.0)
    assert store.source("16s") == {"text": "ncbi:16S"}


def test_generations_are_listed_newest_first(store: DatabaseStore) -> None:
    store.add(a_generation("g1"), None, {}, 1.0)
    store.add(a_generation("g2"), None, {}, 2.0)
    store.add(a_generation("g3", "0s"), None, {}, 3.0)

    assert [one.generation for one in store.generations("16s")] == ["g2", "g1"]
    assert [(one.name, one.generation) for one in store.all()] == [("0s", "g3"), ("16s", "g2"), ("16s", "g1")]


def test_an_old_generation_is_used_as_long_as_a_search_in_it_is_not_over(
    store: DatabaseStore, database: SqlDatabase
) -> None:
    searches = SearchStore(database, lambda event: None)
    store.add(a_generation("g1"), None, {}, 1.0)
    searches.add(replace(a_search(), generation="g1"), "f")
    store.add(a_generation("g2"), None, {}, 2.0)

    assert [one.generation for one in store.unused("16s")] == ["g2"]
    assert store.searches_of("16s") == ["s1"]

    searches.change(SearchId("s1"), lambda one: moved(one, State.CANCELLED, 3.0))

    assert [one.generation for one in store.unused("16s")] == ["g2", "g1"]
    assert store.unused("other") == []


def test_only_generations_that_are_still_unused_are_removed(store: DatabaseStore, database: SqlDatabase) -> None:
    store.add(a_generation("g1"), None, {}, 1.0)
    store.add(a_generation("g2"), None, {}, 2.0)
    SearchStore(database, lambda event: None).add(replace(a_search(), generation="g2"), "f")

    assert not store.remove_unused("16s", "g2")
    assert store.remove_unused("16s", "g1")
    assert not store.remove_unused("16s", "g1")
    assert [one.generation for one in store.generations("16s")] == ["g2"]


def test_a_database_is_fetched_by_one_server_at_a_time(store: DatabaseStore, database: SqlDatabase) -> None:
    with store.alone("16s"):
        if database.is_shared:
            with pytest.raises(ConflictError), DatabaseStore(database).alone("16s"):
                pass
        with store.alone("other"):
            pass
    with store.alone("16s"):
        pass


def test_a_generation_that_is_gone_is_not_found(store: DatabaseStore) -> None:
    store.add(a_generation("g1"), None, {}, 1.0)

    with pytest.raises(NotFoundError, match="generation of '16s'"):
        store.get("16s", "g0")


def test_a_removed_database_leaves_no_generation(store: DatabaseStore) -> None:
    store.add(a_generation("g1"), "/data/16s", {}, 1.0)
    store.add(a_generation("g2"), "/data/16s", {}, 1.0)

    store.remove("16s")

    assert store.generations("16s") == []
    with pytest.raises(NotFoundError):
        store.remove("16s")
