"""Ids and titles that look like those that BLAST+ and shardblast generate."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes, run
from shardblast.core.errors import InputError
from shardblast.core.events import ignore
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from shardblast.engine.stored import StoredEngine, StoredSearch
from shardblast.engine.workspace import Pool
from tests.databases import make_database
from tests.identity.comparison import (
    AMPLE,
    arguments,
    assert_identical,
    assert_identical_here,
    assert_same,
    blast,
    shardblast,
)
from tests.sequences import LETTERS, Sequence

BATCH_LETTERS = 100_000
"""The length above which a protein query ends a batch."""


def letters(number: int, dbtype: str = "prot", length: int = 0) -> str:
    return "".join(random.Random(number).choices(LETTERS[dbtype], k=length or {"prot": 120, "nucl": 300}[dbtype]))


@pytest.fixture(scope="module")
def proteins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sequences = [Sequence(f"p{number} Query_{number} title", letters(number)) for number in range(6)]
    return make_database(tmp_path_factory.mktemp("proteins") / "p", "prot", sequences, "-parse_seqids")


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two batches; in the second one some can't be searched, and titles hold numbers."""
    sequences = [
        Sequence("big", letters(9, "prot", BATCH_LETTERS + 100)),
        *(Sequence(f"Query_{number} p{number} <query-id>Query_1</query-id>", letters(number)) for number in range(6)),
        Sequence("x Query_1 y", "X" * 14),
        Sequence("Query_2 : Query_1", "X" * 20),
    ]
    path = tmp_path_factory.mktemp("queries") / "queries.fa"
    path.write_text("".join(one.fasta for one in sequences))
    return path


@pytest.mark.parametrize("outfmt", ["0", "5", "13", "14", "15", "16"])
def test_titles_of_later_batches_keep_their_words(outfmt: str, proteins: Path, queries: Path) -> None:
    words = ["-db", str(proteins), "-query", str(queries), "-outfmt", outfmt]

    assert_identical_here("blastp", words, shards=[2])


@dataclass(frozen=True)
class Odd:
    """A database, queries that find all of it, and what is odd about an id."""

    ids: tuple[str, ...]
    """The ids of its sequences."""
    dbtype: str = "prot"
    version: str = "5"


LIKE_QUERIES = Odd(("Query_1", "p1", "query_4", "lcl|Query_3", "p4", "Query_7", "Query_77", "p7"))
LIKE_OIDS = Odd(("p0", "p1", "p2", "gnl|BL_ORD_ID|1", "p4", "p5", "p6", "p7"))
OTHER_OIDS = Odd(("gnl|BL_ORD_ID|99", "p1", "p2", "p3", "p4", "p5", "p6", "p7"))
NEVER_FOUND = Odd(("p0", "p1", "p2", "gim|7", "p4", "p5", "p6", "p7"))
ODD = {
    "queries": LIKE_QUERIES,
    "queries of nucleotides": Odd(LIKE_QUERIES.ids, "nucl"),
    "OIDs": LIKE_OIDS,
    "OIDs of nucleotides": Odd(LIKE_OIDS.ids, "nucl"),
    "OIDs out of range, in version 4": Odd(OTHER_OIDS.ids, "prot", "4"),
    "an id that is not found": NEVER_FOUND,
    "an id that is not found in version 4": Odd(("p0", "p1", "bbs|8", "p3", "p4", "p5", "p6", "p7"), "prot", "4"),
}
PROGRAMS = {"prot": "blastp", "nucl": "blastn"}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Words for a search of each odd database. The queries find all sequences but one; proteins are in two batches."""
    folder = tmp_path_factory.mktemp("odd")
    words = {}
    for number, (name, one) in enumerate(ODD.items()):
        sequences = [Sequence(f"{id} title", letters(place, one.dbtype)) for place, id in enumerate(one.ids)]
        options = ("-parse_seqids", "-blastdb_version", one.version)
        database = make_database(folder / str(number), one.dbtype, sequences, *options)
        long = [Sequence("long", letters(99, "prot", BATCH_LETTERS + 100))] if one.dbtype == "prot" else []
        queries = folder / f"{number}.fa"
        asked = [Sequence(f"q{place}", letters(place, one.dbtype)) for place in (6, 1, 3, 0, 2, 4, 7)]
        queries.write_text("".join(query.fasta for query in asked[:1] + long + asked[1:]))
        words[name] = ["-db", str(database), "-query", str(queries)]
    return words


@pytest.mark.parametrize(
    ("name", "outfmt"),
    [(name, outfmt) for name in ODD for outfmt in ("0", "6 qseqid sseqid stitle pident evalue")]
    + [("queries", "5"), ("OIDs", "15"), ("queries of nucleotides", "17 SQ")],
)
def test_ids_that_blast_mistakes_are_printed_as_blast_prints_them(
    name: str, outfmt: str, odd: dict[str, list[str]]
) -> None:
    words = [*odd[name], "-outfmt", outfmt]

    assert_identical_here(PROGRAMS[ODD[name].dbtype], words, shards=[2], sharded=False)


@pytest.mark.parametrize("outfmt", ["0", "7 qseqid sseqid stitle", "13"])
@pytest.mark.parametrize("name", ["queries", "OIDs of nucleotides"])
def test_blast_continues_after_the_part_that_was_printed(outfmt: str, name: str, odd: dict[str, list[str]]) -> None:
    words = [*odd[name], "-outfmt", outfmt, *(["-out", "result"] if outfmt == "13" else [])]

    assert_identical(PROGRAMS[ODD[name].dbtype], words, shards=2, sharded=False)


@pytest.mark.parametrize(
    ("dbtype", "first", "outfmt"),
    [
        ("nucl", 0, "6 qseqid sseqid saccver stitle salltitles sallseqid"),
        ("nucl", 3, "7"),
        ("nucl", 3, "0"),
        ("prot", 3, "6 qseqid sseqid"),
    ],
)
def test_where_blast_crashes_at_an_id_it_prints_the_same_before(
    dbtype: str, first: int, outfmt: str, tmp_path: Path
) -> None:
    """It can't print a number with ``BL_ORD_ID`` where there is no sequence, nor look up a word in a later volume."""
    numbered = [f"gnl|BL_ORD_ID|{place + 2} one\x01gnl|BL_ORD_ID|{place + 2}x second" for place in range(first, 6)]
    titles = [*(f"p{place} title" for place in range(first)), *numbered]
    sequences = [Sequence(title, letters(place, dbtype)) for place, title in enumerate(titles)]
    one = make_database(tmp_path / "one", dbtype, sequences, "-parse_seqids")
    word = [Sequence("w title\x01gnl|BL_ORD_ID|1x second", letters(0, dbtype))]
    two = make_database(tmp_path / "two", dbtype, word, "-parse_seqids")
    queries = tmp_path / "queries.fa"
    queries.write_text("".join(f">q{place}\n{letters(place, dbtype)}\n" for place in (0, 4, 5)))

    for database in (str(one), f"{one} {two}"):
        words = ["-db", database, "-query", str(queries), "-outfmt", outfmt]
        expected = blast(PROGRAMS[dbtype], words)
        assert_same(shardblast(PROGRAMS[dbtype], [*words, "--shards", "2"]), expected)


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Words for searches whose hits in later volumes have second titles that are named ``gnl|BL_ORD_ID|WORD``."""
    folder = tmp_path_factory.mktemp("worded")
    titles = [
        f"n{place} title\x01gnl|BL_ORD_ID|{place}w second" if place % 4 == 2 else f"n{place}" for place in range(12)
    ]
    sequences = [Sequence(title, letters(place, "nucl", 10_000)) for place, title in enumerate(titles)]
    queries = folder / "queries.fa"
    queries.write_text("".join(f">q{place}\n{letters(place, 'nucl', 10_000)[:300]}\n" for place in range(12)))
    parts = [
        str(make_database(folder / name, "nucl", part, "-parse_seqids"))
        for name, part in (("one", sequences[:2]), ("two", sequences[2:]))
    ]
    databases = {
        f"version {version}": str(
            make_database(
                folder / version,
                "nucl",
                sequences,
                "-parse_seqids",
                "-max_file_sz",
                "12000",
                "-blastdb_version",
                version,
            )
        )
        for version in "45"
    }
    return {
        name: ["-db", database, "-query", str(queries)]
        for name, database in {"two databases": " ".join(parts), **databases}.items()
    }


@pytest.mark.parametrize(
    ("name", "outfmt"),
    [
        ("two databases", "8"),
        ("two databases", "9"),
        ("two databases", "11"),
        ("version 5", "12"),
        ("version 5", "6 qseqid evalue"),
        ("version 4", "7 sseqid"),
    ],
)
def test_words_for_oids_in_later_volumes_end_with_the_error_of_blast(
    name: str, outfmt: str, worded: dict[str, list[str]]
) -> None:
    words = [*worded[name], "-outfmt", outfmt]

    expected, actual = blast("blastn", words), shardblast("blastn", [*words, "--shards", "3"])

    assert expected.status
    assert_same(actual, expected)
    assert actual.stderr == expected.stderr


@pytest.mark.parametrize("outfmt", ["0", "6"])
def test_sequences_that_are_named_like_later_queries_do_not_prevent_splitting(outfmt: str, tmp_path: Path) -> None:
    sequences = [Sequence(f"Query_{place + 3}", letters(place)) for place in range(6)]
    database = make_database(tmp_path / "db", "prot", sequences, "-parse_seqids")
    queries = tmp_path / "queries.fa"
    queries.write_text(f">q\n{letters(1)}\n>r\n{letters(2)}\n")

    assert_identical_here("blastp", ["-db", str(database), "-query", str(queries), "-outfmt", outfmt], shards=[2])


@pytest.mark.parametrize("dbtype", ["prot", "nucl"])
def test_names_of_sequences_without_ids_are_titles(dbtype: str, tmp_path: Path) -> None:
    sequences = [Sequence(f"Query_{place} Unknown", letters(place, dbtype)) for place in range(6)]
    database = make_database(tmp_path / "db", dbtype, sequences)
    queries = tmp_path / "queries.fa"
    queries.write_text("".join(f">q{place}\n{letters(place, dbtype)}\n" for place in range(6)))

    for outfmt in ("0", "6"):
        words = ["-db", str(database), "-query", str(queries), "-outfmt", outfmt]
        assert_identical_here(PROGRAMS[dbtype], words, shards=[2])


def test_no_program_uses_the_network(tmp_path: Path) -> None:
    """The lookup of an id that does not exist, and in a database that is gone."""
    sequences = [Sequence(id, letters(place)) for place, id in enumerate(NEVER_FOUND.ids)]
    database = make_database(tmp_path / "db", "prot", sequences, "-parse_seqids")
    (tmp_path / "queries.fa").write_text(f">q\n{letters(3)}\n")
    archive = tmp_path / "archive"
    words = ["-db", str(database), "-query", str(tmp_path / "queries.fa"), "-outfmt", "11", "-out", str(archive)]
    subprocess.run(["blastp", *words], check=True)

    for name in ("found", "gone"):
        finished = run(["blast_formatter", "-archive", str(archive), "-outfmt", "0"])
        assert finished.status, name
        assert b"ncbi.nlm.nih.gov" not in finished.stderr, name
        for file in tmp_path.glob("db.*"):
            file.unlink()


@pytest.mark.parametrize("name", ["queries", "OIDs", "an id that is not found"])
def test_a_stored_search_reports_ids_that_it_cannot_keep(name: str, odd: dict[str, list[str]], tmp_path: Path) -> None:
    installation, pool, processes = find_installation(), Pool(2), Processes()
    engine = StoredEngine(installation, AMPLE, pool)
    options = parse(Program.BLASTP, [*odd[name], "-outfmt", "11", "--shards", "2"], arguments("blastp"))
    database = open_database(installation, options.text("db") or "", Molecule.PROTEIN)
    shutil.copyfile(options.text("query") or "", tmp_path / "query.fa")

    plan = engine.plan(options, database, tmp_path, processes)
    with pytest.raises(InputError, match="a sequence of the database has"):
        engine.search(StoredSearch(options, plan, tmp_path), database, ignore, processes)

    pool.close()
