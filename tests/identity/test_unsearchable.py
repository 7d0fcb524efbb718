"""Queries that BLAST+ can't search, which it prints differently if its batch has no searchable query."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import (
    DATABASE_TYPE,
    QUERY_TYPE,
    assert_identical_here,
    assert_same,
    blast,
    shardblast,
)
from tests.sequences import nucleotide_queries, protein_queries

ALONE = {
    "hard masked proline": ("blastp", ">q\n" + "P" * 80, ("-seg", "yes")),
    "hard masked repeat": ("blastn", ">q\n" + "CA" * 60, ("-dust", "yes", "-soft_masking", "false")),
    "lower case": ("blastp", ">q\n" + "MKVLATWE" * 9, ("-lcase_masking", "-soft_masking", "false")),
    "shorter than a codon": ("blastx", ">q\nAC", ()),
    "shorter than a codon, translated twice": ("tblastx", ">q\nA", ()),
    "pyrrolysine": ("blastp", ">q\n" + "O" * 19, ()),
    "stops": ("tblastn", ">q\n" + "*" * 30, ()),
    "ambiguity codes": ("blastx", ">q\n" + "RYKM" * 20, ()),
    "all of them": ("blastp", ">a\nXXXX\n>b\n****\n>c\nOO\n>d\n" + "P" * 60, ("-seg", "yes")),
    "bases that are none": ("blastn", ">a\nNNNNNNNN\n>b\nRYKM\n", ()),
}


@pytest.mark.parametrize(("program", "text", "words"), ALONE.values(), ids=ALONE)
def test_queries_that_can_not_be_searched_are_printed_as_blast_prints_them(
    program: str, text: str, words: tuple[str, ...], databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    query.write_text(text.replace("MKVL", "mkvl").replace("ATWE", "atwe") + "\n")
    given = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query), *words]

    for outfmt in ("7", "15"):
        replaced = outfmt == "15" and not {"O", "*"}.isdisjoint(text)  # with a warning that archives lack
        assert_identical_here(program, [*given, "-outfmt", outfmt], sharded=not replaced)


@pytest.mark.parametrize("program", ["blastp", "tblastx"])
def test_batches_that_blast_cannot_search_are_recognised(
    program: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BLAST+ ends a batch with the query that reaches 10,000 letters; ours hold one or two of them."""
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", 3)
    letters = {"nucl": "ACGT", "prot": "ACDEFGHIKLMNPQRSTVWY"}[QUERY_TYPE[program]]
    one = (nucleotide_queries() if QUERY_TYPE[program] == "nucl" else protein_queries())[0]
    nothing = "N" if QUERY_TYPE[program] == "nucl" else "X"
    batch = "".join(random.Random(3).choices(letters, k=10_020))
    query = tmp_path / "query.fa"
    query.write_text(
        f">alone\n{nothing * 10_010}\n{one.fasta}>together\n{nothing * 60}\n>batch\n{batch}\n"
        f">x 0 hits found\n{nothing * 9}\n>y Query_1\n{nothing * 50}\n"
    )
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query), "-evalue", "1e-5"]

    for outfmt in ("7", "16"):
        assert_identical_here(program, [*words, "-outfmt", outfmt])


@pytest.mark.parametrize(("soft", "sharded"), [("false", False), ("true", True)])
def test_a_completely_masked_nucleotide_query_is_not_mistaken_for_another(
    soft: str, sharded: bool, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of one query are shorter than those of BLAST+, which searches the repeat together with the others."""
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", 1)
    query = tmp_path / "query.fa"
    query.write_text(f">repeat\n{'AT' * 40}\n>short\nTG\n{nucleotide_queries()[0].fasta}")
    words = ["-db", databases("v5", "nucl"), "-query", str(query), "-dust", "yes", "-soft_masking", soft]

    for outfmt in ("15", "7", "0"):
        assert_identical_here("blastn", [*words, "-outfmt", outfmt], sharded=sharded)


@pytest.mark.parametrize(("letters", "sharded"), [(4_000, True), (6_000, False)])
def test_only_the_first_batch_of_blastn_is_known(
    letters: int, sharded: bool, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    first = "".join(random.Random(4).choices("ACGT", k=letters))
    query.write_text(f"{nucleotide_queries()[0].fasta}>first\n{first}\n>last\n{'N' * 60}\n")
    words = ["-db", databases("v5-ids", "nucl"), "-query", str(query)]

    for outfmt in ("7", "0"):
        assert_identical_here("blastn", [*words, "-outfmt", outfmt], sharded=sharded)
    assert_identical_here("blastn", [*words, "-outfmt", "6"])


def test_a_report_of_organisms_ends_where_blast_searches_nothing(databases: Databases, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_text(f">q\n{'X' * 60}\n")
    words = ["-db", databases("v5", "prot"), "-query", str(query), "-outfmt", "18"]
    expected = blast("blastp", words)
    assert expected.status == 255

    assert_same(shardblast("blastp", [*words, "--shards", "2"]), expected)
