"""Which nodes may run a task."""

from __future__ import annotations

import time
from concurrent.futures import Future

from shardblast.cluster.assignment import Holders, NodeTask, TaskState
from shardblast.cluster.connection import Address
from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.errors import Attempts
from shardblast.core.node import HeldGeneration, HeldVolume, Member, NodeState
from shardblast.core.program import Molecule

SIZE = 1000


def generation(*volumes: str, shared_bytes: int = 0) -> Generation:
    found = [
        VolumeMetadata(name, 1, SIZE, SIZE, SIZE, (DatabaseFile(f"{name}.nsq", SIZE, "0" * 64),)) for name in volumes
    ]
    shared = (DatabaseFile("nt.not", shared_bytes, "0" * 64),) if shared_bytes else ()
    place = ("nt", "1", Molecule.NUCLEOTIDE, "nt", "", 5, tuple(found), shared)
    return Generation(*place, has_ids=True, has_taxids=False, masks=(), source="", source_version="")


def node(name: str, *volumes: str, disk_bytes: int = 10 * SIZE, is_draining: bool = False) -> Address:
    held = tuple(HeldVolume(one, SIZE, SIZE, SIZE) for one in volumes)
    generations = (HeldGeneration("nt", "1", False, held, 3),)
    state = NodeState(name, 1, SIZE, disk_bytes, len(volumes) * SIZE, disk_bytes, generations)
    return Address(f"tcp://{name}", Member(state, True, 0.0, 0, is_draining))


def waiting(*volumes: str, stages: bool = False, node: str | None = None, failed_on: str = "") -> TaskState:
    task = NodeTask("task", print, (), frozenset(volumes), node=node, stages=stages)
    return TaskState(task, Future(), Attempts(60, 1, time.monotonic()), set(failed_on.split()))


def allowed(holders: Holders, state: TaskState, *there: Address) -> set[str]:
    return {one.removeprefix("tcp://") for one in holders.look(there).allowed(state)}


def test_a_task_goes_to_nodes_that_hold_all_it_needs() -> None:
    holders = Holders(generation("x", "y"), 60)
    there = [node("a", "x"), node("b", "x", "y"), node("c", "y")]

    assert allowed(holders, waiting("x", "y"), *there) == {"b"}
    assert allowed(holders, waiting("x"), *there) == {"a", "b"}
    assert allowed(holders, waiting(), *there) == {"a", "b", "c"}
    assert allowed(holders, waiting(node="c"), *there) == {"c"}


def test_a_task_does_not_go_to_nodes_that_drain() -> None:
    holders = Holders(generation("x"), 60)

    assert allowed(holders, waiting("x"), node("a", "x", is_draining=True), node("b", "x")) == {"b"}
    assert allowed(holders, waiting("x", node="a"), node("a", "x", is_draining=True)) == set()


def test_a_task_returns_to_a_node_where_it_failed_only_if_no_other_holds_its_volumes() -> None:
    holders = Holders(generation("x"), 60)

    assert allowed(holders, waiting("x", failed_on="a"), node("a", "x"), node("b", "x")) == {"b"}
    assert allowed(holders, waiting("x", failed_on="a"), node("a", "x"), node("b")) == {"a"}


def test_a_task_that_has_failed_for_long_wherever_it_can_run_goes_to_a_node_with_room() -> None:
    for is_whole in (False, True):
        holders = Holders(generation("x", "y"), 60)
        state = waiting("x", "y", stages=is_whole, failed_on="a")
        there = [node("a", "x", "y"), node("b", disk_bytes=SIZE), node("c")]
        assert allowed(holders, state, *there) == {"a"}

        state.failed.since -= 61

        assert allowed(holders, state, *there) == {"c"}
        assert allowed(holders, state, *there) == {"c"}
        state.failed_on.add("c")
        assert allowed(holders, state, *there) == {"a", "c"}


def test_volumes_assigned_to_a_node_count_as_held() -> None:
    holders = Holders(generation("x", "y"), 60)
    holders.give("a", ["y"])

    assert allowed(holders, waiting("x", "y"), node("a", "x"), node("b", "x")) == {"a"}


def test_a_task_that_may_stage_goes_to_the_node_that_lacks_least_and_has_room() -> None:
    holders = Holders(generation("x", "y", "z"), 60)
    there = [node("a"), node("b", "x", "y"), node("c", "x", "y", disk_bytes=2 * SIZE)]

    assert allowed(holders, waiting("x", "y", "z", stages=True), *there) == {"b"}
    assert allowed(holders, waiting("z"), *there) == {"b"}


def test_a_task_waits_for_a_lost_node_before_another_gets_its_volumes() -> None:
    holders = Holders(generation("x"), 60)
    state = waiting("x")

    assert allowed(holders, state, node("a")) == set()
    state.waits_since = time.monotonic() - 61
    assert allowed(holders, state, node("a")) == {"a"}


def test_volumes_of_a_lost_node_go_to_nodes_that_have_room_beside_what_they_hold_and_were_assigned() -> None:
    holders = Holders(generation("a", "b", "x", "y"), 0)
    there = [node("full", "a", disk_bytes=SIZE), node("n1", "b", disk_bytes=2 * SIZE), node("n2", disk_bytes=SIZE)]

    given = [allowed(holders, waiting(one), *there) for one in ("x", "y")]

    assert given == [{"n1"}, {"n2"}]


def test_a_node_that_is_full_is_passed_by_and_its_room_is_free_for_others() -> None:
    holders = Holders(generation("x", "y"), 0)
    state, there = waiting("x"), [node("n1", disk_bytes=SIZE), node("n2", disk_bytes=SIZE)]
    assert allowed(holders, state, *there) == {"n1"}

    state.failed_on.add("n1")
    state.failed.since -= 1

    assert allowed(holders, state, *there) == {"n2"}
    assert allowed(holders, waiting("y"), *there) == {"n1"}


def test_files_that_all_volumes_share_count_on_each_node() -> None:
    holders = Holders(generation("x", "y", shared_bytes=SIZE), 0)
    there = [node("small", disk_bytes=2 * SIZE - 1), node("large", disk_bytes=2 * SIZE)]

    assert allowed(holders, waiting("x"), *there) == {"large"}


def test_a_task_waits_if_no_node_has_room() -> None:
    holders = Holders(generation("x"), 0)

    assert allowed(holders, waiting("x", stages=True), node("a", disk_bytes=SIZE - 1)) == set()
