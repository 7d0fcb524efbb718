"""A search driven on the cluster: pieces are sent, and batches are merged as soon as their pieces are finished.

The driver decides and waits. Hits go from nodes to the storage and from there to nodes, not through the driver.
"""

from __future__ import annotations

import json
import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shardblast.blast.compression import pack, unpack
from shardblast.blast.hits import ArchiveCarrier
from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch
from shardblast.cluster import merge, node_tasks
from shardblast.cluster.assignment import NodeTask
from shardblast.cluster.connection import Cluster
from shardblast.cluster.dispatch import Dispatcher, Doing
from shardblast.cluster.merge import MergeFacts
from shardblast.cluster.messages import (
    MERGING,
    RunId,
    SearchOrder,
    StoredRun,
    batch_key,
    facts_key,
    merge_facts_key,
    merged_key,
    piece_key,
)
from shardblast.cluster.node_tasks import RESTRICTION, kept_name, listed_name, listed_of, restriction_of
from shardblast.cluster.preparation import Preparation, Waiting
from shardblast.core import events
from shardblast.core.cutting import Shard
from shardblast.core.database import Generation
from shardblast.core.lack import ExpectedNodes
from shardblast.core.options import SearchOptions
from shardblast.core.report import PieceReport
from shardblast.core.search import Phase
from shardblast.engine.pieces import PieceOptions, part_of
from shardblast.engine.workspace import SEARCH
from shardblast.storage.objects import Objects, search_key

READ_AT_ONCE = 16
"""Number of small objects read concurrently, because each read takes one round trip to the storage."""

PIECE = "piece"


@dataclass(frozen=True, slots=True)
class DriverMeans:
    """What all searches of a driver share."""

    cluster: Cluster
    objects: Objects
    replicas: int = 1
    expected: Callable[[], ExpectedNodes] = ExpectedNodes
    """Returns the nodes that were asked for."""
    patience_s: float = math.inf
    """Time for which a search may be stuck before it fails."""


@dataclass
class Drive:
    """One search, until all of its batches are merged in the storage."""

    means: DriverMeans
    search_id: str
    order: SearchOrder
    options: SearchOptions
    generation: Generation
    batches: Sequence[Batch]
    notify: events.Notify
    processes: Processes
    """Stopping them ends the search."""
    _run: RunId = field(init=False)
    _shards: tuple[Shard, ...] = field(init=False)
    """The shards in which a list of ids or taxids leaves sequences; all shards if there is no list."""

    def __post_init__(self) -> None:
        self._run = RunId(self.search_id, secrets.token_hex(4))
        self._shards = self.order.shards

    def search(self) -> None:
        """Search what is not finished yet.

        After an error, finished parts stay in the storage; the errors are those of ``Waiting``.
        """
        with self._dispatcher() as dispatcher:
            waiting = self._waiting(dispatcher)
            if not self.order.is_whole:
                Preparation(waiting, self.means.replicas, self.order.priority).prepare()
            self.notify(events.PhaseBegun(Phase.SEARCHING, len(self.batches) * len(self.order.shards)))
            if self.options.filter is not None and not self.order.is_whole:
                self._shards = self._restrict(dispatcher, waiting)
            self._send(dispatcher, waiting)

    def keep_sequences(self, most_bytes: int) -> bool:
        """Store the sequences of the hits; return whether that was possible."""
        with self._dispatcher() as dispatcher:
            arguments = (self._run, len(self.batches), most_bytes)
            task = NodeTask("keep", merge.keep, arguments, priority=self.order.priority + MERGING)
            return bool(self._waiting(dispatcher).result(dispatcher.submit(task)))

    @contextmanager
    def _dispatcher(self) -> Iterator[Dispatcher]:
        running = Running(self.notify)
        dispatcher = Dispatcher(
            self.means.cluster, self.generation, self.processes.is_stopped, str(self._run), running.seen, self.notify
        )
        ended_well = False
        try:
            yield dispatcher
            ended_well = True
        finally:
            dispatcher.close()
            self.means.cluster.end(self._run, wait=not ended_well)

    def _waiting(self, dispatcher: Dispatcher) -> Waiting:
        return Waiting(
            run=self._run,
            cluster=self.means.cluster,
            dispatcher=dispatcher,
            generation=self.generation,
            shards=self.order.shards,
            notify=self.notify,
            stopped=self.processes.is_stopped,
            patience_s=self.means.patience_s,
            expected=self.means.expected,
        )

    def _restrict(self, dispatcher: Dispatcher, waiting: Waiting) -> tuple[Shard, ...]:
        """Have nodes apply the list to each volume; store the combined restriction and return the remaining shards."""
        priority = self.order.priority + MERGING
        tasks = [
            NodeTask(f"list-{place}", node_tasks.list_volume, (self._run, place), frozenset([volume.name]), priority)
            for place, volume in enumerate(self.generation.volumes)
        ]
        pending = set(dispatcher.submit_all(tasks))
        while pending:
            for future in waiting.ended(pending):
                future.result()  # an error about the list is raised at once, without the other volumes
                pending.discard(future)
        places = range(len(self.generation.volumes))
        objects = self.means.objects
        listed = [listed_of(objects.read(search_key(self.search_id, listed_name(place)))) for place in places]
        with TemporaryDirectory() as name:
            folder = Path(name)
            restriction = restriction_of(self.options, self.order, listed, partial(self._kept, folder))
            document = folder / "restriction.json"
            document.write_bytes(restriction.document())
            self._put(document, f"{RESTRICTION}.zst")
        for warnings in dict.fromkeys(volume.warnings for volume in listed if volume.warnings):
            self.notify(events.Warned(warnings))
        return restriction.shards(self.order)

    def _kept(self, folder: Path, place: int) -> bytes:
        compressed, kept = folder / "packed", folder / "kept"
        self.means.objects.fetch(search_key(self.search_id, f"{kept_name(place)}.zst"), compressed)
        unpack(compressed, kept)
        return kept.read_bytes()

    def _put(self, path: Path, name: str) -> None:
        compressed = path.with_name(f"{path.name}.zst")
        pack(path, compressed)
        self.means.objects.put(search_key(self.search_id, name), compressed)
        compressed.unlink()

    def _send(self, dispatcher: Dispatcher, waiting: Waiting) -> None:
        """Send pieces, then each batch's merge when its last piece is finished; wait for all merges."""
        earlier = EarlierResults(self.means.objects, self.search_id)
        batches = [batch for batch in self.batches if merged_key(batch.index) not in earlier]
        self._put_batches(batches, earlier)
        wanted = self._pieces(batches, earlier)
        left = Counter(batch.index for batch, _ in wanted)
        sent = dispatcher.submit_all([self._piece_task(stored) for _, stored in wanted])
        pieces: dict[Future[Any], Batch] = {future: batch for future, (batch, _) in zip(sent, wanted, strict=True)}
        merges = {self._send_merge(dispatcher, batch): batch for batch in batches if not left[batch.index]}
        self._report_earlier(wanted, earlier)
        while pieces or merges:
            for future in waiting.ended([*pieces, *merges]):
                if future in merges:
                    self._merged(future.result(), merges.pop(future))
                    continue
                batch = pieces.pop(future)
                self.notify(events.PieceFinished(future.result()))
                left[batch.index] -= 1
                if not left[batch.index]:
                    merges[self._send_merge(dispatcher, batch)] = batch

    @property
    def _piece_options(self) -> PieceOptions:
        return PieceOptions(self.options, len(self._shards) == 1)

    @property
    def _skips_pieces(self) -> bool:
        """Whether merges start without pieces: the database is one shard, or all queries count as saturated."""
        if len(self._shards) == 1:
            return self.order.is_whole
        options = self._piece_options
        return self.order.by_candidates or (options.always_research and not options.keeps_all(self.generation.num_seqs))

    def _pieces(self, batches: Sequence[Batch], earlier: EarlierResults) -> list[tuple[Batch, StoredRun]]:
        """Return the pieces to search, shard by shard, so that each shard is read from disk once."""
        if self._skips_pieces:
            return []
        argv = tuple(self._piece_options.argv(self._piece_options.kept))
        outfmt, count = ArchiveCarrier().outfmt, len(self._shards)
        largest_first = sorted(self._shards, key=lambda shard: -shard.letters)
        return [
            (
                batch,
                StoredRun(
                    part=part_of(shard),
                    argv=argv,
                    queries=batch_key(batch.index),
                    result=piece_key(batch.index, shard.index),
                    outfmt=outfmt,
                    purpose=SEARCH,
                    batch=batch.index,
                    shard=shard.index,
                    what=f"batch {batch.index + 1}, shard {shard.index + 1} of {count}",
                ),
            )
            for shard in largest_first
            for batch in batches
            if piece_key(batch.index, shard.index) not in earlier
        ]

    def _piece_task(self, stored: StoredRun) -> NodeTask:
        names = frozenset(self.generation.volumes[place].name for place in stored.part.volumes)
        key = piece_task(stored.batch, stored.shard)
        size = self._shards[stored.shard or 0].letters * max(self.batches[stored.batch].letters, 1)
        return NodeTask(
            key, node_tasks.run_stored, (self._run, stored), names, self.order.priority, kind=SEARCH, size=size
        )

    def _send_merge(self, dispatcher: Dispatcher, batch: Batch) -> Future[Any]:
        whole = self.order.is_whole
        names = frozenset(volume.name for volume in self.generation.volumes) if whole else frozenset()
        arguments = (self._run, replace(batch, path=Path()))  # the node reads the queries from the storage
        task = NodeTask(
            f"merge-{batch.index}", merge.merge, arguments, names, self.order.priority + MERGING, stages=whole
        )
        return dispatcher.submit(task)

    def _put_batches(self, batches: Sequence[Batch], earlier: EarlierResults) -> None:
        for batch in batches:
            if batch_key(batch.index) not in earlier:
                self._put(batch.path, batch_key(batch.index))

    def _report_earlier(self, wanted: Sequence[tuple[Batch, StoredRun]], earlier: EarlierResults) -> None:
        if not self._skips_pieces:
            is_wanted = {(stored.batch, stored.shard) for _, stored in wanted}
            pieces = product((batch.index for batch in self.batches), (shard.index for shard in self.order.shards))
            for run in earlier.runs(piece for piece in pieces if piece not in is_wanted):
                self.notify(events.PieceFinished(run))
        merged = [batch for batch in self.batches if merged_key(batch.index) in earlier]
        for batch, facts in zip(merged, earlier.merges(batch.index for batch in merged), strict=True):
            self._merged(facts, batch)

    def _merged(self, facts: MergeFacts, batch: Batch) -> None:
        searched: list[PieceReport | None] = [run for run in facts.runs if run.purpose == SEARCH]
        if self._skips_pieces:
            searched += [None] * (len(self.order.shards) - len(searched))
        for run in searched:
            self.notify(events.PieceFinished(run))
        for other in facts.runs:
            if other.purpose != SEARCH:
                self.notify(other)
        for verified in facts.verified:
            self.notify(verified)
        if facts.warnings:
            self.notify(events.Warned(facts.warnings))
        self.notify(events.QueriesFinished(batch.queries))


class EarlierResults:
    """The objects that a search had stored before this run."""

    def __init__(self, objects: Objects, search_id: str) -> None:
        self._objects = objects
        self._search_id = search_id
        prefix = search_key(search_id)
        self._names = frozenset(key.removeprefix(prefix) for key in objects.keys(prefix.rstrip("/")))

    def __contains__(self, name: str) -> bool:
        """Return whether an object of this name, below the search's prefix, existed."""
        return name in self._names

    def runs(self, pieces: Iterable[tuple[int, int]]) -> Iterator[PieceReport | None]:
        """Yield the cost of each of these pieces, given as batch and shard; None if it is unknown."""
        for values in self._documents(facts_key(piece_key(batch, shard)) for batch, shard in pieces):
            yield None if values is None else PieceReport(**values)

    def merges(self, batches: Iterable[int]) -> Iterator[MergeFacts]:
        """Yield the facts about the merge of each of these batches."""
        for values in self._documents(map(merge_facts_key, batches)):
            yield MergeFacts(b"", ()) if values is None else MergeFacts.of(values)

    def _documents(self, names: Iterable[str]) -> Iterator[dict[str, Any] | None]:
        with ThreadPoolExecutor(READ_AT_ONCE) as readers:
            yield from readers.map(self._document, names)

    def _document(self, name: str) -> dict[str, Any] | None:
        if name not in self:
            return None
        document: dict[str, Any] = json.loads(self._objects.read(search_key(self._search_id, name)))
        return document


def piece_task(batch: int, shard: int | None) -> str:
    """Return the key of the task that searches a piece."""
    return f"{PIECE}-{batch}-{shard}"


class Running:
    """Compares the pieces that nodes run with those of the last report, and reports the difference."""

    def __init__(self, notify: events.Notify) -> None:
        self._notify = notify
        self._known: frozenset[tuple[str, str]] = frozenset()

    def seen(self, doing: Doing) -> None:
        """Take the tasks that nodes run now."""
        pieces = {(key, node): seconds for (key, node), seconds in doing.items() if key.startswith(f"{PIECE}-")}
        for key, node in self._known - pieces.keys():
            self._notify(events.PieceStopped(_purpose(key), node))
        for key, node in pieces.keys() - self._known:
            self._notify(events.PieceStarted(_purpose(key), node, pieces[key, node]))
        self._known = frozenset(pieces)


def _purpose(key: str) -> events.Purpose:
    _, batch, shard = key.split("-")
    return events.Purpose(SEARCH, int(batch), int(shard))
