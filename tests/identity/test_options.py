"""Options that are applied in each shard, and those that leave the search to BLAST+."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import (
    DATABASE_TYPE,
    QUERY_TYPE,
    arguments,
    assert_identical,
    assert_identical_here,
)
from tests.sequences import Sequence, nucleotide_queries, nucleotides, protein_queries, write_fasta

UNCUT = ("-query_loc", "-ungapped", "blastn-short", "-no_greedy")
"""Whether they are cut depends on the program, or on where the installed version has its parameters from."""
RARE = (
    ("blastn", "-evalue 1e-200"),
    ("blastp", "-evalue 1e-200"),
    ("blastn", "-task megablast"),
    ("blastn", "-task blastn -ungapped"),
    ("blastn", "-sum_stats true -ungapped"),
    ("blastn", "-perc_identity 97 -max_target_seqs 3"),
    ("blastn", "-evalue 10000 -max_target_seqs 1000"),
    ("blastp", "-evalue 10000 -max_target_seqs 1000"),
    ("blastp", "-comp_based_stats 0 -max_target_seqs 4"),
    ("blastx", "-sum_stats true"),
    ("tblastn", "-sum_stats false -max_hsps 2"),
)
"""Options that the matrix does not try, because they find nothing or are seldom given."""
UNCUT = (
    "-culling_limit 1",
    "-best_hit_overhang 0.1 -best_hit_score_edge 0.1",
)


@pytest.mark.parametrize(("program", "options"), RARE)
def test_rare_options_are_obeyed_by_shards(
    program: str, options: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5-ids", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]
    if "-sum_stats" in options and "sum_stats" not in arguments(program):
        options = options.replace("-sum_stats true", "").replace("-sum_stats false", "")

    sharded = None if "-ungapped" in options else True
    for outfmt in ("0", "6"):
        assert_identical_here(program, [*words, *options.split(), "-outfmt", outfmt], sharded=sharded, empty=True)


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


@pytest.mark.parametrize("outfmt", ["0", "6 std qcovs qlen", "16"])
@pytest.mark.parametrize("program", ["blastn", "blastp", "blastx"])
def test_part_of_a_query_is_printed_as_blast_prints_it(
    program: str, outfmt: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    assert_identical_here(program, [*words, "-query_loc", "20-180", "-outfmt", outfmt], sharded=None)


@pytest.mark.parametrize("outfmt", ["0", "7", "15"])
@pytest.mark.parametrize("program", ["blastn", "blastp"])
def test_queries_that_end_before_the_part_are_printed_as_blast_prints_them(
    program: str, outfmt: str, databases: Databases, tmp_path: Path
) -> None:
    whole = (nucleotide_queries if program == "blastn" else protein_queries)()[1]
    lengths = {"whole": None, "short": 30, "one_letter_short": 49, "just_long_enough": 50}
    query = write_fasta(tmp_path / "q.fa", [Sequence(name, whole.letters[:end]) for name, end in lengths.items()])
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query), "-query_loc", "50-180"]

    assert_identical_here(program, [*words, "-outfmt", outfmt], sharded=None)


@pytest.mark.parametrize("program", ["blastx", "tblastx"])
def test_hsps_cut_from_those_of_other_frames_are_left_to_blast(
    program: str, databases: Databases, queries: dict[str, Path]
) -> None:
    """Each frame has its own search space, so the HSP by which a subject is ordered may be cut off."""
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]]), "-seg", "no"]

    options = ["-sum_stats", "false", "-max_hsps", "1", "-query_gencode", "5", "-outfmt", "6"]
    assert_identical_here(program, [*words, *options], sharded=False)


@pytest.mark.parametrize("options", ["-max_hsps 1", "-max_hsps 3 -outfmt 6 -evalue 1000"])
@pytest.mark.parametrize("program", ["blastx", "tblastn", "tblastx"])
def test_hsps_cut_from_linked_ones_are_left_to_blast(
    program: str, options: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5-ids", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    assert_identical_here(program, [*words, *options.split()], sharded=False)


@pytest.mark.parametrize(
    ("program", "threads"),
    [("blastp", ""), ("blastp", "-num_threads 1"), ("blastp", "-num_threads 2"), ("blastx", ""), ("tblastn", "")],
)
def test_coverage_that_depends_on_threads_is_left_to_blast_with_the_given_threads(
    program: str, threads: str, databases: Databases, queries: dict[str, Path]
) -> None:
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]
    options = f"-qcov_hsp_perc 30 -evalue 1000 -max_target_seqs 5 -outfmt 6 {threads}".split()

    assert_identical(program, [*words, *options], sharded=False)


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
