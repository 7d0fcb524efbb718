"""The worst case: every query finds more subjects than BLAST+ keeps, so that all of them are searched again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import data
from bench.cases.case import RATIO, Measured, Settings, compare, ratios
from bench.command import Search
from bench.figure import Figure
from bench.measure import interleaved, median_cpu, median_seconds, run, same_output
from bench.place import BUILD
from tests.cluster.parts import LocalCluster

SHARDS = ("4", "auto")
TARGET = 1.6
FAMILY_TARGET = 1.3
HITS = (10_000, 50_000, 200_000)
SEQUENCES = 200_000
NODES = {4: (1.3, 0.4), 16: (1.6, 0.12)}
"""By the number of nodes, the targets for the processor time of all, and of the slowest, in that of BLAST+."""


def measure_small(settings: Settings) -> Measured:
    """The 40 16S queries of demo/data in its 2,754 16S sequences."""
    return _measure("saturated", data.small_rrna(), "16S of demo/data", settings)


def measure_ssu(settings: Settings) -> Measured:
    """The same queries in Debian's 202,914 sequences, where starting processes weighs little."""
    if not data.has_ssu():
        raise data.NoData("Debian's ncbi-rrna-data is not installed")
    return _measure("saturated-ssu", data.SSU, "SSU rRNA of ncbi-rrna-data", settings)


def _measure(name: str, database: Path, what: str, settings: Settings) -> Measured:
    queries = data.rrna_queries()
    search = Search("blastn", database, queries, ("-max_target_seqs", "50"))
    comparison = compare(name, search, SHARDS, settings.repeats)
    described = f"{data.count(queries)} 16S queries in {what}, megablast, -max_target_seqs 50; {comparison.rows:,} rows"
    return Measured(described, ratios(name, comparison, TARGET))


def measure_families(settings: Settings) -> Measured:
    """Proteins of families of 5,000, and one query with ever more hits, on a machine whose memory holds no shard."""
    size = settings.size(SEQUENCES, 4000)
    made = {"20 queries with 5,000 hits": data.protein_families(4, size // 40, size)}
    made |= {_with(hits): data.protein_families(1, min(hits, size), size) for hits in HITS}
    figures = [_against_blast("blastp", what, *files, settings.repeats) for what, files in made.items()]
    return Measured(f"blastp, {size:,} proteins of 300 residues, 4 shards; processor time", tuple(figures))


def measure_genes(settings: Settings) -> Measured:
    """Queries with ever more nearly equal hits, on a machine whose memory holds no shard."""
    size = settings.size(SEQUENCES, 4000)
    made = {_with(hits): data.gene_copies(min(hits, size), size) for hits in HITS}
    figures = [_against_blast("blastn", what, *files, settings.repeats) for what, files in made.items()]
    return Measured(f"megablast, {size:,} genes of 900 bases, 4 shards; processor time", tuple(figures))


def _with(hits: int) -> str:
    return f"5 queries with {hits:,} hits"


def _against_blast(program: str, what: str, database: Path, queries: Path, repeats: int) -> Figure:
    words = ["-db", str(database), "-query", str(queries), "-outfmt", "6"]
    ours = [sys.executable, "-m", "bench.little_memory", program, *words, "--shards", "4"]
    runs = interleaved({"families.blast": [program, *words], "families.ours": ours}, repeats)
    blast, candidates = runs["families.blast"], runs["families.ours"]
    return Figure(
        f"processor time, {what}",
        median_cpu(candidates) / median_cpu(blast),
        RATIO,
        FAMILY_TARGET,
        blast_s=median_seconds(blast),
        ours_s=median_seconds(candidates),
        identical=same_output(candidates[-1], blast[-1]),
        note=f"{median_cpu(blast):.1f} and {median_cpu(candidates):.1f} s of processor time",
    )


def measure_nodes(settings: Settings) -> Measured:
    """Proteins of families of 5,000 on a cluster whose nodes hold a part of the database each."""
    size = settings.size(SEQUENCES, 4000)
    database, queries = data.protein_families(4, size // 40, size, max(NODES))
    blast = run("nodes.blast", ["blastp", "-db", str(database), "-query", str(queries), "-outfmt", "6"])
    figures = []
    for nodes, (all_target, slowest_target) in NODES.items():
        printed, spent = _on_nodes(database, queries, nodes)
        same = printed == blast.out.read_bytes()
        named = (("all", sum(spent), all_target), ("the slowest node", max(spent), slowest_target))
        for what, ours, target in named:
            note = f"{blast.cpu_s:.1f} and {ours:.1f} s of processor time"
            figure = f"processor time of {what}, {nodes} nodes"
            figures.append(Figure(figure, ours / blast.cpu_s, RATIO, target, identical=same, note=note))
    what = f"blastp, 20 queries with {size // 40:,} hits each in {size:,} proteins of 300 residues"
    return Measured(f"{what}; nodes of one core, with their Python, without command and scheduler", tuple(figures))


def _on_nodes(database: Path, queries: Path, count: int) -> tuple[bytes, list[float]]:
    """Return what a cluster prints, and the processor time of each node, in seconds. All nodes share this machine."""
    with TemporaryDirectory(dir=BUILD) as folder:
        cluster = LocalCluster(Path(folder), (Path(folder) / "storage").as_uri())
        cluster.add_database("families", database)
        cluster.start(*(f"node{number}" for number in range(count)))
        try:
            words = ["-db", "families", "-outfmt", "6", "-query"]
            cluster.search("blastp", *words, str(data.protein_queries(5000)))  # stages the database
            before = [_processor_s(node.pid) for node in cluster.nodes.values()]
            found = cluster.search("blastp", *words, str(queries))
            after = [_processor_s(node.pid) for node in cluster.nodes.values()]
        finally:
            cluster.close()
    return found.stdout, [now - then for now, then in zip(after, before, strict=True)]


def _processor_s(pid: int) -> float:
    """Return the processor time of a process and of those that it started and waited for (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
