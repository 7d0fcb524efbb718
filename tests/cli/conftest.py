"""A small database of real 16S genes, queries, and ways to run the command."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from shardblast.blast.queries import records
from tests.forked import SHARDBLAST, finished_in

DATA = Path(__file__).parents[2] / "demo" / "data"
PROGRAMS = (
    "blastn",
    "blastp",
    "blastx",
    "tblastn",
    "tblastx",
    "blast_formatter",
    "makeblastdb",
    "blastdbcmd",
    "blastdb_aliastool",
)
SHARDED = ("--shards", "3", "--quiet")
Finished = subprocess.CompletedProcess[bytes]


@dataclass(frozen=True)
class Place:
    """A folder with a database and queries, an empty folder to write to, and an empty SHARDBLAST_HOME."""

    database: Path
    query: Path
    folder: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SHARDBLAST_HOME": str(self.home), **self.variables}

    @property
    def words(self) -> list[str]:
        """The command line of a search."""
        return ["-db", str(self.database), "-query", str(self.query)]

    def shardblast(self, *words: str, stdin: bytes = b"") -> Finished:
        return finished_in(self.folder, [*SHARDBLAST, *words], self.environment, stdin)

    def blast(self, *words: str, stdin: bytes = b"") -> Finished:
        return finished_in(self.folder, words, self.environment, stdin)

    def left_behind(self) -> list[str]:
        """Names of what is in the two folders that were empty."""
        return sorted(path.name for folder in (self.folder, self.home) if folder.exists() for path in folder.iterdir())


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A database of 400 genes and a file of 6 queries, one of them without hits."""
    folder = tmp_path_factory.mktemp("small")
    database, query = folder / "genes", folder / "query.fa"
    _take("16s.fa.gz", 400, folder / "genes.fa")
    _take("16s-queries.fa.gz", 5, query)
    with query.open("ab") as file:
        file.write(b">nothing like a gene\n" + b"ACGTTGCAAC" * 3 + b"\n")
    argv = ["makeblastdb", "-in", str(folder / "genes.fa"), "-dbtype", "nucl", "-title", "genes", "-out", str(database)]
    subprocess.run(argv, check=True, capture_output=True)
    return database, query


@pytest.fixture
def place(small: tuple[Path, Path], tmp_path: Path) -> Place:
    folder = tmp_path / "work"
    folder.mkdir()
    return Place(*small, folder, tmp_path / "home")


@pytest.fixture
def wrapped(place: Place, tmp_path: Path) -> Place:
    """A place whose ``blastn`` first runs the shell script in $DO, with BLAST+'s arguments in $*."""
    folder = installation(tmp_path / "bin")
    (folder / "blastn").unlink()
    (folder / "blastn").write_text(f'#!/bin/sh\neval "$DO"\nexec {shutil.which("blastn")} "$@"\n')
    (folder / "blastn").chmod(0o755)
    place.variables["PATH"] = f"{folder}:{os.environ['PATH']}"
    return place


def installation(folder: Path) -> Path:
    """Return a folder with links to the installed programs, for a test to change."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found, f"{name} is not installed"
        (folder / name).symlink_to(found)
    return folder


def _take(packed: str, count: int, path: Path) -> None:
    with gzip.open(DATA / packed) as stream, path.open("wb") as file:
        for record in islice(records(stream), count):  # type: ignore[arg-type]
            file.writelines(record)
