"""Kubernetes's answers about nodes, parsed without a cluster."""

from __future__ import annotations

import pytest

from shardblast.cluster.kubernetes import NodeSet, quantity, why_pending


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("16Gi", 16 << 30),
        ("1500Mi", 1500 << 20),
        ("4", 4),
        ("500m", 0.5),
        ("1.5", 1.5),
        ("2G", 2e9),
        ("much", 0),
        ("", 0),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: str, number: float) -> None:
    assert quantity(text) == number


def test_a_node_has_its_place_by_the_name_of_its_pod() -> None:
    nodes = NodeSet("shardblast-node")

    assert nodes.place("shardblast-node-0") == 0
    assert nodes.place("shardblast-node-12") == 12
    assert nodes.place("shardblast-node") is None
    assert nodes.place("other-node-1") is None


def pod(name: str, **status: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "status": status}


def test_the_reasons_of_pods_that_wait_are_those_of_kubernetes() -> None:
    message = "0/2 nodes are available: 2 Insufficient memory."
    unscheduled = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    no_image = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}}
    pods = [
        pod("node-0", conditions=[{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]),
        pod("node-2", conditions=unscheduled),
        pod("node-1", conditions=unscheduled),
        pod("node-3", containerStatuses=[{"state": no_image}]),
        pod("node-4", containerStatuses=[{"state": {"waiting": {"reason": "ContainerCreating"}}}]),
        pod("node-5"),
    ]

    assert why_pending(pods) == (
        "node-1, node-2: 0/2 nodes are available: 2 Insufficient memory; "
        'node-3: ImagePullBackOff: Back-off pulling image "x"'
    )
    assert why_pending(pods[:1]) == ""
