"""A single shard that is the whole database: queries are split among the cores, and nothing is merged."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from shardblast.disk.memory import resident_bytes
from shardblast.engine.stored import StoredEngine
from shardblast.engine.workspace import Pool
from tests.cold import cool
from tests.databases import Databases
from tests.identity.comparison import (
    AMPLE,
    DATABASE_TYPE,
    QUERY_TYPE,
    Result,
    arguments,
    assert_identical_here,
    search_here,
)
from tests.sequences import Sequence, gene, nucleotide_queries, real, write_fasta


def linking() -> list[str]:
    """Return what makes blastn link hits, which only some versions can."""
    return ["-sum_stats", "true"] if "sum_stats" in arguments("blastn") else []


@pytest.mark.parametrize("outfmt", ["6", "7", "10", "5"])
@pytest.mark.parametrize(("program", "kind"), [("blastp", "proteins"), ("blastn", "16s")])
def test_dealt_queries_keep_the_order_that_blast_gives_their_hits(
    program: str, kind: str, outfmt: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", 3)
    database = databases.of(f"dealt-{kind}", DATABASE_TYPE[program], real(kind)[::8])
    query = tmp_path / "query.fa"
    write_fasta(query, real(kind)[:200:16])

    assert_identical_here(program, ["-db", database, "-query", str(query), "-outfmt", outfmt], shards=(1,))


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("blastp", "-task blastp-fast -seg yes"),
        ("blastp", "-word_size 6 -threshold 21"),
        ("blastp", "-word_size 5 -searchsp 1000000"),
        ("blastx", "-task blastx-fast"),
        ("tblastn", "-task tblastn-fast"),
    ],
)
def test_archives_of_long_words_are_those_that_blast_writes_query_by_query(
    program: str, options: str, databases: Databases, tmp_path: Path
) -> None:
    """The probe has shorter words, for which BLAST+ makes no large table for each query."""
    protein = real("protein-queries")[0].letters
    letters = {"prot": [protein[:n] for n in (4, 7, 150)] + ["X" * 20], "nucl": ["N" * 20, "ACGTA", "GCT" * 9]}
    letters["nucl"].append(gene(Sequence("", protein[:150])).letters)
    sequences = [Sequence(f"q{number}", some) for number, some in enumerate(letters[QUERY_TYPE[program]])]
    query = write_fasta(tmp_path / "query.fa", sequences)
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query), *options.split(), "-outfmt", "11"]
    alone = {**os.environ, "BATCH_SIZE": "1"}
    archives = subprocess.run([program, *words], env=alone, stdout=subprocess.PIPE, check=True).stdout

    search_here(program, [*words, "-out", "result", "--shards", "3"], Result(0, b"", {"result": archives}, b""))


@pytest.mark.parametrize(("letters", "sharded"), [(300, True), (9_000, False)])
def test_linked_hits_of_blastn_have_the_evalues_of_its_own_batches(
    letters: int, sharded: bool, databases: Databases, tmp_path: Path
) -> None:
    """blastn ends its first batch with the query that reaches 5,000 letters, and others by the hits so far."""
    query = tmp_path / "query.fa"
    long = "".join(random.Random(1).choices("ACGT", k=letters))
    others = [replace(one, letters=one.letters[at : at + 120]) for at, one in enumerate(nucleotide_queries()[:4])]
    write_fasta(query, [Sequence("long", long), *others])
    words = ["-db", databases("v5", "nucl"), "-query", str(query), "-task", "blastn", *linking()]
    words += ["-word_size", "7", "-evalue", "100", "-outfmt", "6"]

    assert_identical_here("blastn", words, sharded=sharded or not linking())


def test_a_kept_search_whose_hits_blastn_links_is_one_batch(databases: Databases, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    write_fasta(query, nucleotide_queries()[:4])
    words = ["-db", databases("v5", "nucl"), "-query", str(query), "-outfmt", "11", "--shards", "3"]
    linked = parse(Program.BLASTN, [*words, *linking()], arguments("blastn"))
    covered = parse(Program.BLASTN, [*words, *linking(), "-qcov_hsp_perc", "50"], arguments("blastn"))
    other = parse(Program.BLASTN, words, arguments("blastn"))
    installation, pool = find_installation(), Pool(2)
    engine = StoredEngine(installation, AMPLE, pool)
    database = open_database(installation, words[1], Program.BLASTN.database_molecule)

    plans = [engine.plan(one, database, tmp_path, Processes()) for one in (linked, covered, other)]

    pool.close()
    shards = [plan.choice.shards for plan in plans]
    threads = [plan.choice.threads for plan in plans]
    assert [plan.choice.scan_letters > plan.letters for plan in plans] == [count == 1 for count in shards]
    if linking():  # the hits of the second depend on the number of threads
        assert (shards, threads) == ([1, 1, 3], [2, 1, 1])
    else:
        assert (shards, threads) == ([3, 3, 3], [1, 1, 1])


def test_shards_of_a_database_larger_than_memory_leave_memory_after_their_last_batch(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", 3)
    named = [Sequence(f"s{number}", one.letters) for number, one in enumerate(real("16s"))]
    database = databases.of("leaving", "nucl", named, "-parse_seqids", "-max_file_sz", "300000")
    query = write_fasta(tmp_path / "query.fa", real("16s-queries")[:8])
    volumes = open_database(find_installation(), database, Molecule.NUCLEOTIDE).volumes
    sequences = [volume.sequence_file for volume in volumes]
    cool(*sequences)
    words = ["-db", database, "-query", str(query), "-outfmt", "6", "-max_target_seqs", "5000"]

    (report,) = assert_identical_here("blastn", words, shards=(len(volumes),), machine=replace(AMPLE, memory_bytes=1))

    assert report["verdicts"] == {"merged": 8}
    assert sum(piece["purpose"] == "search" for piece in report["pieces"]) == 3 * len(volumes)
    assert resident_bytes(sequences) == [0] * len(volumes)
