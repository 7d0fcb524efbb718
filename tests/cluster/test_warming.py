"""Residency is measured by the kernel, and warming reads files into memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from bench.cgroup import limited_memory
from shardblast.core.database import Generation
from shardblast.core.errors import DatabaseError, Interrupted
from shardblast.core.node import Warmed
from shardblast.disk.memory import resident_bytes, warm
from shardblast.disk.node import Node, Placed
from shardblast.disk.staging import Stager
from tests.cold import cool

Nodes = Callable[..., Stager]
MIB = 1 << 20
NOBODY = 65534


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of several blocks, none of it in memory."""
    made = [tmp_path / "a b.nin", tmp_path / "b.nsq"]
    for file, size in zip(made, (8 * MIB + 5, 48 * MIB + 4096), strict=True):
        file.write_bytes(os.urandom(size))
        cool(file)
    return made


def sizes(files: list[Path]) -> list[int]:
    return [file.stat().st_size for file in files]


def read_bytes() -> int:
    """Return what this process has read from files."""
    return int(Path("/proc/self/io").read_text().splitlines()[0].split()[1])


def test_residency_equals_the_bytes_that_were_read(files: list[Path]) -> None:
    assert resident_bytes(files) == [0, 0]

    files[0].read_bytes()

    assert resident_bytes([*files, files[0].with_name("gone")]) == [files[0].stat().st_size, 0, 0]


def test_residency_is_unknown_without_fincore(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert resident_bytes(files) == [None, None]
    assert warm(files, lambda size: None) == Warmed(None, sum(sizes(files)))


def test_residency_is_unknown_of_files_of_others(files: list[Path]) -> None:
    """The kernel says of them that all is in memory, whatever is."""
    for folder in files[0].parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os._exit(resident_bytes(files) != [None, None])

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_warming_reads_everything_and_the_kernel_says_so(files: list[Path]) -> None:
    reported: list[int] = []

    warmed = warm(files, reported.append)

    assert warmed == Warmed(sum(sizes(files)), sum(sizes(files)))
    assert resident_bytes(files) == sizes(files)
    assert sum(reported) == sum(sizes(files))


def test_warming_warm_files_reads_nothing(files: list[Path]) -> None:
    warm(files, lambda size: None)
    reported: list[int] = []
    before = read_bytes()

    warm(files, reported.append)

    assert read_bytes() - before < MIB
    assert sum(reported) == sum(sizes(files))


def test_warming_reads_the_missing_part(files: list[Path]) -> None:
    warm(files, lambda size: None)
    cool(files[1])

    assert warm(files, lambda size: None).resident_bytes == sum(sizes(files))


def test_warming_stops_at_a_block(files: list[Path]) -> None:
    asked = count()

    with pytest.raises(Interrupted):
        warm(files, lambda size: None, lambda: next(asked) >= 3)

    assert 0 < sum(filter(None, resident_bytes(files))) < sum(sizes(files))


def test_warming_nothing_fails(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="no files to warm"):
        warm([], lambda size: None)


def test_warming_removed_files_fails(files: list[Path]) -> None:
    files[1].unlink()

    with pytest.raises(DatabaseError, match=r"b\.nsq' is missing"):
        warm(files, lambda size: None)


def test_warming_more_than_memory_fails_and_says_how_much_stayed(tmp_path: Path) -> None:
    file = tmp_path / "large.nsq"
    file.write_bytes(os.urandom(192 * MIB))
    cool(file)
    code = (
        "import sys; from pathlib import Path; from shardblast.disk.memory import warm\n"
        "warm([Path(sys.argv[1])], lambda size: None)"
    )

    with limited_memory(128 * MIB) as cgroup:
        argv = cgroup.argv([sys.executable, "-c", code, str(file)])
        failed = subprocess.run(argv, capture_output=True, text=True)

    assert "OutOfMemory: Only " in failed.stderr
    assert "of 192.0 MiB stayed in memory" in failed.stderr
    assert "more memory" in failed.stderr


def test_a_node_reports_what_is_on_its_disk_and_in_its_memory_now(node: Nodes, generation: Generation) -> None:
    one = Node("this", node(1 << 30))
    one.stager.stage(generation, [volume.name for volume in generation.volumes[:2]])
    [placed] = one.staged()
    cool(*placed.mapped_files)

    before = one.state()
    warm(placed.mapped_files[:2], lambda size: None)
    after = one.state()

    [held] = before.generations
    assert (held.database, held.generation, held.in_place) == ("genes", "1", False)
    assert [volume.name for volume in held.volumes] == [volume.name for volume in generation.volumes[:2]]
    assert held.num_volumes == len(generation.volumes)
    assert held.mapped_bytes == sum(volume.mapped_bytes for volume in generation.volumes[:2])
    assert held.resident_bytes == 0
    assert [volume.is_warm for volume in after.generations[0].volumes] == [True, False]
    assert after.generations[0].resident_bytes == generation.volumes[0].mapped_bytes
    shared = sum(file.size_bytes for file in generation.shared)
    assert before.disk_used_bytes == held.size_bytes + shared
    assert before.disk_budget_bytes - before.disk_used_bytes == before.disk_free_bytes
    assert (before.cores > 0, before.memory_bytes > 0) == (True, True)


def test_a_node_reports_a_database_in_place(node: Nodes, generation: Generation, original: Path) -> None:
    folders = {volume.name: original.parent for volume in generation.volumes}
    in_place = Placed(generation, folders, in_place=True)
    cool(*in_place.mapped_files)
    warm(in_place.mapped_files, lambda size: None)

    [held] = Node("this", node()).state([in_place]).generations

    assert held.in_place
    assert held.resident_bytes == held.mapped_bytes == generation.mapped_bytes


def test_a_node_no_longer_reports_removed_volumes(node: Nodes, generation: Generation) -> None:
    one = Node("this", node())
    folder = one.stager.stage(generation, None)
    (folder / generation.volumes[1].files[0].name).unlink()

    [held] = one.state().generations

    assert generation.volumes[1].name not in {volume.name for volume in held.volumes}
    assert len(held.volumes) == len(generation.volumes) - 1
