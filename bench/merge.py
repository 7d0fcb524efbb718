"""Merge the pieces that ``--keep`` left, and nothing else: ``python -m bench.merge FOLDER REPEATS PROGRAM ...``.

Prints JSON: the bytes of the rows, and the median seconds of both passes over the pieces' files. One core is used.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import BinaryIO

from shardblast.blast.hits import QueryHits, TabularCarrier, by_query
from shardblast.bootstrap import known_arguments, local_engine
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Program
from shardblast.engine.pieces import choose_carrier
from shardblast.engine.printing import MergedQuery, TabularPrinter


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch as its pieces left it."""

    pieces: list[Path]
    """In shard order."""
    queries: int


def kept_batches(folder: Path) -> list[Kept]:
    batches = []
    for queries in sorted(folder.glob("batch*.fa"), key=lambda path: int(path.stem.removeprefix("batch"))):
        pieces = sorted(folder.glob(f"{queries.stem}.piece.*"), key=lambda path: int(path.suffix[1:]))
        count = sum(line.startswith(b">") for line in queries.open("rb"))
        batches.append(Kept(pieces, count))
    return batches


def found(batch: Kept, carrier: TabularCarrier) -> Iterator[list[QueryHits]]:
    return by_query([carrier.read(path, batch.queries) for path in batch.pieces], batch.queries)


def judge(batches: list[Kept], carrier: TabularCarrier) -> float:
    """Do what the engine does to find saturated queries when there are none; return the seconds."""
    started = time.perf_counter()
    for batch in batches:
        for parts in found(batch, carrier):
            sum(len(part.texts) for part in parts)
    return time.perf_counter() - started


def merge(batches: list[Kept], carrier: TabularCarrier, options: SearchOptions, target: BinaryIO) -> float:
    """Read, merge and print; return the seconds."""
    started = time.perf_counter()
    with TabularPrinter(target, options, carrier.layout) as printer:
        for batch in batches:
            for ordinal, parts in enumerate(found(batch, carrier)):
                texts = carrier.merge(parts, [0] * len(parts), options.max_target_seqs).texts
                printer.write(MergedQuery(ordinal, 0, texts))
    return time.perf_counter() - started


def main(folder: Path, repeats: int, program: Program, argv: list[str]) -> None:
    options = parse(program, argv, known_arguments(local_engine().installation, program))
    batches = kept_batches(folder)
    carrier = choose_carrier(options, shards=len(batches[0].pieces), unique_ids=True)
    if not isinstance(carrier, TabularCarrier):
        raise SystemExit("these options are not merged as rows")
    judge_s, merge_s = [], []
    for _ in range(repeats):
        judge_s.append(judge(batches, carrier))
        with open("/dev/null", "wb") as nowhere:
            merge_s.append(merge(batches, carrier, options, nowhere))
    copy = folder / "merged.out"
    with copy.open("wb") as target:
        merge(batches, carrier, options, target)
    json.dump({"bytes": copy.stat().st_size, "judge_s": median(judge_s), "merge_s": median(merge_s)}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Program(sys.argv[3]), sys.argv[4:])
