"""The number of nodes, changed by hand and by the service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shardblast.core.errors import NetworkError, NotFoundError
from tests.k8s.cluster import (
    NAMES,
    NAMESPACE,
    NODES,
    Client,
    blast,
    client,
    in_service,
    is_there,
    kubectl,
    ready_nodes,
    until,
    wanted_nodes,
)

pytestmark = pytest.mark.k8s


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "shardblast", "cluster", *words]
    return subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120)


def test_a_command_scales_the_nodes_and_reports_their_number(deployed: None) -> None:
    scaled = run("scale", "1", "--namespace", NAMESPACE)
    shown = run("status", "--json", "--namespace", NAMESPACE)

    assert scaled.returncode == 0, scaled.stderr
    assert json.loads(shown.stdout)["wanted"] == wanted_nodes() == 1


def test_the_service_account_suffices_for_scaling(deployed: None) -> None:
    in_service("shardblast", "cluster", "scale", "0")

    assert wanted_nodes() == 0
    shown = b"0 of 0 nodes ready.\n"  # one that was begun before may be ready before it goes
    until("no node is reported as ready", lambda: in_service("shardblast", "cluster", "status") == shown)


def test_a_missing_statefulset_is_reported(deployed: None) -> None:
    shown = run("status", "--namespace", NAMESPACE, "--statefulset", "other")

    assert shown.returncode == NotFoundError.exit_status
    assert shown.stderr.startswith(f"The StatefulSet other does not exist in {NAMESPACE}.\n")


def test_a_cluster_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    config = tmp_path / "config"
    words = ["kubectl", "config", "--kubeconfig", str(config)]
    subprocess.run([*words, "set-cluster", "gone", "--server=https://127.0.0.1:9"], check=True, capture_output=True)
    subprocess.run([*words, "set-context", "gone", "--cluster=gone"], check=True, capture_output=True)
    subprocess.run([*words, "use-context", "gone"], check=True, capture_output=True)

    shown = run("status", KUBECONFIG=str(config))

    assert shown.returncode == NetworkError.exit_status
    assert shown.stderr.startswith("Kubernetes can't be reached: ")


def test_a_search_makes_nodes_start(service: Client, database: Path, queries: dict[str, Path]) -> None:
    kubectl("scale", "statefulset/shardblast-node", "--replicas=0")
    until("no node is reported as connected", lambda: "connected" not in service.node_states().values())

    search = service.submit("blastp", "proteins", queries["prot"])

    until("all nodes are requested", lambda: wanted_nodes() == NODES)
    assert service.result(search, "6") == blast("blastp", database, queries["prot"], "-outfmt", "6")
    until("all nodes are reported as connected", lambda: service.node_states() == dict.fromkeys(NAMES, "connected"))


def test_administrators_scale_the_nodes_through_the_service(service: Client) -> None:
    until("the nodes are ready", lambda: service.scaling()["ready"] == NODES)
    until("none is needed any more", lambda: service.scaling()["needed"]["nodes"] == 0)
    shown = service.scaling()
    assert (shown["is_possible"], shown["asked"], shown["most"], shown["problem"]) == (True, NODES, NODES, None)

    answer = service.http.post("/nodes/scaling", json={"nodes": 1})

    assert answer.status_code == 200, answer.text
    assert answer.json()["asked"] == wanted_nodes() == 1
    until("the last node has left", lambda: service.node_states() == {NAMES[0]: "connected"})
    until("one is reported as ready", lambda: service.scaling()["ready"] == 1)


def test_more_nodes_than_the_operator_allows_are_refused(service: Client) -> None:
    before = wanted_nodes()

    answer = service.http.post("/nodes/scaling", json={"nodes": NODES + 1})

    assert answer.status_code == 409
    assert f"At most {NODES} nodes may be asked for, not {NODES + 1}." in answer.json()["detail"]
    assert wanted_nodes() == before


def test_nodes_are_removed_after_a_time_without_work(token: str) -> None:
    kubectl("scale", "statefulset/shardblast-node", f"--replicas={NODES}")
    until("the nodes are ready", lambda: ready_nodes() == NODES)

    kubectl("set", "env", "deployment/shardblast", "SHARDBLAST_IDLE_MINUTES=0.1")
    try:
        until("no node is asked for", lambda: wanted_nodes() == 0)
        until("the service is ready", lambda: is_there("shardblast"))
        with client(token) as service:
            until("no node is reported as connected", lambda: "connected" not in service.node_states().values())
    finally:
        kubectl("set", "env", "deployment/shardblast", "SHARDBLAST_IDLE_MINUTES-")
        until("the service is ready again", lambda: is_there("shardblast"))
