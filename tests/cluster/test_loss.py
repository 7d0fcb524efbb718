"""Searches that lose nodes, the scheduler or the command while they run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from shardblast.cluster.command import Lease
from shardblast.cluster.connection import Timings
from shardblast.core.errors import EngineError
from shardblast.storage.objects import Objects
from tests.cluster.parts import LocalCluster, blast_pids, stopped, stopped_piece
from tests.cluster.searched import Searched
from tests.cluster.searched import search as searched_on
from tests.databases import make_database
from tests.sequences import mutants, real, unrelated_proteins, write_fasta
from tests.service.processes import blast
from tests.waiting import until

Search = Callable[..., Searched]

QUERY = "".join(one.fasta for one in real("proteins")[:150])


@dataclass(frozen=True)
class Question:
    """A search, and BLAST+'s answer."""

    storage: Path
    """With the database."""
    query: Path
    answer: bytes


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("question")
    storage, query = folder / "storage", folder / "query.fa"
    path = make_database(folder / "db" / "proteins", "prot", real("proteins")[:3000], "-max_file_sz", "300000")
    LocalCluster(folder, storage.as_uri()).add_database("proteins", path)
    return Question(storage, query, blast("blastp", path, "proteins", QUERY, [], "6", folder))


@pytest.fixture
def cluster(tmp_path: Path, question: Question) -> Iterator[LocalCluster]:
    one = LocalCluster(tmp_path, Path(shutil.copytree(question.storage, tmp_path / "storage")).as_uri())
    one.start("a", "b")
    yield one
    one.close()


@pytest.fixture
def search(cluster: LocalCluster, question: Question) -> Search:
    """Starts the search."""

    def start(*options: str, **variables: str) -> Searched:
        words = ["blastp", "-db", "proteins", "-query", str(question.query), "-outfmt", "6", *options]
        return searched_on(cluster, words, **variables)

    return start


def test_with_replicas_a_search_continues_without_a_node(
    cluster: LocalCluster, search: Search, question: Question
) -> None:
    searched = search(SHARDBLAST_REPLICAS="2").begun()

    cluster.nodes.pop("b").kill()

    searched.assert_ends_well(question.answer)


def test_without_replicas_a_search_waits_for_its_node(
    cluster: LocalCluster, search: Search, question: Question
) -> None:
    searched = search(SHARDBLAST_TIMINGS="grace_s=600").begun()
    held = cluster.volumes_of("b", "proteins")

    cluster.nodes.pop("b").kill()
    cluster.add("b")

    searched.assert_ends_well(question.answer)
    assert cluster.volumes_of("b", "proteins") == held


def test_a_blast_process_that_is_killed_is_run_again(cluster: LocalCluster, search: Search, question: Question) -> None:
    searched = search()

    os.kill(stopped(lambda: blast_pids(cluster.folder / "a" / "work")), signal.SIGKILL)

    searched.assert_ends_well(question.answer)


@pytest.mark.parametrize("how", ["missing", "empty or not mounted"])
def test_a_storage_that_is_away_for_a_while_is_waited_for(
    cluster: LocalCluster, search: Search, question: Question, how: str
) -> None:
    storage, away = cluster.folder / "storage", cluster.folder / "away"
    searched = search()
    pid = stopped(lambda: blast_pids(cluster.folder / "a" / "work"))

    storage.rename(away)
    if how != "missing":
        storage.mkdir()
    os.kill(pid, signal.SIGCONT)
    searched.wait_for(f"The folder of the storage is {how}")
    if how != "missing":
        storage.rmdir()  # fails unless it is empty
    assert not storage.exists()
    away.rename(storage)

    searched.assert_ends_well(question.answer)


def test_a_storage_that_stays_away_ends_the_search(cluster: LocalCluster, search: Search) -> None:
    storage = cluster.folder / "storage"
    searched = search(SHARDBLAST_TIMINGS="retry_s=2")
    pid = stopped(lambda: blast_pids(cluster.folder / "a" / "work"))

    storage.rename(cluster.folder / "away")
    os.kill(pid, signal.SIGCONT)

    assert searched.ended() == 6
    assert re.search(
        r"The folder of the storage is missing\..* It was tried \d+ times within \d+ second", searched.said
    )
    assert not searched.output
    assert not storage.exists()


def test_a_piece_that_hangs_is_started_a_second_time_on_another_holder(
    cluster: LocalCluster, search: Search, question: Question
) -> None:
    report = cluster.folder / "report.json"
    searched = search("--report", str(report), SHARDBLAST_REPLICAS="2", SHARDBLAST_TIMINGS="late_s=1")

    pid, batch, shard = stopped_piece(cluster.folder / "a")

    searched.assert_ends_well(question.answer)
    until(lambda: not Path(f"/proc/{pid}").exists())  # the signal to end it does not wait for that
    pieces = [one for one in json.loads(report.read_text())["pieces"] if one["purpose"] == "search"]
    known = {(one["batch"], one["shard"]): (one["node"], one["is_doubled"]) for one in pieces}
    assert known[batch, shard] == ("b", True)
    assert len(known) == len(pieces)
    assert not searched.pieces


def test_a_second_search_that_is_divided_among_nodes_continues_without_a_node(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    copies, queries = mutants(7, "near", 2400, (0.05, 0.15)), tmp_path / "near.fa"
    held = [*copies, *unrelated_proteins(6000)]
    path = make_database(tmp_path / "near" / "near", "prot", held, "-max_file_sz", "200000")
    cluster.add_database("near", path)
    write_fasta(queries, copies[:12])
    words = ["-db", "near", "-query", str(queries), "-outfmt", "6", "-max_target_seqs", "5"]
    report = tmp_path / "report.json"
    searched = searched_on(cluster, ["blastp", *words, "--report", str(report)], SHARDBLAST_REPLICAS="2")

    stopped(lambda: blast_pids(cluster.folder / "b" / "work", "/candidates"))
    cluster.nodes.pop("b").kill()

    searched.assert_ends_well(blast("blastp", path, "near", queries.read_text(), words[-2:], "6", tmp_path))
    again = [one for one in json.loads(report.read_text())["pieces"] if one["purpose"] == "research"]
    assert {one["node"] for one in again} == {"a"}, again  # undivided if the merge was on b, and runs again


def test_an_update_keeps_the_generation_that_a_command_searches(
    cluster: LocalCluster, question: Question, tmp_path: Path
) -> None:
    held, generations = real("proteins"), tmp_path / "storage" / "databases" / "own"
    path = make_database(tmp_path / "own" / "own", "prot", held[:3000], "-max_file_sz", "300000")
    cluster.add_database("own", path)
    expected = blast("blastp", path, "own", QUERY, [], "6", tmp_path)
    (searched_generation,) = [one.name for one in generations.iterdir() if one.is_dir()]
    words = ["blastp", "-db", "own", "-query", str(question.query), "-outfmt", "6"]
    searched = searched_on(cluster, words, SHARDBLAST_TIMINGS="grace_s=1")
    stopped_piece(cluster.folder / "b")

    make_database(path, "prot", held[500:3500], "-max_file_sz", "300000")
    updated = cluster.run("db", "update", "own")
    refused = cluster.run("db", "remove", "own")
    cluster.nodes.pop("b").kill()  # so that a has to stage the rest of the generation

    assert updated.returncode == 0, updated.stderr
    assert (refused.returncode, b"1 search is using the database 'own'" in refused.stderr) == (1, True), refused.stderr
    searched.assert_ends_well(expected)
    assert {one.name for one in generations.iterdir() if one.is_dir()} > {searched_generation}
    assert cluster.run("db", "update", "own").returncode == 0
    assert searched_generation not in {one.name for one in generations.iterdir()}
    assert not list((tmp_path / "storage" / "pins").glob("*/*/*"))


def test_a_search_continues_when_the_scheduler_is_back(
    cluster: LocalCluster, search: Search, question: Question
) -> None:
    searched = search().begun()

    cluster.scheduler.kill()
    cluster.scheduler.start()

    searched.assert_ends_well(question.answer)
    assert not [record for node in cluster.nodes.values() for record in node.records if "traceback" in record]


def test_a_node_that_joins_is_given_shards(cluster: LocalCluster, search: Search, question: Question) -> None:
    search().assert_ends_well(question.answer)
    assert not cluster.volumes_of("c", "proteins")

    cluster.add("c").wait_for("the node is connected")
    search().assert_ends_well(question.answer)

    assert cluster.volumes_of("c", "proteins")


def test_the_files_of_a_killed_command_are_removed_by_a_later_one(cluster: LocalCluster, search: Search) -> None:
    storage, words = cluster.folder / "storage", ("blastp", "-db", "proteins", "-query", "-", "-outfmt", "6")
    short = real("proteins")[0].fasta.encode()
    searched = search().begun()
    searched.process.kill()
    searched.ended()
    (left,) = storage.glob("searches/command-*")

    assert cluster.search(*words, sent=short).returncode == 0
    assert searched.pieces
    (sign,) = storage.glob("leases/*/*")
    os.utime(sign, (0, 0))
    assert cluster.search(*words, sent=short).returncode == 0

    assert not left.exists()
    assert not sign.exists()
    kept = [cluster.folder / name / "work" for name in ("a", "b")]
    until(lambda: not [one for folder in kept for one in folder.glob("command-*")], lambda: [left, *kept])


def test_a_command_that_gave_no_sign_of_life_gives_up(tmp_path: Path) -> None:
    given_up = Event()
    timings = Timings(lease_renew_s=0.01)
    lease = Lease(Objects(tmp_path.as_uri()), "command-1", lambda search_id: None, given_up.set, timings)

    def is_given_up() -> bool:
        # Again and again: a sign that is just being given hides it.
        lease._renewed = time.time() - 2 * timings.lease_lost_s
        return given_up.is_set()

    with lease:
        lease.check()
        until(is_given_up)
        with pytest.raises(EngineError, match="counts as abandoned"):
            lease.check()


def test_a_sign_of_life_from_the_future_removes_no_search(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    forgotten: list[str] = []
    with (
        Lease(objects, "command-ahead", forgotten.append, lambda: None, Timings()),
        Lease(objects, "command-lives", forgotten.append, lambda: None, Timings()) as lives,
    ):
        later = time.time() + 10 * Timings().lease_lost_s
        os.utime(tmp_path / "leases" / "command-ahead" / "sign", (later, later))
        with Lease(objects, "command-new", forgotten.append, lambda: None, Timings()):
            pass
        lives.check()

    assert not forgotten


def test_a_stopped_command_stops_blast_and_leaves_nothing(cluster: LocalCluster, search: Search) -> None:
    searched = search()
    stopped(lambda: blast_pids(cluster.folder / "a" / "work"))  # so that it can't end by itself

    searched.process.send_signal(signal.SIGINT)

    assert searched.ended() == 130
    until(lambda: not any(blast_pids(cluster.folder / name / "work") for name in ("a", "b")))
    until(lambda: not searched.pieces)
