"""Options that shards obey one by one, and those that leave the search to BLAST+."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import (
    DATABASE_TYPE,
    PROGRAMS,
    QUERY_TYPE,
    arguments,
    assert_identical,
    assert_identical_here,
)
from tests.sequences import nucleotides, protein_queries, write_fasta

EVERY = (
    "-evalue 1e-10",
    "-evalue 1e-200",
    "-evalue 1000",
    "-evalue 10000 -max_target_seqs 1000",
    "-qcov_hsp_perc 60",
    "-subject_besthit",
    "-searchsp 100000000",
    "-dbsize 5000000",
    "-query_loc 20-180",
    "-soft_masking true",
    "-soft_masking false",
    "-num_threads 2",
    "-window_size 20",
    "-window_size 0",
    "-max_target_seqs 1",
    "-max_target_seqs 5",
)
OWN = {
    "blastn": (
        "-task megablast",
        "-task blastn",
        "-task dc-megablast",
        "-task blastn-short",
        "-task dc-megablast -template_type optimal -template_length 16",
        "-task dc-megablast -off_diagonal_range 3 -window_size 30",
        "-word_size 7 -evalue 1e-3",
        "-word_size 64",
        "-strand plus",
        "-strand minus",
        "-dust no",
        "-dust yes",
        "-dust '10 30 2'",
        "-perc_identity 95",
        "-reward 2 -penalty -3 -gapopen 5 -gapextend 2",
        "-no_greedy -gapopen 5 -gapextend 2",
        "-ungapped",
        "-task blastn -ungapped",
        "-sum_stats true",
        "-sum_stats true -ungapped",
        "-min_raw_gapped_score 100",
        "-xdrop_ungap 10 -xdrop_gap 15 -xdrop_gap_final 50",
        "-perc_identity 97 -max_target_seqs 3",
        "-use_index false",
        "-max_hsps 1",
        "-max_hsps 3",
    ),
    "blastp": (
        "-task blastp-fast",
        "-task blastp-short -evalue 1000",
        "-word_size 2",
        "-word_size 6 -threshold 21",
        "-threshold 14",
        "-gapopen 9 -gapextend 1",
        "-matrix BLOSUM45",
        "-matrix PAM30 -gapopen 9 -gapextend 1",
        "-comp_based_stats 0",
        "-comp_based_stats 1",
        "-comp_based_stats 2",
        "-comp_based_stats 3",
        "-comp_based_stats F",
        "-comp_based_stats D",
        "-comp_based_stats 0 -ungapped",
        "-comp_based_stats 0 -max_target_seqs 4",
        "-seg yes",
        "-seg no",
        "-seg '10 1.0 1.5'",
        "-use_sw_tback",
        "-xdrop_ungap 5 -xdrop_gap 12 -xdrop_gap_final 30",
        "-max_hsps 1",
        "-max_hsps 3",
    ),
    "blastx": (
        "-strand minus",
        "-query_gencode 11",
        "-comp_based_stats 0",
        "-comp_based_stats 1",
        "-comp_based_stats 3",
        "-comp_based_stats 0 -ungapped",
        "-sum_stats false",
        "-sum_stats false -max_hsps 1",
        "-sum_stats true",
        "-max_intron_length 200",
        "-task blastx-fast",
        "-seg no",
        "-use_sw_tback",
    ),
    "tblastn": (
        "-db_gencode 4",
        "-comp_based_stats 0",
        "-comp_based_stats 1",
        "-comp_based_stats 3",
        "-comp_based_stats 0 -ungapped",
        "-sum_stats false",
        "-sum_stats false -max_hsps 2",
        "-max_intron_length 500",
        "-task tblastn-fast",
        "-seg yes",
    ),
    "tblastx": (
        "-strand plus",
        "-query_gencode 5 -db_gencode 11",
        "-sum_stats false",
        "-sum_stats false -max_hsps 1",
        "-seg no",
    ),
}
MAY_BE_UNCUT = ("-query_loc", "-ungapped", "blastn-short", "-no_greedy")
"""Whether they are cut depends on the program, or on where the installed version has its parameters from."""
UNCUT = (
    "-culling_limit 1",
    "-best_hit_overhang 0.1 -best_hit_score_edge 0.1",
)


def cases() -> list[tuple[str, str]]:
    return [
        (program, options)
        for program in PROGRAMS
        for options in (*EVERY, *OWN[program])
        if (program, options) != ("tblastx", "-subject_besthit")
        and ("-sum_stats" not in options or "sum_stats" in arguments(program))
        and (program in ("blastn", "tblastx") or not options.startswith("-qcov_hsp_perc"))
    ]


@pytest.mark.parametrize(("program", "options"), cases())
def test_option_is_obeyed_by_shards(program: str, options: str, databases: Databases, queries: dict[str, Path]) -> None:
    words = ["-db", databases("v5-ids", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    sharded = None if any(word in options for word in MAY_BE_UNCUT) else True
    for outfmt in ("0", "6") if "-max_" in options else ("0",):  # one that tells all, unless they cut differently
        assert_identical_here(program, [*words, *shlex.split(options), "-outfmt", outfmt], sharded=sharded, empty=True)


def test_smith_waterman_is_obeyed_by_translated_shards(databases: Databases, tmp_path: Path) -> None:
    # BLAST+ itself takes a minute and a half for the one that is left out, which has hits in long subjects.
    query = write_fasta(tmp_path / "query.fa", [one for one in protein_queries() if one.title != "q2"])
    words = ["-db", databases("v5-ids", "nucl"), "-query", str(query), "-use_sw_tback"]

    for outfmt in ("0", "6"):
        assert_identical_here("tblastn", [*words, "-outfmt", outfmt])


@pytest.mark.parametrize("options", UNCUT)
@pytest.mark.parametrize("program", ["blastn", "blastp"])
def test_option_that_compares_subjects_is_left_to_blast(
    program: str, options: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5-ids", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    assert_identical(program, [*words, *options.split()], sharded=False, empty=True)


@pytest.mark.parametrize("outfmt", ["0", "5", "6 std qcovs qlen", "7", "15", "16"])
@pytest.mark.parametrize("program", ["blastn", "blastp", "blastx"])
def test_part_of_a_query_is_printed_as_blast_prints_it(
    program: str, outfmt: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    assert_identical_here(program, [*words, "-query_loc", "20-180", "-outfmt", outfmt], sharded=None)


@pytest.mark.parametrize("options", ["-max_hsps 1", "-max_hsps 3 -outfmt 6 -evalue 1000"])
@pytest.mark.parametrize("program", ["blastx", "tblastn", "tblastx"])
def test_hsps_cut_from_linked_ones_are_left_to_blast(
    program: str, options: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5-ids", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    assert_identical_here(program, [*words, *options.split()], sharded=False)


@pytest.mark.parametrize("threads", ["", "-num_threads 1", "-num_threads 2"])
@pytest.mark.parametrize("program", ["blastp", "blastx", "tblastn"])
def test_coverage_that_depends_on_threads_is_left_to_as_many_as_asked_for(
    program: str, threads: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]
    options = f"-qcov_hsp_perc 30 -evalue 1000 -max_target_seqs 5 -outfmt 6 {threads}".split()

    for shards in (3, "auto"):
        assert_identical(program, [*words, *options], shards=shards, sharded=False)


@pytest.mark.parametrize("name", ["seqidlist", "negative_seqidlist"])
def test_lists_of_ids_are_obeyed(name: str, databases: Databases, queries: dict[str, Path], tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text("".join(f"{one.title.split()[0]}\n" for one in nucleotides()[::3]))
    words = ["-db", databases("v5-ids", "nucl"), "-query", str(queries["nucl"]), f"-{name}", str(ids), "-outfmt", "5"]

    assert_identical("blastn", words, sharded=None)


def test_subject_is_searched_without_a_database(queries: dict[str, Path]) -> None:
    words = ["-subject", str(queries["nucl"]), "-query", str(queries["nucl"])]

    assert_identical("blastn", words, sharded=False)


def test_search_strategies_are_left_to_blast(databases: Databases, queries: dict[str, Path]) -> None:
    words = ["-db", databases("v5", "prot"), "-query", str(queries["prot"]), "-export_search_strategy", "strategy"]

    assert_identical("blastp", words, sharded=False)


@pytest.mark.parametrize("shards", ["auto", "off", "1", "2"])
def test_any_number_of_shards_prints_the_same(shards: str, databases: Databases, queries: dict[str, Path]) -> None:
    words = ["-db", databases("v5", "prot"), "-query", str(queries["prot"])]

    assert_identical("blastp", words, shards=shards, sharded=None)
