"""Searches on a cluster: planned here, driven from here, done and kept elsewhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.database import Database
from shardblast.blast.generation import database_of
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, strands_are_alike
from shardblast.blast.process import Processes
from shardblast.blast.zstd import pack
from shardblast.cluster.driving import Drive, Means
from shardblast.cluster.holders import check_room
from shardblast.cluster.order import Order, list_name
from shardblast.cluster.phases import Phases
from shardblast.core.choice import (
    BATCH_LETTERS,
    NO_END,
    ONE_BATCH,
    QUERY_LETTERS_PER_SCAN,
    SMALL_SHARD_LETTERS,
    Choice,
)
from shardblast.core.errors import DatabaseError, NetworkError, NotFoundError
from shardblast.core.generation import Generation
from shardblast.core.options import SearchOptions
from shardblast.engine.cutting import batches_of, shards_of
from shardblast.engine.stored import StoredPlan, plan_of
from shardblast.engine.work import Watcher
from shardblast.storage.layout import search_key

LISTS = ("seqidlist", "negative_seqidlist", "taxidlist", "negative_taxidlist")
"""Options that name files."""


@dataclass(frozen=True, slots=True)
class Request:
    """A search to do."""

    search_id: str
    options: SearchOptions
    """The user's, with ``-outfmt 11``."""
    generation: Generation
    plan: StoredPlan
    folder: Path
    """With ``query.fa``."""


@dataclass(frozen=True, slots=True)
class ClusterSearching:
    """Does searches on a cluster."""

    means: Means
    installation: Installation

    def check(self, options: SearchOptions, generation: Generation, folder: Path) -> None:
        """Refuse a search that the nodes that there are can't do, before it is planned.

        Args:
            options: The user's.
            generation: That is to be searched.
            folder: For what is needed meanwhile.

        Raises:
            DatabaseError: Its molecule is not the program's.
            InputError: BLAST+ refuses the options.
            NoRoomError: It needs the whole database on one node, and none has room for that.
        """
        _check_molecule(options, generation)
        if why := self._why_whole(options, database_of(generation, folder, ()), folder, Processes()):
            self.check_room(generation, why)

    def check_room(self, generation: Generation, why: str) -> None:
        """Refuse a search of the whole database where there are nodes and none of them has room for it.

        Args:
            generation: Of the database.
            why: Why shards can't be searched.

        Raises:
            NoRoomError: It is so.
        """
        remedy = "Start a node whose disk has room for it, or search without what needs that."
        with suppress(NetworkError):
            check_room(generation, self.means.cluster.addresses(now=True), why, remedy)

    def plan(
        self,
        options: SearchOptions,
        generation: Generation,
        database: Database,
        query: Path,
        folder: Path,
        processes: Processes,
    ) -> StoredPlan:
        """Read the queries and decide how to cut.

        Args:
            options: The user's.
            generation: That is to be searched.
            database: The same, of which no volume need be here.
            query: FASTA.
            folder: For what is needed meanwhile.
            processes: Their ``stop`` ends the planning.

        Raises:
            InputError: The queries can't be searched as they are, or BLAST+ refuses the options.
            DatabaseError: Its molecule is not the program's.
        """
        _check_molecule(options, generation)
        molecule = options.program.query_molecule
        if why := self._why_whole(options, database, folder, processes):
            threads = 1 if options.threads_matter else 2
            return plan_of(_choice(options, 1, why), threads, query, folder, molecule, processes)
        wanted, why = self._count(options, generation)
        count = len(shards_of(database, wanted))
        threads = 1 if count > 1 or options.threads_matter else 2
        return plan_of(_choice(options, count, why), threads, query, folder, molecule, processes)

    def search(self, request: Request, phases: Phases, watcher: Watcher, processes: Processes) -> None:
        """Search what is not finished yet; then the storage has every merged batch.

        Raises:
            Interrupted: ``processes`` was stopped.
            WaitError: Nothing of it can go on.
            ShardblastError: It failed; what is finished stays.
        """
        self._drive(request, phases, watcher, processes).search()

    def keep_sequences(
        self, request: Request, phases: Phases, watcher: Watcher, processes: Processes, most_bytes: int
    ) -> bool:
        """Store what was hit, so that the result is printed without its database; tell whether that was possible."""
        return self._drive(request, phases, watcher, processes).keep_sequences(most_bytes)

    def _drive(self, request: Request, phases: Phases, watcher: Watcher, processes: Processes) -> Drive:
        plan, options, folder = request.plan, request.options, request.folder
        cut = batches_of(str(folder / "query.fa"), folder, options.program.query_molecule, plan.choice)
        batches = list(processes.over(cut))
        order = self._ordered(request)
        about = (request.search_id, order, options, request.generation, batches)
        return Drive(self.means, *about, phases, watcher, processes)

    def _ordered(self, request: Request) -> Order:
        """Store what nodes must know of a search, unless that is there: what is finished belongs to its shards."""
        with suppress(NotFoundError):
            return Order.read(self.means.objects, request.search_id)
        options, generation = request.options, request.generation
        lists = {name: options.text(name) for name in LISTS if options.has(name)}
        for name, path in lists.items():
            packed = request.folder / f"{name}.list.zst"
            pack(Path(path or ""), packed)
            self.means.objects.put(search_key(request.search_id, f"{list_name(name)}.zst"), packed)
            packed.unlink()
        files = {name: list_name(name) for name in lists}
        words = options.argv(set={"outfmt": "11", "query": "query.fa", **files}, drop=("out",))
        nowhere = database_of(generation, request.folder, ())
        order = Order(
            program=options.program,
            words=(*words, "--exactness", options.ours.exactness),
            files=tuple(files.values()),
            database=generation.database,
            generation=generation.name,
            shards=shards_of(nowhere, request.plan.choice.shards),
            threads=request.plan.threads,
            letters=request.plan.letters,
        )
        order.put(self.means.objects, request.search_id)
        return order

    def _why_whole(self, options: SearchOptions, database: Database, folder: Path, processes: Processes) -> str | None:
        """Return why a node must search the whole database; None if shards do."""
        if why := options.why_unsplittable():
            return why
        if options.needs_one_batch:
            return ONE_BATCH
        if options.ours.shards in (1, "off"):
            return "one shard asked for"
        return None if strands_are_alike(self.installation, processes, folder, database, options) else STRANDS_DIFFER

    def _count(self, options: SearchOptions, generation: Generation) -> tuple[int, str]:
        """Return how many shards there are to be: as many as volumes, so that nodes may come and go."""
        if isinstance(options.ours.shards, int):
            return options.ours.shards, f"{options.ours.shards} shards asked for"
        volumes, nodes = len(generation.volumes), self._nodes()
        if volumes >= nodes:
            return volumes, "each volume is a shard; nodes hold several"
        return min(nodes, max(generation.letters // SMALL_SHARD_LETTERS, volumes)), "there are more nodes than volumes"

    def _nodes(self) -> int:
        """Return how many nodes there are, or are to be."""
        try:
            there = len(self.means.cluster.addresses())
        except NetworkError:
            there = 0
        return max(there, self.means.expected())


def _check_molecule(options: SearchOptions, generation: Generation) -> None:
    if wrong := options.program.objection(generation.database, generation.molecule):
        raise DatabaseError(wrong, remedy="Choose another database or program.")


def _choice(options: SearchOptions, shards: int, why: str) -> Choice:
    program = options.program
    scan = NO_END if options.needs_one_batch else QUERY_LETTERS_PER_SCAN.get(program, 1)
    return Choice(shards, BATCH_LETTERS[program], scan, True, why)
