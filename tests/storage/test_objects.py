"""Operations that every storage supports: a folder, S3, Azure Blob, and Google's client."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from shardblast.core.errors import DamagedError, Interrupted, NotFoundError, StorageError
from shardblast.storage.objects import MARK, SEND_BYTES, Expected, Objects
from shardblast.storage.transfer import PART_BYTES
from tests.storage.servers import Place

SIZES = [0, 1, SEND_BYTES, SEND_BYTES + 1, 3 * SEND_BYTES + 7]


def some_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "given"
    path.write_bytes(some_bytes(2 * PART_BYTES + 5))
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_read_back_unchanged(objects: Objects, tmp_path: Path, size: int) -> None:
    content = some_bytes(size)
    (tmp_path / "source").write_bytes(content)
    sent: list[int] = []
    got: list[int] = []

    objects.put("some/key", tmp_path / "source", sent.append)
    digest = objects.fetch(
        "some/key", tmp_path / "copy", report=got.append, expected=Expected(size, sha256(content).upper())
    )

    assert (tmp_path / "copy").read_bytes() == content
    assert digest == sha256(content)
    assert (sum(sent), sum(got)) == (size, size)
    assert objects.size("some/key") == size
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["copy", "source"]


def test_bytes_are_read_back_unchanged(objects: Objects) -> None:
    reported: list[int] = []

    objects.put("key", b"some bytes", reported.append)
    objects.put("key", b"other", reported.append)

    assert objects.read("key") == b"other"
    assert reported == [10, 5]


def test_the_size_of_a_stored_object_is_reported(place: Place, file: Path) -> None:
    stored: list[int] = []
    objects = Objects(place.url, stored.append)

    objects.put("bytes", b"four")
    objects.put("file", file)
    objects.keep("kept", file)

    assert stored == [4, file.stat().st_size, file.stat().st_size]


def test_a_file_that_was_handed_over_is_an_object(objects: Objects, file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    reported: list[int] = []
    objects.put("kept/it", b"an older one")

    objects.keep("kept/it", file, reported.append)
    objects.keep("kept/it", file)
    file.unlink(missing_ok=True)

    assert list(objects.keys("kept")) == ["kept/it"]
    assert objects.fetch("kept/it", tmp_path / "copy") == sha256(content)
    assert (tmp_path / "copy").read_bytes() == content
    assert sum(reported) == len(content)


def test_a_missing_object_is_not_found(objects: Objects, tmp_path: Path) -> None:
    assert not objects.exists("nothing")
    for ask in (objects.read, objects.size, lambda key: objects.fetch(key, tmp_path / "copy")):
        with pytest.raises(NotFoundError, match="There is no nothing"):
            ask("nothing")
    with pytest.raises(NotFoundError):
        objects.fetch("nothing", tmp_path / "copy", expected=Expected(1, ""))
    assert not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize(
    ("size", "digest", "how"),
    [(4, "", "10 bytes instead of 4"), (10, "00" * 32, "checksum"), (10, sha256(b"some Bytes"), "checksum")],
)
def test_an_object_with_unexpected_content_gets_no_name(
    objects: Objects, tmp_path: Path, size: int, digest: str, how: str
) -> None:
    objects.put("a/key", b"some bytes")
    (tmp_path / "copy").write_bytes(b"what was here before")

    with pytest.raises(DamagedError, match=f"a/key is damaged.*{how}"):
        objects.fetch("a/key", tmp_path / "copy", expected=Expected(size, digest))

    assert (tmp_path / "copy").read_bytes() == b"what was here before"
    assert not list(tmp_path.glob("*.partial"))


def test_a_fetch_replaces_a_file_and_a_partial_of_an_earlier_one(objects: Objects, tmp_path: Path) -> None:
    objects.put("key", b"new")
    objects.put("other", b"other")
    objects.fetch("other", tmp_path / "copy.partial")  # in a folder, the stored file itself
    (tmp_path / "copy").write_bytes(b"an older and longer one")

    objects.fetch("key", tmp_path / "copy", expected=Expected(3, ""))

    assert (tmp_path / "copy").read_bytes() == b"new"
    assert objects.read("other") == b"other"
    assert not list(tmp_path.glob("*.partial"))


def test_a_fetch_that_is_stopped_leaves_nothing(objects: Objects, file: Path, tmp_path: Path) -> None:
    objects.put("key", file)

    with pytest.raises(Interrupted):
        objects.fetch("key", tmp_path / "copy", stopped=lambda: True)

    assert not list(tmp_path.glob("copy*"))


def test_a_put_whose_observer_fails_stores_nothing(objects: Objects, file: Path) -> None:
    def reported(size_bytes: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        objects.put("key", file, reported)

    assert not objects.exists("key")
    assert [key for key in objects.keys("") if key != MARK] == []


def test_a_file_that_grows_while_it_is_put_is_not_stored(objects: Objects, file: Path) -> None:
    def reported(size_bytes: int) -> None:
        with file.open("ab") as more:
            more.write(b"more")

    with pytest.raises(DamagedError, match="given is damaged"):
        objects.put("key", file, reported)

    assert not objects.exists("key")


def test_keys_below_a_folder_are_found_whatever_characters_they_contain(objects: Objects) -> None:
    names = {"below/a b", "below/a#b", "below/a%20b", "below/ä", "below/a+b&c", "below/deeper/x.00.nsq"}
    for name in names | {"belower", "beside/x"}:
        objects.put(name, name.encode())

    assert set(objects.keys("below")) == set(objects.keys("below/")) == names
    assert all(objects.read(name) == name.encode() for name in names)
    assert list(objects.keys("nowhere")) == []


def test_more_keys_than_fit_in_a_page_are_listed_and_deleted(objects: Objects, place: Place) -> None:
    folder = objects.local_path("many")
    names = [f"many/{number:04}" for number in range(1100)]
    for name in names:
        objects.put(name, b"")
    objects.put("other", b"")

    assert sorted(objects.keys("many")) == names
    objects.delete("many")
    objects.delete("many")

    assert [key for key in objects.keys("") if key != MARK] == ["other"]
    assert folder is None or not list(folder.parent.glob("many"))


def test_deleting_continues_when_another_process_deletes_too(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        objects.put(f"folder/{name}", b"")
    there = list(objects.keys("folder"))
    monkeypatch.setattr(objects, "keys", lambda prefix: iter(there))
    Objects.delete(objects, "folder/none")
    objects.put("folder/b", b"")

    objects.delete("folder")

    monkeypatch.undo()
    assert list(objects.keys("folder")) == []


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "a//b", "a/./b"])
def test_a_key_that_leads_elsewhere_is_refused(objects: Objects, file: Path, tmp_path: Path, key: str) -> None:
    for act in (
        lambda: objects.put(key, b"x"),
        lambda: objects.keep(key, file),
        lambda: objects.read(key),
        lambda: objects.fetch(key, tmp_path / "copy"),
    ):
        with pytest.raises((StorageError, NotFoundError)):
            act()
    assert not list(tmp_path.glob("**/outside"))


def test_the_storage_is_checked_by_writing_and_reading(objects: Objects) -> None:
    objects.check()

    assert objects.read("health/probe") == b"ok"


def test_a_folder_needs_no_second_copy(tmp_path: Path, file: Path) -> None:
    objects = Objects((tmp_path / "store").as_uri())

    objects.keep("a/key", file)
    objects.fetch("a/key", tmp_path / "copy")

    lies = objects.local_path("a/key")
    assert lies == tmp_path / "store" / "a" / "key"
    assert os.path.samefile(lies, file)
    assert os.path.samefile(lies, tmp_path / "copy")


def test_a_link_that_was_handed_over_is_the_file_it_names(tmp_path: Path, file: Path) -> None:
    objects = Objects((tmp_path / "store").as_uri())
    (tmp_path / "link").symlink_to(file)

    objects.keep("key", tmp_path / "link")
    (tmp_path / "link").unlink()

    lies = objects.local_path("key")
    assert lies is not None
    assert not lies.is_symlink()
    assert lies.read_bytes() == file.read_bytes()


def test_a_cloud_has_no_local_path(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Objects("s3://bucket/prefix").local_path("key") is None


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "opened meanwhile"])
@pytest.mark.parametrize("is_mount_point", [True, False], ids=["mount point", "missing"])
def test_a_folder_that_is_not_mounted_is_away_and_stays_empty(
    tmp_path: Path, file: Path, is_open: bool, is_mount_point: bool
) -> None:
    storage, away = tmp_path / "storage", tmp_path / "away"
    objects = Objects(storage.as_uri())
    objects.put("some/key", b"kept")
    uses: list[Callable[[Objects], object]] = [
        lambda one: one.read("some/key"),
        lambda one: one.find("some/key"),
        lambda one: one.exists("some/key"),
        lambda one: one.size("some/key"),
        lambda one: one.fetch("some/key", tmp_path / "fetched"),
        lambda one: list(one.keys("some")),
        lambda one: one.changed("some"),
        lambda one: one.put("other", b"new"),
        lambda one: one.put("other", file),
        lambda one: one.keep("other", file),
        lambda one: one.delete("some"),
        lambda one: one.discard("some/key"),
        lambda one: one.check(),
    ]

    storage.rename(away)
    if is_mount_point:
        storage.mkdir()
    if not is_open:
        objects = Objects(storage.as_uri(), is_known=True)
    for use in uses:
        with pytest.raises(StorageError, match="empty or not mounted" if is_mount_point else "missing") as caught:
            use(objects)
        assert caught.value.passes
    if is_mount_point:
        storage.rmdir()  # fails unless it is empty
    away.rename(storage)

    assert objects.read("some/key") == b"kept"
    assert list(objects.keys("other")) == []


def test_an_empty_folder_becomes_a_storage_only_if_none_is_known_there(tmp_path: Path) -> None:
    Objects(tmp_path.as_uri(), is_known=True)
    assert not list(tmp_path.iterdir())

    objects = Objects(tmp_path.as_uri())
    objects.check()
    objects.delete("health")

    Objects(tmp_path.as_uri(), is_known=True).check()


def test_a_storage_of_an_earlier_version_is_not_taken_for_a_mount_point_when_it_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "databases" / "old").mkdir(parents=True)
    (tmp_path / "databases" / "old" / "current").write_bytes(b"1")

    objects = Objects(tmp_path.as_uri(), is_known=True)
    objects.delete("databases/old")
    shutil.rmtree(tmp_path / "databases", ignore_errors=True)

    assert not objects.exists("databases/old/current")
    objects.check()
