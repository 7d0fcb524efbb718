"""Speed on two cores, real data, ``-outfmt 6``, few or no saturated queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import data
from bench.cases.case import Measured, Settings, compare, ratios
from bench.command import Search

SHARDS = ("auto", "4")
PIECE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class _Speed:
    prepare: Callable[[Settings], tuple[Search, str]]
    target: float


def _blastp(settings: Settings) -> tuple[Search, str]:
    queries = data.protein_queries(settings.size(24, 700))
    return Search(
        "blastp", data.proteins(), queries
    ), f"{data.count(queries)} of its proteins in the proteins of demo/data"


def _blastx(settings: Settings) -> tuple[Search, str]:
    queries = data.coding_queries(settings.size(36, 1000))
    what = f"{data.count(queries)} proteins translated back into genes, in the proteins of demo/data"
    return Search("blastx", data.proteins(), queries), what


def _tblastn(settings: Settings) -> tuple[Search, str]:
    source = data.nucleotides()
    queries = data.protein_queries(settings.size(24 if source.is_small else 500, 3000))
    what = f"{data.count(queries)} proteins of demo/data in {source.what}"
    return Search("tblastn", source.database, queries), what


def _blastn(candidates: int, *options: str) -> Callable[[Settings], tuple[Search, str]]:
    def prepare(settings: Settings) -> tuple[Search, str]:
        source = data.nucleotides()
        queries = data.selective_pieces(source, options, settings.size(candidates, 25), PIECE_LENGTH)
        what = f"{data.count(queries)} pieces of {PIECE_LENGTH} nt with fewer than 500 hits in {source.what}"
        return Search("blastn", source.database, queries, options), what

    return prepare


PROGRAMS: Mapping[str, _Speed] = {
    "blastp": _Speed(_blastp, 1.0),
    "blastx": _Speed(_blastx, 1.0),
    "tblastn": _Speed(_tblastn, 1.0),
    "blastn": _Speed(_blastn(100, "-task", "blastn", "-evalue", "1e-30"), 1.05),
    "megablast": _Speed(_blastn(1000, "-task", "megablast", "-evalue", "1e-30"), 1.05),
}


def measure(name: str, settings: Settings) -> Measured:
    speed = PROGRAMS[name]
    search, what = speed.prepare(settings)
    comparison = compare(name, search, SHARDS, settings.repeats)
    return Measured(f"{what}; {comparison.rows:,} rows", ratios(name, comparison, speed.target))
