"""Queries with more subjects than BLAST+ keeps, for which shards alone would find more."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.engine.workspace import Machine
from tests.databases import Databases
from tests.identity.comparison import (
    AMPLE,
    DATABASE_TYPE,
    PROGRAMS,
    QUERY_TYPE,
    assert_identical,
    assert_identical_here,
    blast,
    shardblast,
)
from tests.identity.covering import covering_array, pairs, required
from tests.sequences import Sequence, fragments, gene, protein_queries, real, write_fasta

TINY_MEMORY = Machine(cores=2, memory_bytes=1 << 12)
"""A machine whose memory does not hold our databases."""
MANY = 1300
"""More than the 1,050 candidates that BLAST+ keeps with composition-based statistics."""


def many_subjects(databases: Databases, dbtype: str, *options: str) -> str:
    """Return a database in which the queries below find more subjects than BLAST+ keeps."""
    name = "many" + "".join(options)
    pieces = fragments(MANY)
    if dbtype == "nucl":
        pieces = [gene(one, seed) for seed, one in enumerate(pieces)]
    return databases.of(name, dbtype, pieces, *options)


def ribosomal(databases: Databases, *options: str) -> str:
    chosen = [*real("16s")[::25], *real("16s")[::250]]
    named = [Sequence(f"r{number} 16S", one.letters) for number, one in enumerate(chosen)]
    return databases.of("16s" + "".join(options), "nucl", named, *options)


@pytest.fixture(scope="session")
def saturated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Queries of proteins, genes and 16S genes."""
    folder = tmp_path_factory.mktemp("saturated")
    chosen = [*fragments(6), protein_queries()[5]]
    biased = Sequence("biased", "PEPKPEPAPQPEPSPEPTPQ" * 5)
    genes = [gene(one, seed) for seed, one in enumerate(chosen[:4])]
    pieces = [
        Sequence(f"p{n} 16S", one.letters[n * 20 : n * 20 + 500]) for n, one in enumerate(real("16s-queries")[::5])
    ]
    return {
        "prot": write_fasta(folder / "prot.fa", [*chosen, biased]),
        "nucl": write_fasta(folder / "nucl.fa", genes),
        "16s": write_fasta(folder / "16s.fa", pieces),
    }


RIBOSOMAL = {
    "task": ("megablast", "blastn", "dc-megablast"),
    "limit": ("1", "5", "10", "50"),
    "ids": ("", "-parse_seqids"),
    "memory": ("ample", "tiny"),
}
EVERY_PROGRAM = {
    "program": PROGRAMS,
    "evalue": ("1e-10", "1e4"),
    "limit": ("1", "10", "50", "500"),
    "memory": ("ample", "tiny"),
}
MACHINES = {"ample": AMPLE, "tiny": TINY_MEMORY}


def cases(factors: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return cases in which every two values meet."""
    array = covering_array(factors, required(factors, pairs(factors)), lambda case: True, {})
    return [tuple(dict(case)[name] for name in factors) for case in array]


@pytest.mark.parametrize(("task", "limit", "ids", "memory"), cases(RIBOSOMAL))
def test_16s_genes_in_16s_genes_are_identical(
    task: str, limit: str, ids: str, memory: str, databases: Databases, saturated: dict[str, Path]
) -> None:
    words = ["-db", ribosomal(databases, *ids.split()), "-query", str(saturated["16s"]), "-task", task]
    words += ["-max_target_seqs", limit, "-outfmt", "6"]

    (report,) = assert_identical_here("blastn", words, machine=MACHINES[memory])

    assert report["verdicts"]["researched"] > 1


@pytest.mark.parametrize(("program", "evalue", "limit", "memory"), cases(EVERY_PROGRAM))
def test_saturated_queries_of_every_program_are_identical(
    program: str, evalue: str, limit: str, memory: str, databases: Databases, saturated: dict[str, Path]
) -> None:
    words = ["-db", many_subjects(databases, DATABASE_TYPE[program]), "-query", str(saturated[QUERY_TYPE[program]])]
    words += ["-evalue", evalue, "-max_target_seqs", limit, "-outfmt", "6"]
    if program == "blastn":
        words += ["-task", "blastn"]

    (report,) = assert_identical_here(program, words, machine=MACHINES[memory], empty=evalue == "1e-10")

    if evalue == "1e4" and int(limit) <= 50 and program != "tblastx":  # which cuts by final scores
        assert report["verdicts"]["researched"]


@pytest.mark.parametrize("comp_based_stats", ["0", "1", "3"])
@pytest.mark.parametrize("limit", [5, 100])
def test_saturated_queries_are_identical_with_other_statistics(
    comp_based_stats: str, limit: int, databases: Databases, saturated: dict[str, Path]
) -> None:
    words = ["-db", many_subjects(databases, "prot", "-parse_seqids"), "-query", str(saturated["prot"])]
    words += ["-comp_based_stats", comp_based_stats, "-max_target_seqs", str(limit), "-evalue", "1000"]

    machine = AMPLE if limit == 5 else TINY_MEMORY
    assert_identical_here("blastp", [*words, "-outfmt", "7"], machine=machine)


@pytest.mark.parametrize(
    ("evalue", "memory", "limit"),
    [
        ("1e-3", "ample", "1000"),
        ("1", "tiny", "500"),
        ("10", "ample", "1000"),
        pytest.param("1e-3", "tiny", "500", marks=pytest.mark.full),
        pytest.param("1", "ample", "1000", marks=pytest.mark.full),
        pytest.param("10", "tiny", "500", marks=pytest.mark.full),
    ],
)
def test_saturation_hidden_by_few_hits_is_found(
    evalue: str, memory: str, limit: str, databases: Databases, tmp_path: Path
) -> None:
    repeat = "PEPKPEPAPQPEPSPEPTPQ"
    subjects = [
        Sequence(f"b{n}", repeat[n % 20 :] + repeat * (1 + n % 3) + one.letters[:30])
        for n, one in enumerate(fragments(MANY))
    ]
    database = databases.of("biased", "prot", subjects)
    query = write_fasta(
        tmp_path / "q.fa", [Sequence("biased", repeat * 5), protein_queries()[5], Sequence("q3", repeat)]
    )
    words = ["-db", database, "-query", str(query), "-evalue", evalue, "-seg", "no", "-outfmt", "6"]

    assert_identical_here("blastp", [*words, "-max_target_seqs", limit], machine=MACHINES[memory], empty=True)


@pytest.mark.parametrize("options", ["-perc_identity 90", "-qcov_hsp_perc 95", "-max_hsps 1", "-subject_besthit"])
def test_filters_after_the_cut_hide_no_saturation(
    options: str, databases: Databases, saturated: dict[str, Path]
) -> None:
    words = ["-db", ribosomal(databases), "-query", str(saturated["16s"]), *options.split(), "-max_target_seqs", "5"]

    machine = TINY_MEMORY if "hsp" in options else AMPLE
    assert_identical_here("blastn", [*words, "-outfmt", "6"], machine=machine)


@pytest.mark.parametrize(
    ("outfmt", "machine"),
    [("0", AMPLE), ("0", TINY_MEMORY), ("5", TINY_MEMORY), ("7", AMPLE), ("15", AMPLE), ("17", TINY_MEMORY)],
)
def test_saturated_queries_among_others_are_printed_in_their_places(
    outfmt: str, machine: Machine, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", 3)
    pieces = real("16s-queries")
    query = write_fasta(
        tmp_path / "q.fa",
        [
            Sequence("empty of hits", "ACGTTGCAAC" * 5),
            Sequence("s1", pieces[3].letters),
            Sequence("masked", "N" * 60),
            Sequence("s2 title", pieces[9].letters[:300]),
            Sequence("short", pieces[1].letters[3:15]),
            Sequence("s3", pieces[20].letters[:200]),
            Sequence("none", "TTGACCA" * 9),
        ],
    )
    words = ["-db", ribosomal(databases), "-query", str(query), "-max_target_seqs", "7", "-outfmt", outfmt]

    assert_identical_here("blastn", words, machine=machine)


@pytest.mark.parametrize(("limit", "options"), [("1", ""), ("5", "-task blastn"), ("50", "-perc_identity 90")])
def test_database_that_is_not_cut_keeps_blasts_own_cut(
    limit: str, options: str, databases: Databases, saturated: dict[str, Path]
) -> None:
    words = ["-db", ribosomal(databases), "-query", str(saturated["16s"]), "-max_target_seqs", limit]

    for outfmt in ("0", "6"):
        assert_identical_here("blastn", [*words, *options.split(), "-outfmt", outfmt], shards=[1], sharded=None)


@pytest.mark.parametrize("volumes", [(), ("-max_file_sz", "12000"), ("-max_file_sz", "12000", "-parse_seqids")])
def test_candidates_are_taken_from_many_volumes(
    volumes: tuple[str, ...], databases: Databases, saturated: dict[str, Path]
) -> None:
    words = ["-db", ribosomal(databases, *volumes), "-query", str(saturated["16s"]), "-max_target_seqs", "5"]

    for outfmt, shards in (("0", 3), ("6", 9)):
        assert_identical_here("blastn", [*words, "-outfmt", outfmt], machine=TINY_MEMORY, shards=[shards])


@pytest.mark.parametrize(("program", "options"), [("blastn", ["-task", "blastn"]), ("blastp", ["-evalue", "1000"])])
def test_complete_gives_the_best_of_all_hits(
    program: str, options: list[str], databases: Databases, saturated: dict[str, Path]
) -> None:
    database = ribosomal(databases) if program == "blastn" else many_subjects(databases, "prot")
    query = saturated["16s" if program == "blastn" else "prot"]
    words = ["-db", database, "-query", str(query), *options, "-outfmt", "6"]
    everything = blast(program, [*words, "-max_target_seqs", "100000"])
    expected = best(everything.stdout, 5)

    found = shardblast(program, [*words, "-max_target_seqs", "5", "--exactness", "complete", "--shards", "3"])

    assert found.status == 0, found.stderr.decode()
    assert found.stdout.decode().splitlines() == expected


def best(rows: bytes, limit: int) -> list[str]:
    """Return the rows of each query's first subjects."""
    subjects: dict[str, list[str]] = {}
    kept = []
    for row in rows.decode().splitlines():
        query, subject = row.split("\t")[:2]
        seen = subjects.setdefault(query, [])
        if subject not in seen:
            seen.append(subject)
        if seen.index(subject) < limit:
            kept.append(row)
    return kept


SKIPPING = ["-task", "blastp-short", "-evalue", "1000", "-matrix", "PAM30", "-gapopen", "9", "-gapextend", "1"]
SKIPPING += ["-word_size", "6", "-threshold", "21"]
"""Options with which BLAST+ skips subjects of these queries."""


@pytest.mark.parametrize("others", [(), (1,), (2,), (1, 2)])
def test_hits_that_blast_finds_because_of_other_queries_of_the_batch_are_found(
    others: tuple[int, ...], databases: Databases, tmp_path: Path
) -> None:
    """A weak subject of the first query is skipped only if all queries have enough strong subjects."""
    queries = write_fasta(tmp_path / "queries.fa", [protein_queries()[number] for number in (0, *others)])
    words = ["-db", databases("v5", "prot"), "-query", str(queries), "-max_target_seqs", "5", "-outfmt", "6 std score"]

    assert_identical_here("blastp", [*words, *SKIPPING], shards=[2, 3])


@pytest.mark.parametrize("outfmt", ["6 std score", "0"])
def test_hits_that_depend_on_threads_are_those_of_the_given_threads(
    outfmt: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads skip other subjects than one; without -num_threads, BLAST+ has one."""
    monkeypatch.setattr("shardblast.core.cutting.SMALL_SHARD_LETTERS", 1)  # otherwise the database is too small to cut
    queries = write_fasta(tmp_path / "queries.fa", [protein_queries()[0]])
    words = ["-db", databases("v5", "prot"), "-query", str(queries), "-max_target_seqs", "5", "-outfmt", outfmt]
    outputs = set()

    for threads in ([], ["-num_threads", "1"], ["-num_threads", "2"]):
        asked = [*words, *SKIPPING, *threads]
        outputs.add(blast("blastp", asked).stdout)
        assert_identical_here("blastp", asked, shards=[1, 2, 3])
        by_itself, _ = assert_identical_here("blastp", asked, shards=["auto", "off"], sharded=None)
        assert by_itself["shards"] == (0 if threads else 1)

    assert len(outputs) == 2


def test_threads_that_split_queries_make_their_own_batches(databases: Databases, tmp_path: Path) -> None:
    long = Sequence("long", protein_queries()[1].letters * 20)
    queries = write_fasta(tmp_path / "queries.fa", [protein_queries()[0], *[long] * 3])
    words = ["-db", databases("v5", "prot"), "-query", str(queries), "-max_target_seqs", "5", "-outfmt", "6"]

    assert_identical_here("blastp", [*words, *SKIPPING, "-num_threads", "2", "-mt_mode", "1"], sharded=None)


def test_command_finds_saturated_queries_too(databases: Databases, saturated: dict[str, Path]) -> None:
    words = ["-db", ribosomal(databases), "-query", str(saturated["16s"]), "-max_target_seqs", "10"]

    report = assert_identical("blastn", words, shards=4)

    assert report["verdicts"]["researched"] > 1
