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
