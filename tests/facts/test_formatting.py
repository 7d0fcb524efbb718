"""Fact 4: the output of ``blast_formatter`` for archives of one query and of many."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.facts.shards import Parts, from_archive, make_parts, run, search_spaces
from tests.sequences import Sequence, gene, real, write_fasta

ALONE = {"BATCH_SIZE": "1"}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    genes = [gene(protein, seed) for seed, protein in enumerate(real("proteins")[:300])]
    return make_parts(tmp_path_factory.mktemp("formatting"), "nucl", genes, 2)


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Path:
    proteins = [real("proteins")[7], real("protein-queries")[0], real("protein-queries")[4]]
    genes = [gene(protein, seed) for seed, protein in enumerate(proteins)]
    return write_fasta(tmp_path_factory.mktemp("q") / "q.fa", [*genes, Sequence("none", "ACGTTGCA" * 9)])


@pytest.fixture(scope="module")
def together(parts: Parts, query: Path) -> bytes:
    return run("blastn", parts.whole, query, "11", "-task", "blastn")


@pytest.fixture(scope="module")
def alone(parts: Parts, query: Path) -> bytes:
    """An archive of each query."""
    return run("blastn", parts.whole, query, "11", "-task", "blastn", environment=ALONE)


def test_the_variable_batch_size_makes_an_archive_of_each_query(together: bytes, alone: bytes) -> None:
    assert together.count(b"Blast4-archive") == 1
    assert alone.count(b"Blast4-archive") == 4


@pytest.mark.parametrize("outfmt", ["6", "6 qseqid sseqid qseq sseq btop", "8", "10", "12", "18"])
def test_archives_of_one_query_are_printed_as_blast_prints_them(
    parts: Parts, query: Path, alone: bytes, outfmt: str, tmp_path: Path
) -> None:
    expected = run("blastn", parts.whole, query, outfmt, "-task", "blastn")

    assert from_archive(alone, tmp_path, outfmt) == expected


def test_xml_of_archives_of_one_query_differs_only_in_the_parameters_of_length_correction(
    parts: Parts, query: Path, alone: bytes, tmp_path: Path
) -> None:
    def unlike(xml: bytes) -> bytes:
        return re.sub(rb"<Statistics_hsp-len>\d+<", b"<", xml)

    expected = run("blastn", parts.whole, query, "5", "-task", "blastn")

    assert unlike(from_archive(alone, tmp_path, "5")) == unlike(expected)


def test_an_archive_of_many_queries_has_the_first_search_space_for_all(
    parts: Parts, query: Path, together: bytes, tmp_path: Path
) -> None:
    def spaces(xml: bytes) -> list[str]:
        return search_spaces(xml)[1::2]

    printed = spaces(from_archive(together, tmp_path, "5"))

    assert len(set(printed)) == 1
    assert len(set(spaces(run("blastn", parts.whole, query, "5", "-task", "blastn")))) > 1


def test_rows_of_an_archive_of_many_queries_are_right(
    parts: Parts, query: Path, together: bytes, tmp_path: Path
) -> None:
    assert from_archive(together, tmp_path, "6") == run("blastn", parts.whole, query, "6", "-task", "blastn")


def test_comments_count_the_queries_of_each_archive(parts: Parts, query: Path, alone: bytes, tmp_path: Path) -> None:
    expected = run("blastn", parts.whole, query, "7", "-task", "blastn").splitlines()

    printed = from_archive(alone, tmp_path, "7").splitlines()

    assert expected[-1] == b"# BLAST processed 4 queries"
    assert printed.count(b"# BLAST processed 1 queries") == 4
    assert [line for line in printed if b"processed" not in line] == expected[:-1]


@pytest.mark.parametrize("outfmt", ["0", "1", "2", "3", "4"])
def test_pairwise_formats_repeat_header_and_footer(
    parts: Parts, query: Path, alone: bytes, outfmt: str, tmp_path: Path
) -> None:
    printed = from_archive(alone, tmp_path, outfmt)

    expected = run("blastn", parts.whole, query, outfmt, "-task", "blastn")
    assert (expected.count(b"BLASTN 2"), printed.count(b"BLASTN 2")) == (1, 4)
    assert (expected.count(b"Posted date"), printed.count(b"Posted date")) == (1, 4)


def test_sam_repeats_its_header(parts: Parts, query: Path, alone: bytes, tmp_path: Path) -> None:
    printed = from_archive(alone, tmp_path, "17").splitlines()

    expected = run("blastn", parts.whole, query, "17", "-task", "blastn").splitlines()
    assert sum(line.startswith(b"@HD") for line in expected) == 1
    assert sum(line.startswith(b"@HD") for line in printed) > 1
    assert [line for line in printed if not line.startswith(b"@")] == [
        line for line in expected if not line.startswith(b"@")
    ]


def test_a_subject_without_an_id_is_named_by_its_oid_in_the_alias(parts: Parts, query: Path) -> None:
    whole = run("blastn", parts.whole, query, "11", "-task", "blastn", "-max_target_seqs", "500")
    second = run("blastn", parts.shard(1), query, "11", "-task", "blastn", "-max_target_seqs", "500")

    numbers = {int(number) for number in re.findall(rb"tag id (\d+)", second)}

    shifted = {number + parts.first_oid(1) for number in numbers}
    in_whole = {int(number) for number in re.findall(rb"tag id (\d+)", whole)}
    assert numbers
    assert shifted == {number for number in in_whole if number >= parts.first_oid(1)}
