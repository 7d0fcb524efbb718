"""Queries of which BLAST+ keeps few letters or none, or which it refuses, and titles that archives can't hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import DATABASE_TYPE, assert_identical_here, blast, shardblast
from tests.sequences import nucleotide_queries, protein_queries

JUNK = {
    "letters of proteins first": (0, ">j\nEFIL\n"),
    "stars between": (1, ">j\n****\n"),
    "letters of proteins over several lines": (1, ">j\nEF\n\nilpq\nX\n"),
    "letters of proteins and numbers last": (2, ">j\n 1 EFILPQEFIL 10\n"),
}


@pytest.mark.parametrize(("place", "junk"), JUNK.values(), ids=JUNK)
def test_queries_without_letters_of_the_molecule_leave_others_their_hits(
    place: int, junk: str, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    texts = [one.fasta for one in nucleotide_queries()[:2]]
    query.write_text("".join([*texts[:place], junk, *texts[place:]]))

    for outfmt in ("0", "5"):
        words = ["-db", databases("v5", "nucl"), "-query", str(query), "-outfmt", outfmt]
        assert_identical_here("blastn", words, sharded=False)


@pytest.mark.parametrize("program", ["blastx", "tblastx"])
def test_translated_queries_without_letters_leave_others_their_hits(
    program: str, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    query.write_text(">j\n****\n" + nucleotide_queries()[0].fasta)
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query), "-outfmt", "5"]

    assert_identical_here(program, words, sharded=False)


FEW_LETTERS: dict[str, Callable[[str], str]] = {
    "columns of numbers": lambda letters: "".join(
        f"{at + 1:>9} {letters[at : at + 10]} {letters[at + 10 : at + 20]}\n" for at in range(0, len(letters), 20)
    ),
    "gaps of an alignment": lambda letters: letters[:80] + "-" * 300 + "\n" + "-" * 9 + letters[80:] + "\n",
    "dots": lambda letters: letters[:80] + "." * 300 + letters[80:] + "\n",
}


@pytest.mark.parametrize("kind", FEW_LETTERS)
def test_characters_that_are_not_letters_do_not_prevent_splitting(
    kind: str, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    query.write_text("".join(f">{one.title}\n{FEW_LETTERS[kind](one.letters)}" for one in protein_queries()[:3]))

    assert_identical_here("blastp", ["-db", databases("v5", "prot"), "-query", str(query), "-outfmt", "6"])


REFUSED = {
    "hyphens": ("blastn", "0", ">r\n-----\n"),
    "digits": ("blastp", "15", ">r\n12345\n"),
    "dots before letters": ("blastn", "7", ">r\n....\nACGTACGT\n"),
    "a line with a short word": ("blastp", "7", ">r\nAC12\nACGTACGT\n"),
}


@pytest.mark.parametrize(("program", "outfmt", "refused"), REFUSED.values(), ids=REFUSED)
def test_output_before_a_query_that_blast_refuses_is_printed(
    program: str, outfmt: str, refused: str, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    one, two = (nucleotide_queries() if program == "blastn" else protein_queries())[:2]
    batch = "".join(random.Random(1).choices("ACGT", k=11_000))  # which BLAST+ prints before it reads on
    query.write_text(f"{one.fasta}>batch\n{batch}\n{refused}{two.fasta}")
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query), "-outfmt", outfmt]
    expected = blast(program, words)
    assert expected.status == 1
    assert expected.stdout

    actual = shardblast(program, [*words, "--shards", "2"])

    assert (actual.status, actual.stdout) == (expected.status, expected.stdout)
    assert expected.stderr in actual.stderr


TITLES = {
    "DEL": b">q\x7fa b\x7fc",
    "a control character behind blanks": b"> \t\x1fq",
    "a control character within": b">q a\x01b\tc\x1bd",
}


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_titles_are_printed_with_the_bytes_that_blast_prints(
    title: bytes, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    one, two = protein_queries()[:2]
    query.write_bytes(two.fasta.encode() + title + b"\n" + one.letters.encode() + b"\n")

    for outfmt in ("0", "15"):
        words = ["-db", databases("v5", "prot"), "-query", str(query), "-outfmt", outfmt]
        assert_identical_here("blastp", words, sharded=None)
