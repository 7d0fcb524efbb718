"""The cost of placing a hundred thousand shards on a thousand nodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from statistics import median

from bench.cases.case import Measured, Settings
from bench.figure import Figure
from shardblast.core.placement import NodeRoom, Placement, ShardNeed, place

TARGET_S = 1.0
COPIES = 2


def measure(settings: Settings) -> Measured:
    random = Random(1)
    letters = [random.randint(10**8, 10**9) for _ in range(settings.size(100_000, 1000))]
    shards = [ShardNeed(f"{number:06}", one, one // 4, one // 3) for number, one in enumerate(letters)]
    count = settings.size(1000, 10)
    room = 3 * COPIES * sum(one.mapped_bytes for one in shards) // count
    nodes = [NodeRoom(f"node-{number}", room, room) for number in range(count + 1)]
    known, joined, left = nodes[:-1], nodes, nodes[1:-1]
    before = place(shards, known, COPIES)
    ways: dict[str, Callable[[], Placement]] = {
        "one copy, nothing held": lambda: place(shards, known),
        f"{COPIES} copies, nothing held": lambda: place(shards, known, COPIES),
        f"{COPIES} copies, nothing changed": lambda: place(shards, known, COPIES, before.nodes),
        f"{COPIES} copies, a node joins": lambda: place(shards, joined, COPIES, before.nodes),
        f"{COPIES} copies, a node leaves": lambda: place(shards, left, COPIES, before.nodes),
    }
    figures = [
        Figure(what, median(_seconds(way) for _ in range(settings.repeats)), "s", TARGET_S)
        for what, way in ways.items()
    ]
    return Measured(f"{len(shards):,} shards of 25 to 250 MB on {count:,} nodes", tuple(figures))


def _seconds(way: Callable[[], Placement]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
