"""Nodes in a cluster: searches on them, and the loss of one."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.cluster import (
    NAMES,
    NAMESPACE,
    NODES,
    Client,
    Nodes,
    blast,
    in_service,
    is_there,
    kit,
    kubectl,
    pods,
    read,
    ready_nodes,
    restarts,
    until,
)

pytestmark = pytest.mark.k8s

SLOW = ("-evalue", "1000", "-word_size", "2", "-outfmt", "6", "-num_threads", "1")
LOSSES = {"power": ("kill", "start"), "network": ("cut", "heal")}
PIECES = """
import os
from shardblast.storage.objects import Objects
print(sum("/pieces/" in key for key in Objects(os.environ["SHARDBLAST_STORAGE"]).keys("searches/")))
"""


@pytest.fixture(scope="module", autouse=True)
def nodes(deployed: None) -> Iterator[None]:
    """All of them."""
    kubectl("scale", "statefulset/shardblast-node", f"--replicas={NODES}")
    until("the nodes are ready", lambda: ready_nodes() == NODES)
    yield
    kubectl("scale", "statefulset/shardblast-node", "--replicas=0")


@pytest.fixture(scope="module")
def query(deployed: None, queries: dict[str, Path]) -> str:
    """Proteins, in the service's container."""
    in_service("sh", "-c", "cat > /data/query.fa", sent=queries["prot"].read_bytes())
    return "/data/query.fa"


def on_nodes(query: str, *options: str) -> list[str]:
    """Return the command of a search on the nodes."""
    words = ["blastp", "-db", "proteins", "-query", query, "--engine", "dask", "--quiet", *options]
    return ["exec", "deployment/shardblast", "--", "shardblast", *words]


def machine_of(pod: str) -> str:
    return str(read(pod)["spec"]["nodeName"])


@contextmanager
def lost_node(loss: str) -> Iterator[str]:
    """Take away a node: the power or the network of a machine, where that can be done; else its pod. Yield its name."""
    pod = next(name for name in NAMES if is_apart(name))
    end, undo = (kit(f"k8s-node-{what}") for what in LOSSES[loss])
    if end is None or undo is None:
        kubectl("delete", "pod", pod, "--grace-period=0", "--force")
        yield pod
        return
    number = machine_of(f"pod/{pod}").removeprefix("node")
    subprocess.run([end, number], check=True)
    try:
        yield pod
        until("Kubernetes knows of the loss", lambda: ready_nodes() < NODES)
    finally:
        subprocess.run([undo, number], check=True)


def is_apart(pod: str) -> bool:
    """Tell whether a pod's machine has neither the service nor the scheduler."""
    others = [*pods("service"), *pods("scheduler")]
    return machine_of(f"pod/{pod}") not in {other["spec"]["nodeName"] for other in others}


@contextmanager
def watched(service: Client) -> Iterator[list[Nodes]]:
    """Read ``GET /nodes`` over and over as long as the context lasts; yield the answers so far."""
    reports = [service.nodes()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            reports.append(service.nodes())

    with ThreadPoolExecutor(1) as watcher:
        watching = watcher.submit(watch)
        try:
            yield reports
        finally:
            over.set()
            watching.result()


def states_of(reports: Sequence[Nodes], name: str) -> list[str]:
    """Return the states of a node, one after the other; one that has left is ``gone``."""
    return [state for state, _ in groupby(one[name]["state"] if name in one else "gone" for one in reports)]


def volumes_of(node: Mapping[str, Any]) -> list[str]:
    return [volume["name"] for held in node["generations"] for volume in held["volumes"]]


def assert_lost_and_back(reports: Sequence[Nodes], name: str) -> None:
    """Check that a node was reported as lost and idle, and then as back with its volumes."""
    states = states_of(reports, name)
    assert states[0] == states[-1] == "connected", states
    assert "lost" in states, states
    for state, answers in groupby((one[name] for one in reports), lambda one: one["state"]):
        if state == "lost":
            assert len({one["last_seen"] for one in answers}) == 1
    assert all(one[name]["running"] == 0 for one in reports if one[name]["state"] == "lost")
    lost = next(place for place, one in enumerate(reports) if one[name]["state"] == "lost")
    before, after = reports[lost - 1][name], reports[-1][name]
    assert after["last_seen"] > before["last_seen"]
    assert volumes_of(after) == volumes_of(before) != []


def test_a_search_on_nodes_prints_the_bytes_of_blast(database: Path, queries: dict[str, Path], query: str) -> None:
    printed = kubectl(*on_nodes(query, "-outfmt", "6"))

    assert printed == blast("blastp", database, queries["prot"], "-outfmt", "6")


def test_the_service_searches_on_the_nodes_and_lists_them_with_their_volumes(
    service: Client, database: Path, queries: dict[str, Path]
) -> None:
    printed = service.result(service.submit("blastp", "proteins", queries["prot"]), "6")

    assert printed == blast("blastp", database, queries["prot"], "-outfmt", "6")
    assert service.node_states() == dict.fromkeys(NAMES, "connected")
    for one in service.nodes().values():
        (held,) = one["generations"]
        assert held["database"] == "proteins"
        assert len(held["volumes"]) == held["num_volumes"] > 1


@pytest.mark.parametrize("loss", LOSSES)
def test_a_search_continues_when_a_node_is_lost(
    service: Client, database: Path, queries: dict[str, Path], query: str, loss: str
) -> None:
    with watched(service) as reports:
        with search_that_runs(query) as search, lost_node(loss) as lost:
            assert search.poll() is None, "it was over before the node was lost"
            printed, errors = search.communicate(timeout=240)
            until("the node is reported as lost", lambda: "lost" in states_of(reports, lost))
        until("the node is back", lambda: ready_nodes() == NODES and states_of(reports, lost)[-1] == "connected")

    assert search.returncode == 0, errors.decode()
    assert printed == blast("blastp", database, queries["prot"], *SLOW)
    assert_lost_and_back(reports, lost)
    assert [states_of(reports, name) for name in NAMES if name != lost] == [["connected"]]


def test_a_search_continues_while_the_nodes_are_upgraded(
    service: Client, database: Path, queries: dict[str, Path], query: str
) -> None:
    with watched(service) as reports:
        with search_that_runs(query) as search:
            kubectl("rollout", "restart", "statefulset/shardblast-node")
            assert search.poll() is None, "it was over before the nodes were replaced"
            printed, errors = search.communicate(timeout=240)
        kubectl("rollout", "status", "statefulset/shardblast-node", "--timeout=200s")
        # A pod is ready as soon as its node is connected, and the service knows it from its first report on.
        until("all have reported", lambda: {states_of(reports[-1:], name)[0] for name in NAMES} == {"connected"})

    assert search.returncode == 0, errors.decode()
    assert printed == blast("blastp", database, queries["prot"], *SLOW)
    for name in NAMES:
        states = states_of(reports, name)
        assert states[0] == states[-1] == "connected"
        assert "gone" in states, states
    assert all(any(node["state"] == "connected" for node in one.values()) for one in reports), "all of them were away"


@pytest.mark.parametrize("is_deleted", [False, True], ids=["silent", "deleted"])
def test_a_node_whose_machine_is_gone_starts_on_another(service: Client, *, is_deleted: bool) -> None:
    kill, start = kit("k8s-node-kill"), kit("k8s-node-start")
    if kill is None or start is None:
        pytest.skip("no machine can be lost without SHARDBLAST_K8S_KIT")
    (here,) = {machine_of(f"pod/{pod['metadata']['name']}") for pod in [*pods("service"), *pods("scheduler")]}
    lost = only_node_apart_from(here)

    subprocess.run([kill, lost.removeprefix("node")], check=True)
    try:
        if is_deleted:
            kubectl("delete", "node", lost)
        until("the node is on the other machine", lambda: machines() == {here} and ready_nodes() == 1)
        until("it is connected", lambda: service.node_states()[NAMES[0]] == "connected")
    finally:
        subprocess.run([start, lost.removeprefix("node")], check=True)
    kubectl("scale", "statefulset/shardblast-node", f"--replicas={NODES}")
    until("the machine that came back has a node", lambda: machines() == {here, lost} and ready_nodes() == NODES)


def only_node_apart_from(machine: str) -> str:
    """Leave one node, on another machine; return that machine."""
    kubectl("scale", "statefulset/shardblast-node", "--replicas=0")
    until("no node is left", lambda: not pods("node"))
    kubectl("cordon", machine)
    try:
        kubectl("scale", "statefulset/shardblast-node", "--replicas=1")
        until("the node is ready", lambda: ready_nodes() == 1)
    finally:
        kubectl("uncordon", machine)
    (other,) = machines()
    return other


def machines() -> set[str]:
    """Return the machines that have nodes."""
    return {str(pod["spec"].get("nodeName")) for pod in pods("node")}


def test_nodes_without_a_scheduler_live_but_are_not_ready(service: Client) -> None:
    before = restarts()
    assert service.node_states() == dict.fromkeys(NAMES, "connected")

    kubectl("scale", "deployment/shardblast-scheduler", "--replicas=0")
    try:
        until("no node is ready", lambda: ready_nodes() == 0)
        until("they are reported as lost", lambda: service.node_states() == dict.fromkeys(NAMES, "lost"))
    finally:
        kubectl("scale", "deployment/shardblast-scheduler", "--replicas=1")
        until("the scheduler is ready again", lambda: is_there("shardblast-scheduler"))

    until("the nodes are ready again", lambda: ready_nodes() == NODES)
    until("they are connected", lambda: service.node_states() == dict.fromkeys(NAMES, "connected"))
    assert restarts() == before


@contextmanager
def search_that_runs(query: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a search on the nodes that has results of pieces in the storage."""
    argv = ["kubectl", "--namespace", NAMESPACE, *on_nodes(query, *SLOW)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as search:
        until("pieces are there", lambda: search.poll() is not None or int(in_service("python3", "-c", PIECES)) > 0)
        yield search
