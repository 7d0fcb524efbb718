"""A look ahead: whether most queries of a search are saturated, so that shards would only cost time."""

from __future__ import annotations

from collections.abc import Sequence

from shardblast.blast.alias import write_shard
from shardblast.blast.carrier import TabularCarrier
from shardblast.blast.fasta import Batch, write_selected
from shardblast.blast.hits import by_query, layout_for
from shardblast.core.planning import Shard
from shardblast.engine.limits import limits_of
from shardblast.engine.work import Purpose, Work

FEWEST_QUERIES = 24
"""Of fewer queries a look ahead would cost as much as it can save."""
SAMPLED_QUERIES = 16
"""One query of so many is searched ahead, and never more than this number."""


def mostly_saturated(work: Work, shards: Sequence[Shard], batch: Batch) -> bool:
    """Search a few queries of the first batch in all shards; tell whether most have more hits than the user wants."""
    if batch.queries < FEWEST_QUERIES:
        return False
    step = max(SAMPLED_QUERIES, batch.queries // SAMPLED_QUERIES)
    ordinals = set(range(step // 2, batch.queries, step))
    queries = work.folder / "pilot.fa"
    write_selected(batch, ordinals, queries)
    limits = limits_of(work.options)
    carrier = TabularCarrier(layout_for(()))
    futures = []
    files = [work.folder / f"pilot.{shard.index}" for shard in shards]
    for shard, file in zip(shards, files, strict=True):
        place = ["-query", str(queries), "-db", write_shard(work.folder, work.database, shard)]
        argv = [*limits.hit_argv, *place, "-outfmt", carrier.outfmt, "-out", str(file)]
        what = f"the look ahead, shard {shard.index + 1} of {len(shards)}"
        futures.append(work.start(argv, Purpose("pilot", batch.index, shard.index), what, (0,)))
    for future in futures:
        future.result()
    readers = [carrier.read(file, len(ordinals)) for file in files]
    found = work.processes.over(by_query(readers, len(ordinals)))
    saturated = sum(sum(map(carrier.count, parts)) > limits.max_target_seqs for parts in found)
    return saturated * 2 > len(ordinals)
