"""Nodes without databases and without BLAST+: ``python -m bench.simulated SCHEDULER FILE``, until standard input ends.

They are Dask workers of one core each that say of themselves what the file says, as nodes do, and do what they are
sent; many live in one process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import Worker

from shardblast.cluster.connection import FACTS, doing_of
from shardblast.core.node import NodeState
from shardblast.core.report import PieceReport
from shardblast.engine.workspace import SEARCH

TOGETHER = 20
"""Workers that start at the same time."""
QUIET = {
    "distributed.admin.tick.interval": "1h",
    "distributed.admin.system-monitor.interval": "1h",
    "distributed.worker.profile.enabled": False,
}
"""Periodic work of workers, which is too frequent for a thousand of them in two processes."""


async def piece(seconds: float, batch: int, shard: int) -> PieceReport:
    """Take as long as a piece, and say what a piece says."""
    started = time.monotonic()
    await asyncio.sleep(seconds)
    return PieceReport(SEARCH, batch, shard, time.monotonic() - started, 0, "simulated")


def write_states(states: Sequence[NodeState], path: Path) -> None:
    """Write what nodes are to say of themselves."""
    path.write_text(json.dumps([asdict(state) for state in states]))


async def _run(scheduler: str, states: Sequence[dict[str, Any]], folder: str) -> None:
    workers = [_worker(scheduler, state, folder) for state in states]
    for first in range(0, len(workers), TOGETHER):
        await asyncio.gather(*workers[first : first + TOGETHER])
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.gather(*(worker.close(timeout=1, nanny=False) for worker in workers))


def _worker(scheduler: str, state: dict[str, Any], folder: str) -> Worker:
    worker = Worker(
        scheduler,
        nthreads=1,
        name=state["name"],
        host="127.0.0.1",
        memory_limit=0,
        dashboard=False,
        local_directory=folder,
    )
    told = {**state, "running": 0, "staging": {}, "waiting": {}}
    worker.metrics[FACTS] = lambda one: {**told, "doing": doing_of(one)}
    return worker


if __name__ == "__main__":
    with TemporaryDirectory() as own, dask.config.set(QUIET):
        asyncio.run(_run(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), own))
