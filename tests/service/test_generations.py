"""The service and programs that see only the storage agree about the current generation of a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.core.errors import DatabaseError, NotFoundError, ShardblastError
from shardblast.service.catalogue import Generations
from shardblast.storage.objects import Objects, current_key
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.databases import DatabaseStore
from tests.store.test_databases import a_generation


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    (tmp_path / "storage").mkdir()
    return Objects(f"file://{tmp_path / 'storage'}")


@pytest.fixture
def generations(tmp_path: Path, objects: Objects) -> Generations:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    migrate(database)
    return Generations(DatabaseStore(database), objects)


def named_in_storage(objects: Objects) -> str:
    return objects.read(current_key("16s")).decode()


def test_a_switch_that_was_cut_short_leaves_service_and_storage_in_the_same_generation(
    generations: Generations, objects: Objects, tmp_path: Path
) -> None:
    generations.switch(a_generation("g1"), None, {})
    current = tmp_path / "storage" / current_key("16s")
    before = current.read_bytes()
    current.unlink()
    (current / "in the way").mkdir(parents=True)  # the storage fails at the last step, as a crash would end there

    with pytest.raises(ShardblastError):
        generations.switch(a_generation("g2"), None, {})
    (current / "in the way").rmdir()
    current.rmdir()
    current.write_bytes(before)

    assert generations.get("16s").generation == named_in_storage(objects) == "g1"
    assert generations.unused("16s")[0].generation == "g2"

    generations.switch(a_generation("g2"), None, {})

    assert generations.get("16s").generation == named_in_storage(objects) == "g2"
    assert [one.generation for one in generations.all()] == ["g2"]


def test_a_database_whose_first_switch_was_interrupted_does_not_exist_yet(
    generations: Generations, tmp_path: Path
) -> None:
    (tmp_path / "storage" / current_key("16s") / "in the way").mkdir(parents=True)

    with pytest.raises(ShardblastError):
        generations.switch(a_generation("g1"), None, {})
    (tmp_path / "storage" / current_key("16s") / "in the way").rmdir()
    (tmp_path / "storage" / current_key("16s")).rmdir()

    assert generations.all() == []
    assert generations.unused("16s") == []
    with pytest.raises(NotFoundError, match="no database '16s'"):
        generations.get("16s")


def test_of_a_database_in_place_the_newest_generation_is_current(generations: Generations) -> None:
    generations.switch(a_generation("g1"), "/data/16s", {})
    generations.switch(a_generation("g2"), "/data/16s", {})
    generations.switch(a_generation("g1"), "/data/16s", {})  # its old files are back

    assert generations.get("16s").generation == "g1"
    assert [one.generation for one in generations.unused("16s")] == ["g2"]


def test_a_database_in_place_and_one_of_the_storage_replace_each_other(
    generations: Generations, objects: Objects
) -> None:
    generations.switch(a_generation("g1"), None, {})
    generations.switch(a_generation("g2"), "/data/16s", {})

    assert generations.get("16s").generation == "g2"
    with pytest.raises(NotFoundError):
        named_in_storage(objects)

    generations.switch(a_generation("g3"), None, {})

    assert generations.get("16s").generation == named_in_storage(objects) == "g3"


def test_a_generation_that_only_the_storage_knows_is_reported_and_hides_no_other_database(
    generations: Generations, objects: Objects
) -> None:
    generations.switch(a_generation("g1"), None, {})
    generations.switch(a_generation("g1", "other"), None, {})
    objects.put(current_key("16s"), b"g0")

    with pytest.raises(DatabaseError, match="db update 16s"):
        generations.get("16s")
    assert [one.name for one in generations.all()] == ["other"]
    assert generations.unused("16s") == []


def test_a_withdrawn_database_is_found_by_no_search_and_its_removal_can_be_repeated(generations: Generations) -> None:
    generations.switch(a_generation("g1"), None, {})

    generations.withdraw("16s")

    with pytest.raises(NotFoundError):
        generations.get("16s")
    generations.withdraw("16s")
    assert [one.generation for one in generations.store.generations("16s")] == ["g1"]
    generations.store.remove("16s")
    assert generations.store.generations("16s") == []
