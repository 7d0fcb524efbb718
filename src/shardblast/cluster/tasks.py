"""What nodes do for a driver. Whatever may be done twice leaves the same, under the same name.

What tasks take and return goes through the scheduler, so it is small however many hits there are: lists are objects in
the storage, which tasks name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from shardblast.blast.alias import write_alias
from shardblast.blast.candidates import known_ids_by_oid
from shardblast.blast.carrier import ArchiveCarrier
from shardblast.blast.fasta import Batch
from shardblast.blast.generation import database_of
from shardblast.blast.seqid import subject_names
from shardblast.blast.volume import VolumeWriter
from shardblast.cluster.host import Host
from shardblast.cluster.hosted import HostedSearch
from shardblast.cluster.keeping import all_subjects, are_kept, hides_titles, keep_sequences
from shardblast.cluster.membership import host_here, key_here
from shardblast.cluster.order import (
    RunFacts,
    RunId,
    StoredRun,
    batch_key,
    facts_key,
    merged_key,
    piece_key,
    subjects_key,
    told_key,
)
from shardblast.cluster.restriction import Restricted, list_here, restricted
from shardblast.core.errors import (
    DatabaseError,
    NetworkError,
    NotFoundError,
    OutOfMemory,
    OutputError,
    StorageError,
    UnknownFailure,
    file_error,
)
from shardblast.core.report import PieceReport
from shardblast.engine.cutting import shards_of
from shardblast.engine.parts import LocalParts, Run
from shardblast.engine.restriction import StoredFilter
from shardblast.engine.sharded import ShardedSearch, piece_file
from shardblast.engine.stored import read_filter, store_merged
from shardblast.engine.work import Purpose, Silent

if TYPE_CHECKING:
    from shardblast.cluster.remote import RemoteParts

QUERIES = "batch.fa"
OF_A_NODE = (DatabaseError, OutOfMemory, UnknownFailure, NetworkError, OutputError, StorageError)
"""Errors that another node may not have."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What a merge tells its driver; its bytes are in the storage."""

    warnings: bytes
    """Of BLAST+."""
    runs: tuple[RunFacts, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {"warnings": self.warnings.decode(errors="surrogateescape"), "runs": [asdict(one) for one in self.runs]}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MergeFacts:
        """Return it from its document."""
        warnings = values["warnings"].encode(errors="surrogateescape")
        return cls(warnings, tuple(RunFacts(**one) for one in values["runs"]))


def _here(task: Callable[Concatenate[HostedSearch, P], R]) -> Callable[Concatenate[RunId, P], R]:
    """Give a task its search on this node, and errors that another node may not have the name of this one."""

    @wraps(task)
    def done(run: RunId, /, *arguments: P.args, **named: P.kwargs) -> R:
        host: Host = host_here()
        try:
            return task(host.search(run), *arguments, **named)
        except OF_A_NODE as error:
            error.happened_on(host.node.name)
            raise
        except OSError as error:
            if error.errno is None:  # Dask's, of a connection
                raise
            failed = file_error(error)
            failed.happened_on(host.node.name)
            raise failed from error

    return done


@_here
def stage(hosted: HostedSearch, key: str, volumes: Sequence[str]) -> None:
    """Have volumes on this node's disk; bytes are counted under a key."""
    host = hosted.host
    with host.staged(hosted.generation, volumes, partial(host.count_staged, key), hosted.is_unwanted):
        host.look()


@_here
def warm(hosted: HostedSearch, key: str, volumes: Sequence[str]) -> None:
    """Have what searches map of volumes in memory, as far as there is room."""
    host = hosted.host
    wanted = [volume for volume in hosted.generation.volumes if volume.name in volumes]
    with host.staged(hosted.generation, volumes, lambda size_bytes: None, hosted.is_unwanted) as folder:
        files = [folder / file.name for volume in wanted for file in volume.mapped]
        try:
            host.node.warm(files, partial(host.count_staged, key), hosted.is_unwanted)
        except OutOfMemory:
            return
        host.look()


@_here
def run_stored(hosted: HostedSearch, stored: StoredRun) -> RunFacts | None:
    """Run BLAST+ in a part of the database, unless its result is there already; return what that took, if it is known.

    A node may have left, or the scheduler, before it could say that a run had ended.
    """
    if hosted.has(stored.result):
        return _run_before(hosted, stored)
    volumes = stored.part.volumes
    with hosted.scratch() as folder, hosted.opened(volumes) as opened:
        database = restricted(hosted, opened, folder, volumes).database
        queries = hosted.fetched(stored.queries)
        purpose = Purpose(stored.purpose, stored.batch, stored.shard)
        out = folder / "result"
        wanted = Run(list(stored.argv), queries, stored.outfmt, out, purpose, stored.what, (1,))
        with hosted.work(database, folder, task=key_here()) as work:
            LocalParts(work, named=False).start(stored.part, wanted).result()
        if hosted.has(stored.result):  # another node was quicker
            return _run_before(hosted, stored)
        facts = _facts(work.report.pieces[-1], hosted)
        hosted.put_plain(json.dumps(asdict(facts)).encode(), facts_key(stored.result))
        hosted.put(out, stored.result)
        return facts


def _run_before(hosted: HostedSearch, stored: StoredRun) -> RunFacts | None:
    try:
        return RunFacts(**json.loads(hosted.read(facts_key(stored.result))))
    except NotFoundError:  # a node of an older version did it
        return None


@_here
def merge(hosted: HostedSearch, batch: Batch) -> MergeFacts:
    """Merge a batch's pieces, and search saturated queries again."""
    if hosted.has(merged_key(batch.index)):
        return _told_before(hosted, batch)
    with hosted.scratch() as folder:
        batch = replace(batch, path=folder / QUERIES)
        hosted.fetch(batch_key(batch.index), batch.path)
        (folder / "merged").mkdir()
        told = _merged_whole(hosted, batch, folder) if hosted.order.is_whole else _merged_shards(hosted, batch, folder)
        _store_merged(hosted, batch, folder, told)
    return told


def _told_before(hosted: HostedSearch, batch: Batch) -> MergeFacts:
    """Return what is told of a batch that is merged, though the node that did it could not say so any more."""
    try:
        return MergeFacts.of(json.loads(hosted.read(told_key(batch.index))))
    except NotFoundError:  # a node of an older version merged it
        return MergeFacts(b"", ())


def _merged_shards(hosted: HostedSearch, batch: Batch, folder: Path) -> MergeFacts:
    seen = restricted(hosted, database_of(hosted.generation, folder, (), hosted.host.taxonomy), folder)
    if seen.database.filter is not None:
        StoredFilter(folder).keep(seen.database.filter)
    for shard in seen.shards:
        if hosted.has(piece_key(batch.index, shard.index)):
            hosted.fetch(piece_key(batch.index, shard.index), piece_file(folder, batch.index, shard.index))
    watcher = _Warnings()
    with _parts(hosted, seen, folder) as parts, hosted.work(seen.database, folder, watcher) as work:
        _merge(ShardedSearch(work, parts, seen.shards, ArchiveCarrier(), by_shard=True), batch, folder)
    return MergeFacts(watcher.text, tuple(_facts(one, hosted) for one in work.report.pieces))


@contextmanager
def _parts(hosted: HostedSearch, seen: Restricted, folder: Path) -> Iterator[RemoteParts]:
    """Reach the parts of a database on all nodes, for a task that has this folder."""
    from shardblast.cluster.remote import RemoteParts, dispatcher_of  # which send tasks of this module

    parts = RemoteParts(hosted, seen.database, seen.shards, folder, partial(dispatcher_of, hosted, folder))
    with closing(parts), hosted.asked(parts.lacks):
        yield parts


def _merged_whole(hosted: HostedSearch, batch: Batch, folder: Path) -> MergeFacts:
    """Search a batch where the whole database is, which this node brings to its disk if need be."""
    watcher = _Warnings()
    with hosted.opened(range(len(hosted.generation.volumes))) as database:
        with hosted.processes() as processes:
            means = (hosted.host.installation, hosted.options, database, folder, processes)
            chosen = read_filter(*means, named=False)
        database = replace(database, filter=chosen)
        threads = hosted.host.cores if hosted.order.threads > 1 else 1
        with hosted.work(database, folder, watcher) as work:
            parts, shards = LocalParts(work, named=False), shards_of(database, 1)
            _merge(ShardedSearch(work, parts, shards, ArchiveCarrier(), by_shard=True, threads=threads), batch, folder)
    return MergeFacts(watcher.text, tuple(_facts(one, hosted) for one in work.report.pieces))


def _merge(search: ShardedSearch, batch: Batch, folder: Path) -> None:
    store_merged(search, [batch], folder)


def _store_merged(hosted: HostedSearch, batch: Batch, folder: Path, told: MergeFacts) -> None:
    """Store a merged batch and what is told of it, last what says that it is whole."""
    hosted.put_plain(json.dumps(told.document()).encode(), told_key(batch.index))
    merged = folder / "merged"
    names = set(subject_names(merged / f"{batch.index}.asn"))
    known = None if None in names else [one.decode() if isinstance(one, bytes) else one for one in names]
    hosted.put_plain(json.dumps(known).encode(), subjects_key(batch.index))
    last = merged / f"{batch.index}.json"
    for file in sorted(merged.iterdir()):
        if file != last:
            hosted.put_plain(file, f"merged/{file.name}")
    hosted.put_plain(last, merged_key(batch.index))


@_here
def list_volume(hosted: HostedSearch, place: int) -> None:
    """Look at what the search's list of ids or taxids leaves of a volume, and store it."""
    list_here(hosted, place, key_here())


@_here
def look_up(hosted: HostedSearch, volumes: Sequence[int], listed: str, found: str) -> None:
    """Store which sequences in these volumes have the ids of a list: their OIDs in the whole database, with all ids.

    Args:
        hosted: The search on this node.
        volumes: Places of consecutive volumes.
        listed: The object with the ids, one a line.
        found: The object to store: JSON, a dictionary.
    """
    if hosted.has(found):
        return
    names = hosted.fetched(listed).read_bytes().split(b"\n")[:-1]
    with hosted.scratch() as folder, hosted.opened(volumes) as database:
        alias = write_alias(folder, "ids", database, [database.volumes[place].path for place in volumes], totals=False)
        here = replace(database, name=alias)
        with hosted.processes() as processes:
            ids_of = known_ids_by_oid(hosted.host.installation, processes, here, names, folder / "names")
        first = database.first_oids[volumes[0]]
        document = folder / "found.json"
        document.write_text(json.dumps({first + oid: ids for oid, ids in ids_of.items()}))
        hosted.put(document, found)


@_here
def copy_sequences(hosted: HostedSearch, volume: int, listed: str, name: str) -> None:
    """Store a small volume of some sequences of one volume.

    Args:
        hosted: The search on this node.
        volume: The place of the volume.
        listed: The object with the sequences' OIDs in that volume, 0-based, one a line.
        name: What the names of the small volume's objects begin with.
    """
    letter = hosted.generation.molecule.letter
    if hosted.has(f"{name}.in.zst"):
        return
    oids = [int(line) for line in hosted.fetched(listed).read_bytes().split()]
    with hosted.scratch() as folder, hosted.opened([volume]) as database:
        with hosted.processes() as processes:
            wanted = [(database.volumes[volume], processes.over(oids))]
            VolumeWriter(folder / "copy", database.molecule).write(wanted)
        for suffix in ("hr", "sq", "in"):
            hosted.put(folder / f"copy.{letter}{suffix}", f"{name}.{suffix}.zst")


@_here
def keep(hosted: HostedSearch, batches: int, most_bytes: int) -> bool:
    """Store the sequences that a search has hit, so that it is printed without its database; tell whether they are."""
    with hosted.scratch() as folder:
        try:
            names = all_subjects(hosted, batches)
        except NotFoundError:  # they were kept, and all else removed, before the service could note the end
            return are_kept(hosted)
        if names is None or hides_titles(hosted, folder):
            return False
        database = database_of(hosted.generation, folder, (), hosted.host.taxonomy)
        seen = Restricted(database, hosted.order.shards)
        with _parts(hosted, seen, folder) as parts, hosted.processes() as processes:
            return keep_sequences(hosted, processes, names, database, parts, folder, most_bytes)


class _Warnings(Silent):
    """Keeps what BLAST+ warns of."""

    def __init__(self) -> None:
        self.text = b""

    def warned(self, text: bytes) -> None:
        self.text += text


def _facts(one: PieceReport, hosted: HostedSearch) -> RunFacts:
    node = hosted.host.node.name
    return RunFacts(one.purpose, one.batch, one.shard, one.seconds, one.peak_memory_bytes, node)
