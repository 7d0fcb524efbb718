"""The demonstration: real sequences searched with and without shards, compared byte for byte.

Run by ``make demo``. Needs BLAST+ and ``.venv/bin/shardblast``, and no network. Ends with status 1 when any output
differs, with 2 when a command fails. Also shows what shards gain where the database does not fit in memory, as the
benchmark measured it.
"""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
BUILD = HERE.parent / "build" / "demo"
SHARDBLAST = Path(sys.executable).with_name("shardblast")
SHARDS = 4
FORMATS = ("6", "0", "5")
RECORDED = HERE / "recorded.json"
"""The benchmark's case with a database larger than memory, as ``python -m bench --write-docs`` wrote it."""

errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Demo:
    """One program with its database and queries, both names of files in demo/data."""

    program: str
    dbtype: str
    database: str
    queries: str
    options: tuple[str, ...] = ()


DEMOS = (
    # At the default E-value nearly all 16S genes are hits of each other, and such a search is left to BLAST+ alone.
    Demo("blastn", "nucl", "16s", "16s-queries", ("-evalue", "1e-200")),
    Demo("blastp", "prot", "proteins", "protein-queries"),
)


class DemoFailed(Exception):
    """A command failed; the message is what it said."""


def main() -> int:
    try:
        BUILD.mkdir(parents=True, exist_ok=True)
        rows = list(comparisons())
    except DemoFailed as failure:
        errors.print(str(failure), style="red", markup=False, highlight=False)
        return 2
    Console().print(table(rows))
    Console().print(recorded(json.loads(RECORDED.read_text())))
    return 0 if all(is_identical(result) for _, result in rows) else 1


def comparisons() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each format with what ``shardblast verify`` found."""
    for demo in DEMOS:
        database = make_database(demo)
        query = unpack(demo.queries)
        for outfmt in FORMATS:
            errors.print(f"{demo.program}, format {outfmt}: with {SHARDS} shards and without", highlight=False)
            yield outfmt, verify(demo, database, query, outfmt)


def unpack(name: str) -> Path:
    fasta = BUILD / f"{name}.fa"
    with gzip.open(DATA / f"{name}.fa.gz") as packed, fasta.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return fasta


def make_database(demo: Demo) -> Path:
    fasta = unpack(demo.database)
    database = BUILD / demo.database
    argv = ["makeblastdb", "-in", str(fasta), "-dbtype", demo.dbtype, "-title", demo.database, "-out", str(database)]
    made = subprocess.run(argv, capture_output=True, text=True)
    if made.returncode:
        raise DemoFailed(made.stderr.strip() or f"makeblastdb ended with status {made.returncode}.")
    return database


def verify(demo: Demo, database: Path, query: Path, outfmt: str) -> dict[str, Any]:
    argv = [str(SHARDBLAST), "verify", demo.program, *demo.options, "-db", str(database), "-query", str(query)]
    argv += ["-outfmt", outfmt, "-num_threads", "2", "--shards", str(SHARDS)]
    verified = subprocess.run(argv, capture_output=True, text=True)
    try:
        result: dict[str, Any] = json.loads(verified.stdout)
    except ValueError:
        problem = verified.stderr.strip() or "It printed no result."
        raise DemoFailed(
            f"shardblast verify {demo.program} ended with status {verified.returncode}. {problem}"
        ) from None
    return result


def is_identical(result: dict[str, Any]) -> bool:
    return bool(result["queries"]) and result["identical"] == result["queries"] and not result["differing"]


def table(rows: list[tuple[str, dict[str, Any]]]) -> Table:
    view = Table(title=f"Sharded and unsharded BLAST+, {SHARDS} shards")
    view.add_column("program")
    for heading in ("format", "queries", "rows"):
        view.add_column(heading, justify="right")
    view.add_column("output")
    for heading in ("sharded (s)", "unsharded (s)"):
        view.add_column(heading, justify="right")
    for outfmt, result in rows:
        differing = result["queries"] - result["identical"]
        view.add_row(
            result["program"],
            outfmt,
            f"{result['queries']:,}",
            "" if result["rows"] is None else f"{result['rows']:,}",
            "[green]identical" if is_identical(result) else f"[red]{differing:,} differ",
            f"{result['seconds']['sharded']:.2f}",
            f"{result['seconds']['unsharded']:.2f}",
        )
    return view


def recorded(case: dict[str, Any]) -> Table:
    """Return the times of a search in a database larger than memory, which takes too long for a demonstration."""
    view = Table(
        title="These databases fit in memory, so shards cannot gain anything. This is one that does not:",
        caption=f"{case['data']}. Measured on {case['measured'][:10]}; the output was identical.",
    )
    view.add_column("machines")
    view.add_column("search (s)", justify="right")
    for figure in case["figures"]:
        if figure["unit"] == "s":
            view.add_row(figure["what"], f"{figure['value']:.1f}")
    return view


if __name__ == "__main__":
    sys.exit(main())
