"""Stored results, printed when their database is gone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.bootstrap import known_arguments
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Program
from shardblast.engine.machine import this_machine
from shardblast.engine.pool import Pool
from shardblast.engine.sequences import HitSequences
from shardblast.engine.stored import StoredEngine, StoredPlan, _Silent
from tests.databases import KINDS, Databases, make_database
from tests.sequences import Sequence, nucleotides, proteins, real

NAME = "named"
COLUMNS = (
    "6 qseqid sseqid sallseqid sgi sallgi sacc saccver sallacc slen staxid staxids ssciname scomname sblastname "
    "sskingdom stitle salltitles sstrand qcovs evalue bitscore score sseq btop"
)
FORMATS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "15", "16", "18", COLUMNS)
FEW_FORMATS = ("0", "5", "15", COLUMNS)
ALL_FORMATS_OF = ("v4", "v5-ids", "v5-volumes")
PROGRAMS = {"nucl": Program.BLASTN, "prot": Program.BLASTP}
SUFFIXES = {"nucl": "nal", "prot": "pal"}


@dataclass
class Store:
    """A place to search in, with one database under a name."""

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
        plan = self.engine.plan(wanted, database, self.folder / "query.fa", self.folder)
        self.engine.search(wanted, database, plan, self.folder, _Silent(), Processes())
        ids = self.print(program, plan, "6 sseqid", *options, named=True).decode().split()
        scratch = self.folder / "scratch"
        scratch.mkdir()
        assert self.engine.keep_sequences(database, self.folder, ids, scratch, 1 << 30)
        shutil.rmtree(scratch)
        return wanted, plan

    def print(self, program: Program, plan: StoredPlan, outfmt: str, *options: str, named: bool = False) -> bytes:
        scratch = self.folder / "print"
        scratch.mkdir()
        database = open_database(self.engine.installation, NAME, program.database_molecule) if named else None
        wanted = self.options(program, outfmt, *options)
        with (self.folder / "out").open("wb") as target:
            self.engine.print(wanted, database, plan, self.folder, target, scratch)
        shutil.rmtree(scratch)
        return (self.folder / "out").read_bytes()

    def plainly(self, program: Program, outfmt: str, *options: str) -> bytes:
        argv = [program.value, "-db", NAME, "-query", str(self.folder / "query.fa"), "-outfmt", outfmt, *options]
        return subprocess.run(argv, capture_output=True, check=True).stdout

    def options(self, program: Program, outfmt: str, *options: str) -> SearchOptions:
        words = ["-db", NAME, "-query", str(self.folder / "query.fa"), "-outfmt", outfmt, *options, "--shards", "3"]
        return parse(program, words, known_arguments(self.engine.installation, program))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    folder = tmp_path / "search"
    folder.mkdir()
    monkeypatch.setenv("BLASTDB", str(folder))
    pool = Pool(2)
    yield Store(folder, StoredEngine(find_installation(), this_machine(), pool))
    pool.close()


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_result_is_printed_without_its_database(store: Store, databases: Databases, kind: str, dbtype: str) -> None:
    program, sequences = PROGRAMS[dbtype], {"nucl": nucleotides, "prot": proteins}[dbtype]()
    store.name_database(dbtype, databases(kind, dbtype))
    _, plan = store.search(program, sequences[:6], "-max_target_seqs", "20")
    formats = FORMATS if kind in ALL_FORMATS_OF else FEW_FORMATS
    formats = (*formats, "17") if dbtype == "nucl" else formats
    expected = {outfmt: store.plainly(program, outfmt, "-max_target_seqs", "20") for outfmt in formats}

    (store.folder / f"{NAME}.{SUFFIXES[dbtype]}").unlink()

    for outfmt in formats:
        assert store.print(program, plan, outfmt, "-max_target_seqs", "20") == expected[outfmt], outfmt


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
    expected = {outfmt: store.plainly(Program.BLASTP, outfmt) for outfmt in FORMATS}

    shutil.rmtree(path.parent)

    assert b"9606" in expected[COLUMNS]
    for outfmt in FORMATS:
        assert store.print(Program.BLASTP, plan, outfmt) == expected[outfmt], outfmt


def test_a_result_without_hits_is_printed_without_its_database(store: Store, databases: Databases) -> None:
    store.name_database("prot", databases("v5-ids", "prot"))
    nothing = (Sequence("nothing", "WWWWCCCCHHHHMMMM"),)
    _, plan = store.search(Program.BLASTP, nothing, "-evalue", "1e-50")
    expected = {outfmt: store.plainly(Program.BLASTP, outfmt, "-evalue", "1e-50") for outfmt in FORMATS}

    (store.folder / f"{NAME}.pal").unlink()

    for outfmt in FORMATS:
        assert store.print(Program.BLASTP, plan, outfmt, "-evalue", "1e-50") == expected[outfmt], outfmt


def test_sequences_that_are_too_large_are_not_kept(store: Store, databases: Databases, tmp_path: Path) -> None:
    store.name_database("prot", databases("v5", "prot"))
    database = open_database(store.engine.installation, NAME, Program.BLASTP.database_molecule)

    assert not store.engine.keep_sequences(database, store.folder, [], tmp_path, 100)
    assert not HitSequences(store.folder).are_kept
