"""Runs BLAST+ and shardblast with the same options in empty folders, and compares all that they leave."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from shardblast.blast.installation import Installation, find_installation
from shardblast.bootstrap import home, known_arguments
from shardblast.cli.blast import Warnings
from shardblast.core.options import parse
from shardblast.core.program import Arguments, Program
from shardblast.engine.local import LocalEngine
from shardblast.engine.workspace import Machine
from tests.forked import SHARDBLAST, finished_in

PROGRAMS = ("blastn", "blastp", "blastx", "tblastn", "tblastx")
QUERY_TYPE = {"blastn": "nucl", "blastp": "prot", "blastx": "nucl", "tblastn": "prot", "tblastx": "nucl"}
DATABASE_TYPE = {"blastn": "nucl", "blastp": "prot", "blastx": "prot", "tblastn": "nucl", "tblastx": "nucl"}

AMPLE = Machine(cores=2, memory_bytes=1 << 40)
"""A machine whose memory holds every database."""


@dataclass(frozen=True, slots=True)
class Result:
    """All that a command leaves."""

    status: int
    stdout: bytes
    files: dict[str, bytes]
    """The files in its folder."""
    stderr: bytes

    @property
    def output(self) -> bytes:
        return self.stdout + b"".join(self.files.values())


def blast(program: str, words: Sequence[str], stdin: bytes = b"") -> Result:
    """Run BLAST+, which uses one thread unless the words say more."""
    return _run([program, *words], stdin)


def shardblast(program: str, words: Sequence[str], stdin: bytes = b"") -> Result:
    """Run our command."""
    return _run([*SHARDBLAST, program, *words], stdin)


def _run(argv: Sequence[str], stdin: bytes) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        finished = finished_in(Path(folder), argv, os.environ, stdin)
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return Result(finished.returncode, finished.stdout, files, finished.stderr)


def assert_identical(
    program: str,
    words: Sequence[str],
    *,
    shards: int | str = 3,
    stdin: bytes = b"",
    sharded: bool | None = True,
    empty: bool = False,
) -> dict[str, Any]:
    """Assert that both commands print the same bytes and end alike; return our report.

    Args:
        program: Of BLAST+.
        words: For both.
        shards: How many to cut the database into.
        stdin: For both.
        sharded: Whether the search must really have been cut; None for either.
        empty: Whether BLAST+ may print nothing.
    """
    expected = blast(program, words, stdin)
    assert expected.status == 0, expected.stderr.decode()
    assert expected.output or empty, "a query without hits would prove nothing"

    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        ours = ["--shards", str(shards), "--report", str(report)]
        actual = shardblast(program, [*words, *ours], stdin)
        assert_same(actual, expected)
        document: dict[str, Any] = json.loads(report.read_text())
    if sharded is not None:
        assert bool(document["shards"]) == sharded, document["why"]
    assert not list(home().glob("search-*")) or sharded is None, "a search left its folder"
    return document


def assert_same(actual: Result, expected: Result) -> None:
    assert actual.status == expected.status, actual.stderr.decode()
    assert sorted(actual.files) == sorted(expected.files)
    for name, text in expected.files.items():
        assert_same_bytes(actual.files[name], text, name)
    assert_same_bytes(actual.stdout, expected.stdout, "stdout")


def assert_same_bytes(actual: bytes, expected: bytes, name: str) -> None:
    """Compare, and show the first line that differs: pytest takes minutes for the difference of large texts."""
    if actual == expected:
        return
    ours, theirs = actual.splitlines(keepends=True), expected.splitlines(keepends=True)
    place = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    shown = [b"".join(lines[max(0, place - 2) : place + 3]).decode(errors="replace") for lines in (ours, theirs)]
    raise AssertionError(
        f"{name}, line {place + 1} of {len(ours)} and {len(theirs)}:\n"
        f"--- shardblast\n{shown[0]}\n--- BLAST+\n{shown[1]}"
    )


def assert_identical_here(
    program: str,
    words: Sequence[str],
    *,
    shards: Sequence[int | str] = (3,),
    sharded: bool | None = True,
    empty: bool = False,
    machine: Machine = AMPLE,
) -> list[dict[str, Any]]:
    """Assert the same of searches in this process, which start faster; return a report for every number of shards.

    Args:
        program: Of BLAST+.
        words: For both, without -out.
        shards: The numbers of shards to try.
        sharded: Whether the search must really have been cut; None for either.
        empty: Whether BLAST+ may print nothing.
        machine: The machine that our engine assumes.
    """
    words = [*words, "-out", "result"]
    expected = _expected(program, tuple(words))
    assert expected.status == 0, expected.stderr.decode()
    assert expected.output or empty, "a query without hits would prove nothing"

    reports = [search_here(program, [*words, "--shards", str(count)], expected, machine) for count in shards]

    if sharded is not None:
        assert all(bool(report["shards"]) == sharded for report in reports), reports[0]["why"]
    return reports


@lru_cache(maxsize=8)
def _expected(program: str, words: tuple[str, ...]) -> Result:
    """Run BLAST+ once for a test that compares several searches with it."""
    return blast(program, words)


def search_here(program: str, words: Sequence[str], expected: Result, machine: Machine = AMPLE) -> dict[str, Any]:
    """Search in this process, in an empty folder, and compare what is written; return the report."""
    options = parse(Program(program), words, arguments(program))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache, contextlib.chdir(folder):
        warnings = Warnings()
        outcome = LocalEngine(installation(), machine, Path(cache)).search(options, warnings)
        if outcome.report.shards:
            warnings.print()
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
        assert not list(Path(cache).iterdir()), "the search left files"
    assert_same(Result(outcome.status, b"", files, b""), expected)
    return outcome.report.document()


@cache
def arguments(program: str) -> Arguments:
    """Return the options of the installed program."""
    return known_arguments(installation(), Program(program))


def as_they_stand(program: str) -> list[str]:
    """Return the option that keeps later versions from looking for what descends from taxids."""
    return ["-no_taxid_expansion"] if "no_taxid_expansion" in arguments(program) else []


@cache
def installation() -> Installation:
    """Return the installed BLAST+, whose version is read once."""
    return find_installation()
