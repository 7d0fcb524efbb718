"""Searches that this process plans and drives on a cluster, for a command or for a service."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shardblast.blast.compression import pack
from shardblast.blast.database import Database, database_of
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, strands_are_alike
from shardblast.blast.process import Processes
from shardblast.cluster.assignment import can_go_on, check_room
from shardblast.cluster.connection import Cluster
from shardblast.cluster.driver import Drive, DriverMeans
from shardblast.cluster.messages import PIECES, WORK, SearchOrder, list_name, merged_key
from shardblast.core.cutting import BATCH_LETTERS, NO_END, ONE_BATCH, QUERY_LETTERS_PER_SCAN, Choice, shards_for
from shardblast.core.database import CataloguedDatabase, Generation
from shardblast.core.errors import DatabaseError, NetworkError, NotFoundError
from shardblast.core.events import Notify
from shardblast.core.option_table import LISTS
from shardblast.core.options import SearchOptions
from shardblast.core.units import counted
from shardblast.core.waiting import NO_NODE, NO_SCHEDULER, Lack
from shardblast.engine.kept_sequences import KEPT
from shardblast.engine.pieces import batches_of, shards_of
from shardblast.engine.stored import StoredPlan, plan_of
from shardblast.storage.objects import search_key

KEPT_FILES = ("plan.json", "taxids.txt")


@dataclass(frozen=True, slots=True)
class Request:
    """A search to run."""

    search_id: str
    options: SearchOptions
    """The user's options, with ``-outfmt 11``."""
    generation: Generation
    plan: StoredPlan
    folder: Path
    """Folder with ``query.fa``."""


@dataclass(frozen=True, slots=True)
class ClusterSearching:
    """Runs searches on a cluster."""

    means: DriverMeans
    installation: Installation

    def check(self, options: SearchOptions, generation: Generation, folder: Path) -> None:
        """Reject, before planning, a search that the current nodes can't run. ``folder`` is for temporary files.

        Raises:
            DatabaseError: The program does not search databases of this molecule.
            InputError: BLAST+ rejects the options.
            NoRoomError: The search needs the whole database on one node, and none has room for it.
        """
        _check_molecule(options, generation)
        if why := self._why_whole(options, database_of(generation, folder, ()), folder, Processes()):
            self.check_room(generation, why)

    def check_room(self, generation: Generation, why: str) -> None:
        """Raise NoRoomError if shards can't be searched and no node has room for the whole database."""
        remedy = "Start a node whose disk has room for it, or search without the option that needs it."
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
        """Read the queries, a FASTA file, and decide how to cut. This machine needs no volume of ``database``.

        Raises:
            InputError: The queries can't be searched as they are, or BLAST+ rejects the options.
            DatabaseError: The program does not search databases of this molecule.
        """
        _check_molecule(options, generation)
        molecule = options.program.query_molecule
        if why := self._why_whole(options, database, folder, processes):
            threads = 1 if options.threads_matter else 2
            return plan_of(_choice(options, 1, why), threads, query, folder, molecule, processes)
        requested, why = self._count(options, generation)
        count = len(shards_of(database, requested))
        threads = 1 if count > 1 or options.threads_matter else 2
        return plan_of(_choice(options, count, why), threads, query, folder, molecule, processes)

    def search(self, request: Request, notify: Notify, processes: Processes) -> None:
        """Search and merge what is not finished yet.

        Afterwards the storage has every merged batch. See ``Drive.search``.
        """
        self._drive(request, notify, processes).search()

    def keep_sequences(self, request: Request, notify: Notify, processes: Processes, most_bytes: int) -> bool:
        """Store the sequences of the hits, so that printing needs no database; return whether that was possible."""
        return self._drive(request, notify, processes).keep_sequences(most_bytes)

    def _drive(self, request: Request, notify: Notify, processes: Processes) -> Drive:
        plan, options, folder = request.plan, request.options, request.folder
        cut = batches_of(str(folder / "query.fa"), folder, options.program.query_molecule, plan.choice)
        batches = list(processes.over(cut))
        order = self._ordered(request)
        return Drive(
            means=self.means,
            search_id=request.search_id,
            order=order,
            options=options,
            generation=request.generation,
            batches=batches,
            notify=notify,
            processes=processes,
        )

    def _ordered(self, request: Request) -> SearchOrder:
        """Store the order of a search unless it exists: finished pieces belong to its shards."""
        with suppress(NotFoundError):
            return SearchOrder.read(self.means.objects, request.search_id)
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
        order = SearchOrder(
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
        """Return why a node must search the whole database; None if shards can be searched."""
        if why := options.why_unsplittable():
            return why
        if options.needs_one_batch:
            return ONE_BATCH
        if options.ours.shards in (1, "off"):
            return "one shard asked for"
        return None if strands_are_alike(self.installation, processes, folder, database, options) else STRANDS_DIFFER

    def _count(self, options: SearchOptions, generation: Generation) -> tuple[int, str]:
        """Return the number of shards: by default one per volume, so that nodes may come and go."""
        if isinstance(options.ours.shards, int):
            return options.ours.shards, f"{counted(options.ours.shards, 'shard')} asked for"
        return shards_for(self._nodes(), len(generation.volumes), generation.letters)

    def _nodes(self) -> int:
        """Return the number of current or expected nodes, whichever is larger."""
        try:
            there = len(self.means.cluster.addresses())
        except NetworkError:
            there = 0
        return max(there, self.means.expected())


class OrderedSearch(Protocol):
    """A search as the service describes it."""

    @property
    def search_id(self) -> str: ...

    @property
    def options(self) -> SearchOptions: ...

    @property
    def database(self) -> CataloguedDatabase: ...

    @property
    def plan(self) -> StoredPlan: ...

    @property
    def folder(self) -> Path: ...


class ServedSearching:
    """Runs the searches of a service."""

    leaves_results_here = False

    def __init__(self, searching: ClusterSearching) -> None:
        self._searching = searching
        self._objects = searching.means.objects

    @property
    def cluster(self) -> Cluster:
        """The cluster that runs the searches."""
        return self._searching.means.cluster

    @property
    def cores(self) -> int:
        try:
            return sum(node.member.state.cores for node in self.cluster.addresses() if node.takes_work)
        except NetworkError:
            return 0

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        try:
            there = self.cluster.addresses()
        except NetworkError:
            return NO_SCHEDULER
        if not any(node.takes_work for node in there):
            return NO_NODE
        return None if before is None or can_go_on(before, generation, there) else before

    def check(self, options: SearchOptions, database: CataloguedDatabase, folder: Path) -> None:
        self._searching.check(options, database.facts, folder)

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        if database.path is not None:
            raise DatabaseError(
                f"The database {database.name!r} is on the service's machine, where nodes can't read it.",
                remedy=f"Copy it to the storage: 'shardblast db add {database.name} PATH --copy'.",
            )
        nowhere = database_of(database.facts, folder, ())
        return self._searching.plan(options, database.facts, nowhere, folder / "query.fa", folder, processes)

    def search(self, ordered: OrderedSearch, notify: Notify, processes: Processes) -> None:
        self._searching.search(_request(ordered), notify, processes)

    def is_merged(self, search_id: str, plan: StoredPlan, folder: Path) -> bool:
        there = set(self._objects.keys(search_key(search_id, "merged")))
        return all(search_key(search_id, merged_key(batch)) in there for batch in range(plan.batches))

    def publish(self, ordered: OrderedSearch, notify: Notify, processes: Processes, most_bytes: int) -> Sequence[str]:
        search_id, folder = ordered.search_id, ordered.folder
        self._searching.keep_sequences(_request(ordered), notify, processes, most_bytes)
        for name in KEPT_FILES:
            if (folder / name).exists():
                self._objects.put(search_key(search_id, name), folder / name)
        (folder / "merged").mkdir(exist_ok=True)
        for batch in processes.over(range(ordered.plan.batches)):
            name = merged_key(batch)
            self._objects.fetch(search_key(search_id, name), folder / name)
        prefix = search_key(search_id)
        parts = [search_key(search_id, part) for part in ("merged", KEPT)]
        names = [key.removeprefix(prefix) for part in parts for key in self._objects.keys(part)]
        return [*(name for name in KEPT_FILES if (folder / name).exists()), *sorted(names)]

    def end(self, search_id: str) -> None:
        self.cluster.forget(search_id, wait=True)

    def tidy(self, search_id: str) -> None:
        for name in (WORK, PIECES):
            self._objects.delete(search_key(search_id, name))


def _check_molecule(options: SearchOptions, generation: Generation) -> None:
    if wrong := options.program.objection(generation.database, generation.molecule):
        raise DatabaseError(wrong, remedy="Choose another database or program.")


def _choice(options: SearchOptions, shards: int, why: str) -> Choice:
    program = options.program
    scan = NO_END if options.needs_one_batch else QUERY_LETTERS_PER_SCAN.get(program, 1)
    return Choice(shards, BATCH_LETTERS[program], scan, True, why)


def _request(ordered: OrderedSearch) -> Request:
    return Request(ordered.search_id, ordered.options, ordered.database.facts, ordered.plan, ordered.folder)
