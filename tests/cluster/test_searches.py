"""Searches on a cluster, compared byte for byte with BLAST+ on the whole database."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import dask
import pytest

from shardblast.cluster import connection
from shardblast.cluster.connection import Cluster, Timings
from tests.cluster.parts import LocalCluster
from tests.databases import Databases
from tests.sequences import Sequence, nucleotide_queries, protein_queries
from tests.service.processes import blast
from tests.storage.servers import s3

QUERIES = {"blastn": nucleotide_queries, "blastp": protein_queries, "blastx": nucleotide_queries}
QUERIES |= {"tblastn": protein_queries, "tblastx": nucleotide_queries}
MOLECULES = {"blastn": "nucl", "blastp": "prot", "blastx": "prot", "tblastn": "nucl", "tblastx": "nucl"}
SATURATED = ("-max_target_seqs", "5", "-evalue", "1000")


@dataclass
class Compared:
    """A cluster with databases, and BLAST+ beside it."""

    cluster: LocalCluster
    databases: Databases
    added: dict[tuple[str, str], str] = field(default_factory=dict)

    def database(self, kind: str, molecule: str) -> tuple[str, str]:
        path = self.databases(kind, molecule)
        if (kind, molecule) not in self.added:
            name = f"{kind}-{molecule}"
            self.cluster.add_database(name, path)
            self.added[kind, molecule] = name
        return self.added[kind, molecule], path

    def assert_identical(self, program: str, kind: str, outfmt: str, *options: str) -> dict[str, object]:
        """Assert that both print the same; return the report."""
        name, path = self.database(kind, MOLECULES[program])
        query = fasta(QUERIES[program]())
        folder = self.cluster.folder / uuid4().hex
        folder.mkdir()
        expected = blast(program, Path(path), name, query, list(options), outfmt, folder)
        words = ("-db", name, "-query", str(folder / "query.fa"), "-outfmt", outfmt, *options)
        found = self.cluster.search(program, *words, "--report", str(folder / "report.json"))
        assert found.returncode == 0, found.stderr.decode()
        assert found.stdout == expected
        report: dict[str, object] = json.loads((folder / "report.json").read_text())
        return report


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Compared]:
    folder = tmp_path_factory.mktemp("cluster")
    one = LocalCluster(folder, (folder / "storage").as_uri())
    one.start("a", "b")
    yield Compared(one, databases)
    one.close()


@pytest.mark.parametrize(("program", "outfmt"), [("blastn", "0"), ("blastp", "5"), ("blastx", "6"), ("tblastn", "7")])
def test_a_cluster_gives_the_output_of_blast(compared: Compared, program: str, outfmt: str) -> None:
    report = compared.assert_identical(program, "v5-volumes", outfmt)

    assert int(str(report["shards"])) > 1


@pytest.mark.parametrize(
    ("program", "kind"), [("blastn", "v5-volumes-ids"), ("blastp", "v4-volumes-ids"), ("blastn", "v4")]
)
def test_databases_of_every_kind_are_searched(compared: Compared, program: str, kind: str) -> None:
    compared.assert_identical(program, kind, "0")


@pytest.mark.parametrize(
    ("program", "task", "kind"),
    [
        ("blastn", "blastn", "v5-volumes"),
        ("blastn", "megablast", "v5-volumes-ids"),
        ("blastp", "blastp", "v5-volumes"),
        ("blastp", "blastp", "v5-volumes-ids"),
    ],
)
def test_saturated_queries_are_searched_again(compared: Compared, program: str, task: str, kind: str) -> None:
    report = compared.assert_identical(program, kind, "6", "-task", task, *SATURATED)

    assert dict(report["verdicts"])["researched"]  # type: ignore[call-overload]


def test_saturated_queries_need_no_whole_database(compared: Compared) -> None:
    name, _ = compared.database("v4-volumes", "nucl")
    compared.assert_identical("blastn", "v4-volumes", "6", *SATURATED)

    held = {node: compared.cluster.volumes_of(node, name) for node in ("a", "b")}
    everything = held["a"] | held["b"]
    assert held["a"] != everything != held["b"]


def test_searches_that_cannot_be_split_run_in_the_whole_database(compared: Compared) -> None:
    report = compared.assert_identical("blastx", "v5-volumes", "0", "-sorthits", "2")

    assert report["shards"] == 1


@pytest.mark.parametrize(
    ("program", "outfmt", "options"),
    [
        ("blastn", "0", "-culling_limit 1"),
        ("blastn", "7", "-best_hit_overhang 0.1 -best_hit_score_edge 0.1"),
        ("blastn", "0", "-task blastn-short -evalue 1e-4"),
        ("blastn", "0", "-ungapped -max_hsps 1"),
        ("blastp", "0", "-culling_limit 2"),
        ("blastp", "6", "-query_loc 5-90"),
        ("blastp", "6", "-qcov_hsp_perc 40 -max_target_seqs 5 -evalue 1000"),
        ("blastp", "0", "-qcov_hsp_perc 40 -max_target_seqs 5 -evalue 1000 -num_threads 2"),
        ("blastx", "0", "-culling_limit 1 -evalue 1e-5"),
        ("blastx", "7", "-qcov_hsp_perc 30"),
        ("tblastn", "7", "-max_hsps 1 -evalue 1e-5"),
        ("tblastx", "6", "-max_hsps 1 -evalue 1e-5"),
        ("tblastx", "5", "-culling_limit 1 -evalue 1e-5"),
    ],
)
def test_what_can_not_be_merged_is_searched_in_candidates(
    compared: Compared, program: str, outfmt: str, options: str
) -> None:
    report = compared.assert_identical(program, "v5-volumes", outfmt, *options.split())

    assert int(str(report["shards"])) > 1
    assert "BLAST+ searches the candidates of all shards" in str(report["why"])
    assert report["verdicts"] == {"researched": len(QUERIES[program]())}


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("blastn", "-subject_besthit -max_target_seqs 5 -evalue 1000"),
        ("blastp", "-subject_besthit -max_target_seqs 5 -evalue 1000"),
        ("blastp", "-use_sw_tback -max_target_seqs 1"),
        ("blastn", "-perc_identity 90 -qcov_hsp_perc 20 -max_target_seqs 5"),
    ],
)
def test_options_that_pieces_or_candidates_lack_are_obeyed(compared: Compared, program: str, options: str) -> None:
    """Candidates are found without options that drop or align hits after the first stage."""
    report = compared.assert_identical(program, "v5-volumes", "6", *options.split())

    assert int(str(report["shards"])) > 1


@pytest.mark.parametrize(
    "options",
    [
        "-parse_deflines",
        "-db_soft_mask 100",
        "-db_hard_mask 100",
        "-filtering_db x",
        "-gilist x",
        "-window_masker_taxid 9",
    ],
)
def test_options_that_need_what_nodes_lack_are_refused_before_anything_runs(compared: Compared, options: str) -> None:
    name, _ = compared.database("v5-volumes", "nucl")
    query = compared.cluster.folder / "refused.fa"
    query.write_text(fasta(nucleotide_queries()))

    found = compared.cluster.search("blastn", "-db", name, "-query", str(query), *options.split())

    assert (found.returncode, found.stdout) == (1, b"")
    assert f"{options.split()[0]} can't be used on a cluster".encode() in found.stderr


@pytest.mark.parametrize("outfmt", ["5", "15", "6 qlen", "7 qseqid qcovs"])
def test_formats_that_show_the_length_of_a_part_of_a_query_are_refused(compared: Compared, outfmt: str) -> None:
    name, _ = compared.database("v5-volumes", "prot")
    words = ["-db", name, "-query_loc", "5-90", "-outfmt", outfmt]

    refused = compared.cluster.search("blastp", *words, sent=fasta(protein_queries()).encode())

    assert refused.returncode == 1
    assert b"With -query_loc this format shows the length of a part" in refused.stderr


def test_numbers_of_formats_that_only_some_versions_know_are_refused(compared: Compared) -> None:
    name, _ = compared.database("v5-volumes", "prot")

    refused = compared.cluster.search("blastp", "-db", name, "-outfmt", "20", sent=fasta(protein_queries()).encode())

    assert refused.returncode == 1
    assert b"-outfmt: '20' is not a valid output format." in refused.stderr


@pytest.mark.parametrize("program", ["blastn", "blastp"])
def test_queries_that_end_before_a_part_are_refused_by_name(compared: Compared, program: str) -> None:
    name, _ = compared.database("v5-volumes", MOLECULES[program])
    sent = f"{fasta(QUERIES[program]()[:2])}>short and sweet\nACGTACGTACGTACGTACGT\n"

    refused = compared.cluster.search(program, "-db", name, "-query_loc", "21-90", sent=sent.encode())

    assert refused.returncode == 1
    assert b"The query 'short' ends before the start of -query_loc." in refused.stderr


@pytest.mark.parametrize(
    ("program", "said"),
    [("blastp", b"Gap existence and extension values"), ("blastn", b"extension penalty cannot be 0")],
)
def test_options_that_blast_refuses_are_refused_in_the_same_way(compared: Compared, program: str, said: bytes) -> None:
    name, path = compared.database("v5-volumes", MOLECULES[program])
    words, query = ["-gapopen", "99"], fasta(QUERIES[program]())
    plain = subprocess.run([program, "-db", path, *words], input=query.encode(), capture_output=True)

    refused = compared.cluster.search(program, "-db", name, *words, sent=query.encode())

    assert refused.returncode == plain.returncode != 0
    assert said in plain.stderr
    assert said in refused.stderr


@pytest.mark.parametrize(
    "program",
    ["blastn", "blastp", *(pytest.param(one, marks=pytest.mark.full) for one in ("tblastn", "tblastx", "blastx"))],
)
def test_the_wrong_program_for_a_database_is_refused_before_anything_is_staged(
    compared: Compared, program: str
) -> None:
    molecule = {"nucl": "prot", "prot": "nucl"}[MOLECULES[program]]
    name, path = compared.database("nested-aliases", molecule)
    query = fasta(QUERIES[program]())
    plain = subprocess.run([program, "-db", path], input=query.encode(), capture_output=True)

    refused = compared.cluster.search(program, "-db", name, sent=query.encode())

    assert refused.returncode == plain.returncode == 2
    assert f"database, and {name} is" in refused.stderr.decode()
    assert not compared.cluster.volumes_of("a", name) | compared.cluster.volumes_of("b", name)


def test_a_search_leaves_nothing_in_the_storage(compared: Compared) -> None:
    compared.assert_identical("blastp", "v5-volumes", "6")

    storage = compared.cluster.folder / "storage"
    assert not list(storage.glob("searches/*"))
    assert not list(storage.glob("leases/*"))


def test_the_storage_may_be_a_bucket(
    s3_server: str, tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = s3(s3_server, uuid4().hex)
    one = LocalCluster(tmp_path, place.url, variables=dict(place.environment))
    try:
        one.start("a", "b")
        Compared(one, databases).assert_identical("blastp", "v5-volumes-ids", "0", *SATURATED)
    finally:
        one.close()


def fasta(queries: tuple[Sequence, ...]) -> str:
    return "".join(one.fasta for one in queries[:8])


def test_connected_nodes_are_never_reported_as_missing(compared: Compared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FRESH_S", 0.0)
    monkeypatch.setattr(connection, "FRESH_TIMES", 0)
    with dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}):
        cluster = Cluster.at(compared.cluster.address, None, Timings())

        seen = [len(cluster.addresses()) for _ in range(300)]
        cluster.close()

    assert set(seen) == {2}
