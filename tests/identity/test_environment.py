"""Environment variables change the output of shardblast as they change that of BLAST+."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.blast.process import environment_with, run
from tests.databases import Databases
from tests.identity.comparison import assert_identical, blast, shardblast

VARIABLES = {
    "batches of another size": ("tblastx", "6", "BATCH_SIZE", "200000"),
    "one batch for each query": ("blastp", "11", "BATCH_SIZE", "1"),
    "another look": ("blastp", "0", "CTOOLKIT_COMPATIBLE", "1"),
    "archives in XML": ("blastp", "5", "ARCHIVE_FORMAT", "xml"),
    "long queries cut otherwise": ("tblastn", "7", "CHUNK_SIZE", "300"),
    "exceptions that end programs": ("blastn", "0", "ABORT_ON_THROW", "1"),
}


@pytest.mark.parametrize(("program", "outfmt", "variable", "value"), VARIABLES.values(), ids=VARIABLES)
def test_a_variable_that_changes_the_output_of_blast_changes_that_of_shardblast(
    program: str,
    outfmt: str,
    variable: str,
    value: str,
    databases: Databases,
    queries: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    query, database = (
        queries["prot" if program in ("blastp", "tblastn") else "nucl"],
        databases("v5", "prot" if program == "blastp" else "nucl"),
    )

    document = assert_identical(
        program, ["-db", database, "-query", str(query), "-outfmt", outfmt, "-evalue", "1e-3"], sharded=False
    )

    assert document["why"].startswith(variable)


@pytest.mark.parametrize("value", ["0", "many"])
def test_a_size_of_batches_that_blast_refuses_fails_as_blast_fails(
    value: str, databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_SIZE", value)
    words = ["-db", databases("v5", "prot"), "-query", str(queries["prot"]), "-outfmt", "0"]
    expected = blast("blastp", words)
    assert expected.status != 0

    actual = shardblast("blastp", [*words, "--shards", "2"])

    assert (actual.status, actual.stdout) == (expected.status, expected.stdout)


def test_other_variables_do_not_prevent_splitting(
    databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NCBI_CONFIG__BLAST__BLAST_USAGE_REPORT", "false")
    monkeypatch.setenv("DIAG_POST_LEVEL", "Warning")
    words = ["-db", databases("v5", "prot"), "-query", str(queries["prot"]), "-outfmt", "6"]

    assert_identical("blastp", words, sharded=True)


def test_auxiliary_runs_do_not_see_variables_that_change_their_output(
    databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ["blastp", "-db", databases("v5", "prot"), "-query", str(queries["prot"]), "-outfmt", "11"]
    expected = run(argv)
    monkeypatch.setenv("BATCH_SIZE", "1")
    monkeypatch.setenv("ARCHIVE_FORMAT", "xml")

    assert run(argv).stdout == expected.stdout
    assert environment_with({"BATCH_SIZE": "7"})["BATCH_SIZE"] == "7"
