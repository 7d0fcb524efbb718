"""Odd searches leave the bytes, the exit status and the files that BLAST+ leaves.

Most examples print a search in two formats, so that in 300 examples every format occurs about 25 times. A failure ends
with commands that show it in an empty folder. No failure hides another: each is reported and written to a file in
``build/oddities`` as soon as it is found.

SHARDBLAST_EXAMPLES tries another number of examples, each time others. With SHARDBLAST_SHRINK the first failure of a
test is reduced to a small example, which takes minutes.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, seed, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.internal.constants_ast import Constants

from shardblast.cli import blast as command
from shardblast.core.errors import ShardblastError
from shardblast.core.program import Program
from shardblast.engine.local import LocalEngine
from tests.identity.comparison import AMPLE, DATABASE_TYPE, Result, arguments, assert_same, installation
from tests.oddities.strategies import Oddity, oddities

WANTED = os.environ.get("SHARDBLAST_EXAMPLES")
SHRINKS = "SHARDBLAST_SHRINK" in os.environ
FOUND = Path(__file__).parents[2] / "build" / "oddities"
"""Where failures are written."""
PARTS = 12
LONG = 36_000
"""Seconds for as many examples as are asked for."""
SIGNALLED = 128
"""A larger status means that a signal ended the program, except 255, with which BLAST+ exits by itself."""
SETTINGS = settings(deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True, scope="module")
def unlike_examples() -> Iterator[None]:
    """Draw each example afresh: Hypothesis would follow each one by five that are much like it.

    It would also draw constants of the modules that are imported, which differ with what a worker ran before.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConjectureRunner, "generate_mutations_from", lambda runner, data: None)
        patch.setattr(providers, "_get_local_constants", Constants)
        providers.CONSTANTS_CACHE.cache.clear()
        yield


@pytest.mark.timeout(LONG if WANTED else 900)
@pytest.mark.parametrize("part", range(PARTS))
def test_odd_searches_are_identical(part: int) -> None:
    """The same examples each time, unless others are asked for."""
    assert_odd_searches_are_identical(int(WANTED or 300) // PARTS, part if WANTED is None else None)


@pytest.mark.full
@pytest.mark.timeout(LONG)
def test_many_odd_searches_are_identical() -> None:
    assert_odd_searches_are_identical(int(WANTED or 10_000), None)


def assert_odd_searches_are_identical(examples: int, number: int | None) -> None:
    """Compare this many searches: the same ones each time for a number, otherwise others.

    Raises:
        AssertionError: Some are not identical; the shortest search to show it comes last.
    """
    failures: list[str] = []

    def collect(oddity: Oddity) -> None:
        try:
            assert_odd_search_is_identical(oddity)
        except AssertionError as error:
            if SHRINKS:
                raise
            failures.append(str(error))
            write_failure(str(error))

    test = given(oddities())(collect)
    if number is not None:
        test = seed(number)(test)
    settings(SETTINGS, max_examples=examples, database=None)(test)()
    if failures:
        ordered = "\n".join(sorted(failures, key=len, reverse=True))
        pytest.fail(f"{len(failures)} of {examples} searches are not identical\n{ordered}", pytrace=False)


def write_failure(text: str) -> None:
    FOUND.mkdir(parents=True, exist_ok=True)
    (FOUND / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt").write_text(text)


def assert_odd_search_is_identical(oddity: Oddity) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        if not make(oddity, folder):
            reject()
        for variable, value in oddity.environment.items():
            patch.setenv(variable, value)
        patch.setattr("shardblast.engine.pieces.BATCH_QUERIES", oddity.batch_queries)
        patch.setattr(command, "known_arguments", lambda installation, program: arguments(program.value))
        patch.setattr(command, "local_engine", lambda: LocalEngine(installation(), AMPLE, folder / "cache"))
        for number, outfmt in enumerate(oddity.formats):
            assert_odd_output_is_identical(oddity, outfmt, folder, str(number))
        left = [path.name for path in (folder / "cache").glob("*")]
        assert not left, f"a search left {left}\n{shown(oddity, oddity.formats[0])}"


def assert_odd_output_is_identical(oddity: Oddity, outfmt: str, folder: Path, name: str) -> None:
    words = oddity.words(outfmt)
    expected = run_blast(oddity.program, words, folder / f"theirs{name}")
    try:
        actual = run_shardblast(oddity.program, words, oddity.shards, folder / f"ours{name}")
    except Exception:
        raise AssertionError(f"{traceback.format_exc()}\n{shown(oddity, outfmt)}") from None
    try:
        assert_same_end(actual, expected)
    except AssertionError as error:
        again = run_blast(oddity.program, words, folder / f"again{name}")
        if (again.stdout, again.files) != (expected.stdout, expected.files):
            return  # what BLAST+ prints of an id that it does not find is what its memory holds
        said = f"--- what shardblast said\n{actual.stderr.decode(errors='replace')[-600:]}"
        raise AssertionError(f"{str(error)[:1500]}\n{said}\n{shown(oddity, outfmt)}") from None


def shown(oddity: Oddity, outfmt: str) -> str:
    return f"--- to show it\n{oddity.script(outfmt)}\n---"


def assert_same_end(actual: Result, expected: Result) -> None:
    """Assert that a search left the same, or failed as well where BLAST+ crashed."""
    if SIGNALLED < expected.status < 255:
        assert actual.status, "BLAST+ crashed, and nothing is said about it"
    else:
        assert_same(actual, expected)


def make(oddity: Oddity, folder: Path) -> bool:
    """Write the files and make the databases; return whether makeblastdb takes them."""
    (folder / "q.fa").write_bytes(oddity.query)
    for name, content in oddity.files.items():
        (folder / name).write_bytes(content)
    for one in oddity.databases:
        argv = ["makeblastdb", "-in", "-", "-dbtype", DATABASE_TYPE[oddity.program], "-out", one.name]
        made = subprocess.run(
            [*argv, "-title", one.name, *one.options], input=one.fasta, cwd=folder, capture_output=True
        )
        if made.returncode:
            return False
    return True


def run_blast(program: str, words: list[str], folder: Path) -> Result:
    prepare(folder)
    finished = subprocess.run([program, *words], capture_output=True, cwd=folder, timeout=300)
    status = finished.returncode if finished.returncode >= 0 else 128 - finished.returncode
    return Result(status, finished.stdout, {} if status else files_of(folder), finished.stderr)


def run_shardblast(program: str, words: list[str], shards: int, folder: Path) -> Result:
    """Run our command in this process, from its words to its exit status."""
    prepare(folder)
    stdout, stderr = folder.with_suffix(".stdout"), folder.with_suffix(".stderr")
    with contextlib.chdir(folder), streams(stdout, stderr):
        try:
            status = command.search(Program(program), [*words, "--shards", str(shards)])
        except ShardblastError as error:
            print(f"{error.problem}\nshardblast: {error.remedy}", file=sys.stderr)  # noqa: T201
            status = error.exit_status
        finally:
            gc.enable()
    return Result(status, stdout.read_bytes(), {} if status else files_of(folder), stderr.read_bytes())


@contextlib.contextmanager
def streams(stdout: Path, stderr: Path) -> Iterator[None]:
    """Send standard output and standard error, also of processes that are started, to files."""
    with contextlib.ExitStack() as stack:
        for number, path, stream in ((1, stdout, "stdout"), (2, stderr, "stderr")):
            kept = os.dup(number)
            with path.open("wb") as file:
                os.dup2(file.fileno(), number)
            opened = open(number, "w", closefd=False, errors="surrogateescape")  # noqa: SIM115 - closed by the stack
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            stack.callback(opened.close)
            stack.callback(setattr, sys, stream, getattr(sys, stream))
            setattr(sys, stream, opened)
        yield


def prepare(folder: Path) -> None:
    """Make a folder to search in that holds nothing except a folder, which an output can't replace."""
    folder.mkdir()
    (folder / "folder").mkdir()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
