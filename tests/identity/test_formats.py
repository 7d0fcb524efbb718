"""Formats with columns and delimiters give the output of BLAST+; the matrix tests the plain ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.core.formats import FORMATS
from tests.databases import Databases
from tests.identity.comparison import (
    DATABASE_TYPE,
    QUERY_TYPE,
    assert_identical,
    assert_identical_here,
    assert_same,
    blast,
    shardblast,
)


def words_for(program: str, databases: Databases, queries: dict[str, Path], kind: str = "v5") -> list[str]:
    return ["-db", databases(kind, DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]


@pytest.mark.parametrize("outfmt", ["13", "14"])
def test_files_of_formats_13_and_14_are_where_blast_puts_them(
    outfmt: str, databases: Databases, queries: dict[str, Path]
) -> None:
    assert_identical("blastn", [*words_for("blastn", databases, queries), "-outfmt", outfmt, "-out", "result"])


@pytest.mark.parametrize("number", sorted(set(range(24)).difference(FORMATS)))
def test_numbers_that_only_some_versions_know_are_left_to_blast(
    number: int, databases: Databases, queries: dict[str, Path]
) -> None:
    for outfmt in (f"{number}", f"{number} delim=; qseqid evalue"):
        words = [*words_for("blastn", databases, queries), "-outfmt", outfmt]
        assert_same(shardblast("blastn", [*words, "--shards", "3"]), blast("blastn", words))


@pytest.mark.parametrize(("outfmt", "sharded"), [("17", True), ("17 SR", False), ("17 SR SQ", False)])
def test_sam_with_sequences_is_identical(
    outfmt: str, sharded: bool, databases: Databases, queries: dict[str, Path]
) -> None:
    words = words_for("blastn", databases, queries, "v5-ids")

    assert_identical("blastn", [*words, "-outfmt", outfmt], sharded=sharded)


@pytest.mark.parametrize("words", [[], ["-query", "-"], ["-out", "result file"]], ids=" ".join)
def test_sam_names_the_command_as_it_was_given_also_where_blast_searches_alone(
    words: list[str], databases: Databases, queries: dict[str, Path]
) -> None:
    given = ["-db", databases("v5-ids", "nucl"), *words, "-outfmt", "17 SR"]

    assert_identical("blastn", given, sharded=False, stdin=queries["nucl"].read_bytes())


@pytest.mark.parametrize(
    "outfmt",
    [
        "6 qseqid",
        "6 std score",
        "7 sseqid score evalue",
        "7 score",
        "10 delim=; std",
        "6 delim=@ qseqid sseqid stitle",
        "7 delim=, std stitle",
        "10 delim=|| qseqid sseqid",
        "6 nonsense",
        "6 std -evalue",
        "6 sseqid sseqid",
        "7 qacc sacc btop",
    ],
)
@pytest.mark.parametrize("kind", ["v5", "v5-ids"])
@pytest.mark.parametrize("program", ["blastn", "blastp"])
def test_chosen_columns_are_identical(
    program: str, kind: str, outfmt: str, databases: Databases, queries: dict[str, Path]
) -> None:
    assert_identical_here(program, [*words_for(program, databases, queries, kind), "-outfmt", outfmt])


PRINTING = [
    ["-html", "-show_gis"],
    ["-html", "-outfmt", "18"],
    ["-num_descriptions", "0"],
    ["-num_alignments", "0"],
    ["-num_descriptions", "2", "-num_alignments", "5"],
    ["-num_descriptions", "5", "-num_alignments", "2", "-outfmt", "3"],
    *([f"-{name}", str(value)] for name, count in (("sorthits", 5), ("sorthsps", 5)) for value in range(count)),
    ["-sorthits", "3", "-sorthsps", "2", "-num_alignments", "6"],
    ["-max_target_seqs", "501", "-sorthits", "4", "-line_length", "43"],
    ["-max_target_seqs", "3000", "-sorthits", "1", "-html"],
    ["-parse_deflines"],
    ["-parse_deflines", "-outfmt", "6"],
    ["-parse_deflines", "-outfmt", "7 qacc qseqid sacc"],
    ["-parse_deflines", "-outfmt", "5"],
]


@pytest.mark.parametrize("options", PRINTING, ids=" ".join)
def test_printing_options_are_obeyed(options: list[str], databases: Databases, queries: dict[str, Path]) -> None:
    sharded = None if "-parse_deflines" in options else options != ["-sorthits", "2"]

    assert_identical_here("blastn", [*words_for("blastn", databases, queries, "v5-ids"), *options], sharded=sharded)


@pytest.mark.parametrize("outfmt", ["0", "6"])
def test_out_is_written_as_blast_does(outfmt: str, databases: Databases, queries: dict[str, Path]) -> None:
    assert_identical("blastp", [*words_for("blastp", databases, queries), "-outfmt", outfmt, "-out", "result file.txt"])


@pytest.mark.parametrize("program", ["blastn", "tblastn"])
def test_merged_archive_prints_as_blast_does(
    program: str, databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    words = words_for(program, databases, queries)
    expected = blast(program, [*words, "-outfmt", "6 std qseq sseq"])
    assert expected.stdout, "a query without hits would prove nothing"
    archive = tmp_path / "archive"

    searched = shardblast(program, [*words, "-outfmt", "11", "-out", str(archive), "--shards", "3"])

    assert searched.status == 0, searched.stderr.decode()
    printed = blast("blast_formatter", ["-archive", str(archive), "-outfmt", "6 std qseq sseq"])
    assert_same(printed, expected)
