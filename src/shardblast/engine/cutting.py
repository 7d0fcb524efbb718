"""Queries cut into batches, and a database into shards, as a search's plan says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from shardblast.blast.database import Database
from shardblast.blast.fasta import Batch, open_queries, split
from shardblast.core.choice import BATCH_QUERIES, Choice
from shardblast.core.planning import Shard, VolumeSize, cut_shards
from shardblast.core.program import Molecule


def batches_of(query: str, folder: Path, molecule: Molecule, choice: Choice) -> Iterator[Batch]:
    """Write the batches of a query file to a folder and yield each when it is whole."""
    with open_queries(query) as stream:
        yield from split(stream, folder, molecule, choice.batch_letters, BATCH_QUERIES, choice.scan_letters)


def shards_of(database: Database, count: int) -> tuple[Shard, ...]:
    """Return so many shards of about equal letters, in OID order, or fewer where a filter leaves nothing of some."""
    sizes = [VolumeSize(volume.num_seqs, volume.letters) for volume in database.volumes]
    shards = cut_shards(sizes, count, lambda volume, parts: database.volumes[volume].cuts(parts))
    chosen = database.filter
    if chosen is None:
        return shards
    seen = [shard for shard in shards if chosen.kept_in(shard.volumes, shard.oids)]
    return tuple(replace(shard, index=index) for index, shard in enumerate(seen))
