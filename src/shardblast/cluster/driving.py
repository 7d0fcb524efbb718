"""A search driven on the cluster: volumes placed and staged, pieces sent, batches merged as their pieces are there.

The driver decides and waits. Bytes of hits go from nodes to the storage and from there to nodes.
"""

from __future__ import annotations

import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shardblast.blast.carrier import ArchiveCarrier
from shardblast.blast.fasta import Batch
from shardblast.blast.process import Processes
from shardblast.blast.zstd import pack, unpack
from shardblast.cluster import tasks
from shardblast.cluster.attempts import Task
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.finished import Finished
from shardblast.cluster.membership import Cluster
from shardblast.cluster.order import MERGING, Order, RunFacts, RunId, StoredRun, batch_key, merged_key, piece_key
from shardblast.cluster.phases import Phases, Waiting
from shardblast.cluster.preparing import Preparation
from shardblast.cluster.restriction import RESTRICTION, kept_name, listed_name, listed_of, restriction_of
from shardblast.cluster.running import Running, piece_task
from shardblast.core.generation import Generation
from shardblast.core.options import SearchOptions
from shardblast.core.ours import Exactness
from shardblast.core.planning import Shard
from shardblast.core.report import PieceReport
from shardblast.engine.limits import Limits, limits_of
from shardblast.engine.parts import SEARCH, part_of
from shardblast.engine.work import Watcher
from shardblast.storage.layout import search_key
from shardblast.storage.objects import Objects


@dataclass(frozen=True, slots=True)
class Means:
    """What all searches of a driver share."""

    cluster: Cluster
    objects: Objects
    replicas: int = 1
    expected: Callable[[], int] = lambda: 0
    """Returns how many nodes there are to be, if that is known."""
    patience_s: float = math.inf
    """So long a search stays when nothing of it can go on."""


@dataclass
class Drive:
    """One search, until all of its batches are merged in the storage."""

    means: Means
    search_id: str
    order: Order
    options: SearchOptions
    generation: Generation
    batches: Sequence[Batch]
    phases: Phases
    watcher: Watcher
    processes: Processes
    """Its ``stop`` ends the search."""
    _run: RunId = field(init=False)
    _shards: tuple[Shard, ...] = field(init=False)
    """Those of which a list of ids or taxids leaves something; all, if there is none."""

    def __post_init__(self) -> None:
        self._run = RunId(self.search_id, secrets.token_hex(4))
        self._shards = self.order.shards

    def search(self) -> None:
        """Search what is not finished yet.

        Raises:
            Interrupted: It was stopped.
            WaitError: Nothing of it can go on.
            ShardblastError: It failed; what is finished stays in the storage.
        """
        with self._dispatcher() as dispatcher:
            waiting = self._waiting(dispatcher)
            if not self.order.is_whole:
                means, shards = self.means, self.order.shards
                place = (self._run, self.generation, shards, means.replicas, means.expected)
                how = (means.cluster.timings.expected_s, dispatcher, self.phases, waiting, self.order.priority)
                Preparation(*place, *how).prepare()
            self.phases.searching(len(self.batches) * len(self.order.shards))
            if self.options.filter is not None and not self.order.is_whole:
                self._shards = self._restrict(dispatcher, waiting)
            self._send(dispatcher, waiting)

    def keep_sequences(self, most_bytes: int) -> bool:
        """Have the sequences that were hit stored; tell whether that was possible."""
        with self._dispatcher() as dispatcher:
            arguments = (self._run, len(self.batches), most_bytes)
            task = Task("keep", tasks.keep, arguments, priority=self.order.priority + MERGING)
            return bool(self._waiting(dispatcher).result(dispatcher.submit(task)))

    @contextmanager
    def _dispatcher(self) -> Iterator[Dispatcher]:
        prefix = str(self._run)
        running = Running(self.watcher)
        place = (self.means.cluster, self.generation, self.processes.is_stopped, prefix)
        dispatcher = Dispatcher(*place, seen=running.seen)
        ended_well = False
        try:
            yield dispatcher
            ended_well = True
        finally:
            dispatcher.close()
            self.means.cluster.end(self._run, wait=not ended_well)

    def _waiting(self, dispatcher: Dispatcher) -> Waiting:
        what = (self.generation, self.order.shards, self.phases, self.processes, self.means.patience_s)
        return Waiting(self._run, self.means.cluster, dispatcher, *what)

    def _restrict(self, dispatcher: Dispatcher, waiting: Waiting) -> tuple[Shard, ...]:
        """Have nodes look at what a list leaves of each volume; store the whole of it, and return the shards left."""
        priority = self.order.priority + MERGING
        sent = [
            Task(f"list-{place}", tasks.list_volume, (self._run, place), frozenset([one.name]), priority)
            for place, one in enumerate(self.generation.volumes)
        ]
        started = dispatcher.submit_all(sent)
        pending = set(started)
        while pending:
            for future in waiting.ended(pending):
                future.result()  # what one volume tells of a list that can't be used need not wait for the others
                pending.discard(future)
        places = range(len(self.generation.volumes))
        objects = self.means.objects
        listed = [listed_of(objects.read(search_key(self.search_id, listed_name(place)))) for place in places]
        with TemporaryDirectory() as name:
            folder = Path(name)
            found = restriction_of(self.options, self.order, listed, partial(self._kept, folder))
            document = folder / "restriction.json"
            document.write_bytes(found.document())
            self._put(document, f"{RESTRICTION}.zst")
        for warnings in dict.fromkeys(one.warnings for one in listed if one.warnings):
            self.watcher.warned(warnings)
        return found.shards(self.order)

    def _kept(self, folder: Path, place: int) -> bytes:
        packed, kept = folder / "packed", folder / "kept"
        self.means.objects.fetch(search_key(self.search_id, f"{kept_name(place)}.zst"), packed)
        unpack(packed, kept)
        return kept.read_bytes()

    def _put(self, path: Path, name: str) -> None:
        packed = path.with_name(f"{path.name}.zst")
        pack(path, packed)
        self.means.objects.put(search_key(self.search_id, name), packed)
        packed.unlink()

    def _send(self, dispatcher: Dispatcher, waiting: Waiting) -> None:
        """Send pieces, then each batch's merge when its last piece is there; wait for all merges."""
        there = Finished(self.means.objects, self.search_id)
        batches = [batch for batch in self.batches if merged_key(batch.index) not in there]
        self._put_batches(batches, there)
        wanted = self._pieces(batches, there)
        left = Counter(batch.index for batch, _ in wanted)
        sent = dispatcher.submit_all([self._piece_task(stored) for _, stored in wanted])
        pieces: dict[Future[Any], Batch] = {future: batch for future, (batch, _) in zip(sent, wanted, strict=True)}
        merges = {self._send_merge(dispatcher, batch): batch for batch in batches if not left[batch.index]}
        self._tell_finished(wanted, there)
        while pieces or merges:
            for future in waiting.ended([*pieces, *merges]):
                if future in merges:
                    self._merged(future.result(), merges.pop(future))
                    continue
                batch = pieces.pop(future)
                self._piece_ended(future.result())
                left[batch.index] -= 1
                if not left[batch.index]:
                    merges[self._send_merge(dispatcher, batch)] = batch

    @property
    def _limits(self) -> Limits:
        return limits_of(self.options, whole=len(self._shards) == 1)

    @property
    def _skips_pieces(self) -> bool:
        """Whether no piece is searched before a batch is merged: the database is whole, or all count as saturated."""
        if len(self._shards) == 1:
            return self.order.is_whole
        return self.options.ours.exactness is Exactness.IDENTICAL and self._limits.always_research

    def _pieces(self, batches: Sequence[Batch], there: Finished) -> list[tuple[Batch, StoredRun]]:
        """Return the pieces to search, shard by shard, so that each shard is read from disk once."""
        if self._skips_pieces:
            return []
        argv = tuple(self._limits.hit_argv)
        outfmt, count = ArchiveCarrier().outfmt, len(self._shards)
        largest_first = sorted(self._shards, key=lambda shard: -shard.letters)
        return [
            (
                batch,
                StoredRun(
                    part_of(shard),
                    argv,
                    batch_key(batch.index),
                    piece_key(batch.index, shard.index),
                    outfmt,
                    SEARCH,
                    batch.index,
                    shard.index,
                    f"batch {batch.index + 1}, shard {shard.index + 1} of {count}",
                ),
            )
            for shard in largest_first
            for batch in batches
            if piece_key(batch.index, shard.index) not in there
        ]

    def _piece_task(self, stored: StoredRun) -> Task:
        names = frozenset(self.generation.volumes[at].name for at in stored.part.volumes)
        key = piece_task(stored.batch, stored.shard)
        size = self._shards[stored.shard or 0].letters * max(self.batches[stored.batch].letters, 1)
        return Task(key, tasks.run_stored, (self._run, stored), names, self.order.priority, kind=SEARCH, size=size)

    def _send_merge(self, dispatcher: Dispatcher, batch: Batch) -> Future[Any]:
        whole = self.order.is_whole
        names = frozenset(one.name for one in self.generation.volumes) if whole else frozenset()
        arguments = (self._run, replace(batch, path=Path()))  # it has its queries from the storage
        task = Task(f"merge-{batch.index}", tasks.merge, arguments, names, self.order.priority + MERGING, stages=whole)
        return dispatcher.submit(task)

    def _put_batches(self, batches: Sequence[Batch], there: Finished) -> None:
        for batch in batches:
            if batch_key(batch.index) not in there:
                self._put(batch.path, batch_key(batch.index))

    def _tell_finished(self, wanted: Sequence[tuple[Batch, StoredRun]], there: Finished) -> None:
        if not self._skips_pieces:
            is_wanted = {(stored.batch, stored.shard) for _, stored in wanted}
            pieces = product((batch.index for batch in self.batches), (shard.index for shard in self.order.shards))
            for facts in there.runs(piece for piece in pieces if piece not in is_wanted):
                self._piece_ended(facts)
        merged = [batch for batch in self.batches if merged_key(batch.index) in there]
        for batch, told in zip(merged, there.merges(batch.index for batch in merged), strict=True):
            self._merged(told, batch)

    def _count_pieces(self, count: int) -> None:
        for _ in range(count):
            self.watcher.piece_finished(None)

    def _piece_ended(self, facts: RunFacts | None) -> None:
        self.watcher.piece_finished(None if facts is None else _report(facts))

    def _merged(self, told: tasks.MergeFacts, batch: Batch) -> None:
        searched = [one for one in told.runs if one.purpose == SEARCH]
        for one in searched:
            self._piece_ended(one)
        if self._skips_pieces:
            self._count_pieces(len(self.order.shards) - len(searched))
        if told.warnings:
            self.watcher.warned(told.warnings)
        self.watcher.queries_finished(batch.queries)


def _report(facts: RunFacts) -> PieceReport:
    cost = (facts.seconds, facts.peak_memory_bytes)
    return PieceReport(facts.purpose, facts.batch, facts.shard, *cost, facts.node, facts.is_doubled)
