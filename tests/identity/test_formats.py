"""Every program in every format prints what BLAST+ prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.core.outfmt import COLUMNS
from tests.databases import Databases
from tests.identity.comparison import (
    DATABASE_TYPE,
    PROGRAMS,
    QUERY_TYPE,
    assert_identical,
    assert_identical_here,
    assert_same,
    blast,
    shardblast,
)

FORMATS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 18)
SAM = 17
EVERY_COLUMN = " ".join(sorted(COLUMNS))


def words_for(program: str, databases: Databases, queries: dict[str, Path], kind: str = "v5") -> list[str]:
    return ["-db", databases(kind, DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]


@pytest.mark.parametrize("outfmt", FORMATS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_format_of_every_program_is_identical(
    program: str, outfmt: int, databases: Databases, queries: dict[str, Path]
) -> None:
    shards = 2 if outfmt % 2 else 5
    assert_identical_here(program, [*words_for(program, databases, queries), "-outfmt", str(outfmt)], shards=[shards])


@pytest.mark.parametrize(
    ("program", "outfmt"), [*((program, outfmt) for program in PROGRAMS for outfmt in FORMATS), ("blastn", SAM)]
)
def test_numbers_run_on_over_batches_of_queries(
    program: str, outfmt: int, databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.cutting.BATCH_QUERIES", 2)

    assert_identical_here(program, [*words_for(program, databases, queries), "-outfmt", str(outfmt)])


@pytest.mark.parametrize("program", PROGRAMS)
def test_files_of_formats_13_and_14_are_where_blast_puts_them(
    program: str, databases: Databases, queries: dict[str, Path]
) -> None:
    for outfmt in ("13", "14"):
        assert_identical(program, [*words_for(program, databases, queries), "-outfmt", outfmt, "-out", "result"])


@pytest.mark.parametrize("shards", [2, 5])
def test_sam_is_identical(shards: int, databases: Databases, queries: dict[str, Path]) -> None:
    assert_identical("blastn", [*words_for("blastn", databases, queries), "-outfmt", "17"], shards=shards)


@pytest.mark.parametrize("kind", ["v5", "v5-ids"])
@pytest.mark.parametrize(("outfmt", "sharded"), [("17 SQ", True), ("17 SR", False), ("17 SR SQ", False)])
def test_sam_with_sequences_is_identical(
    outfmt: str, sharded: bool, kind: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = [*words_for("blastn", databases, queries, kind), "-num_threads", "2"]  # printed as part of the command

    assert_identical("blastn", [*words, "-outfmt", outfmt], sharded=sharded)


@pytest.mark.parametrize("kind", ["v5", "v5-ids", "v4-volumes-ids"])
@pytest.mark.parametrize("number", [6, 7, 10])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_column_is_identical(
    program: str, number: int, kind: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = words_for(program, databases, queries, kind)

    assert_identical_here(program, [*words, "-outfmt", f"{number} {EVERY_COLUMN}"])


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
    ["-html"],
    ["-html", "-outfmt", "2"],
    ["-html", "-outfmt", "5"],
    ["-html", "-outfmt", "6"],
    ["-html", "-outfmt", "7"],
    ["-html", "-show_gis"],
    ["-show_gis"],
    ["-num_descriptions", "3"],
    ["-num_descriptions", "0"],
    ["-num_alignments", "0"],
    ["-num_alignments", "2"],
    ["-num_descriptions", "2", "-num_alignments", "5"],
    ["-num_descriptions", "5", "-num_alignments", "2", "-outfmt", "3"],
    ["-num_alignments", "4", "-outfmt", "5"],
    ["-num_alignments", "4", "-outfmt", "6"],
    ["-num_descriptions", "4", "-outfmt", "7"],
    ["-max_target_seqs", "4"],
    ["-max_target_seqs", "4", "-outfmt", "4"],
    ["-line_length", "43"],
    ["-line_length", "100", "-outfmt", "1"],
    *([f"-{name}", str(value)] for name, count in (("sorthits", 5), ("sorthsps", 5)) for value in range(count)),
    ["-sorthits", "3", "-sorthsps", "2", "-num_alignments", "6"],
    ["-parse_deflines"],
    ["-parse_deflines", "-outfmt", "6"],
    ["-parse_deflines", "-outfmt", "7 qacc qseqid sacc"],
    ["-parse_deflines", "-outfmt", "5"],
]


@pytest.mark.parametrize("options", PRINTING, ids=" ".join)
@pytest.mark.parametrize("program", ["blastn", "blastx"])
def test_printing_options_are_obeyed(
    program: str, options: list[str], databases: Databases, queries: dict[str, Path]
) -> None:
    sharded = None if "-parse_deflines" in options else options != ["-sorthits", "2"]

    assert_identical_here(program, [*words_for(program, databases, queries, "v5-ids"), *options], sharded=sharded)


@pytest.mark.parametrize("outfmt", ["0", "5", "6", "7", "15"])
def test_out_is_written_as_blast_does(outfmt: str, databases: Databases, queries: dict[str, Path]) -> None:
    assert_identical("blastp", [*words_for("blastp", databases, queries), "-outfmt", outfmt, "-out", "result file.txt"])


@pytest.mark.parametrize("program", PROGRAMS)
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
