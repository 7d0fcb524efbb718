"""Kubernetes's answers about nodes, parsed without a cluster."""

from __future__ import annotations

import pytest

from shardblast.cluster.kubernetes import NodeSet, quantity


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
