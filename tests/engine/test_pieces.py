"""What a merge reads from the parts of a database, on this machine or on the nodes of a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shardblast.blast.database import Database, open_database
from shardblast.blast.hits import ListCarrier
from shardblast.blast.installation import find_installation
from shardblast.blast.sequences import by_volume
from shardblast.blast.volume import View, VolumeWriter
from shardblast.bootstrap import known_arguments
from shardblast.core.cutting import Shard
from shardblast.core.errors import InputError
from shardblast.core.events import Purpose
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from shardblast.engine.pieces import Parts, PieceOptions, part_of, shards_of, view_of, whole_of
from shardblast.engine.workspace import SEARCH, PieceRun
from tests.cluster.parts import LocalCluster
from tests.databases import Databases
from tests.engine.places import EVALUE, local, remote
from tests.sequences import nucleotide_queries

SHARDS = 4
PAIRS = "6 qseqid sseqid"
Made = AbstractContextManager[Parts]


@pytest.mark.parametrize(
    ("program", "given", "limit"),
    [
        (Program.BLASTP, "1e-5", 11),  # blastp aligns exactly
        (Program.BLASTP, "1000", 10_000),
        (Program.BLASTX, "1e-5", 2**40 / 2**26),  # any HSP that BLAST+ may link is listed by itself
        (Program.TBLASTN, "1e5", 1e6),
    ],
)
def test_lists_of_the_best_subjects_have_a_large_limit_of_the_evalue(
    program: Program, given: str, limit: float
) -> None:
    known = known_arguments(find_installation(), program)
    options = PieceOptions(parse(program, ["-db", "d", "-evalue", given, "-comp_based_stats", "3"], known))

    argv = options.best(2**40, 100)

    named = dict(zip(argv[::2], argv[1::2], strict=True))
    assert float(named["-evalue"]) == pytest.approx(limit, rel=1e-4)
    assert (named["-comp_based_stats"], named["-xdrop_gap_final"], named["-max_target_seqs"]) == ("0", "15", "100")


@dataclass(frozen=True)
class Place:
    """Parts of a database, and the whole of it to compare with."""

    parts: Parts
    database: Database
    shards: tuple[Shard, ...]
    folder: Path

    @property
    def queries(self) -> Path:
        file = self.folder / "queries.fa"
        file.write_text("".join(one.fasta for one in nucleotide_queries()))
        return file

    def run(self, name: str, argv: list[str], shard: int | None = None) -> PieceRun:
        purpose = Purpose("candidates" if shard is None else SEARCH, 0, shard)
        return PieceRun(argv, self.queries, PAIRS, self.folder / name, purpose, "a run of a test", (1,))

    def blast(self, program: str, *words: str) -> list[str]:
        argv = [program, "-db", self.database.name, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()

    def listed(self, form: str) -> list[str]:
        return self.blast("blastdbcmd", "-entry", "all", "-outfmt", form)


@pytest.fixture(scope="module")
def database(databases: Databases) -> Database:
    """A database of a dozen volumes, in which each sequence has its own id."""
    return open_database(find_installation(), databases("v5-volumes-ids", "nucl"), Molecule.NUCLEOTIDE)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("parts")
    one = LocalCluster(folder, (folder / "storage").as_uri())
    one.add_database("genes", database.name)
    one.start("a", "b")
    yield one
    one.close()


@pytest.fixture(params=["local", "remote"])
def place(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    shards = shards_of(database, SHARDS)
    assert len(shards) == SHARDS
    made: Callable[[], Made] = lambda: local(database, tmp_path)  # noqa: E731
    if request.param == "remote":
        cluster = request.getfixturevalue("cluster")
        monkeypatch.setenv("SHARDBLAST_STORAGE", cluster.storage)
        made = lambda: remote(cluster, "genes", shards, tmp_path)  # noqa: E731
    with made() as parts:
        yield Place(parts, database, shards, tmp_path)


def test_runs_in_all_shards_find_the_hits_of_the_whole_database(place: Place) -> None:
    runs = [place.run(f"out.{shard.index}", EVALUE, shard.index) for shard in place.shards]
    futures = [place.parts.start(part_of(shard), run) for shard, run in zip(place.shards, runs, strict=True)]
    for future in futures:
        future.result()

    expected = place.blast("blastn", "-query", str(place.queries), *EVALUE, "-outfmt", PAIRS)
    found = [line for run in runs for line in run.out.read_text().splitlines()]
    assert expected
    assert set(found) == set(expected)
    assert sum(bool(run.out.read_text()) for run in runs) > 1


def test_a_run_in_an_oid_range_sees_only_that(place: Place) -> None:
    (shard, *_) = [one for one in shards_of(place.database, 200) if one.oids is not None]
    run = place.run("out", EVALUE)

    place.parts.start(part_of(shard), run).result()

    assert shard.oids is not None
    oids = range(shard.first_oid, shard.first_oid + len(shard.oids))
    ids = {one.split()[1] for one in place.listed("%o %a") if int(one.split()[0]) in oids}
    expected = place.blast("blastn", "-query", str(place.queries), *EVALUE, "-outfmt", PAIRS)
    assert set(run.out.read_text().split("\n")) - {""} == {one for one in expected if one.split("\t")[1] in ids}


def test_a_run_in_the_whole_database_prints_the_output_of_blast(place: Place) -> None:
    run = place.run("out", EVALUE)

    place.parts.start(whole_of(place.database), run).result()

    expected = place.blast("blastn", "-query", str(place.queries), *EVALUE, "-outfmt", PAIRS)
    assert run.out.read_text().splitlines() == expected


def test_a_run_that_fails_reports_the_message_of_blast(place: Place) -> None:
    run = place.run("out", ["-evalue", "nothing"])

    with pytest.raises(InputError, match="evalue"):
        place.parts.start(part_of(place.shards[0]), run).result()

    assert not run.out.exists()


def test_an_existing_piece_is_not_searched_again(place: Place) -> None:
    run = place.run("out", EVALUE, 0)
    run.out.write_text("of an earlier run")

    place.parts.start(part_of(place.shards[0]), run).result()

    assert run.out.read_text() == "of an earlier run"


@pytest.mark.parametrize("view", View)
def test_a_run_in_views_names_subjects_by_their_oids(view: View, place: Place) -> None:
    carrier, argv = ListCarrier(), [*EVALUE, "-max_hsps", "1"]
    runs = [replace(place.run(f"out.{shard.index}", argv), outfmt=carrier.outfmt) for shard in place.shards]
    started = [place.parts.start(view_of(view, shard), run) for shard, run in zip(place.shards, runs, strict=True)]
    for future in started:
        future.result()

    ids = dict(line.split() for line in place.listed("%o %a"))
    queries = [one.title.split()[0] for one in nucleotide_queries()]
    found = {
        f"{queries[hits.ordinal]}\t{ids[str(place.database.first_oids[shard.volumes[0]] + int(name) // view.spread)]}"
        for shard, run in zip(place.shards, runs, strict=True)
        for hits in carrier.read(run.out, len(queries))
        for name in carrier.subjects(hits)
    }
    assert found == set(place.blast("blastn", "-query", str(place.queries), *EVALUE, "-outfmt", PAIRS))


def test_the_number_of_letters_is_about_right(place: Place) -> None:
    lengths = [int(line) for line in place.listed("%l")]

    assert place.parts.letters_of(range(len(lengths))) == pytest.approx(sum(lengths), rel=0.05)
    assert place.parts.letters_of([]) == 0


def test_sequences_are_read_from_any_volume_in_the_requested_order(place: Place) -> None:
    oids = [oid for shard in place.shards for oid in (shard.first_oid, shard.first_oid + 1)]

    copy, expected = place.folder / "copy", place.folder / "expected"
    VolumeWriter(copy, place.database.molecule).write(place.parts.sources(oids))
    VolumeWriter(expected, place.database.molecule).write(by_volume(place.database, oids))

    for suffix in ("nsq", "nhr", "nin"):
        assert copy.with_name(f"copy.{suffix}").read_bytes() == expected.with_name(f"expected.{suffix}").read_bytes()
