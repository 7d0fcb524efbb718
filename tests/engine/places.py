"""The parts of a database on this machine, and on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shardblast.blast.database import Database, database_of
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.bootstrap import known_arguments
from shardblast.bootstrap.cluster import host as host_of
from shardblast.cluster.connection import Cluster, Timings
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.merge import RemoteParts
from shardblast.cluster.messages import RunId, SearchOrder
from shardblast.core.cutting import Shard
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.engine.pieces import LocalParts, Parts
from shardblast.engine.workspace import Pool, Work
from shardblast.storage.objects import read_generation
from tests.cluster.parts import LocalCluster

LETTERS = 1000
"""The length of the queries of a search there."""
EVALUE = ["-evalue", "1e-5"]


@contextmanager
def local(database: Database, folder: Path) -> Iterator[Parts]:
    """Yield the parts of a database on this machine."""
    installation = find_installation()
    words = ["-db", database.name, "-query", str(folder / "queries.fa"), *EVALUE]
    options = parse(Program.BLASTN, words, known_arguments(installation, Program.BLASTN))
    pool = Pool(2)
    with Work(installation, Processes(), database, options, folder, pool, resumes=True) as work:
        yield LocalParts(work)
    pool.close()


@contextmanager
def remote(
    cluster: LocalCluster,
    name: str,
    shards: tuple[Shard, ...],
    folder: Path,
    made: Callable[..., Dispatcher] = Dispatcher,
) -> Iterator[RemoteParts]:
    """Yield the parts of a database in a cluster's storage, on two nodes with half of its volumes each.

    Args:
        cluster: With the nodes ``a`` and ``b``.
        name: Of the database.
        shards: In which it is searched.
        folder: An empty one.
        made: Makes what sends tasks.
    """
    here = host_of("here", folder / "here", 1, None, None)
    current = here.objects.read(f"databases/{name}/current").decode().strip()
    generation = read_generation(here.objects, name, current)
    run = RunId(folder.name, "1")
    words = ("-db", name, "-query", "queries.fa", "-outfmt", "11", *EVALUE)
    SearchOrder(Program.BLASTN, words, (), name, generation.name, shards, 1, LETTERS).put(here.objects, run.search)
    driver = Cluster.at(cluster.address, None, Timings())
    dispatcher = made(driver, generation, lambda: False, str(run))
    names = [one.name for one in generation.volumes]
    dispatcher.give("a", names[: len(names) // 2])
    dispatcher.give("b", names[len(names) // 2 :])
    parts = RemoteParts(here.search(run), database_of(generation, folder, ()), shards, folder, lambda: dispatcher)
    try:
        yield parts
    finally:
        parts.close()
        dispatcher.close()  # nothing may have been asked of it
        driver.end(run, wait=True)
        driver.close()
        here.abandon()
