"""The nodes that a service asks for, from real tables; Kubernetes itself is in tests/k8s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shardblast.core.database import CataloguedDatabase, DatabaseFile, Generation, VolumeMetadata
from shardblast.core.errors import ConflictError
from shardblast.core.lack import ExpectedNodes
from shardblast.core.program import Molecule
from shardblast.core.scaling import NodeCount, ScalingRule
from shardblast.core.search import State
from shardblast.core.task import Task, TaskId, TaskKind, task_moved
from shardblast.service.scaling import Scaling
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.databases import TaskStore
from shardblast.store.searches import Workload

GIB = 1 << 30
VOLUMES = tuple(
    VolumeMetadata(f"nt.{number}", 10, 4 * GIB, 100, GIB, (DatabaseFile(f"nt.{number}.nsq", GIB, ""),))
    for number in range(12)
)
NT = CataloguedDatabase(
    Generation("nt", "1", Molecule.NUCLEOTIDE, "nt", "", 5, VOLUMES, (), True, False, (), "", ""), None, 0.0
)


@dataclass
class Asked:
    """Nodes of 8 GiB each, of which none is ready."""

    wanted: int = 0
    requests: list[int] = field(default_factory=list)

    def count(self) -> NodeCount:
        return NodeCount(self.wanted, 0, 8 * GIB, 4, "node-0: no machine has room" if self.wanted else "")

    def scale(self, nodes: int) -> None:
        self.wanted = nodes
        self.requests.append(nodes)

    def place(self, node: str) -> int | None:
        name, _, place = node.partition("-")
        return int(place) if name == "node" else None


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[TaskStore]:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    migrate(database)
    yield TaskStore(database, lambda event: None)
    database.close()


def scaling_of(tasks: TaskStore, nodes: Asked) -> Scaling:
    return Scaling(Workload(tasks._database), tasks, lambda name, generation: NT, list, nodes, ScalingRule(5, 0))


def test_warming_asks_for_nodes_that_hold_the_database_in_half_of_their_memory(tasks: TaskStore) -> None:
    nodes = Asked()
    scaling = scaling_of(tasks, nodes)
    scaling.look()
    assert nodes.requests == []
    task = tasks.add(Task(TaskId("t"), TaskKind.WARM, "nt", "ada", {"generation": "1"}, 1.0))

    scaling.look()

    assert nodes.requests == [3]
    assert scaling.state.need.to_hold == 3
    tasks.change(task.id, lambda one: task_moved(one, State.CANCELLED, 2.0))
    scaling.look()
    assert scaling.state.need.nodes == 0


def test_nodes_that_are_not_ready_are_pending_for_the_reason_of_kubernetes(tasks: TaskStore) -> None:
    scaling = scaling_of(tasks, Asked())

    scaling.ask(2)
    scaling.look()

    assert scaling.state.problem == "2 nodes are pending: node-0: no machine has room"
    assert scaling.state.expected == ExpectedNodes(2, 0, "node-0: no machine has room")


def test_nodes_above_the_maximum_are_refused_and_nothing_is_asked_for(tasks: TaskStore) -> None:
    nodes = Asked()

    with pytest.raises(ConflictError, match="At most 5 nodes may be asked for, not 6"):
        scaling_of(tasks, nodes).ask(6)

    assert nodes.requests == []


def test_a_node_beyond_those_that_were_asked_for_has_left(tasks: TaskStore) -> None:
    scaling = scaling_of(tasks, Asked())
    scaling.ask(2)
    scaling.look()

    assert [scaling.removed(name) for name in ("node-0", "node-1", "node-2", "other")] == [False, False, True, False]
