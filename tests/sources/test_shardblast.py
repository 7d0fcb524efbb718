"""Databases in the storage of another service."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from shardblast.blast.database import read_facts
from shardblast.blast.installation import find_installation
from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.errors import (
    DamagedError,
    DatabaseError,
    InputError,
    NotFoundError,
    ShardblastError,
    SourceChanged,
    StorageError,
)
from shardblast.storage.objects import Objects
from tests.sources.bringing import Reported, assert_same_files, assert_sound, bring, names_in, opened, searched, source
from tests.storage.servers import s3

NAMED = "0123456789abcdef"


def known(path: Path) -> DatabaseFile:
    return DatabaseFile(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def described(database: Path, name: str = NAMED) -> Generation:
    facts = read_facts(find_installation(), opened(database))
    return facts.generation("core", name, "ncbi:core", "2026-11-20", known)


def store(objects: Objects, database: Path, name: str = NAMED, *, current: bool = True) -> Generation:
    """Put a generation into a storage as the service does."""
    generation = described(database, name)
    for file in generation.files:
        objects.put(f"databases/core/{name}/{file.name}", database.parent / file.name)
    put_metadata(objects, generation)
    if current:
        objects.put("databases/core/current", name.encode())
    return generation


def put_metadata(objects: Objects, generation: Generation) -> None:
    content = json.dumps(generation.document()).encode()
    objects.put(f"databases/core/{generation.name}/metadata.json", content)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return (tmp_path / "a storage").as_uri()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty place in a bucket."""
    place = s3(s3_server, uuid4().hex)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place.url


@pytest.fixture
def objects(address: str) -> Objects:
    return Objects(address)


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
def test_a_database_is_fetched_from_another_storage(
    dbtype: str, made: dict[str, Path], queries: dict[str, Path], objects: Objects, address: str, tmp_path: Path
) -> None:
    store(objects, made[dbtype])
    reported = Reported()

    path = bring(source(f"{address}/databases/core"), tmp_path / "brought", reported=reported)

    assert path.name == "core"
    assert_same_files(path.parent, made[dbtype].parent, ("core.nal", "core.pal"))
    assert searched(path, queries[dbtype]) == searched(made[dbtype], queries[dbtype])
    assert_sound(path)
    assert reported.counts[-1][0] == reported.counts[-1][1] == source(f"{address}/databases/core").offer().size_bytes


def test_a_database_is_fetched_from_a_bucket(original: Path, bucket: str, tmp_path: Path) -> None:
    store(Objects(bucket), original)

    path = bring(source(f"{bucket}/databases/core"), tmp_path / "brought")

    assert_same_files(path.parent, original.parent, ("core.nal",))
    assert_sound(path)


def test_a_damaged_object_of_a_bucket_is_named_and_not_taken(original: Path, bucket: str, tmp_path: Path) -> None:
    store(Objects(bucket), original)
    content = original.with_name("core.02.nsq").read_bytes()
    Objects(bucket).put(f"databases/core/{NAMED}/core.02.nsq", content[:-1] + b"?")

    with pytest.raises(DamagedError, match=r"core\.02\.nsq"):
        bring(source(f"{bucket}/databases/core"), tmp_path / "brought")

    assert "core.02.nsq" not in names_in(tmp_path / "brought")


def test_a_generation_may_be_named(
    original: Path, made: dict[str, Path], objects: Objects, address: str, tmp_path: Path
) -> None:
    store(objects, original, "older", current=False)
    store(objects, made["prot"], "newer")

    path = bring(source(f"{address}/databases/core/older"), tmp_path / "brought")

    assert_same_files(path.parent, original.parent, ("core.nal",))
    assert source(f"{address}/databases/core").offer().details == {"generation": "newer"}


def test_an_offer_stays_that_of_its_generation_when_a_later_one_appears(
    original: Path, made: dict[str, Path], objects: Objects, address: str, tmp_path: Path
) -> None:
    store(objects, original, "older")
    one = source(f"{address}/databases/core")
    offer = one.offer()
    store(objects, made["prot"], "newer")

    path = bring(one, tmp_path / "brought", offer)

    assert offer.version == "2026-11-20"
    assert_same_files(path.parent, original.parent, ("core.nal",))
    assert one.offer().generation != offer.generation


def test_a_damaged_object_is_named_and_not_taken(
    original: Path, objects: Objects, address: str, tmp_path: Path
) -> None:
    store(objects, original)
    content = original.with_name("core.02.nsq").read_bytes()
    objects.put(f"databases/core/{NAMED}/core.02.nsq", content[:-1] + b"?")
    one = source(f"{address}/databases/core")

    with pytest.raises(DamagedError, match=r"core\.02\.nsq"):
        bring(one, tmp_path / "brought")

    assert "core.02.nsq" not in names_in(tmp_path / "brought")


def test_complete_files_are_not_fetched_again(original: Path, objects: Objects, address: str, tmp_path: Path) -> None:
    store(objects, original)
    (tmp_path / "a storage" / "databases" / "core" / NAMED / "core.02.nsq").unlink()
    one = source(f"{address}/databases/core")
    with pytest.raises(NotFoundError, match=r"core\.02\.nsq"):
        bring(one, tmp_path / "brought")
    before = {part.name: part.stat().st_ino for part in (tmp_path / "brought").glob("core.*")}
    objects.put(f"databases/core/{NAMED}/core.02.nsq", original.with_name("core.02.nsq"))

    path = bring(one, tmp_path / "brought")

    assert len(before) > 3
    assert before.items() <= {part.name: part.stat().st_ino for part in path.parent.iterdir()}.items()
    assert_same_files(path.parent, original.parent, ("core.nal",))


def test_a_generation_that_was_removed_meanwhile_is_reported(
    original: Path, objects: Objects, address: str, tmp_path: Path
) -> None:
    store(objects, original)
    one = source(f"{address}/databases/core")
    offer = one.offer()
    objects.delete("databases/core")

    with pytest.raises(SourceChanged, match="it has been removed"):
        bring(one, tmp_path / "brought", offer)


def test_a_generation_that_changed_meanwhile_is_reported(
    original: Path, made: dict[str, Path], objects: Objects, address: str, tmp_path: Path
) -> None:
    store(objects, original)
    one = source(f"{address}/databases/core")
    offer = one.offer()
    store(objects, made["prot"])

    with pytest.raises(SourceChanged, match="its files have changed"):
        bring(one, tmp_path / "brought", offer)


def test_a_missing_database_is_not_found_and_no_folder_is_made(objects: Objects, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"

    with pytest.raises(NotFoundError):
        source(f"{(tmp_path / 'a storage').as_uri()}/databases/core").offer()
    with pytest.raises(NotFoundError):
        source(f"{nowhere.as_uri()}/databases/core").offer()

    assert not nowhere.exists()


@pytest.mark.parametrize("name", ["../core.00.nin", "/core.00.nin", "core.sh", ""])
def test_metadata_that_names_no_file_of_a_database_is_refused(
    name: str, original: Path, objects: Objects, address: str
) -> None:
    generation = store(objects, original)
    evil = DatabaseFile(name, 4, "0" * 64)
    put_metadata(objects, replace(generation, shared=(*generation.shared, evil)))

    with pytest.raises(DatabaseError, match="not a valid name of a database file"):
        source(f"{address}/databases/core").offer()


def test_metadata_that_names_volumes_by_paths_is_refused(original: Path, objects: Objects, address: str) -> None:
    generation = store(objects, original)
    evil = replace(generation.volumes[0], name='../../x" "/etc/y')
    put_metadata(objects, replace(generation, volumes=(evil, *generation.volumes[1:])))

    with pytest.raises(DatabaseError, match="not a valid name of a database file"):
        source(f"{address}/databases/core").offer()


def test_a_title_of_several_lines_adds_nothing_to_the_alias(
    original: Path, objects: Objects, address: str, tmp_path: Path
) -> None:
    generation = store(objects, original)
    put_metadata(objects, replace(generation, title="a title\nGILIST /etc/passwd"))

    path = bring(source(f"{address}/databases/core"), tmp_path / "brought")

    assert opened(path).title == "a title GILIST /etc/passwd"
    assert opened(path).num_seqs == generation.num_seqs


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"layout": 99}', b"\xff", b"[" * 100_000])
def test_invalid_metadata_are_refused(content: bytes, original: Path, objects: Objects, address: str) -> None:
    store(objects, original)
    objects.put(f"databases/core/{NAMED}/metadata.json", content)

    with pytest.raises(DatabaseError, match="does not describe a database"):
        source(f"{address}/databases/core").offer()


@pytest.mark.parametrize("current", [b"", b"../other", b"a/b", b"\xff"])
def test_an_invalid_current_generation_is_refused(
    current: bytes, original: Path, objects: Objects, address: str
) -> None:
    store(objects, original)
    objects.put("databases/core/current", current)

    with pytest.raises(DatabaseError, match="has no valid name"):
        source(f"{address}/databases/core").offer()


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/prefix",
        "s3://bucket/databases",
        "file:///x/databases/",
        "file:///x/databases/a b",
        "file:///x/databases/core/a/b",
        "http://127.0.0.1/databases/core",
        "memory:///databases/core",
    ],
)
def test_an_address_of_no_database_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        source(text)


def test_a_failure_of_a_source_is_not_blamed_on_the_storage_of_the_service(bucket: str) -> None:
    missing = source("s3://no-such-bucket/x/databases/core")

    for failing in (missing.offer, source(f"{bucket}/databases/core/{NAMED}").offer):
        with pytest.raises(ShardblastError) as raised:
            failing()
        assert "SHARDBLAST_STORAGE" not in str(raised.value)
    with pytest.raises(StorageError, match="The source s3://no-such-bucket/x can't be read") as raised:
        missing.offer()
    assert "NoSuchBucket" in raised.value.problem
    assert raised.value.remedy == "Check its address, the credentials for it, and the network."
