"""Faults of machines during searches: each part of the cluster has its own simulated machine."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shardblast.core.errors import ATTEMPTS
from tests.cluster.parts import LocalCluster
from tests.cluster.searched import Searched, search
from tests.cluster.separate import MEMORY_BYTES, SeparateCluster
from tests.databases import make_database
from tests.sequences import real
from tests.service.processes import blast
from tests.waiting import until

pytestmark = pytest.mark.full

NODES = ("a", "b", "c")
MIB = 1 << 20
SHORT = "retry_s=3"
TRIED = re.compile(r"It was tried \d+ times within \d+ second")


@dataclass(frozen=True)
class Question:
    """A search, and BLAST+'s answer."""

    home: Path
    """That knows the database."""
    storage: str
    words: tuple[str, ...]
    answer: bytes


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("question")
    database = make_database(folder / "db" / "16s", "nucl", real("16s")[:400], "-max_file_sz", "28000")
    query = "".join(one.fasta for one in real("16s")[:400:10])
    options = ["-task", "megablast"]
    answer = blast("blastn", database, "16s", query, options, "6", folder)
    words = ("blastn", "-db", "16s", "-query", str(folder / "query.fa"), *options)
    adds = LocalCluster(folder, (folder / "storage").as_uri())
    adds.add_database("16s", database)
    return Question(folder / "home", adds.storage, words, answer)


@pytest.fixture
def cluster(tmp_path: Path, question: Question) -> Iterator[SeparateCluster]:
    one = SeparateCluster(tmp_path, question.storage)
    try:
        one.start(*NODES)
        yield one
    finally:
        one.close()


def searched(
    cluster: SeparateCluster, question: Question, *options: str, replicas: int = 1, timings: str = ""
) -> Searched:
    variables = {"SHARDBLAST_REPLICAS": str(replicas), "SHARDBLAST_TIMINGS": timings}
    return search(cluster, [*question.words, "-outfmt", "6", *options], **variables)


def test_replicas_take_over_from_a_node_that_is_killed(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question, replicas=2)
    cluster.network.machine("b").stop_blast()
    held = {node: cluster.volumes_of(node, "16s") for node in NODES}

    cluster.nodes.pop("b").kill()

    one.assert_ends_well(question.answer)
    assert {node: cluster.volumes_of(node, "16s") for node in NODES} == held


def test_replicas_take_over_from_an_unreachable_node(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question, replicas=2)
    cluster.network.machine("b").stop_blast()

    cluster.network.cut("b")
    one.assert_ends_well(question.answer)

    cluster.nodes["b"].wait_for("the scheduler is gone; the node looks for it again")  # the search may end before
    cluster.network.mend("b")
    cluster.nodes["b"].wait_for("the node is connected", 2)
    until(lambda: not cluster.network.machine("b").blast_pids())


def test_an_unreachable_node_is_waited_for(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question)
    pid = cluster.network.machine("b").stop_blast()

    cluster.network.cut("b")
    one.wait_for("The search waits for a node that holds shard ")
    cluster.network.mend("b")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)

    one.assert_ends_well(question.answer)


def test_shards_that_all_nodes_have_lost_are_waited_for(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question, replicas=2)
    cluster.network.machine("b").stop_blast()

    for node in NODES:
        cluster.nodes.pop(node).kill()
    one.wait_for("The search waits for a node of the cluster.")
    for node in NODES:
        cluster.add(node)

    one.assert_ends_well(question.answer)


def test_an_unreachable_scheduler_is_waited_for(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question)
    cluster.network.machine("b").stop_blast()

    cluster.network.cut("scheduler")
    one.wait_for("The search waits for the scheduler of the cluster, which can't be reached.")
    cluster.network.mend("scheduler")

    one.assert_ends_well(question.answer)


def test_a_scheduler_that_is_killed_is_waited_for(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question)
    cluster.network.machine("b").stop_blast()

    cluster.scheduler.kill()
    one.wait_for("The search waits for the scheduler of the cluster, which can't be reached.")
    cluster.nodes.pop("b").kill()
    cluster.scheduler.start()
    cluster.add("b")

    one.assert_ends_well(question.answer)


def test_a_full_disk_leaves_pieces_to_other_nodes(cluster: SeparateCluster, question: Question) -> None:
    cluster.nodes.pop("c").stop()
    home = cluster.folder / "d"
    cluster.network.machine("d").small_disk(home, 32 * MIB)
    cluster.add("d").wait_for("the node is connected")
    one = searched(cluster, question, replicas=2)
    pid = cluster.network.machine("d").stop_blast()

    cluster.network.machine("d").fill(home)
    os.kill(pid, signal.SIGCONT)

    one.assert_ends_well(question.answer)


def test_a_search_that_fills_the_only_disk_with_its_shards_says_so(
    cluster: SeparateCluster, question: Question
) -> None:
    for node in NODES:
        cluster.nodes.pop(node).stop()
    home = cluster.folder / "d"
    cluster.network.machine("d").small_disk(home, 32 * MIB)
    cluster.add("d").wait_for("the node is connected")
    one = searched(cluster, question, timings=SHORT)
    pid = cluster.network.machine("d").stop_blast()

    cluster.network.machine("d").fill(home)
    os.kill(pid, signal.SIGCONT)

    assert one.ended() == 6
    assert "There is no space left on the disk" in one.said
    assert TRIED.search(one.said)
    assert "It was on node d." in one.said
    assert not one.output


def test_a_node_without_memory_leaves_pieces_to_others(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question, "--shards", "10", replicas=2)  # so many that it has more than one to search
    machine = cluster.network.machine("b")
    machine.stop_blast()

    machine.squeeze(cluster.nodes["b"].pid)

    one.assert_ends_well(question.answer)
    assert machine.killed


@pytest.mark.parametrize("options", [(), ("--shards", "1")], ids=["pieces", "whole database"])
def test_memory_that_is_short_for_a_while_ends_no_search(
    cluster: SeparateCluster, question: Question, options: tuple[str, ...]
) -> None:
    for node in ("b", "c"):
        cluster.nodes.pop(node).stop()
    machine = cluster.network.machine("a")
    one = searched(cluster, question, *options)
    machine.stop_blast()

    machine.squeeze(cluster.nodes["a"].pid)
    until(lambda: machine.killed > ATTEMPTS)
    machine.memory.limit(MEMORY_BYTES)

    one.assert_ends_well(question.answer)


def test_a_search_that_no_node_has_memory_for_says_so(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question, timings=SHORT)
    cluster.network.machine("b").stop_blast()

    for node in NODES:
        cluster.network.machine(node).squeeze(cluster.nodes[node].pid)

    assert one.ended() == 4
    assert TRIED.search(one.said)
    assert "BLAST+ was killed during batch 1, shard " in one.said
    assert "on node " in one.said
    assert not one.output


def test_a_piece_that_is_killed_again_and_again_ends_the_search(cluster: SeparateCluster, question: Question) -> None:
    one = searched(cluster, question, replicas=2, timings=SHORT)

    killed = 0
    while one.process.poll() is None:
        for node in NODES:
            for pid in cluster.network.machine(node).blast_pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1

    assert one.ended() == 4
    assert "BLAST+ was killed during batch 1, shard " in one.said
    assert TRIED.search(one.said)
    assert not one.output


def test_a_service_says_which_shards_a_search_waits_for(cluster: SeparateCluster, question: Question) -> None:
    cluster.variables["SHARDBLAST_HOME"] = str(question.home)
    cluster.serve()
    search_id = cluster.ask("submit", *question.words).stdout.decode().strip()
    cluster.network.machine("b").stop_blast()

    cluster.nodes.pop("b").kill()
    until(lambda: "a node that holds shard " in str(search_of(cluster, search_id)["waiting"]))
    cluster.add("b")

    assert cluster.ask("wait", search_id, "--quiet").returncode == 0
    assert cluster.ask("results", search_id, "-outfmt", "6").stdout == question.answer
    assert search_of(cluster, search_id)["waiting"] is None


def search_of(cluster: SeparateCluster, search_id: str) -> dict[str, Any]:
    search: dict[str, Any] = json.loads(cluster.ask("status", search_id, "--json").stdout)
    return search
