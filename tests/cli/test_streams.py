"""The standard streams of a command: closed, full, read in part, and on a terminal, where progress is shown."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import SHARDED, Place
from tests.forked import SHARDBLAST
from tests.waiting import WITHIN_S


@pytest.mark.parametrize("outfmt", ["6", "0"])
def test_full_disk_under_standard_output_is_an_output_error(place: Place, outfmt: str) -> None:
    with open("/dev/full", "wb") as full:
        argv = [*SHARDBLAST, "blastn", *place.words, "-outfmt", outfmt, *SHARDED]
        finished = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, env=place.environment, timeout=300)

    assert finished.returncode == 6
    assert b"No space left" in finished.stderr
    assert b"Traceback" not in finished.stderr


def test_closed_standard_input_is_an_input_error(place: Place) -> None:
    shell = ["sh", "-c", 'exec "$@" <&-', "sh"]

    finished = place.blast(*shell, *SHARDBLAST, "blastn", "-db", str(place.database), *SHARDED)

    assert finished.returncode == 1
    assert finished.stderr.startswith(b"Standard input is closed.")


def test_closed_standard_error_costs_only_the_messages(place: Place) -> None:
    argv = [*SHARDBLAST, "blastn", *place.words, *SHARDED]
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh"]

    finished = subprocess.run([*shell, *argv], stdout=subprocess.PIPE, env=place.environment, cwd=place.folder)

    assert finished.returncode == 0
    assert finished.stdout == place.shardblast("blastn", *place.words, *SHARDED).stdout


def test_output_to_the_path_of_a_standard_stream_goes_there(place: Place) -> None:
    expected = place.shardblast("blastn", *place.words, *SHARDED).stdout

    finished = place.shardblast("blastn", *place.words, *SHARDED, "-out", "/dev/stdout")

    assert finished.stdout == expected != b""
    assert Path("/dev/stdout").is_symlink()


def test_progress_is_shown_on_a_terminal(place: Place) -> None:
    assert b"pieces" in _on_terminal(place, ["--shards", "3"])


def test_quiet_shows_no_progress(place: Place) -> None:
    assert _on_terminal(place, ["--shards", "3", "--quiet"]) == b""


def test_no_progress_without_a_terminal(place: Place) -> None:
    assert place.shardblast("blastn", *place.words, "--shards", "3").stderr == b""


@pytest.mark.parametrize(
    ("shards", "outfmt"),
    [
        *[("3", "0"), ("3", "6"), ("3", "11"), ("off", "0"), ("off", "6"), ("off", "11")],
    ],
)
def test_reader_that_closes_the_pipe_ends_the_search_without_a_traceback(
    place: Place, outfmt: str, shards: str
) -> None:
    argv = [*SHARDBLAST, "blastn", *place.words, "-outfmt", outfmt, "--shards", shards]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=place.environment)
    assert process.stdout is not None
    assert process.stderr is not None

    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait(WITHIN_S) in (0, 141)
    assert said == b""
    assert place.left_behind() == []


def _on_terminal(place: Place, words: list[str]) -> bytes:
    """Return what a search writes to standard error if that is a terminal."""
    master, slave = pty.openpty()
    argv = [*SHARDBLAST, "blastn", *place.words, "-outfmt", "6", *words]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=slave, env=place.environment)
    os.close(slave)
    seen = b""
    try:
        while block := os.read(master, 65536):
            seen += block
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(master)
    assert process.wait(WITHIN_S) == 0
    return seen
