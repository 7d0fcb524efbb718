"""Searches that this process plans and drives on a cluster, for a command or for a service."""

import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.compression import pack
from shardblast.blast.database import database_of
from shardblast.blast.installation import Installation
from shardblast.blast.probe import Inquiry
from shardblast.blast.process import Processes
from shardblast.blast.taxonomy import EXPANSION
from shardblast.cluster.assignment import can_go_on, check_room
from shardblast.cluster.connection import lack_of_nodes
from shardblast.cluster.driver import Drive, DriverMeans
from shardblast.cluster.messages import ALL_CORES, MERGED, PIECES, WORK, SearchOrder, list_name, merged_key
from shardblast.cluster.warming import unreadable
from shardblast.core.cutting import BATCH_LETTERS, QUERY_LETTERS_PER_SCAN, Choice, shards_for
from shardblast.core.database import CataloguedDatabase, Generation
from shardblast.core.errors import DatabaseError, InputError, NetworkError, NotFoundError
from shardblast.core.events import Notify
from shardblast.core.lack import NO_NODE, NO_SCHEDULER, Lack
from shardblast.core.option_table import LISTS, Use, names
from shardblast.core.options import Exactness, SearchOptions
from shardblast.core.search import SearchId
from shardblast.core.units import counted
from shardblast.engine.kept_sequences import KEPT
from shardblast.engine.pieces import chosen_queries, shards_of
from shardblast.engine.stored import PLAN, OrderedSearch, StoredPlan, plan_of, why_whole
from shardblast.storage.objects import search_key

log = logging.getLogger(__name__)

KEPT_FILES = (PLAN, EXPANSION)


@dataclass(frozen=True, slots=True)
class ClusterSearching:
    """Runs searches that this process plans and drives; it is a ``Searching`` of the service."""

    means: DriverMeans
    installation: Installation
    verify_percent: float = 0.0
    """Percent of searches of which one random query is also searched without shards."""

    leaves_results_here = False

    @property
    def cores(self) -> int:
        return sum(node.member.state.cores for node in self.means.cluster.takers())

    def lack(self, generation: Generation, before: Lack | None) -> Lack | None:
        try:
            connected = self.means.cluster.addresses()
        except NetworkError:
            return NO_SCHEDULER
        there = [node for node in connected if node.takes_work]
        if not there:
            return lack_of_nodes(NO_NODE, connected, self.means.expected())
        return None if before is None or can_go_on(before, generation, there) else before

    def fits_in_memory(self, database: CataloguedDatabase) -> None:
        return None

    def check(self, options: SearchOptions, database: CataloguedDatabase, query_bytes: int, folder: Path) -> Choice:
        """Decide as ``plan`` does, however long the queries are. ``folder`` is for temporary files.

        Raises the errors of ``plan``, and NoRoomError if the search needs the whole database on one node, and none has
        room for it.
        """
        choice, is_whole = self._decide(options, database, folder, Processes())
        if is_whole:
            self.check_room(database, choice.why)
        return choice

    def check_room(self, database: CataloguedDatabase, why: str) -> None:
        """Raise NoRoomError if shards can't be searched and no node has room for the whole database."""
        remedy = "Start a node whose disk has room for it, or search without the option that needs it."
        check_room(database.facts, self.means.cluster.takers(now=True), why, remedy)

    def plan(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> StoredPlan:
        choice, _ = self._decide(options, database, folder, processes)
        return plan_of(choice, 1 if choice.shards > 1 else ALL_CORES, options, folder, processes)

    def _decide(
        self, options: SearchOptions, database: CataloguedDatabase, folder: Path, processes: Processes
    ) -> tuple[Choice, bool]:
        """Return the cut, and whether a node must search the whole database. Raises DatabaseError or InputError."""
        if error := unreadable(database):
            raise error
        if wrong := options.program.objection(database.name, database.molecule):
            raise DatabaseError(wrong, remedy="Choose another database or program.")
        if here := [name for name in options.given if name in names(Use.FILE, Use.LOCAL)]:
            problem = f"-{here[0]} can't be used on a cluster, whose nodes and results lack what it needs."
            raise InputError(problem, remedy="Leave it out, or search with '--engine local' where the database is.")
        program, nowhere = options.program, database_of(database.facts, folder, ())
        search = Inquiry(self.installation, processes, nowhere, options, folder)
        count, why = 1, self._why_whole(search)
        unmerged = why if options.has_candidates else None
        if unmerged is not None:
            why = self._why_whole(search, merged=False)
        is_whole = why is not None
        if why is None:
            requested, why = self._count(options, database.facts)
            count = len(shards_of(nowhere, requested))
        by_candidates = unmerged is not None and count > 1
        if by_candidates:
            why = (
                f"{why}; BLAST+ searches the candidates of all shards, since hits of shards can't be merged: {unmerged}"
            )
        scan_letters = QUERY_LETTERS_PER_SCAN.get(program, 1)
        choice = Choice(count, BATCH_LETTERS[program], scan_letters, True, why, by_candidates=by_candidates)
        return choice, is_whole

    def search(self, search: OrderedSearch, notify: Notify, processes: Processes) -> None:
        """Search and merge what is left; then the storage has every merged batch. See ``Drive.search``."""
        self._discard_others(search.search_id)
        self._drive(search, notify, processes).search()

    def keep_sequences(self, search: OrderedSearch, notify: Notify, processes: Processes, most_bytes: int) -> bool:
        """Store the sequences of the hits, so that printing needs no database; return whether that was possible."""
        return self._drive(search, notify, processes).keep_sequences(most_bytes)

    def is_merged(self, search_id: SearchId, plan: StoredPlan, folder: Path) -> bool:
        there = set(self.means.objects.keys(search_key(search_id, "merged")))
        return all(search_key(search_id, merged_key(batch)) in there for batch in range(plan.batches))

    def publish(self, search: OrderedSearch, notify: Notify, processes: Processes, most_bytes: int) -> Sequence[str]:
        objects, search_id, folder = self.means.objects, search.search_id, search.folder
        self.keep_sequences(search, notify, processes, most_bytes)
        names = [name for name in KEPT_FILES if (folder / name).exists()]
        for name in names:
            objects.put(search_key(search_id, name), folder / name)
        (folder / "merged").mkdir(exist_ok=True)
        for batch in processes.over(range(search.plan.batches)):
            objects.fetch(search_key(search_id, merged_key(batch)), folder / merged_key(batch))
        prefix = search_key(search_id)
        keys = [key for part in ("merged", KEPT) for key in objects.keys(search_key(search_id, part))]
        return [*names, *sorted(key.removeprefix(prefix) for key in keys)]

    def end(self, search_id: SearchId) -> None:
        self.means.cluster.forget(search_id, wait=True)

    def tidy(self, search_id: SearchId) -> None:
        for name in (WORK, PIECES):
            self.means.objects.delete(search_key(search_id, name))

    def _drive(self, search: OrderedSearch, notify: Notify, processes: Processes) -> Drive:
        return Drive(
            means=self.means,
            search_id=search.search_id,
            order=self._ordered(search),
            options=search.options,
            generation=search.database.facts,
            batches=list(processes.over(search.batches(search.folder))),
            notify=notify,
            processes=processes,
        )

    def _discard_others(self, search_id: SearchId) -> None:
        """Delete what another version of BLAST+ has found: results of two versions do not make those of one."""
        objects = self.means.objects
        with suppress(NotFoundError):
            before = SearchOrder.read(objects, search_id).blast
            if before not in ("", self.installation.release):
                log.warning("results of BLAST+ %s are discarded", before, extra={"search_id": search_id})
                self.end(search_id)
                for name in (PIECES, MERGED, WORK):  # the order last, in case of a crash
                    objects.delete(search_key(search_id, name))

    def _ordered(self, search: OrderedSearch) -> SearchOrder:
        """Store the order of a search unless it exists: finished pieces belong to its shards."""
        with suppress(NotFoundError):
            return SearchOrder.read(self.means.objects, search.search_id)
        options, generation = search.options, search.database.facts
        lists = {name: options.text(name) for name in LISTS if options.has(name)}
        for name, path in lists.items():
            packed = search.folder / f"{name}.list.zst"
            pack(Path(path or ""), packed)
            self.means.objects.put(search_key(search.search_id, f"{list_name(name)}.zst"), packed)
            packed.unlink()
        files = {name: list_name(name) for name in lists}
        words = options.argv(set={"outfmt": "11", "query": "query.fa", **files}, drop=("out",))
        order = SearchOrder(
            program=options.program,
            words=(*words, "--exactness", options.ours.exactness),
            files=tuple(files.values()),
            database=generation.database,
            generation=generation.name,
            shards=shards_of(database_of(generation, search.folder, ()), search.plan.choice.shards),
            threads=search.plan.choice.threads,
            letters=search.plan.letters,
            by_candidates=search.plan.choice.by_candidates,
            verified=chosen_queries(search.plan.queries, search.plan.letters, self._wanted(options)),
            blast=self.installation.release,
        )
        order.put(self.means.objects, search.search_id)
        return order

    def _wanted(self, options: SearchOptions) -> int:
        """Return the number of queries to search without shards as well."""
        is_chosen = random.random() * 100 < self.verify_percent and options.ours.exactness is Exactness.IDENTICAL
        return options.ours.verify or int(is_chosen)

    def _why_whole(self, search: Inquiry, *, merged: bool = True) -> str | None:
        """Return why a node must search the whole database; None if shards can be searched."""
        one = search.options.ours.shards in (1, "off")
        return why_whole(search, one_shard=one, merged=merged) or ("one shard asked for" if one else None)

    def _count(self, options: SearchOptions, generation: Generation) -> tuple[int, str]:
        """Return the number of shards: by default one per volume, so that nodes may come and go."""
        if isinstance(options.ours.shards, int):
            return options.ours.shards, f"{counted(options.ours.shards, 'shard')} asked for"
        there = max(len(self.means.cluster.takers()), self.means.expected().asked)
        return shards_for(there, len(generation.volumes), generation.letters)
