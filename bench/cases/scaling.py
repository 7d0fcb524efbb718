"""The gain from more nodes: a database on 1 to 16 nodes of little memory, run one at a time; the slowest decides.

A node's share of the database is read into its memory first, as a node warms what it is given; then it searches all
batches, one core to a process. Merging is not in these times.
"""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import data
from bench.cases.case import Measured, Settings
from bench.cgroup import cold_cache, limited_memory, slow_disk
from bench.figure import Figure
from bench.measure import Run, run
from bench.place import DATA
from shardblast.blast.alias import write_part
from shardblast.blast.database import Database
from shardblast.blast.installation import find_installation
from shardblast.core.cutting import Shard
from shardblast.engine.pieces import shards_of
from shardblast.sources.source import find_database

COPIES = 16
NODES = (1, 2, 4, 8, 16)
MEMORY_BYTES = 800 << 20
"""The memory of a node: enough for half of the database and the processes' own 105 MB, too little for all of it."""
DISK_BYTES_PER_S = 250_000_000
EFFICIENCY = 0.9
PIECE_LENGTH = 100
PLENTY_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class _Nodes:
    """A cluster whose nodes run one at a time."""

    count: int
    memory_bytes: int
    """The memory of each."""


PLENTY = _Nodes(1, PLENTY_BYTES)


@dataclass(frozen=True, slots=True)
class _Search:
    task: str
    batches: Sequence[Path]
    smallest: list[str]
    """A command that loads the program."""

    def command(self, name: str) -> list[str]:
        one = ["blastn", "-task", self.task, "-db", name, "-outfmt", "6", "-num_threads", "1"]
        loop = f'for query; do {shlex.join(one)} -query "$query" || exit; done'
        return ["sh", "-c", loop, "sh", *map(str, self.batches)]


def measure(settings: Settings) -> Measured:
    """A search that takes time: what each number of nodes makes of it, of the ideal, a node's time through nodes."""
    search = _search(settings, "blastn", settings.size(2, 1), settings.size(100, 20))
    database, scanned = _database()
    clusters = [PLENTY, *(_Nodes(count, MEMORY_BYTES) for count in NODES)]
    times = _slowest(search, database, clusters, settings.repeats)
    ideal = times[PLENTY]
    figures = []
    for count in NODES:
        slowest = times[_Nodes(count, MEMORY_BYTES)]
        what, target = (f"{count} nodes", EFFICIENCY) if count > 1 else ("1 node", None)
        note = f"slowest {slowest:.2f} s, ideal {ideal / count:.2f} s"
        figures.append(Figure(what, ideal / count / slowest, "of ideal", target, at_least=True, note=note))
    return Measured(_described(search, scanned), tuple(figures))


def measure_thrash(settings: Settings) -> Measured:
    """A search that takes little: one node that reads the database anew for each batch, and four that hold it."""
    search = _search(settings, "megablast", settings.size(8, 2), settings.size(1000, 100))
    database, scanned = _database()
    clusters = [PLENTY, *(_Nodes(count, MEMORY_BYTES) for count in (1, 4))]
    plenty, one, four = _slowest(search, database, clusters, settings.repeats).values()
    figures = (
        Figure("1 node", one, "s", note=f"{plenty:.1f} s with memory for all of it"),
        Figure("4 nodes", four, "s"),
        Figure("more than 4 times as fast", one / four / 4, "x", 1, at_least=True),
    )
    return Measured(_described(search, scanned), figures)


def _slowest(search: _Search, database: Database, clusters: Sequence[_Nodes], repeats: int) -> dict[_Nodes, float]:
    """Return the time of each cluster's slowest node, of the median of each; all run in turn."""
    times: dict[_Nodes, dict[int, list[float]]] = {cluster: {} for cluster in clusters}
    for _ in range(repeats):
        for cluster in clusters:
            for shard in shards_of(database, cluster.count):
                times[cluster].setdefault(shard.index, []).append(_node_s(search, database, shard, cluster))
    return {cluster: max(map(statistics.median, nodes.values())) for cluster, nodes in times.items()}


def _node_s(search: _Search, database: Database, shard: Shard, cluster: _Nodes) -> float:
    name = write_part(DATA, f"scaling{cluster.count}-{shard.index}", database, list(shard.volumes), shard.oids)
    warming = _warming(database, shard)
    return on_node(cluster.memory_bytes, [search.smallest], warming, search.command(name)).seconds


def _warming(database: Database, shard: Shard) -> list[str]:
    """Return a command that reads what a search of the shard reads."""
    files = " ".join(f"{shlex.quote(str(database.volumes[place].path))}.n[is][nq]" for place in shard.volumes)
    return ["sh", "-c", f"cat {files} >/dev/null"]


def on_node(
    memory_bytes: int, programs: Sequence[Sequence[str]], warming: Sequence[str], command: Sequence[str]
) -> Run:
    """Run a command as on a machine with so much memory and a slow disk.

    Args:
        memory_bytes: Memory, page cache included.
        programs: Commands that load the programs, whose memory does not count.
        warming: A command that reads the node's share of the database first, at the full speed of the disk.
        command: What is measured.
    """
    with ExitStack() as stack:
        node = stack.enter_context(limited_memory(memory_bytes))
        disk = stack.enter_context(slow_disk(DATA, DISK_BYTES_PER_S))
        cold_cache(programs)
        run("scaling.warm", node.argv(warming))
        return run("scaling", node.argv(disk.argv(command)))


def _search(settings: Settings, task: str, batches: int, queries: int) -> _Search:
    options = ("-task", "megablast")
    real = data.selective_pieces(data.nucleotides(), options, settings.size(300, 60), PIECE_LENGTH, fewer_than=20)
    files = [data.mostly_shuffled(real, number, queries, PIECE_LENGTH) for number in range(batches)]
    small = ["blastn", "-task", task, "-db", str(data.small_rrna()), "-query", str(data.tiny_query())]
    return _Search(task, files, small)


def _database() -> tuple[Database, int]:
    alias, scanned = data.ssu_copies(COPIES)
    return find_database(find_installation(), alias), scanned


def _described(search: _Search, scanned: int) -> str:
    queries = sum(map(data.count, search.batches))
    what = f"{queries:,} queries in {len(search.batches)} batches, {search.task}, in {COPIES} copies of SSU rRNA"
    memory, disk = MEMORY_BYTES / 1e6, DISK_BYTES_PER_S / 1e6
    return (
        f"{what}; {scanned / 1e6:,.0f} MB to scan, {memory:,.0f} MB of memory a node, disk limited to {disk:,.0f} MB/s"
    )
