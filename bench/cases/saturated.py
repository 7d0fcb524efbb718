"""The worst case: every query finds more subjects than BLAST+ keeps, so that all of them are searched again."""

from __future__ import annotations

from pathlib import Path

from bench import data
from bench.cases.case import Measured, Settings, compare, ratios
from bench.command import Search

SHARDS = ("4", "auto")
TARGET = 1.6


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
