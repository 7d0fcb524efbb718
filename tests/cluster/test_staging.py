"""Volumes are copied to a node's disk once and completely, and other files are never mistaken for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.errors import ConflictError, DamagedError, DatabaseError, Interrupted, NotFoundError
from shardblast.disk.staging import Stager
from shardblast.storage.objects import FETCHES
from shardblast.storage.transfer import sha256_of
from tests.cluster.source import LoggedObjects

Nodes = Callable[..., Stager]


def whole(folder: Path, generation: Generation) -> bool:
    """Return whether every file is complete and no partial file is left."""
    assert not list(folder.glob("*.partial"))
    assert not list(folder.glob("*.lock"))
    return all(sha256_of(folder / file.name) == file.sha256 for file in generation.files)


def held(stager: Stager) -> set[str]:
    return {name for _, _, names in stager.held() for name in names if not name.startswith(".")}


def volumes_of(generation: Generation) -> set[str]:
    return {volume.name for volume in generation.volumes}


def flip(file: Path) -> None:
    """Change a byte, and have size and mtime as before."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    with file.open("r+b") as target:
        target.write(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def process(tmp_path: Path, url: str, generation: Generation, *hold_at: str) -> subprocess.Popen[str]:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps(generation.document()))
    words = [url, str(tmp_path / "fetched.log"), str(tmp_path / "cache"), str(metadata), *hold_at]
    argv = [sys.executable, "-m", "tests.cluster.stage", *words]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_staged_database_gives_the_output_of_its_original(
    node: Nodes, generation: Generation, original: Path, queries: dict[str, Path], tmp_path: Path
) -> None:
    argv = ["blastn", "-query", str(queries["nucl"]), "-outfmt", "6", "-db"]
    expected = subprocess.run([*argv, str(original)], capture_output=True, check=True).stdout

    folder = node().stage(generation, None)

    names = " ".join(f'"{folder / volume.name}"' for volume in generation.volumes)
    (tmp_path / "staged.nal").write_text(f"TITLE staged\nDBLIST {names}\n")
    assert subprocess.run([*argv, str(tmp_path / "staged")], capture_output=True, check=True).stdout == expected != b""


@pytest.mark.parametrize("url", ["s3", "folder"], indirect=True)
def test_ten_searches_that_start_at_once_share_one_copy(
    node: Nodes, generation: Generation, source: LoggedObjects
) -> None:
    stager, together = node(), threading.Barrier(10)
    reported: list[list[int]] = [[] for _ in range(10)]

    def stage(number: int) -> Path:
        together.wait()
        return stager.stage(generation, None, reported[number].append)

    with ThreadPoolExecutor(10) as pool:
        [folder] = set(pool.map(stage, range(10)))

    assert whole(folder, generation)
    assert sum(source.fetched.values()) == len(source.fetched) == len(list(generation.files))
    assert {sum(one) for one in reported} == {generation.size_bytes}


@pytest.mark.parametrize("url", ["s3", "folder"], indirect=True)
def test_two_processes_share_one_copy(tmp_path: Path, url: str, generation: Generation, source: LoggedObjects) -> None:
    both = [process(tmp_path, url, generation) for _ in range(2)]

    printed = [one.communicate()[0] for one in both]

    assert [one.returncode for one in both] == [0, 0]
    assert printed == [f"{generation.size_bytes}\n"] * 2
    assert whole(tmp_path / "cache" / "genes" / "1", generation)
    assert set(source.fetched.values()) == {1}


def test_a_second_staging_fetches_nothing(node: Nodes, generation: Generation, source: LoggedObjects) -> None:
    node().stage(generation, None)
    before, reported = source.fetched, []

    later = node()
    later.start()
    later.stage(generation, None, reported.append)

    assert source.fetched == before
    assert reported == [generation.size_bytes]


def test_only_the_requested_volumes_and_the_shared_files_are_staged(
    node: Nodes, generation: Generation, source: LoggedObjects
) -> None:
    wanted = generation.volumes[1]

    node().stage(generation, [wanted.name])

    assert {Path(key).name for key in source.fetched} == {file.name for file in (*wanted.files, *generation.shared)}
    assert held(node()) == {wanted.name}


@pytest.mark.parametrize("url", ["s3", "folder"], indirect=True)
def test_a_kill_leaves_no_partial_volume_and_keeps_complete_ones(
    tmp_path: Path, node: Nodes, url: str, generation: Generation, source: LoggedObjects
) -> None:
    killed = process(tmp_path, url, generation, generation.volumes[2].files[-1].name)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "holding\n"
    folder = tmp_path / "cache" / "genes" / "1"
    assert list(folder.glob("*.partial"))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = source.fetched

    stager = node()
    stager.start()

    assert not list(folder.glob("*.partial"))
    assert held(stager) == {volume.name for volume in generation.volumes[:2]}
    assert whole(stager.stage(generation, None), generation)
    again = {Path(key).name for key in source.fetched if source.fetched[key] > 1}
    assert again == {file.name for file in generation.volumes[2].files}
    assert before.total() + len(again) <= source.fetched.total()


def test_a_start_keeps_files_that_another_process_is_fetching(
    tmp_path: Path, node: Nodes, url: str, generation: Generation, source: LoggedObjects
) -> None:
    other = process(tmp_path, url, generation, generation.volumes[2].files[-1].name)
    assert other.stdout is not None
    assert other.stdout.readline() == "holding\n"

    node().start()

    assert other.communicate()[0] == f"{generation.size_bytes}\n"
    assert set(source.fetched.values()) == {1}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_staged_file_that_was_changed_is_fetched_again_before_it_is_used(
    node: Nodes, generation: Generation, source: LoggedObjects, caplog: pytest.LogCaptureFixture, restarted: bool
) -> None:
    stager = node()
    volume = generation.volumes[2]
    folder = stager.stage(generation, None)
    flip(folder / volume.files[-1].name)

    if restarted:
        stager = node()
        stager.start()
        assert volume.name not in held(stager)

    assert whole(stager.stage(generation, None), generation)
    assert {Path(key).name for key, count in source.fetched.items() if count == 2} == {
        file.name for file in volume.files
    }
    [record] = [one for one in caplog.records if "damaged" in one.message]
    assert record.__dict__["files"] == [volume.files[-1].name]


def test_a_file_that_was_only_touched_is_kept(node: Nodes, generation: Generation, source: LoggedObjects) -> None:
    stager = node()
    folder = stager.stage(generation, None)
    before = source.fetched
    (folder / generation.volumes[0].files[0].name).touch()
    assert generation.volumes[0].name not in held(stager)

    stager.stage(generation, None)

    assert source.fetched == before
    assert held(stager) == volumes_of(generation)


def test_reading_everything_finds_damage_that_stat_does_not_show(
    node: Nodes, generation: Generation, source: LoggedObjects
) -> None:
    stager = node()
    volume = generation.volumes[2]
    folder = stager.stage(generation, None)
    assert stager.verify() == []
    file = folder / volume.files[-1].name
    flip(file)
    marker = folder / f"{volume.name}.json"
    document = json.loads(marker.read_text())
    document["files"][-1]["ctime_ns"] = file.stat().st_ctime_ns  # as if the disk, and nobody, had changed it
    marker.write_text(json.dumps(document))
    assert volume.name in held(stager)

    assert stager.verify() == [folder / volume.name]

    assert held(stager) == volumes_of(generation) - {volume.name}
    assert whole(stager.stage(generation, None), generation)


def test_volumes_damaged_in_the_storage_are_never_held(
    node: Nodes, generation: Generation, source: LoggedObjects
) -> None:
    key = f"databases/genes/1/{generation.volumes[1].files[-1].name}"
    right = source.read(key)
    source.put(key, bytes(len(right)))
    stager = node()

    with pytest.raises(DamagedError):
        stager.stage(generation, None)

    assert source.fetched[key] == FETCHES
    assert generation.volumes[1].name not in held(stager)
    source.put(key, right)
    assert whole(stager.stage(generation, None), generation)


def test_all_who_wait_see_the_error(node: Nodes, generation: Generation, source: LoggedObjects) -> None:
    key = f"databases/genes/1/{generation.volumes[0].files[0].name}"
    source.put(key, b"other bytes")
    stager, together = node(), threading.Barrier(4)

    def stage(number: int) -> str:
        together.wait()
        with pytest.raises(DamagedError) as caught:
            stager.stage(generation, [generation.volumes[0].name])
        return str(caught.value)

    with ThreadPoolExecutor(4) as pool:
        [problem] = set(pool.map(stage, range(4)))

    assert key in problem


@pytest.mark.parametrize("url", ["s3", "folder"], indirect=True)
def test_a_stop_leaves_no_partial_files(node: Nodes, url: str, generation: Generation, tmp_path: Path) -> None:
    stop = threading.Event()
    stopping = LoggedObjects(url, tmp_path / "fetched.log", lambda key: stop.set())
    stager = node(source=stopping)

    with pytest.raises(Interrupted):
        stager.stage(generation, None, stopped=stop.is_set)

    folder = tmp_path / "cache" / "genes" / "1"
    assert not list(folder.glob("*.partial"))
    assert not list(folder.glob("*.lock"))
    assert held(stager) < volumes_of(generation)
    assert whole(stager.stage(generation, None), generation)


def test_a_waiter_that_stops_does_not_stop_the_others(
    node: Nodes, url: str, generation: Generation, tmp_path: Path
) -> None:
    fetching, go_on = threading.Event(), threading.Event()

    def meanwhile(key: str) -> None:
        fetching.set()
        go_on.wait()

    logged = LoggedObjects(url, tmp_path / "fetched.log", meanwhile)
    stager = node(source=logged)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(stager.stage, generation, None)
        fetching.wait()

        with pytest.raises(Interrupted):
            stager.stage(generation, None, stopped=lambda: True)
        go_on.set()

        assert whole(other.result(), generation)
    assert set(logged.fetched.values()) == {1}


def test_a_generation_is_forgotten_only_when_nothing_uses_it(
    node: Nodes, generation: Generation, tmp_path: Path
) -> None:
    stager, other = node(), node()
    folder = stager.stage(generation, None)

    with other.using(generation), pytest.raises(ConflictError):
        stager.forget("genes", "1")
    assert whole(folder, generation)
    stager.forget("genes", "1")
    stager.forget("genes", "1")

    assert list(stager.held()) == []
    assert not (tmp_path / "cache" / "genes").exists()


def test_a_volume_that_is_not_of_the_generation_is_named(node: Nodes, generation: Generation) -> None:
    with pytest.raises(NotFoundError, match=r"no volume 'other\.00'"):
        node().stage(generation, ["other.00"])


@pytest.mark.parametrize("name", ["../../../passwd", ".shared.json", "genes.00.json", "/etc/passwd", ""])
def test_metadata_with_names_of_other_files_are_refused(
    node: Nodes, generation: Generation, source: LoggedObjects, name: str
) -> None:
    file = DatabaseFile(name, 1, "00")
    volume = VolumeMetadata("genes.00", 1, 1, 1, 1, (file,))
    document = generation.document()
    evil = Generation.of({**document, "volumes": []})
    object.__setattr__(evil, "volumes", (volume,))

    with pytest.raises(DatabaseError, match="not a valid name of a database file"):
        node().stage(evil, None)

    assert not source.fetched
