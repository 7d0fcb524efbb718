"""Facts 1, 5 and 7: the statistics with which a shard is searched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.facts.shards import Parts, make_parts, rows, run, search_spaces
from tests.sequences import Sequence, gene, real, write_fasta

COLUMNS = "qseqid sseqid evalue bitscore qstart qend sstart send"
CASES = {
    "blastn": ("nucl", "nucl", ("-task", "blastn")),
    "blastp": ("prot", "prot", ()),
    "blastx": ("nucl", "prot", ()),
    "tblastn": ("prot", "nucl", ()),
    "tblastx": ("nucl", "nucl", ()),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parts]:
    folder = tmp_path_factory.mktemp("statistics")
    genes = [gene(protein, seed) for seed, protein in enumerate(real("proteins")[:240])]
    return {
        "prot": make_parts(folder / "prot", "prot", list(real("proteins")[:800]), 4),
        "nucl": make_parts(folder / "nucl", "nucl", [*genes, *real("16s")[:60]], 4),
    }


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("queries")
    proteins = [*real("protein-queries")[:6], *real("proteins")[5:8]]
    genes = [gene(protein, seed) for seed, protein in enumerate(proteins)]
    return {
        "prot": write_fasta(folder / "p.fa", proteins),
        "nucl": write_fasta(folder / "n.fa", [*genes, real("16s-queries")[0]]),
    }


@pytest.mark.parametrize("program", CASES)
def test_totals_in_the_alias_give_every_row_its_unsharded_evalue(
    parts: dict[str, Parts], query: dict[str, Path], program: str
) -> None:
    query_type, db_type, options = CASES[program]
    whole = parts[db_type]
    expected = rows(program, whole.whole, query[query_type], COLUMNS, *options)

    found = [
        row for volume in range(4) for row in rows(program, whole.shard(volume), query[query_type], COLUMNS, *options)
    ]

    assert expected
    assert sorted(found) == sorted(expected)


def test_shards_without_totals_have_other_evalues(parts: dict[str, Parts], query: dict[str, Path]) -> None:
    whole = parts["prot"]
    expected = set(rows("blastp", whole.whole, query["prot"], COLUMNS))

    naive = {
        row for volume in range(4) for row in rows("blastp", whole.shard(volume, totals=False), query["prot"], COLUMNS)
    }

    assert len(naive & expected) < len(expected) / 2


def test_without_a_filter_the_sizes_alone_set_the_statistics_too(
    parts: dict[str, Parts], query: dict[str, Path]
) -> None:
    whole = parts["prot"]
    sizes = (f"NSEQ {whole.num_seqs}", f"LENGTH {whole.letters}")

    alias = whole.alias("sizes-alone", [whole.volumes[0]], *sizes, totals=False)

    assert rows("blastp", alias, query["prot"], COLUMNS) == rows("blastp", whole.shard(0), query["prot"], COLUMNS)


@pytest.mark.parametrize("program", CASES)
def test_a_probe_of_one_sequence_reports_every_querys_search_space(
    parts: dict[str, Parts], query: dict[str, Path], program: str
) -> None:
    query_type, db_type, options = CASES[program]
    whole = parts[db_type]
    one = write_fasta(whole.folder / "one.fa", [Sequence("one", {"nucl": "ACGTACGTAC", "prot": "MX"}[db_type])])
    argv = ["makeblastdb", "-in", str(one), "-dbtype", db_type, "-title", "one", "-out", str(whole.folder / "one")]
    subprocess.run(argv, check=True, capture_output=True)

    probe = whole.alias("probe", [whole.folder / "one"])

    expected = search_spaces(run(program, whole.whole, query[query_type], "5", *options))
    assert len(set(expected)) > 5
    assert search_spaces(run(program, probe, query[query_type], "5", *options)) == expected


def test_a_range_of_oids_splits_a_volume_exactly(parts: dict[str, Parts], query: dict[str, Path]) -> None:
    whole = parts["prot"]
    volume, size = whole.volumes[0], whole.sizes[0]
    expected = rows("blastp", whole.shard(0), query["prot"], COLUMNS)
    ranges = [(1, size // 3), (size // 3 + 1, size)]

    found = [
        row
        for first, last in ranges
        for row in rows(
            *("blastp", whole.alias(f"range{first}", [volume], f"FIRST_OID {first}", f"LAST_OID {last}")),
            *(query["prot"], COLUMNS),
        )
    ]

    assert sorted(found) == sorted(expected)


def test_a_range_of_oids_nested_in_another_alias_loses_hits(parts: dict[str, Parts], query: dict[str, Path]) -> None:
    whole = parts["prot"]
    size = whole.sizes[2]
    halves = [
        whole.alias(f"half{first}", [whole.volumes[2]], f"FIRST_OID {first}", f"LAST_OID {last}", totals=False)
        for first, last in ((1, size // 2), (size // 2 + 1, size))
    ]
    nested = [
        whole.alias("nested0", [*whole.volumes[:2], Path(halves[0])]),
        whole.alias("nested1", [Path(halves[1]), whole.volumes[3]]),
    ]

    found = [row for alias in nested for row in rows("blastp", alias, query["prot"], COLUMNS, "-evalue", "50")]

    expected = rows("blastp", whole.whole, query["prot"], COLUMNS, "-evalue", "50")
    assert set(found) < set(expected)


def test_best_hit_filters_compare_hits_of_different_shards(tmp_path: Path) -> None:
    letters = real("16s-queries")[1].letters
    subjects = [Sequence("best", letters), Sequence("worse", letters[300:700])]
    whole = make_parts(tmp_path, "nucl", subjects, 2)
    query = write_fasta(tmp_path / "q.fa", [Sequence("q", letters)])
    options = ("-culling_limit", "1")

    together = rows("blastn", whole.whole, query, "sseqid", *options)
    apart = [row for volume in range(2) for row in rows("blastn", whole.shard(volume), query, "sseqid", *options)]

    assert sorted(set(together)) == ["best"]
    assert sorted(set(apart)) == ["best", "worse"]


def test_an_id_list_makes_blast_forget_the_totals_of_the_shard(tmp_path: Path) -> None:
    sequences = [Sequence(f"id{number}", one.letters) for number, one in enumerate(real("proteins")[:200])]
    argv = ["makeblastdb", "-dbtype", "prot", "-title", "ids", "-parse_seqids", "-out", str(tmp_path / "ids")]
    fasta = write_fasta(tmp_path / "ids.fa", sequences)
    subprocess.run([*argv, "-in", str(fasta)], check=True, capture_output=True)
    letters = sum(len(one.letters) for one in sequences)
    whole = Parts(tmp_path, "prot", (tmp_path / "ids",), (len(sequences),), letters)
    ids = tmp_path / "list"
    ids.write_text("".join(f"id{number}\n" for number in range(0, 200, 3)))
    query = write_fasta(tmp_path / "q.fa", [Sequence("q", sequences[3].letters)])
    half = whole.alias("half", whole.volumes, "FIRST_OID 1", "LAST_OID 100")

    spaces = [
        search_spaces(run("blastp", db, query, "5", "-seqidlist", str(ids))) for db in (half, str(tmp_path / "ids"))
    ]

    assert spaces[0] != spaces[1]


def test_tblastx_links_hsps_by_the_queries_that_are_searched_together(tmp_path: Path) -> None:
    """The linking cutoffs rest on the average length of a batch's queries, so a query alone has other E-values.

    Source: NCBI C++ Toolkit, algo/blast/core/blast_parameters.c (CalculateLinkHSPCutoffs).
    """
    whole = make_parts(tmp_path, "nucl", list(real("16s")[:40]), 1)
    short = Sequence("short", "ACGTTGCA" * 9)
    query = write_fasta(tmp_path / "q.fa", [*real("16s-queries")[:2], short])

    together, alone = (
        run("tblastx", whole.whole, query, "6", environment=environment) for environment in ({}, {"BATCH_SIZE": "1"})
    )

    assert together != alone
    assert set(together.splitlines()) & set(alone.splitlines())


@pytest.mark.parametrize("program", ["blastn", "blastp", "blastx", "tblastn"])
def test_other_programs_do_not_mind_which_queries_are_searched_together(
    parts: dict[str, Parts], query: dict[str, Path], program: str
) -> None:
    query_type, db_type, options = CASES[program]
    db = parts[db_type].whole

    together, alone = (
        run(program, db, query[query_type], "6", *options, "-evalue", "100", environment=environment)
        for environment in ({}, {"BATCH_SIZE": "1"})
    )

    assert together == alone
