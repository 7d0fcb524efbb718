"""``--engine dask``: one search on a cluster, printed on this machine, under a lease.

The age of a lease is measured with the storage's clock: it is compared with the lease that a command has just renewed.
A command measures with its own clock how long it has failed to renew its lease, and stops its search in time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shardblast.blast.database import Database, database_of
from shardblast.blast.process import Processes
from shardblast.blast.queries import copy_queries
from shardblast.cluster.connection import Timings
from shardblast.cluster.searching import ClusterSearching
from shardblast.core.database import CataloguedDatabase, Generation, checked_name
from shardblast.core.errors import DatabaseError, EngineError, Interrupted, NotFoundError, OutputError, ShardblastError
from shardblast.core.events import (
    Incident,
    Notify,
    PieceFinished,
    PiecesPlanned,
    QueryVerified,
    SearchEvent,
    SearchWaits,
)
from shardblast.core.options import SearchOptions
from shardblast.core.report import PieceReport, Report
from shardblast.core.search import SearchId
from shardblast.disk.staging import Stager
from shardblast.engine.kept_sequences import KEPT
from shardblast.engine.local import Outcome
from shardblast.engine.out_file import deliver, open_output
from shardblast.engine.stored import FILES, QUERY, OrderedSearch, StoredEngine, stored_queries
from shardblast.engine.unsharded import obstacle_of_output
from shardblast.engine.workspace import scratch
from shardblast.storage.objects import Objects, current_key, pin_key, read_generation, search_key

MOST_KEPT_BYTES = 1 << 30
"""Limit of the stored hit sequences. Above it, the whole database is staged here to print the result."""

log = logging.getLogger(__name__)

LEASES = "leases"
CLEAN_WITHIN_S = 5.0
"""Time for which a finished command continues to remove files of others. Later commands remove the rest."""


@dataclass(frozen=True, slots=True)
class ClusterCommand:
    """Searches on a cluster, for a command that waits for the result."""

    searching: ClusterSearching
    printer: StoredEngine
    stager: Stager
    cache: Path
    """Folder for temporary files of a search."""

    def search(self, options: SearchOptions, notify: Notify) -> Outcome:
        """Search and print; an error leaves no files."""
        options.check_printable()
        if why := obstacle_of_output(options):
            raise OutputError(f"The result can't be written: {why}.", remedy="Check -out.")
        started = time.monotonic()
        objects = self.searching.means.objects
        search_id = SearchId(f"command-{secrets.token_hex(8)}")
        cluster = self.searching.means.cluster
        processes = Processes()
        lease = Lease(objects, search_id, cluster.forget, processes.stop, cluster.timings)
        with scratch(self.cache) as folder, lease:
            try:
                outcome = self._search(options, search_id, folder, notify, processes, lease)
            except Interrupted:
                lease.check()
                raise
        outcome.report.seconds = time.monotonic() - started
        return outcome

    def _search(
        self,
        options: SearchOptions,
        search_id: SearchId,
        folder: Path,
        notify: Notify,
        processes: Processes,
        lease: Lease,
    ) -> Outcome:
        database = CataloguedDatabase(self._generation(options.text("db") or "", lease), None, 0.0)
        copy_queries(options.text("query") or "-", folder / QUERY)
        plan = self.searching.plan(options, database, folder, processes)
        if plan.choice.shards == 1:
            self.searching.check_room(database, plan.choice.why)
        search = OrderedSearch(options, plan, folder, search_id, database)
        totals, version = (database.facts.num_seqs, database.facts.letters), self.printer.installation.version
        command, choice = [options.program.value, *options.argv()], plan.choice
        report = Report.of(command, database.name, version, totals, choice.shards, choice.why)

        def note(event: SearchEvent) -> None:
            if isinstance(event, PieceFinished) and event.piece is not None:
                report.pieces.append(event.piece)
            elif isinstance(event, PieceReport):
                report.pieces.append(event)
            elif isinstance(event, QueryVerified):
                report.verify(event.query_id, event.is_identical, event.detail)
            elif isinstance(event, Incident):
                report.incidents.append(event.text)
            elif isinstance(event, SearchWaits) and event.lack is not None:
                log.warning("%s", event.lack.sentence)
            notify(event)

        def find() -> bool:
            report.pieces.clear()
            report.verified.clear()
            notify(PiecesPlanned(plan.pieces))
            self.searching.search(search, note, processes)
            kept = self.searching.keep_sequences(search, note, processes, MOST_KEPT_BYTES)
            self._fetch(search_id, folder)
            return kept

        kept = processes.persist(find, lease.timings.retry_s)
        lease.check()
        with ExitStack() as stack:
            whole = None if kept else stack.enter_context(self._whole(database.facts, folder))
            self._print(search, whole, processes)
        for query in stored_queries(folder):
            report.judge(query.id, query.verdict)
        return Outcome(0, report)

    def _generation(self, name: str, lease: Lease) -> Generation:
        """Return the current generation of a database in the storage, pinned until the search ends.

        Only generations that are not current are removed. So a pin holds if its generation is still current after it.
        """
        objects, key = self.searching.means.objects, current_key(checked_name(name))
        try:
            current = objects.read(key)
            while True:
                pinned, generation = current, current.decode().strip()
                lease.pin(name, generation)
                current = objects.read(key)
                if current == pinned:
                    return read_generation(objects, name, generation)
        except NotFoundError as error:
            problem = f"The storage has no database {name!r}."
            raise DatabaseError(problem, remedy="Add it: 'shardblast db add NAME SOURCE'.") from error

    def _fetch(self, search_id: str, folder: Path) -> None:
        objects, prefix = self.searching.means.objects, search_key(search_id)
        for part in ("merged", KEPT):
            (folder / part).mkdir(exist_ok=True)
            for key in objects.keys(prefix + part):
                objects.fetch(key, folder / key.removeprefix(prefix))

    @contextmanager
    def _whole(self, generation: Generation, folder: Path) -> Iterator[Database]:
        """Stage the whole database here, because the sequences of the hits could not be stored."""
        log.info("the whole database is staged here to print the result")
        with self.stager.using(generation):
            place = self.stager.stage(generation, None)
            names = [volume.name for volume in generation.volumes]
            listed = " ".join(f'"{place / name}"' for name in names)
            alias = folder / f"{generation.database}.{generation.molecule.alias_suffix}"
            alias.write_text(f"TITLE {generation.title}\nDBLIST {listed}\n")
            yield database_of(generation, place, names, folder)

    def _print(self, search: OrderedSearch, database: Database | None, processes: Processes) -> None:
        work, out = search.folder / "print", search.options.text("out")
        work.mkdir()
        if search.options.outfmt.writes_files:
            self.printer.print(search, database, None, work, processes)
            deliver(work / FILES, out or "")
            return
        with open_output(out) as target:
            self.printer.print(search, database, target, work, processes)


@dataclass(eq=False)
class Lease:
    """The lease of one command, held within the context. When the context ends, the search's objects are removed."""

    objects: Objects
    search_id: str
    forget: Callable[[str], None]
    """Ends the remaining tasks of another command's search."""
    stop: Callable[[], None]
    """Stops this command's own search."""
    timings: Timings

    def __post_init__(self) -> None:
        self._pin: str | None = None
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._cleaner = threading.Thread(target=self._remove_left, name="cleaner", daemon=True)

    def __enter__(self) -> Self:
        self._renew()
        self._keeper.start()
        self._cleaner.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._cleaner.join(CLEAN_WITHIN_S)
        self._ended.set()
        self._keeper.join()
        try:
            self._remove(self.search_id)
        except ShardblastError:  # a later command removes it
            log.warning("the search's objects can't be removed", exc_info=True)

    def pin(self, database: str, generation: str) -> None:
        """Keep a generation in the storage until the lease ends; only the last pin counts."""
        before, self._pin = self._pin, pin_key(self.search_id, database, generation)
        self.objects.put(self._pin, b"")
        if before is not None and before != self._pin:
            self.objects.discard(before)

    def check(self) -> None:
        """Raise EngineError if the lease was not renewed for so long that others may have removed the objects."""
        if self._lost.is_set() or self._is_late():
            problem = "The command could not write to the storage for so long that its search counts as abandoned."
            raise EngineError(problem, remedy="Run it again.")

    def _keep(self) -> None:
        while not self._ended.wait(self.timings.lease_renew_s):
            if self._is_late():  # before a renewal hides it
                self._lost.set()
                self.stop()
                return
            try:
                self._renew()
            except ShardblastError:
                log.warning("the storage can't be written to", exc_info=True)

    def _is_late(self) -> bool:
        return time.time() - self._renewed > self.timings.lease_lost_s

    def _renew(self) -> None:
        begun = time.time()
        self.objects.put(_key(self.search_id), b"lives")
        if self._pin is not None:
            self.objects.put(self._pin, b"")
        self._renewed = begun

    def _remove_left(self) -> None:
        """Remove the searches of commands that are gone."""
        try:
            leases = self.objects.changed(LEASES)
            now = leases.get(_key(self.search_id), 0.0)  # other leases may be newer if clocks differ
            for search_id in [
                key.split("/")[1] for key, renewed in leases.items() if now - renewed > self.timings.lease_left_s
            ]:
                if self._ended.is_set():
                    return
                log.info("the objects of a killed command are removed", extra={"search_id": search_id})
                self.forget(search_id)
                self._remove(search_id)
        except ShardblastError:
            log.warning("the objects of killed commands can't be removed", exc_info=True)

    def _remove(self, search_id: str) -> None:
        self.objects.delete(search_key(search_id))
        self.objects.delete(pin_key(search_id))
        self.objects.delete(f"{LEASES}/{search_id}")


def _key(search_id: str) -> str:
    return f"{LEASES}/{search_id}/sign"
