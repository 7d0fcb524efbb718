"""Databases under odd names are searched as BLAST+ searches them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import make_database
from tests.identity.comparison import assert_identical_here
from tests.sequences import invented, write_fasta


@pytest.mark.parametrize(
    ("name", "sharded"), [("b[1]*", True), ("p%s", True), ("y.00", True), ("--d", True), ("it's", False)]
)
def test_a_database_may_have_any_name(
    name: str, sharded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = [invented("nucl", 90, seed, f"s{seed}") for seed in range(4)]
    query = write_fasta(tmp_path / "q.fa", sequences[:2])
    made = make_database(tmp_path / "databases" / "made", "nucl", sequences, "-blastdb_version", "4")
    for file in list(made.parent.iterdir()):
        file.rename(file.with_name(name + file.suffix))
    made.with_name(name).write_text("a file of the same name")
    monkeypatch.setenv("BLASTDB", str(made.parent))

    for given in (str(made.with_name(name)), name):
        assert_identical_here(
            "blastn", ["-query", str(query), "-db", given, "-outfmt", "5"], shards=(2,), sharded=sharded
        )


@pytest.mark.parametrize(
    "name",
    ["./" * 26 + "bc", "./" * 27 + "b", "./" * 149 + "bc", f'"{"my folder/../" * 9}b"', f'b "{"my folder/../" * 9}bc"'],
    ids=len,
)
def test_archives_break_the_name_of_the_database_into_lines(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line holds 54 characters of the name, or fewer if it has blanks."""
    sequences = [invented("nucl", 90, seed, f"s{seed}") for seed in range(4)]
    for base in ("b", "bc"):
        make_database(tmp_path / base, "nucl", sequences)
    (tmp_path / "my folder").mkdir()
    query = write_fasta(tmp_path / "q.fa", sequences[:1])
    monkeypatch.setenv("BLASTDB", str(tmp_path))

    assert_identical_here("blastn", ["-query", str(query), "-db", name, "-outfmt", "11"], shards=(2,))
