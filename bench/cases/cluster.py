"""A cluster on this machine: what it adds to a search that takes no time, and how many tasks it does in a second."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from distributed import Client

from bench import data
from bench.cases.case import Measured, Settings
from bench.figure import Figure
from bench.place import BUILD
from shardblast.cluster.assignment import NodeTask
from shardblast.cluster.connection import Cluster, Timings
from shardblast.cluster.dispatch import Dispatcher
from shardblast.storage.objects import Objects, read_generation
from tests.cluster.parts import LocalCluster
from tests.service.server import Server

NODES = ("a", "b")
OVERHEAD_S = 0.3
TASK_S = 0.01
RATE_SHARE = 0.8
PRIORITY = 0


def measure_tiny(settings: Settings) -> Measured:
    """From submission to a completed search that is seen: by a cluster of two warm nodes, less on one machine."""
    query, count = data.tiny_query().read_text(), settings.size(20, 2)
    with _cluster() as cluster:
        storage = {"SHARDBLAST_STORAGE": cluster.storage}
        here = _seconds(cluster.folder / "here", storage, query, count)
        there = _seconds(cluster.folder / "there", storage | {"SHARDBLAST_SCHEDULER": cluster.address}, query, count)
    more = statistics.median(there) - statistics.median(here)
    note = f"{statistics.median(there):.2f} s and {statistics.median(here):.2f} s"
    figure = Figure("more than on one machine, median", more, "s", OVERHEAD_S, note=note)
    return Measured(f"1 query of 100 nt in 16S of demo/data, two nodes of one core, {count} times", (figure,))


def measure_tasks(settings: Settings) -> Measured:
    """Tasks of 10 ms that need a volume, beside the same tasks sent by Dask alone, in turn."""
    count = settings.size(5_000, 50)
    with _cluster() as cluster:
        ours, theirs = [], []
        with Client(cluster.address, set_as_default=False) as client:
            for number in range(settings.repeats):
                theirs.append(count / _by_dask(client, count))
                ours.append(count / _by_us(client, cluster, count, f"bench{number}"))
    rate, alone = statistics.median(ours), statistics.median(theirs)
    figures = (
        Figure("tasks", rate, "per s", note=f"Dask alone {alone:,.0f}"),
        Figure("share of Dask's own rate", rate / alone, "", RATE_SHARE, at_least=True),
    )
    return Measured(f"{count:,} tasks of 10 ms on two nodes of one core", figures)


def _by_dask(client: Client, count: int) -> float:
    started = time.monotonic()
    client.gather(client.map(time.sleep, [TASK_S] * count, pure=False))
    return time.monotonic() - started


def _by_us(client: Client, cluster: LocalCluster, count: int, prefix: str) -> float:
    objects = Objects(cluster.storage)
    current = objects.read("databases/16s/current").decode().strip()
    generation = read_generation(objects, "16s", current)
    volumes = frozenset(volume.name for volume in generation.volumes)
    dispatcher = Dispatcher(Cluster(lambda: client, Timings()), generation, lambda: False, prefix)
    for name in NODES:
        dispatcher.give(name, volumes)
    started = time.monotonic()
    tasks = [NodeTask(f"task-{number}", time.sleep, (TASK_S,), volumes, PRIORITY) for number in range(count)]
    for future in dispatcher.submit_all(tasks):
        future.result()
    elapsed = time.monotonic() - started
    dispatcher.close()
    return elapsed


def _seconds(home: Path, variables: dict[str, str], query: str, count: int) -> list[float]:
    server = Server(home, variables=variables)
    added = server.run("db", "add", "16s", str(data.small_rrna_in_volumes()), "--copy", "--quiet")
    assert added.returncode == 0, added.stderr
    server.start()
    try:
        return [_one(server, query) for _ in range(count + 1)][1:]  # the first one stages
    finally:
        server.close()


def _one(server: Server, query: str) -> float:
    started = time.monotonic()
    search = server.submit("blastn", "16s", query)
    for event in server.events(search["id"]):
        if json.loads(event.data).get("state") == "completed":
            break
    return time.monotonic() - started


@contextmanager
def _cluster() -> Iterator[LocalCluster]:
    with TemporaryDirectory(dir=BUILD) as folder:
        one = LocalCluster(Path(folder), (Path(folder) / "storage").as_uri())
        one.add_database("16s", data.small_rrna_in_volumes())
        one.start(*NODES)
        try:
            yield one
        finally:
            one.close()
