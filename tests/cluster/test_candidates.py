"""Queries with very many hits, for which the shards return ever longer lists of candidates."""

from __future__ import annotations

import os
import pickle
import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shardblast.blast.database import Database, open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Finished, Processes
from shardblast.bootstrap import known_arguments
from shardblast.cluster.assignment import NodeTask
from shardblast.cluster.connection import Cluster, Timings
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.messages import MERGING, SENT_BY_MERGES, SearchOrder
from shardblast.core.cutting import Choice, Shard
from shardblast.core.errors import ATTEMPTS, NetworkError, NodesDied
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from shardblast.engine import candidates
from shardblast.engine.pieces import Part, Parts, batches_of, choose_carrier, shards_of
from shardblast.engine.printing import open_printer
from shardblast.engine.sharded import ShardedSearch
from shardblast.engine.workspace import PieceRun, Pool, Work
from tests.cluster.parts import LocalCluster
from tests.cluster.test_assignment import generation
from tests.databases import Databases
from tests.engine.places import LETTERS, local, remote
from tests.identity.comparison import DATABASE_TYPE
from tests.sequences import Sequence, copies_with_codes, gene, protein_family, unrelated_proteins
from tests.service.processes import blast
from tests.waiting import until

GENE = "".join(random.Random(1).choices("ACGT", k=120))
QUERY = Sequence("gene", GENE).fasta
BEST = ("-max_target_seqs", "1")
KINDS = {"plain": (), "ids": ("-parse_seqids",)}


def copies_among_others(with_codes: int, changed: int) -> Iterator[Sequence]:
    """Yield copies of the gene, then more sequences of no likeness, so that the copies are less than half of all."""
    yield from copies_with_codes(GENE, with_codes, changed)
    for number in range(with_codes + changed + 40):
        yield Sequence(f"other{number}", "".join(random.Random(number + 2).choices("ACGT", k=120)))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("candidates")
    one = LocalCluster(folder, (folder / "storage").as_uri())
    one.start("a", "b")
    yield one
    one.close()


@pytest.fixture(scope="module")
def added() -> set[str]:
    """The names of the cluster's databases: the tests of a file may run in any order, and in several processes."""
    return set()


@pytest.mark.parametrize("place", ["local", "remote"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", ["-evalue 1e-6", "-evalue 10", "-culling_limit 1"])
def test_lists_of_several_passes_find_the_hits_of_blast(
    options: str,
    kind: str,
    place: str,
    cluster: LocalCluster,
    added: set[str],
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A strict ``-evalue`` allows limits of the score, and ``-culling_limit`` needs all hits in lists that grow."""
    monkeypatch.setattr(candidates, "FIRST_LIMIT", 2)
    monkeypatch.setattr(candidates, "GROWTH", 4)
    monkeypatch.setattr(candidates, "SHORTEST_VIEW_LIST", 2)
    monkeypatch.setenv("SHARDBLAST_STORAGE", cluster.storage)
    name, words = f"few-{kind}", options.split()
    path = databases.of(name, "nucl", copies_among_others(220, 120), "-max_file_sz", "8000", *KINDS[kind])
    database = open_database(find_installation(), path, Molecule.NUCLEOTIDE)
    shards = shards_of(database, len(database.volumes))
    if place == "remote" and name not in added:
        cluster.add_database(name, path)
        added.add(name)
    made: AbstractContextManager[Parts]
    made = local(database, tmp_path) if place == "local" else remote(cluster, name, shards, tmp_path)

    with made as parts:
        printed, lists = searched(parts, database, shards, tmp_path, words)

    assert printed == blast("blastn", Path(path), name, QUERY, [*BEST, *words], "6", tmp_path)
    assert len(lists) >= (4 if "culling" in options else 1)


def searched(
    parts: Parts, database: Database, shards: tuple[Shard, ...], folder: Path, given: list[str], queries: str = QUERY
) -> tuple[bytes, set[str]]:
    """Return what a search prints whose parts these are, and the lengths of lists that it asked the shards for."""
    installation, (query, out) = find_installation(), (folder / "query.fa", folder / "out")
    query.write_text(queries)
    words = ["-db", database.name, "-query", str(query), "-outfmt", "6", *BEST, *given, "-out", str(out)]
    options = parse(Program.BLASTN, words, known_arguments(installation, Program.BLASTN))
    carrier = choose_carrier(options, shards=len(shards), unique_ids=database.unique_ids)
    batches = batches_of(str(query), folder, Molecule.NUCLEOTIDE, Choice(len(shards), 1000, 1, True, ""))
    asked = Asked(parts)
    pool = Pool(1)
    with Work(installation, Processes(), database, options, folder, pool) as work:
        unmerged = "-culling_limit" in given
        search = ShardedSearch(work, asked, shards, carrier, by_shard=True, by_candidates=unmerged)
        with open_printer(installation, work.processes, options, carrier, folder) as (printer, _):
            search.run(batches, printer)
    pool.close()
    return out.read_bytes(), asked.lengths


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_search_of_saturated_queries_is_divided_among_the_nodes(
    kind: str, cluster: LocalCluster, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDBLAST_STORAGE", cluster.storage)
    name, queries = f"divided-{kind}", "".join(Sequence(f"gene{number}", GENE[number:]).fasta for number in range(5))
    path = databases.of(name, "nucl", copies_among_others(220, 120), "-max_file_sz", "8000", *KINDS[kind])
    database = open_database(find_installation(), path, Molecule.NUCLEOTIDE)
    shards = shards_of(database, len(database.volumes))
    cluster.add_database(name, path)
    sent: list[NodeTask] = []

    with remote(cluster, name, shards, tmp_path, partial(Noted, sent, [])) as parts:
        printed, _ = searched(parts, database, shards, tmp_path, [], queries)

    assert printed == blast("blastn", Path(path), name, queries, [*BEST], "6", tmp_path)
    again = [task for task in sent if task.kind == "research"]
    assert len(again) == 2  # as many as the nodes have cores
    assert all(not task.volumes for task in again)  # nodes that hold nothing of the database may run them


@pytest.mark.parametrize("program", ["blastp", "blastx", "tblastn"])
def test_a_family_of_saturated_queries_is_searched_again_on_several_nodes(
    program: str, cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    """Statistics based on composition make the hits of a query depend on the others that BLAST+ searches with it."""
    copies, others, name = protein_family(5, "copy", 1700, 100), unrelated_proteins(1500), f"divided-{program}"
    queries = [*copies[:5], others[0], *copies[5:8]]
    held = [*map(gene, [*copies, *others])] if program == "tblastn" else [*copies, *others]
    text = "".join((gene(one, 2) if program == "blastx" else one).fasta for one in queries)
    path = databases.of(name, DATABASE_TYPE[program], held, "-max_file_sz", "150000")
    cluster.add_database(name, path)
    (tmp_path / "queries.fa").write_text(text)
    words = ["-db", name, "-query", str(tmp_path / "queries.fa"), "-outfmt", "6", "-max_target_seqs", "5"]

    found = cluster.search(program, *words)

    assert found.returncode == 0, found.stderr.decode()
    assert found.stdout == blast(program, Path(path), name, text, ["-max_target_seqs", "5"], "6", tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_with_60000_nearly_equal_hits_needs_few_candidates_of_the_nodes(
    kind: str, cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    copies = copies_with_codes(GENE, 20_000, 40_000)
    path = databases.of(f"many-{kind}", "nucl", copies, "-max_file_sz", "1000000", *KINDS[kind])
    cluster.add_database(f"many-{kind}", path)
    (tmp_path / "gene.fa").write_text(QUERY)
    words = ["-db", f"many-{kind}", "-query", str(tmp_path / "gene.fa"), "-outfmt", "6"]

    for limit in ("1", "500"):
        found = cluster.search("blastn", *words, "-max_target_seqs", limit)

        assert found.returncode == 0, found.stderr.decode()
        expected = blast("blastn", Path(path), f"many-{kind}", QUERY, ["-max_target_seqs", limit], "6", tmp_path)
        assert found.stdout == expected
    parts = [cluster.volumes_of(node, f"many-{kind}") for node in ("a", "b")]
    assert parts[0] != parts[0] | parts[1] != parts[1]


@pytest.mark.parametrize("program", ["blastp", "blastx", "tblastn"])
def test_saturated_queries_of_proteins_need_no_whole_database(
    program: str, cluster: LocalCluster, databases: Databases, tmp_path: Path
) -> None:
    copies, others, name = protein_family(3, "copy", 1700, 100), unrelated_proteins(1500), f"family-{program}"
    query = gene(copies[0], 2) if program == "blastx" else copies[0]
    held = [*map(gene, [*copies, *others])] if program == "tblastn" else [*copies, *others]
    path = databases.of(name, DATABASE_TYPE[program], held, "-max_file_sz", "150000")
    cluster.add_database(name, path)
    (tmp_path / "query.fa").write_text(query.fasta)
    words = ["-db", name, "-query", str(tmp_path / "query.fa"), "-outfmt", "6", "-evalue", "1e-3"]

    found = cluster.search(program, *words)

    assert found.returncode == 0, found.stderr.decode()
    parts = [cluster.volumes_of(node, name) for node in ("a", "b")]
    assert parts[0] != parts[0] | parts[1] != parts[1]
    assert found.stdout == blast(program, Path(path), name, query.fasta, ["-evalue", "1e-3"], "6", tmp_path)


def test_the_size_of_tasks_does_not_grow_with_the_candidates(
    cluster: LocalCluster, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDBLAST_STORAGE", cluster.storage)
    path = databases.of("listed", "nucl", copies_among_others(100, 4900), "-parse_seqids")
    database = open_database(find_installation(), path, Molecule.NUCLEOTIDE)
    cluster.add_database("listed", path)
    sent: list[NodeTask] = []
    returned: list[object] = []

    with remote(cluster, "listed", shards_of(database, 2), tmp_path, partial(Noted, sent, returned)) as parts:
        known = parts.known_ids([b"copy%d" % number for number in range(5000)])
        copied = [len(oids) for _, oids in parts.sources(range(5000))]

    assert known == {oid: [f"lcl|copy{oid}"] for oid in range(5000)}
    assert copied == [5000]
    assert len(sent) == len(returned) == 2
    assert max(len(pickle.dumps(one)) for one in [*(task.arguments for task in sent), *returned]) < 1000
    assert {task.priority for task in sent} == {ordered(LETTERS).priority + SENT_BY_MERGES}


def test_all_that_a_smaller_search_sends_comes_before_all_that_a_larger_one_sends() -> None:
    small, large = ordered(100), ordered(1000)

    assert small.priority < small.priority + MERGING < small.priority + SENT_BY_MERGES
    assert large.priority + SENT_BY_MERGES < small.priority


def test_a_result_that_can_not_be_read_ends_the_search_after_some_time(cluster: LocalCluster) -> None:
    driver = Cluster.at(cluster.address, None, Timings(gather_s=1e-9, retry_s=1))
    dispatcher = Dispatcher(driver, generation("x"), lambda: False, "unread")

    with pytest.raises(NetworkError, match=r"could not be read from its node. It was tried \d times within \d second"):
        dispatcher.submit(NodeTask("task", bytes, (100_000_000,))).result()  # which is not read in no time

    dispatcher.close()
    driver.close()


def test_a_task_is_repeated_until_what_it_lacks_is_there(cluster: LocalCluster, tmp_path: Path) -> None:
    driver = Cluster.at(cluster.address, None, Timings())
    dispatcher = Dispatcher(driver, generation("x"), lambda: False, "lacking")
    missing = tmp_path / "missing"

    result = dispatcher.submit(NodeTask("task", os.path.getsize, (str(missing),)))
    (state,) = dispatcher._states.values()
    until(lambda: state.failed.failures > ATTEMPTS)
    missing.write_bytes(b"1234")

    assert result.result() == 4
    dispatcher.close()
    driver.close()


def test_a_task_whose_nodes_die_is_given_up_after_some_time(tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path, (tmp_path / "storage").as_uri())
    cluster.start("a")
    driver = Cluster.at(cluster.address, None, Timings(retry_s=1))
    dispatcher = Dispatcher(driver, generation("x"), lambda: False, "deadly")

    result = dispatcher.submit(NodeTask("task", time.sleep, (600,)))
    (state,) = dispatcher._states.values()
    for deaths in range(1, ATTEMPTS + 1):
        until(lambda: [one for one in state.attempts if one.worker is not None])
        cluster.nodes["a"].kill()
        cluster.add("a")
        until(lambda deaths=deaths: state.failed.failures == deaths)

    with pytest.raises(NodesDied, match="It was tried 3 times within "):
        result.result()
    dispatcher.close()
    driver.close()
    cluster.close()


class Noted(Dispatcher):
    """Keeps what it sends, and what comes back."""

    def __init__(self, sent: list[NodeTask], returned: list[object], *place: Any) -> None:
        self._noted, self._returned = sent, returned
        super().__init__(*place)

    def submit_all(self, tasks: Iterable[NodeTask]) -> list[Future[Any]]:
        tasks = list(tasks)
        self._noted += tasks
        futures = super().submit_all(tasks)
        for one in futures:
            one.add_done_callback(lambda done: self._returned.append(done.result()))
        return futures


def ordered(letters: int) -> SearchOrder:
    return SearchOrder(Program.BLASTN, (), (), "db", "1", (), 1, letters)


class Asked:
    """Parts that remember how long the lists were that they were asked for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.lengths: set[str] = set()

    def start(self, part: Part, run: PieceRun) -> Future[Finished]:
        if run.purpose.name == "candidates":
            self.lengths.add(run.argv[run.argv.index("-max_target_seqs") + 1])
        return self._parts.start(part, run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parts, name)
