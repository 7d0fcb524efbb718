"""Stored results, printed after their database was removed."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.core.errors import InputError
from shardblast.core.events import PieceStarted, Warned, ignore
from shardblast.core.formatting import Printing, printed_with
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Program
from shardblast.core.report import PieceReport
from shardblast.engine.kept_sequences import HitSequences, StoredFilter
from shardblast.engine.sharded import piece_file
from shardblast.engine.stored import StoredEngine, StoredPlan, StoredSearch
from shardblast.engine.workspace import Pool, this_machine
from tests.databases import KINDS, Databases, make_database
from tests.identity.comparison import arguments, as_they_stand
from tests.sequences import Sequence, nucleotides, proteins, real, write_fasta

NAME = "named"
COLUMNS = (
    "6 qseqid sseqid sallseqid sgi sallgi sacc saccver sallacc slen staxid staxids ssciname scomname sblastname "
    "sskingdom stitle salltitles sstrand qcovs evalue bitscore score sseq btop"
)
FORMATS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "15", "16", "18", COLUMNS)
FEW_FORMATS = ("0", COLUMNS)
LISTED_FORMATS = ("0", "3", "5", "8", "9", "12", "15", "18", COLUMNS)
ALL_FORMATS_OF = (("v4-ids", "nucl"), ("v5-volumes-ids", "prot"))
PROGRAMS = {"nucl": Program.BLASTN, "prot": Program.BLASTP}
AS_SEARCHED = Printing()
SUFFIXES = {"nucl": "nal", "prot": "pal"}


@dataclass
class Store:
    """A place to search in, with one database under a name and one file of queries."""

    folder: Path
    engine: StoredEngine

    def name_database(self, dbtype: str, path: str) -> None:
        alias = self.folder / f"{NAME}.{SUFFIXES[dbtype]}"
        alias.write_text(f"TITLE a database to be lost\nDBLIST {path}\n")

    def search(
        self, program: Program, queries: tuple[Sequence, ...], *options: str
    ) -> tuple[SearchOptions, StoredPlan]:
        (self.folder / "query.fa").write_text("".join(one.fasta for one in queries))
        wanted = self.options(program, "11", *options)
        database = open_database(self.engine.installation, NAME, program.database_molecule)
        plan = self.engine.plan(wanted, database, self.folder, Processes())
        self.engine.search(StoredSearch(wanted, plan, self.folder), database, ignore, Processes())
        ids = self.print(program, plan, "6 sseqid", *options, named=True).decode().split()
        scratch = self.folder / "scratch"
        scratch.mkdir()
        kept = HitSequences(self.folder)
        is_kept = kept.keep(self.engine.installation, Processes(), database, ids, scratch, 1 << 30)
        assert is_kept is not StoredFilter(self.folder).hides_titles
        shutil.rmtree(scratch)
        return wanted, plan

    def print(
        self,
        program: Program,
        plan: StoredPlan,
        outfmt: str,
        *options: str,
        named: bool = False,
        printing: Printing = AS_SEARCHED,
    ) -> bytes:
        scratch = self.folder / "print"
        scratch.mkdir()
        database = open_database(self.engine.installation, NAME, program.database_molecule) if named else None
        wanted = printed_with(self.options(program, outfmt, *options), printing)
        with (self.folder / "out").open("wb") as target:
            self.engine.print(StoredSearch(wanted, plan, self.folder), database, target, scratch, Processes())
        shutil.rmtree(scratch)
        return (self.folder / "out").read_bytes()

    def plainly(self, program: Program, outfmt: str, *options: str) -> bytes:
        argv = [program.value, "-db", NAME, "-query", str(self.folder / "query.fa"), "-outfmt", outfmt, *options]
        return subprocess.run(argv, capture_output=True, check=True).stdout

    def reprinted(self, program: Program, outfmt: str, options: tuple[str, ...], *printing: str) -> bytes:
        """Return what BLAST+'s own printer makes of the archive of an unsharded search."""
        archive = self.folder / f"plain{''.join(options)}.asn"
        if not archive.exists():
            archive.write_bytes(self.plainly(program, "11", *options))
        argv = ["blast_formatter", "-archive", str(archive), "-outfmt", outfmt, *printing]
        return subprocess.run(argv, capture_output=True, check=True).stdout

    def options(self, program: Program, outfmt: str, *options: str) -> SearchOptions:
        words = ["-db", NAME, "-query", str(self.folder / "query.fa"), "-outfmt", outfmt, *options, "--shards", "3"]
        return parse(program, words, arguments(program.value))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    folder = tmp_path / "search"
    folder.mkdir()
    monkeypatch.setenv("BLASTDB", str(folder))
    pool = Pool(2)
    yield Store(folder, StoredEngine(find_installation(), this_machine(), pool))
    pool.close()


@pytest.mark.parametrize(
    ("kind", "dbtype"),
    [
        pytest.param(kind, dbtype, marks=[pytest.mark.full] * ((number + number // 2 + turn) % 2))
        for number, kind in enumerate(KINDS)
        for turn, dbtype in enumerate(PROGRAMS)
    ],
)
def test_a_result_is_printed_without_its_database(store: Store, databases: Databases, kind: str, dbtype: str) -> None:
    program, sequences = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases(kind, dbtype))
    _, plan = store.search(program, sequences[:6], "-max_target_seqs", "20")
    formats = FORMATS if (kind, dbtype) in ALL_FORMATS_OF else FEW_FORMATS
    formats = (*formats, "17") if dbtype == "nucl" and formats is FORMATS else formats
    expected = {outfmt: store.plainly(program, outfmt, "-max_target_seqs", "20") for outfmt in formats}

    (store.folder / f"{NAME}.{SUFFIXES[dbtype]}").unlink()

    for outfmt in formats:
        assert store.print(program, plan, outfmt, "-max_target_seqs", "20") == expected[outfmt], outfmt


@pytest.mark.parametrize("dbtype", PROGRAMS)
def test_queries_without_hits_or_names_keep_the_numbers_of_the_others(
    store: Store, databases: Databases, dbtype: str
) -> None:
    program, (first, *others) = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases("v5", dbtype))
    letters = {"nucl": "ACGT", "prot": "MKVW"}[dbtype]
    without = [Sequence("", "".join(Random(number).choices(letters, k=200))) for number in range(3)]
    unsearchable, found = Sequence("", "NX"[dbtype == "prot"] * 60), Sequence("", first.letters)
    named = Sequence("same", first.letters)
    queries = (without[0], found, unsearchable, others[0], without[1], found, named, without[2])
    formats = ("5", "6", "7", "8", "10 qseqid sseqid qcovs evalue", "12", COLUMNS)
    _, plan = store.search(program, queries, "-evalue", "1e-9")

    for outfmt in formats:
        expected = store.plainly(program, outfmt, "-evalue", "1e-9")
        assert store.print(program, plan, outfmt, "-evalue", "1e-9") == expected, outfmt
    assert b"Query_6\t" in store.print(program, plan, "6", "-evalue", "1e-9")


@pytest.mark.parametrize("dbtype", PROGRAMS)
def test_a_search_without_any_hits_is_a_line(store: Store, databases: Databases, dbtype: str) -> None:
    program, letters = PROGRAMS[dbtype], {"nucl": "ACGT", "prot": "MKVW"}[dbtype]
    store.name_database(dbtype, databases("v5", dbtype))
    queries = tuple(Sequence(f"q{n}", "".join(Random(n).choices(letters, k=300))) for n in range(120))

    _, plan = store.search(program, queries, "-evalue", "1e-30")

    assert (store.folder / "merged" / "0.asn").stat().st_size < 40
    for outfmt in ("0", "6", "7", "10", "15"):
        expected = store.plainly(program, outfmt, "-evalue", "1e-30")
        assert store.print(program, plan, outfmt, "-evalue", "1e-30") == expected, outfmt


@pytest.mark.parametrize("version", ["4", "5"])
def test_taxids_and_every_kind_of_id_are_kept(store: Store, tmp_path: Path, version: str) -> None:
    some = real("proteins")[:12]
    ids = ["ref|NP_000001.1|", "pdb|1ABC|A", "gnl|mine|x1", "lcl|777", "sp|P12345.1|NAME_HUMAN", "tr|Q9ABC1|X"]
    ids += ["gi|123|gb|AAA12345.1|", "bare", "pir||A12345", "prf||1234567A", "emb|CAA12345.2|", "dbj|BAA12345.1|"]
    merged = [Sequence(name, one.letters) for name, one in zip(ids, some, strict=True)]
    merged[0] = Sequence("ref|NP_000001.1| first title\x01ref|XP_900001.2| second title", some[0].letters)
    taxids = tmp_path / "taxids"
    taxids.write_text("NP_000001.1 9606\nXP_900001.2 10090\nP12345.1 562\n")
    options = ("-parse_seqids", "-blastdb_version", version, "-taxid_map", str(taxids))
    path = make_database(tmp_path / "ids" / "db", "prot", merged, *options)
    store.name_database("prot", str(path))
    _, plan = store.search(Program.BLASTP, some)
    formats = FORMATS if version == "5" else LISTED_FORMATS
    expected = {outfmt: store.plainly(Program.BLASTP, outfmt) for outfmt in formats}

    shutil.rmtree(path.parent)

    assert b"9606" in expected[COLUMNS]
    for outfmt in formats:
        assert store.print(Program.BLASTP, plan, outfmt) == expected[outfmt], outfmt


MERGED = (
    "M36661.1 one\x01M36662 second\x01s1 third",
    "NM_000101 two\x01s9 nine",
    "sp|P12345.2|NAME three\x01M36670 second",
    "s2 four\x01s3 second",
    "s4 five",
    "pdb|1ABC|A six\x01s5 second",
    "gi|77|gb|M36680.1| seven\x01gi|78|gb|M36681.1| second",
    "s6 eight\x01M36690.3 second",
    "gnl|lab|7 nine\x01M36691 second",
    "pir||A12345 ten",
    "s7 eleven",
    "prf||1234567A twelve",
)
SOME_IDS = "M36661 NM_000101 s2 s4 pdb|1ABC|A M36670 M36681 s5 s6 M36690 A12345 1234567A lab:7 s7"
WHOLE_IDS = "s2 s3 s4 M36680 M36681 s7 A12345 1234567A"
TAXID_MAP = "M36661.1 9606\nM36662 10090\ns1 562\ns2 9606\ns3 562\nP12345.2 9606\nM36690.3 9606\n1ABC_A 562\ns5 9606\n"


@pytest.mark.parametrize(
    ("dbtype", "version", "name", "listed", "hides"),
    [
        ("nucl", "5", "seqidlist", SOME_IDS, True),
        ("prot", "4", "seqidlist", SOME_IDS, True),
        ("prot", "5", "seqidlist", WHOLE_IDS, False),
        ("nucl", "5", "taxidlist", "9606", True),
    ],
)
def test_a_result_under_a_list_shows_the_ids_and_titles_that_blast_shows(
    store: Store, tmp_path: Path, dbtype: str, version: str, name: str, listed: str, hides: bool
) -> None:
    """If titles are hidden, the sequences are not kept, and the database prints the result."""
    program, sequences = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    long = [one.letters for one in sequences if len(one.letters) >= 60][: len(MERGED)]
    merged = [Sequence(title, letters) for title, letters in zip(MERGED, long, strict=True)]
    (tmp_path / "taxids").write_text(TAXID_MAP)
    (tmp_path / "list").write_text(listed.replace(" ", "\n") + "\n")
    options = ("-parse_seqids", "-blastdb_version", version, "-taxid_map", str(tmp_path / "taxids"))
    store.name_database(dbtype, str(make_database(tmp_path / "merged" / "db", dbtype, merged, *options)))
    words = (f"-{name}", str(tmp_path / "list"), *(as_they_stand(program.value) if name == "taxidlist" else ()))
    _, plan = store.search(program, tuple(Sequence(f"q{place}", letters) for place, letters in enumerate(long)), *words)
    expected = {outfmt: store.plainly(program, outfmt, *words) for outfmt in LISTED_FORMATS}

    assert HitSequences(store.folder).are_kept is not hides
    for outfmt in LISTED_FORMATS:
        assert store.print(program, plan, outfmt, *words, named=hides) == expected[outfmt], outfmt


def test_a_result_without_hits_is_printed_without_its_database(store: Store, databases: Databases) -> None:
    store.name_database("prot", databases("v5-ids", "prot"))
    nothing = (Sequence("nothing", "WWWWCCCCHHHHMMMM"),)
    _, plan = store.search(Program.BLASTP, nothing, "-evalue", "1e-50")
    expected = {outfmt: store.plainly(Program.BLASTP, outfmt, "-evalue", "1e-50") for outfmt in FORMATS}

    (store.folder / f"{NAME}.pal").unlink()

    for outfmt in FORMATS:
        assert store.print(Program.BLASTP, plan, outfmt, "-evalue", "1e-50") == expected[outfmt], outfmt


def test_a_result_is_printed_while_pieces_of_other_searches_use_every_core(store: Store, databases: Databases) -> None:
    store.name_database("prot", databases("v5-ids", "prot"))
    _, plan = store.search(Program.BLASTP, proteins()[:2])
    expected = store.plainly(Program.BLASTP, "0")
    ended = threading.Event()
    for _ in range(store.engine.pool.size):
        store.engine.pool.submit(ended.wait, (0,))

    try:
        assert store.print(Program.BLASTP, plan, "0") == expected
    finally:
        ended.set()


def test_sequences_that_are_too_large_are_not_kept(store: Store, databases: Databases, tmp_path: Path) -> None:
    store.name_database("prot", databases("v5", "prot"))
    database = open_database(store.engine.installation, NAME, Program.BLASTP.database_molecule)

    kept = HitSequences(store.folder)
    assert not kept.keep(store.engine.installation, Processes(), database, [], tmp_path, 100)
    assert not HitSequences(store.folder).are_kept


PRINTINGS = (
    Printing(html=True),
    Printing(html=True, show_gis=True, line_length=35),
    Printing(show_gis=True),
    Printing(line_length=1),
    Printing(line_length=77),
    *(Printing(sorthits=order) for order in (0, 1, 3, 4)),  # not 2: see below
    *(Printing(sorthsps=order) for order in range(5)),
    Printing(sorthits=3, sorthsps=4, html=True),
)


@pytest.mark.parametrize(("dbtype", "limit"), [("nucl", ()), ("prot", ("-max_target_seqs", "7"))])
def test_a_result_is_printed_as_blast_would_have_printed_it(
    store: Store, databases: Databases, dbtype: str, limit: tuple[str, ...]
) -> None:
    program, sequences = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases("v4", dbtype))
    _, plan = store.search(program, sequences[:4], *limit)

    for place, printing in enumerate(PRINTINGS):
        words = words_of(printing)
        outfmt = ("0", "2", "5", "0", "6", "7")[place % 6]
        printed = store.print(program, plan, outfmt, *limit, printing=printing)
        assert printed == store.plainly(program, outfmt, *limit, *words), (outfmt, words)


COUNTS = ((None, 3), (3, None), (9, 2), (2, 9), (0, 4), (4, 0), (None, 0), (20, 20))


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
def test_fewer_hits_are_printed_than_were_kept(store: Store, databases: Databases, dbtype: str) -> None:
    program, (query, *_) = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases("v5", dbtype))
    limit = ("-max_target_seqs", "20")
    _, plan = store.search(program, (query,), *limit)

    for counts in COUNTS:
        descriptions, alignments = (20 if count is None else count for count in counts)
        words = ("-num_descriptions", str(descriptions), "-num_alignments", str(alignments))
        for outfmt in ("0", "3"):
            expected = store.reprinted(program, outfmt, limit, *words)
            printed = store.print(program, plan, outfmt, *limit, printing=Printing(*counts))
            assert without_statistics(printed) == without_statistics(expected), (counts, outfmt)


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
def test_a_list_as_long_as_the_kept_one_equals_the_output_of_blast(
    store: Store, databases: Databases, dbtype: str
) -> None:
    program, sequences = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases("v5-ids", dbtype))
    _, plan = store.search(program, sequences[:5])

    for counts in ((None, 3), (500, 0), (500, 500), (None, None)):
        printing = Printing(*counts)
        printed = store.print(program, plan, "0", printing=printing)
        assert printed == store.plainly(program, "0", *words_of(printing)), counts


@pytest.mark.parametrize(
    ("options", "outfmt", "printing"),
    [
        (("-max_target_seqs", "7"), "0", Printing(num_descriptions=8)),
        (("-max_target_seqs", "7"), "0", Printing(num_descriptions=3, num_alignments=8)),
        ((), "0", Printing(num_alignments=501)),
        ((), "6", Printing(num_alignments=3)),
        ((), "5", Printing(num_descriptions=3)),
        ((), "0", Printing(num_descriptions=0, num_alignments=0)),
        ((), "0", Printing(sorthits=9)),
        ((), "0", Printing(line_length=0)),
    ],
)
def test_subjects_that_were_not_kept_are_not_printed(
    store: Store, options: tuple[str, ...], outfmt: str, printing: Printing
) -> None:
    searched = store.options(Program.BLASTN, outfmt, *options)

    with pytest.raises(InputError):
        printed_with(searched, printing)


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
def test_hits_are_sorted_by_total_score_as_blast_formatter_sorts_them(
    store: Store, databases: Databases, dbtype: str
) -> None:
    """BLAST+ itself adds scores up with digits that its archives do not hold, so it may order equal sums otherwise."""
    program, (query, *_) = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases("v4", dbtype))
    _, plan = store.search(program, (query,))

    printed = store.print(program, plan, "0", printing=Printing(sorthits=2))

    assert without_statistics(printed) == without_statistics(store.reprinted(program, "0", (), "-sorthits", "2"))


def without_statistics(printed: bytes) -> bytes:
    """Return the text without the parts that ``blast_formatter`` can't print for composition-based searches."""
    return printed.partition(b"\n\nLambda ")[0]


def words_of(printing: Printing) -> list[str]:
    return [word for name, value in printing.given.items() for word in (f"-{name}", value) if word is not None]


@pytest.mark.parametrize("resumed", [False, True])
def test_a_search_in_the_whole_database_warns_like_blast(store: Store, databases: Databases, resumed: bool) -> None:
    store.name_database("nucl", databases("v5", "nucl"))
    some = nucleotides()
    queries = (some[0], Sequence("never", "N" * 60), some[1], Sequence("again", "N" * 80))
    query = write_fasta(store.folder / "query.fa", queries)
    words = ["-db", NAME, "-query", str(query), "-outfmt", "11", "-max_target_seqs", "3"]
    options = parse(Program.BLASTN, [*words, "--shards", "1"], arguments("blastn"))
    database = open_database(store.engine.installation, NAME, Program.BLASTN.database_molecule)
    plan = store.engine.plan(options, database, store.folder, Processes())
    plain = subprocess.run(["blastn", *words], capture_output=True, check=True)
    if resumed:
        piece_file(store.folder, 0, 0).write_bytes(plain.stdout)

    heard: list[object] = []
    store.engine.search(StoredSearch(options, plan, store.folder), database, heard.append, Processes())

    assert b"".join(event.text for event in heard if isinstance(event, Warned)) == plain.stderr
    assert b"5 or more matches" in plain.stderr
    assert sum(isinstance(event, PieceStarted) for event in heard) == (not resumed)
    probes = [event for event in heard if isinstance(event, PieceReport) and event.purpose == "probe"]
    assert len(probes) == resumed, "another process need not print what the piece prints"
