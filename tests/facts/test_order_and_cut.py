"""Facts 2 and 3: the order of subjects, and the preliminary cut that shards do not see."""

from __future__ import annotations

import io
import subprocess
from itertools import groupby
from pathlib import Path

import pytest

from shardblast.blast.archive import ArchiveReader
from shardblast.blast.seqalign import alignment_ids, hsps_of, ordinal_id
from shardblast.core.program import Program
from tests.databases import make_database
from tests.facts.shards import Parts, make_parts, rows, run
from tests.sequences import Sequence, gene, protein_family, real, write_fasta

WANTED = 5
KEPT = 10
"""What the preliminary cut leaves of a query for that: min(max(2N, 10), N + 50)."""
SATURATED = "gb|EF516622|", "gb|AY487831|"
FLOOR = 1e-180

Subject = tuple[float, int, int]
"""Lowest E-value, first raw score and OID."""


@pytest.fixture(scope="module")
def genes(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return make_parts(tmp_path_factory.mktemp("genes"), "nucl", list(real("16s")), 2)


@pytest.fixture(scope="module")
def saturated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = [one for one in real("16s-queries") if one.title.startswith(SATURATED)]
    return write_fasta(tmp_path_factory.mktemp("q") / "q.fa", chosen)


@pytest.fixture(scope="module")
def ranking(genes: Parts, saturated: Path) -> dict[str, list[str]]:
    """All subjects that pass, by final score."""
    return subjects_of(genes.whole, saturated, 100_000)


@pytest.mark.parametrize("program", ["blastn", "blastp", "blastx", "tblastn", "tblastx"])
def test_subjects_are_ordered_by_evalue_then_score_then_descending_oid(tmp_path: Path, program: str) -> None:
    proteins = list(real("proteins")[:400])
    proteins[3::5] = [Sequence(f"twin{number}", one.letters) for number, one in enumerate(proteins[::5])]
    coding = [gene(protein) for protein in proteins]
    query_type, db_type = Program(program).query_molecule.dbtype, Program(program).database_molecule.dbtype
    sequences = {"prot": proteins, "nucl": coding}
    whole = make_parts(tmp_path, db_type, sequences[db_type], 2)
    query = write_fasta(tmp_path / "q.fa", sequences[query_type][:25:5])

    found = found_in(run(program, whole.whole, query, "11", "-evalue", "100"))

    assert max(map(len, found)) > 1
    for subjects in found:
        assert subjects == sorted(subjects, key=lambda one: (one[0] if one[0] >= FLOOR else 0.0, -one[1], -one[2]))
        assert len({(evalue, score) for evalue, score, _ in subjects}) < len(subjects) or len(subjects) < 5


def test_printed_evalues_are_rounded_and_order_differently(tmp_path: Path) -> None:
    whole = make_parts(tmp_path, "prot", list(real("proteins")[:3000]), 2)
    query = write_fasta(tmp_path / "q.fa", real("protein-queries")[:8])

    found = found_in(run("blastp", whole.whole, query, "11", "-evalue", "1000", "-num_threads", "2"))

    misplaced = 0
    for subjects in found:
        assert subjects == sorted(subjects, key=lambda one: (one[0] if one[0] >= FLOOR else 0.0, -one[1], -one[2]))
        misplaced += subjects != sorted(subjects, key=lambda one: (float(f"{one[0]:.2g}"), -one[1], -one[2]))
    assert misplaced > 0


def test_max_target_seqs_counts_subjects_not_rows(tmp_path: Path) -> None:
    letters = real("16s")[0].letters
    subjects = [Sequence(f"s{number}", letters + "ACGT" * 50 + letters) for number in range(8)]
    whole = make_parts(tmp_path, "nucl", subjects, 2)
    query = write_fasta(tmp_path / "q.fa", [Sequence("q", letters)])

    found = rows("blastn", whole.whole, query, "sseqid", "-max_target_seqs", "5")

    assert len(set(found)) == 5
    assert len(found) >= 10


def test_the_cut_drops_better_hits_than_it_keeps(genes: Parts, saturated: Path, ranking: dict[str, list[str]]) -> None:
    found = subjects_of(genes.whole, saturated, WANTED)

    assert any(found[query] != ranking[query][:WANTED] for query in ranking)


def test_a_plain_merge_of_a_saturated_query_is_not_the_unsharded_result(genes: Parts, saturated: Path) -> None:
    expected = subjects_of(genes.whole, saturated, WANTED)

    merged = {
        query: merge([subjects_and_scores(genes.shard(volume), saturated, WANTED)[query] for volume in range(2)])
        for query in expected
    }

    assert any(merged[query] != expected[query] for query in expected)


def test_a_subject_of_the_result_can_have_any_rank_by_final_score(
    genes: Parts, saturated: Path, ranking: dict[str, list[str]]
) -> None:
    """So K + 50 candidates by final score are not enough."""
    found = subjects_of(genes.whole, saturated, WANTED)

    ranks = [ranking[query].index(subject) + 1 for query in found for subject in found[query]]
    assert max(ranks) > KEPT + 50


def test_a_search_of_the_best_candidates_alone_is_not_the_unsharded_search(
    genes: Parts, saturated: Path, ranking: dict[str, list[str]], tmp_path: Path
) -> None:
    best = {subject for query in ranking for subject in ranking[query][: KEPT + 50]}

    again = candidates(genes, best, tmp_path)

    assert subjects_of(again, saturated, WANTED) != subjects_of(genes.whole, saturated, WANTED)


@pytest.mark.parametrize("wanted", [1, 5, 50])
def test_a_search_of_all_that_pass_is_the_unsharded_search(
    genes: Parts, saturated: Path, ranking: dict[str, list[str]], tmp_path: Path, wanted: int
) -> None:
    passing = {subject for query in ranking for subject in ranking[query]}
    columns = "qseqid sseqid evalue bitscore qstart qend sstart send"
    options = ("-max_target_seqs", str(wanted))

    again = candidates(genes, passing, tmp_path)

    expected = rows("blastn", genes.whole, saturated, columns, *options)
    assert rows("blastn", again, saturated, columns, *options) == expected


def test_an_unsaturated_query_is_merged_to_the_unsharded_result(genes: Parts, tmp_path: Path) -> None:
    rare = [Sequence(f"piece{place}", real("16s")[place].letters[60:130]) for place in (100, 2000)]
    query = write_fasta(tmp_path / "q.fa", rare)
    expected = subjects_of(genes.whole, query, 500, "-evalue", "1e-30")

    shards = [subjects_and_scores(genes.shard(volume), query, 500, "-evalue", "1e-30") for volume in range(2)]

    assert all(0 < len(subjects) < 500 for subjects in expected.values())
    merged = {name: merge([shard.get(name, []) for shard in shards], wanted=500) for name in expected}
    assert merged == expected


def candidates(genes: Parts, names: set[str], folder: Path) -> str:
    """Return a database of these subjects in OID order, with the totals of all."""
    chosen = [one for one in real("16s") if one.title.split()[0] in names]
    part = make_parts(folder, "nucl", chosen, 1)
    return genes.alias(f"candidates{len(chosen)}", part.volumes)


def merge(shards: list[list[tuple[int, str]]], wanted: int = WANTED) -> list[str]:
    """Merge by raw score; among equals the later shard comes first."""
    ordered = sorted(
        (-score, -shard, place, name) for shard, hits in enumerate(shards) for place, (score, name) in enumerate(hits)
    )
    return [name for *_, name in ordered[:wanted]]


def subjects_of(db: str, query: Path, wanted: int, *options: str) -> dict[str, list[str]]:
    found = subjects_and_scores(db, query, wanted, *options)
    return {name: [subject for _, subject in subjects] for name, subjects in found.items()}


def subjects_and_scores(db: str, query: Path, wanted: int, *options: str) -> dict[str, list[tuple[int, str]]]:
    more = ("-max_target_seqs", str(wanted), "-max_hsps", "1", *options)
    fields = [row.split("\t") for row in rows("blastn", db, query, "qseqid score sseqid", *more)]
    return {
        name: [(int(score), subject) for _, score, subject in group]
        for name, group in groupby(fields, key=lambda row: row[0])
    }


def found_in(archive: bytes) -> list[list[Subject]]:
    """Return each query's subjects, in the order of the archive."""
    found: list[list[Subject]] = []
    for alignments in ArchiveReader(io.BytesIO(archive), "test").alignments():
        subjects: list[Subject] = []
        for oid, blocks in groupby(alignments.blocks, key=lambda block: ordinal_id(alignment_ids(block).subject)):
            hsps = [hsp for block in blocks for hsp in hsps_of(block)]
            assert oid is not None
            subjects.append((min(hsp.evalue for hsp in hsps), hsps[0].raw_score, oid))
        found.append(subjects)
    return found


def test_blastp_with_a_larger_limit_can_miss_what_it_finds_with_a_smaller_one(tmp_path: Path) -> None:
    """Up to 10 it first aligns approximately, depending on the limit, so a limit does not select the best subjects."""
    copies = protein_family(21, "p", 600, 60)
    database, query = make_database(tmp_path / "db", "prot", copies), write_fasta(tmp_path / "q.fa", copies[:1])

    def found(evalue: str) -> set[str]:
        words = ["-query", str(query), "-comp_based_stats", "0", "-max_target_seqs", "5000", "-outfmt", "6 sseqid"]
        argv = ["blastp", "-db", str(database), "-evalue", evalue, *words]
        return set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())

    assert found("1e-10") - found("1e-9")
    assert found("1e-10") <= found("11")
