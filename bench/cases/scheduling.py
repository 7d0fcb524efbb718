"""The cost of sending pieces to very many simulated nodes with a real scheduler and dispatcher."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from distributed import Client

from bench.cases.case import Measured, Settings
from bench.figure import Figure
from bench.peak import peak_bytes
from bench.place import BUILD
from bench.simulated import piece, write_states
from shardblast.cluster.assignment import NodeTask
from shardblast.cluster.connection import Cluster, Timings
from shardblast.cluster.dispatch import Dispatcher
from shardblast.core.database import Generation, VolumeMetadata
from shardblast.core.node import HeldGeneration, HeldVolume, NodeState
from shardblast.core.placement import NodeRoom, ShardNeed, place
from shardblast.core.program import Molecule
from shardblast.engine.workspace import SEARCH
from tests.cluster.parts import LocalCluster

DATABASE, VERSION = "nt", "simulated"
VOLUME_BYTES = 1 << 28
REPLICAS = 2
PIECE_S = 1.0
PROCESSES = 2
"""That simulated nodes share."""
ROOM_BYTES = 1 << 40
GIB = 1 << 30


def measure(settings: Settings) -> Measured:
    """All pieces of one search: a shard for each node, on two nodes each; batches to make the number."""
    nodes, batches = settings.size(1000, 1000), settings.size(100, 5)
    generation = _generation(nodes)
    count = nodes * batches
    with _nodes(generation, nodes) as cluster, Client(cluster.address, set_as_default=False) as client:
        pids = os.getpid(), cluster.scheduler.pid
        Path("/proc/self/clear_refs").write_text("5")  # what came before is not to count in our own peak
        before = [_used_s(pid) for pid in pids]
        started = time.monotonic()
        _send(client, generation, batches)
        seconds = time.monotonic() - started
        ours, theirs = (_used_s(pid) - used for pid, used in zip(pids, before, strict=True))
        peaks = [peak_bytes(pid) for pid in pids]
    ideal = batches * PIECE_S
    figures = (
        Figure("all pieces", seconds, "s", note=f"{ideal:,.0f} s if nothing took time but pieces"),
        Figure("processor of our dispatcher", 1e3 * ours / count, "ms a piece"),
        Figure("processor of the scheduler", 1e3 * theirs / count, "ms a piece"),
        Figure("memory of our dispatcher", peaks[0] / GIB, "GiB"),
        Figure("memory of the scheduler", peaks[1] / GIB, "GiB"),
    )
    return Measured(f"{count:,} pieces of {PIECE_S:g} s on {nodes:,} simulated nodes of one core", figures)


def _send(client: Client, generation: Generation, batches: int) -> None:
    dispatcher = Dispatcher(Cluster(lambda: client, Timings()), generation, lambda: False, "bench")
    tasks = [
        NodeTask(f"{batch}-{shard}", piece, (PIECE_S, batch, shard), frozenset([volume.name]), kind=SEARCH)
        for shard, volume in enumerate(generation.volumes)
        for batch in range(batches)
    ]
    for future in dispatcher.submit_all(tasks):
        future.result()
    dispatcher.close()


@contextmanager
def _nodes(generation: Generation, count: int) -> Iterator[LocalCluster]:
    """Start a scheduler and simulated nodes that say that they hold the database."""
    states = _states(generation, count)
    with TemporaryDirectory(dir=BUILD) as folder, ExitStack() as stack:
        cluster = LocalCluster(Path(folder), (Path(folder) / "storage").as_uri())
        stack.callback(cluster.close)
        cluster.start()
        shares = [states[number::PROCESSES] for number in range(PROCESSES)]
        parts = [_start(cluster, share, Path(folder) / f"{number}.json") for number, share in enumerate(shares)]
        stack.callback(_end, parts)
        for part in parts:
            assert part.stdout is not None
            if part.stdout.readline() != b"connected\n":
                raise SystemExit("The simulated nodes could not start.")
        yield cluster


def _start(cluster: LocalCluster, states: Sequence[NodeState], path: Path) -> subprocess.Popen[bytes]:
    write_states(states, path)
    argv = [sys.executable, "-m", "bench.simulated", cluster.address, str(path)]
    with (BUILD / "simulated.log").open("ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)


def _end(parts: Sequence[subprocess.Popen[bytes]]) -> None:
    for part in parts:
        assert part.stdin is not None
        part.stdin.close()
    for part in parts:
        part.wait(timeout=120)


def _generation(volumes: int) -> Generation:
    named = [
        VolumeMetadata(f"nt.{number:03}", 1000, 4 * VOLUME_BYTES, 10_000, VOLUME_BYTES, ()) for number in range(volumes)
    ]
    nothing = {"shared": (), "has_ids": True, "has_taxids": False, "masks": (), "source": "", "source_version": ""}
    return Generation(DATABASE, VERSION, Molecule.NUCLEOTIDE, "nt", "", 5, tuple(named), **nothing)  # type: ignore[arg-type]


def _states(generation: Generation, count: int) -> list[NodeState]:
    """Return what each node says, with each volume where placement puts it."""
    volumes = generation.volumes
    needs = [ShardNeed(one.name, one.letters, one.mapped_bytes, one.mapped_bytes) for one in volumes]
    rooms = [NodeRoom(f"node-{number}", ROOM_BYTES, ROOM_BYTES) for number in range(count)]
    placed = place(needs, rooms, REPLICAS)
    held: dict[str, list[HeldVolume]] = {room.name: [] for room in rooms}
    for name, nodes in placed.nodes.items():
        for node in nodes:
            held[node].append(HeldVolume(name, VOLUME_BYTES, VOLUME_BYTES, VOLUME_BYTES))
    return [
        NodeState(
            room.name,
            1,
            ROOM_BYTES,
            ROOM_BYTES,
            0,
            ROOM_BYTES,
            (HeldGeneration(DATABASE, VERSION, False, tuple(held[room.name]), len(volumes)),),
        )
        for room in rooms
    ]


def _used_s(pid: int) -> float:
    """Return the processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
