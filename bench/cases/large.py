"""A database of 10 GB, which is larger than the memory of one machine: BLAST+ and shardblast on one, and more nodes.

All machines have two cores, the same memory, and a disk of the same speed, and run one at a time; the slowest node
decides. A node has its share of the database in memory, as far as it fits, as a node that was warmed. Merging is not in
the times of nodes; the run of shardblast on one machine shows that the merged bytes are BLAST+'s.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bench import data
from bench.cases.case import RATIO, Measured, Settings, report_file, summary
from bench.cases.scaling import DISK_BYTES_PER_S, on_node
from bench.command import Search
from bench.figure import Figure
from bench.measure import Run, median_cpu, median_read_bytes, median_seconds, same_output
from bench.place import CORES, DATA
from shardblast.blast.alias import write_part
from shardblast.blast.database import Database
from shardblast.blast.installation import find_installation
from shardblast.core.cutting import Shard
from shardblast.engine.pieces import shards_of
from shardblast.sources.source import find_database

GENOMES = 10_400
READS = 10
"""As many as somebody pastes into a page. A thousand would keep two cores busy for longer than the disk takes."""
READ_LENGTH = 100
NODES = (1, 2, 4, 8)
MEMORY_BYTES = (2 << 30, 4 << 30)
PLENTY_BYTES = 16 << 30
EFFICIENCY = 0.9
NOTHING = ("true",)


def measure(settings: Settings) -> Measured:
    """One search of ten reads on machines of 2 GiB and of 4 GiB, and on nodes."""
    genomes = settings.size(GENOMES, 60)
    database, scanned = data.genomes(genomes)
    search = Search("blastn", database, data.genome_reads(genomes, READS, READ_LENGTH), ("-task", "megablast"))
    small = Search("blastn", data.small_rrna(), data.tiny_query(), ("-task", "megablast"))
    machine = _Machine(search, [small.blast("0"), small.shardblast("4")], scanned, settings.repeats)
    figures = [figure for memory in MEMORY_BYTES for figure in machine.alone(memory)]
    figures += machine.nodes(find_database(find_installation(), database))
    what = f"{READS} reads of {READ_LENGTH} nt in {genomes:,} random genomes of 4 Mb, megablast"
    return Measured(
        f"{what}; {scanned / 1e9:.1f} GB to scan, disk of {DISK_BYTES_PER_S / 1e6:.0f} MB/s", tuple(figures)
    )


class _Machine:
    """A machine of two cores on which the search runs."""

    def __init__(self, search: Search, programs: Sequence[Sequence[str]], scanned: int, repeats: int) -> None:
        self._search = search
        self._programs = programs
        self._scanned = scanned
        self._repeats = repeats

    def alone(self, memory: int) -> list[Figure]:
        """Compare shardblast with BLAST+ on one machine, whose memory holds nothing of the database at first."""
        report = report_file("large", str(memory))
        ours = self._runs(memory, NOTHING, self._search.shardblast("auto", "--report", str(report)))
        blast = self._runs(memory, NOTHING, self._search.blast("0"))
        with_memory = f"{memory >> 30} GiB"
        ratios = {
            "time": median_seconds(ours) / median_seconds(blast),
            "processor time": median_cpu(ours) / median_cpu(blast),
        }
        return [
            Figure(f"BLAST+, {with_memory}", median_seconds(blast), "s", note=self._read(blast)),
            Figure(
                f"shardblast, {with_memory}", median_seconds(ours), "s", note=f"{self._read(ours)}; {summary(report)}"
            ),
            *(
                Figure(f"{what}, {with_memory}", ratio, RATIO, 1, identical=same_output(ours[-1], blast[-1]))
                for what, ratio in ratios.items()
            ),
        ]

    def nodes(self, database: Database) -> list[Figure]:
        """Compare nodes with the ideal: one node with memory for all of the database, divided by their number."""
        ideal = self._slowest(database, 1, PLENTY_BYTES)[0]
        figures = [Figure("1 node, memory for all", ideal, "s")]
        for memory in MEMORY_BYTES:
            for count in NODES:
                slowest, spent, read = self._slowest(database, count, memory)
                what = f"{count} node{'s' * (count > 1)}, {memory >> 30} GiB"
                note = f"{spent:.1f} s of processor time, read {read / self._scanned:.2f} x database"
                figures.append(Figure(what, slowest, "s", note=note))
                target = EFFICIENCY if count * memory > self._scanned * 1.2 else None
                figures.append(
                    Figure(f"{what}, efficiency", ideal / count / slowest, "of ideal", target, at_least=True)
                )
        return figures

    def _slowest(self, database: Database, count: int, memory: int) -> tuple[float, float, float]:
        """Return the seconds of the slowest node, and the processor time and the bytes read of all."""
        shards = shards_of(database, count * CORES)
        nodes = []
        for first in range(0, len(shards), CORES):
            own = shards[first : first + CORES]
            warming = ["sh", "-c", f"cat {_files(database, own)} >/dev/null"]
            nodes.append(self._runs(memory, warming, self._pieces(database, own)))
        seconds = max(map(median_seconds, nodes))
        return seconds, sum(map(median_cpu, nodes)), sum(map(median_read_bytes, nodes))

    def _pieces(self, database: Database, shards: Sequence[Shard]) -> list[str]:
        """Return a command that searches shards side by side, one thread each."""
        commands = []
        for shard in shards:
            name = write_part(DATA, f"large{len(shards)}-{shard.index}", database, list(shard.volumes), shard.oids)
            argv = ["blastn", *self._search.extra, "-db", name, "-query", str(self._search.query), "-outfmt", "6"]
            commands.append(f"{shlex.join(argv)} &")
        return ["sh", "-c", " ".join([*commands, "wait"])]

    def _runs(self, memory: int, warming: Sequence[str], command: Sequence[str]) -> list[Run]:
        return [on_node(memory, self._programs, warming, command) for _ in range(self._repeats)]

    def _read(self, runs: Sequence[Run]) -> str:
        return (
            f"{median_cpu(runs):.1f} s of processor time, read {median_read_bytes(runs) / self._scanned:.2f} x database"
        )


def _files(database: Database, shards: Sequence[Shard]) -> str:
    """Return the files that a search of the shards reads, as words of a shell."""
    places = sorted({place for shard in shards for place in shard.volumes})
    return " ".join(f"{shlex.quote(str(database.volumes[place].path))}.n[is][nq]" for place in places)
