"""Steps of the tests of all sources: fetch a database, and compare it with another."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from shardblast.blast.database import Database, check_database
from shardblast.blast.installation import find_installation
from shardblast.sources import Source, source_of
from shardblast.sources.source import WORK, Offer, SourceSettings, find_database

QUICK = {"retry_s": 0.001, "timeout_s": 20.0}


def source(text: str, **settings: object) -> Source:
    return source_of(text, find_installation(), SourceSettings(**{**QUICK, **settings}))  # type: ignore[arg-type]


@dataclass
class Reported:
    """The progress that a source reported while it fetched a database."""

    counts: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, done: int, total: int) -> None:
        self.counts.append((done, total))


def bring(one: Source, folder: Path, offer: Offer | None = None, reported: Reported | None = None) -> Path:
    """Bring a database; return its path as ``-db`` names it."""
    stem = one.bring(offer or one.offer(), folder, reported or Reported(), lambda: False)
    return folder / stem


def opened(path: Path) -> Database:
    return find_database(find_installation(), path)


def names_in(folder: Path) -> set[str]:
    """Return the names of a database's files, without what the source keeps for itself."""
    return {entry.name for entry in folder.iterdir()} - {WORK}


def assert_same_files(folder: Path, original: Path, but_for: tuple[str, ...] = ()) -> None:
    """Compare file by file."""
    for part in original.iterdir():
        if part.name not in but_for:
            assert (folder / part.name).read_bytes() == part.read_bytes(), part.name


def assert_sound(path: Path) -> None:
    """Have blastdbcheck judge."""
    assert check_database(find_installation(), opened(path)) is None


def searched(path: Path, query: Path, outfmt: str = "0") -> bytes:
    """Search a database by its name in its folder."""
    program = {"nucleotide": "blastn", "protein": "blastp"}[opened(path).molecule]
    argv = [program, "-db", path.name, "-query", str(query), "-outfmt", outfmt]
    return subprocess.run(argv, cwd=path.parent, capture_output=True, check=True).stdout
