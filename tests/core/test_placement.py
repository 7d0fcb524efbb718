"""Which nodes hold which shards."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.core.placement import NodeRoom, Placement, ShardNeed, place

GIB = 1 << 30
AMPLE = 1 << 60


def shards_of(letters: list[int]) -> list[ShardNeed]:
    return [ShardNeed(f"shard{number:03}", one, one // 4 + 1, one // 3 + 1) for number, one in enumerate(letters)]


def nodes_of(number: int, memory: int = AMPLE, disk: int = AMPLE) -> list[NodeRoom]:
    return [NodeRoom(f"node{place:02}", memory, disk) for place in range(number)]


def letters_on(placement: Placement, shards: list[ShardNeed], node: str) -> int:
    return sum(one.letters for one in shards if node in placement.nodes[one.name])


def mapped_on(placement: Placement, shards: list[ShardNeed], node: str) -> int:
    return sum(one.mapped_bytes for one in shards if node in placement.nodes[one.name])


def moved(before: Placement, after: Placement) -> dict[str, set[str]]:
    """Return the nodes that are new to a shard, by shard."""
    new = {shard: set(nodes) - set(before.nodes[shard]) for shard, nodes in after.nodes.items()}
    return {shard: nodes for shard, nodes in new.items() if nodes}


shards = st.lists(st.integers(1, 1 << 40), min_size=1, max_size=60).map(shards_of)
even_shards = st.tuples(st.integers(1, 60), st.integers(1, 1 << 40)).map(lambda pair: shards_of([pair[1]] * pair[0]))
unlike_shards = st.lists(
    st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.integers(0, 1 << 40)), min_size=1, max_size=60
).map(lambda needs: [ShardNeed(f"shard{number:03}", *need) for number, need in enumerate(needs)])
rooms = st.lists(st.tuples(st.integers(0, 1 << 44), st.integers(0, 1 << 44)), min_size=1, max_size=12).map(
    lambda rooms: [NodeRoom(f"node{number:02}", *room) for number, room in enumerate(rooms)]
)
held = st.dictionaries(
    st.integers(0, 59).map(lambda number: f"shard{number:03}"),
    st.sets(st.integers(0, 14).map(lambda number: f"node{number:02}")),
)
replicas = st.integers(1, 4)


@given(unlike_shards, rooms, replicas, held)
def test_a_shard_is_on_the_requested_number_of_nodes_or_on_all(
    shards: list[ShardNeed], nodes: list[NodeRoom], replicas: int, held: dict[str, set[str]]
) -> None:
    placement = place(shards, nodes, replicas, held)

    assert list(placement.nodes) == [one.name for one in shards]
    for names in placement.nodes.values():
        assert len(set(names)) == len(names) == min(replicas, len(nodes))
        assert set(names) <= {node.name for node in nodes}


@given(unlike_shards, rooms, replicas, held)
def test_nothing_moves_when_nothing_changed(
    shards: list[ShardNeed], nodes: list[NodeRoom], replicas: int, held: dict[str, set[str]]
) -> None:
    placement = place(shards, nodes, replicas, held)

    assert place(shards, nodes, replicas, placement.nodes) == placement


@given(unlike_shards, rooms, replicas, held, st.randoms(use_true_random=False))
def test_the_order_of_the_arguments_does_not_matter(
    shards: list[ShardNeed],
    nodes: list[NodeRoom],
    replicas: int,
    held: dict[str, set[str]],
    random: Random,
) -> None:
    placement = place(shards, nodes, replicas, held)

    mixed, others = list(shards), list(nodes)
    random.shuffle(mixed)
    random.shuffle(others)

    assert place(mixed, others, replicas, {shard: sorted(held[shard]) for shard in sorted(held)}) == placement


@given(shards, st.integers(1, 12), replicas, held)
def test_letters_and_mapped_bytes_differ_by_no_more_than_the_largest_shard(
    shards: list[ShardNeed], count: int, replicas: int, held: dict[str, set[str]]
) -> None:
    nodes = nodes_of(count)

    placement = place(shards, nodes, replicas, held)

    letters = [letters_on(placement, shards, node.name) for node in nodes]
    mapped = [mapped_on(placement, shards, node.name) for node in nodes]
    assert placement.problem is None or count < replicas
    # Mapped bytes are the letters' quarter, rounded up: a byte for each shard.
    assert max(letters) - min(letters) <= max(one.letters for one in shards) + 8 * len(shards)
    assert max(mapped) - min(mapped) <= max(one.mapped_bytes for one in shards) + 2 * len(shards)


@given(unlike_shards, st.integers(1, 12))
def test_neither_letters_nor_bytes_are_beyond_twice_the_mean_and_two_shards(
    shards: list[ShardNeed], count: int
) -> None:
    nodes = nodes_of(count)

    placement = place(shards, nodes)

    letters, mapped = sum(one.letters for one in shards), sum(one.mapped_bytes for one in shards)
    widest = max(one.letters / max(letters, 1) + one.mapped_bytes / max(mapped, 1) for one in shards)
    for node in nodes:
        assert letters_on(placement, shards, node.name) <= letters * (2 / count + widest) * 1.000001 + 1
        assert mapped_on(placement, shards, node.name) <= mapped * (2 / count + widest) * 1.000001 + 1


@given(shards, st.integers(1, 12), st.lists(st.integers(0, 20), max_size=4))
def test_a_node_that_joins_takes_its_share_and_nothing_moves_between_the_others(
    shards: list[ShardNeed], count: int, names: list[int]
) -> None:
    nodes, placement = nodes_of(count), place(shards, nodes_of(count))
    widest = max(one.letters for one in shards)
    for name in dict.fromkeys(names):
        joined = NodeRoom(f"joined{name:02}", AMPLE, AMPLE)
        nodes = [*nodes, joined]

        after = place(shards, nodes, held=placement.nodes)

        assert set().union(*moved(placement, after).values()) <= {joined.name}
        mean = sum(one.letters for one in shards) / len(nodes)
        assert mean - widest - 8 * len(shards) <= letters_on(after, shards, joined.name)
        assert letters_on(after, shards, joined.name) <= mean + widest + 8 * len(shards)
        placement = after


@given(shards, st.integers(2, 12), st.data())
def test_only_the_shards_of_a_node_that_leaves_move(shards: list[ShardNeed], count: int, data: st.DataObject) -> None:
    nodes, placement = nodes_of(count), place(shards, nodes_of(count))
    while len(nodes) > 1:
        left = data.draw(st.sampled_from(nodes))
        nodes = [node for node in nodes if node != left]

        after = place(shards, nodes, held=placement.nodes)

        assert list(moved(placement, after)) == list(placement.shards(left.name))
        placement = after


@given(even_shards, st.integers(1, 12), st.integers(1, 3))
def test_shards_of_a_size_that_fit_are_within_memory_and_disk(
    shards: list[ShardNeed], count: int, replicas: int
) -> None:
    copies = -(-len(shards) * min(replicas, count) // count)
    one = shards[0]
    nodes = nodes_of(count, 2 * copies * one.mapped_bytes, copies * one.staged_bytes)

    placement = place(shards, nodes, replicas)

    assert placement.problem is None or count < replicas


@given(shards, rooms, held)
def test_a_problem_is_reported_exactly_when_a_node_is_beyond_its_memory_or_disk(
    shards: list[ShardNeed], nodes: list[NodeRoom], held: dict[str, set[str]]
) -> None:
    placement = place(shards, nodes, 1, held)

    over = [
        node
        for node in nodes
        if 2 * mapped_on(placement, shards, node.name) > node.memory_bytes
        or sum(one.staged_bytes for one in shards if node.name in placement.nodes[one.name]) > node.disk_bytes
    ]
    assert (placement.problem is not None) == bool(over) == (placement.remedy is not None)


def test_a_small_node_gets_shards_that_fit_and_the_others_the_rest() -> None:
    shards = shards_of([4 * GIB] * 12)
    small = NodeRoom("small", 5 * GIB, AMPLE)

    placement = place(shards, [small, *nodes_of(2)])

    assert placement.problem is None
    assert len(placement.shards("small")) == 2
    assert [len(placement.shards(node.name)) for node in nodes_of(2)] == [5, 5]


def test_a_held_shard_leaves_a_node_whose_disk_became_too_small() -> None:
    shards = shards_of([3 * GIB] * 4)
    nodes = [NodeRoom("full", AMPLE, 3 * GIB // 2), NodeRoom("free", AMPLE, AMPLE)]

    placement = place(shards, nodes, held={one.name: ["full"] for one in shards})

    assert placement.problem is None
    assert len(placement.shards("full")) == 1


def test_shards_that_do_not_fit_are_placed_where_they_exceed_the_memory_least() -> None:
    shards = shards_of([4 * GIB] * 8)

    placement = place(shards, nodes_of(2, memory=4 * GIB))

    assert [len(placement.shards(node.name)) for node in nodes_of(2)] == [4, 4]
    assert placement.problem == (
        "There is too little room on 2 of 2 nodes: node00 would hold 4,294,967,300 bytes, with 2,147,483,648 bytes in "
        "half of its memory."
    )
    assert placement.remedy is not None
    assert placement.remedy.startswith("Start more or larger nodes")


def test_fewer_nodes_than_copies_are_reported() -> None:
    placement = place(shards_of([10, 10]), nodes_of(1), replicas=2)

    assert placement.nodes == {"shard000": ("node00",), "shard001": ("node00",)}
    assert placement.problem == "The cluster has 1 node for 2 copies of each shard."


def test_without_nodes_no_shard_has_one() -> None:
    placement = place(shards_of([10]), [])

    assert placement.nodes == {"shard000": ()}
    assert placement.problem == "There is no node."


@pytest.mark.parametrize("letters", [[GIB] * 200, list(range(1, 201))])
def test_the_copies_of_a_node_are_spread_over_many_others(letters: list[int]) -> None:
    shards, nodes = shards_of(letters), nodes_of(10)

    placement = place(shards, nodes, replicas=2)

    for node in nodes:
        others = {name for shard in placement.shards(node.name) for name in placement.nodes[shard]} - {node.name}
        assert len(others) >= 5


def test_with_copies_the_loss_of_a_node_moves_little_more_than_its_shards() -> None:
    shards, nodes = shards_of([GIB] * 200), nodes_of(10)
    placement = place(shards, nodes, replicas=2)

    after = place(shards, nodes[1:], replicas=2, held=placement.nodes)

    assert len(moved(placement, after)) == len(placement.shards("node00"))


@pytest.mark.parametrize(("share", "copies"), [(0.6, 1), (0.8, 1), (0.8, 2)])
def test_hundreds_of_nodes_that_come_and_go_hold_all_shards_and_move_little(share: float, copies: int) -> None:
    """Shards take most of the memory, and up to all of that of the smallest node."""
    chance = Random(copies)
    nodes = [_random_node(chance, f"node{number:04}") for number in range(400)]
    sizes = _random_sizes(chance, share / copies * sum(node.memory_bytes for node in nodes) / 2)
    shards = [ShardNeed(f"shard{number:05}", size, size, size * 2) for number, size in enumerate(sizes)]
    placement = place(shards, nodes, copies)
    for number in range(6):
        gone = {node.name for node in chance.sample(nodes, chance.randrange(1, 20))}
        came = [_random_node(chance, f"new{number}-{name}") for name in gone]
        nodes = [node for node in nodes if node.name not in gone] + came
        before, placement = placement, place(shards, nodes, copies, placement.nodes)
        lost = sum(len(gone.intersection(holders)) for holders in before.nodes.values())
        new = sum(map(len, moved(before, placement).values()))

        assert placement.problem is None
        assert new <= 2 * lost, (new, lost)


def _random_node(chance: Random, name: str) -> NodeRoom:
    memory = chance.choice((16, 32, 64, 128)) * GIB
    return NodeRoom(name, memory, memory * chance.choice((1, 2, 4)))


def _random_sizes(chance: Random, total: float) -> list[int]:
    sizes: list[int] = []
    while total > 0:
        sizes.append(chance.randrange(GIB // 4, 8 * GIB))
        total -= sizes[-1]
    return sizes
