"""Programs that are fed a stream."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardblast.blast.process import run_fed
from shardblast.core.errors import Interrupted


def chunks(fail: Exception | None = None) -> Iterator[bytes]:
    yield b"one\n"
    yield b"two\n"
    if fail:
        raise fail


def stop() -> None:
    raise Interrupted


def never() -> None:
    raise AssertionError("it ended before anybody asks")


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, other than one that has ended and waits to be noticed."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_reads_all_chunks(tmp_path: Path) -> None:
    finished = run_fed(["cat"], tmp_path, chunks(), lambda: None)

    assert (finished.status, finished.stdout) == (0, b"one\ntwo\n")
    assert finished.peak_memory_bytes > 0


def test_a_program_reads_a_file_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one\ntwo\n")
    with (tmp_path / "file").open("rb") as file:
        os.lseek(file.fileno(), 4, os.SEEK_SET)

        finished = run_fed(["cat"], tmp_path, file, lambda: None)

        assert finished.stdout == b"two\n"
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 8


def test_a_program_that_ends_early_returns_its_status(tmp_path: Path) -> None:
    finished = run_fed(["sh", "-c", "echo enough >&2; exit 3"], tmp_path, iter([b"x" * 1000] * 10_000), lambda: None)

    assert (finished.status, finished.stderr) == (3, b"enough\n")


def test_a_stream_that_fails_ends_the_program(tmp_path: Path) -> None:
    with pytest.raises(EOFError):
        run_fed(["sh", "-c", "echo $$ >pid; exec sleep 1000"], tmp_path, chunks(EOFError()), never)

    pid = (tmp_path / "pid").read_text().strip() if (tmp_path / "pid").exists() else ""
    assert not pid or not is_running(int(pid))


def test_a_program_that_works_on_by_itself_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run_fed(["sh", "-c", "echo $$ >pid; exec sleep 1000"], tmp_path, chunks(), stop)

    pid = (tmp_path / "pid").read_text().strip() if (tmp_path / "pid").exists() else ""
    assert not pid or not is_running(int(pid))
