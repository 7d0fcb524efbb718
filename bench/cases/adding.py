"""The cost of making a database from a FASTA file, compared with makeblastdb alone."""

from __future__ import annotations

import gzip
import shutil
import sys
from pathlib import Path

from bench import data
from bench.cases.case import RATIO, Measured, Settings
from bench.figure import Figure
from bench.measure import interleaved, median_seconds, run
from bench.place import OUTPUT
from shardblast.sources.source import SourceSettings

TARGET = 1.1
COPIES, QUICK_COPIES = 150, 1
ALONE = "add-fasta.makeblastdb"


def measure(settings: Settings) -> Measured:
    copies = settings.size(COPIES, QUICK_COPIES)
    plain = data.rrna_copies(copies)
    ours = {"FASTA": plain, "FASTA, gzip": _packed(plain)}
    folder = OUTPUT / "added"
    commands: dict[str, list[str | Path]] = {ALONE: _alone(plain, folder / ALONE)}
    commands |= {name: [sys.executable, "-m", "bench.adding", path, folder / name] for name, path in ours.items()}

    def clear() -> None:
        for name in commands:
            shutil.rmtree(folder / name, ignore_errors=True)

    runs = interleaved(commands, settings.repeats, clear)
    clear()
    for name, argv in commands.items():
        run(name, argv)
    figures = tuple(
        Figure(
            f"time, {name}",
            median_seconds(runs[name]) / median_seconds(runs[ALONE]),
            RATIO,
            TARGET,
            blast_s=median_seconds(runs[ALONE]),
            ours_s=median_seconds(runs[name]),
            identical=_sequences(folder / name) == _sequences(folder / ALONE),
        )
        for name in ours
    )
    clear()
    return Measured(f"{plain.stat().st_size / 1e6:,.0f} MB of FASTA: 16S of demo/data, {copies} times", figures)


def _sequences(folder: Path) -> dict[str, bytes]:
    """Return the files of a database that hold neither its path nor its date."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.n[hs][rq]"))}


def _alone(fasta: Path, folder: Path) -> list[str | Path]:
    argv: list[str | Path] = ["makeblastdb", "-in", fasta, "-dbtype", "nucl", "-title", fasta.stem, "-parse_seqids"]
    argv += ["-blastdb_version", "5", "-max_file_sz", str(SourceSettings().volume_bytes)]
    return [*argv, "-out", folder / fasta.stem]


def _packed(fasta: Path) -> Path:
    path = fasta.with_name(f"{fasta.name}.gz")
    if not path.exists():
        partial = path.with_name(f"{path.name}.partial")
        with fasta.open("rb") as source, gzip.open(partial, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target)
        partial.rename(path)
    return path
