"""Runs a search in repeatable steps, and records its progress."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shardblast.blast.compression import unpack
from shardblast.blast.process import Processes
from shardblast.blast.taxonomy import filter_words, write_expansion
from shardblast.core import events
from shardblast.core.errors import DiskFull, Interrupted, NotFoundError, StoreError, without_folders
from shardblast.core.formats import parse_outfmt
from shardblast.core.option_table import file_of, listed, located
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Arguments, Program
from shardblast.core.report import PieceReport
from shardblast.core.search import (
    Phase,
    Piece,
    Search,
    SearchId,
    State,
    begin,
    count,
    fail,
    in_stint,
    lacks,
    moved,
    never_back,
    progressed,
)
from shardblast.engine.kept_sequences import KEPT
from shardblast.engine.stored import PLAN, QUERY, OrderedSearch, StoredPlan, stored_plan, stored_queries
from shardblast.service.backends import Searching
from shardblast.service.catalogue import Catalogue
from shardblast.service.events import Notify, PieceFailure, QueryCompared
from shardblast.service.folders import Folders
from shardblast.service.settings import KEPT_BYTES
from shardblast.storage.objects import Objects, search_key
from shardblast.store.searches import Change, SearchStore

_REPORT_IT = "The result is complete. Please report the search as a fault."
MOST_WARNINGS = MOST_INCIDENTS = 100
LONGEST_WARNING = 500
"""Limit in characters."""

FILES = "results"
"""Prefix of the names of the files that formats 13 and 14 make."""

Complete = Callable[[SearchId, Processes], None]
"""Adds to a merged search the files that are made on this machine."""

logger = logging.getLogger(__name__)


class Turns:
    """Reentrant locks that let one thread at a time work on a search."""

    def __init__(self) -> None:
        self._locks: dict[SearchId, tuple[threading.RLock, int]] = {}
        """The lock of each search, and the number of threads that hold it or wait for it."""
        self._lock = threading.Lock()

    @contextmanager
    def of(self, search_id: SearchId) -> Iterator[None]:
        """Hold the lock of a search within the context."""
        with self._lock:
            turn, count = self._locks.get(search_id, (threading.RLock(), 0))
            self._locks[search_id] = turn, count + 1
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, count = self._locks.pop(search_id)
                if count > 1:
                    self._locks[search_id] = turn, count - 1


class Recorder:
    def __init__(self, store: SearchStore, search: OrderedSearch, notify: Notify) -> None:
        self._store = store
        self._id = search_id = search.search_id
        self._plan = search.plan
        self._notify = notify
        self._lock = threading.Lock()
        self._pieces = self._queries = self._incidents = 0
        self._merging = False
        self._known = {_run_of(piece) for piece in store.pieces(search_id)}
        self._warnings = {str(event.data["text"]) for event in store.events(search_id, [events.WARNING])}

    def __call__(self, event: events.SearchEvent) -> None:
        match event:
            case events.PieceStarted(purpose, node, seconds):
                node = node or socket.gethostname()
                self._note(events.STARTED, {**purpose.document(), "node": node, "started": time.time() - seconds})
            case events.PieceStopped(purpose, node):
                self._note(events.STOPPED, {**purpose.document(), "node": node})
            case events.PieceFinished(piece):
                self._piece_finished(piece)
            case events.PieceFailed() | events.QueryVerified() | events.Incident():
                self._forward(event)
            case events.QueriesFinished(queries):
                self._queries_finished(queries)
            case events.Warned(text):
                self._warned(text)
            case events.PhaseBegun() | events.PhaseCounted() | events.PhaseFailed():
                self._store.change(self._id, lambda search: _advanced(search, event, time.time()))
            case events.SearchWaits(lack):
                self._store.change(self._id, lambda search: lacks(search, lack, time.time()))

    def _piece_finished(self, piece: PieceReport | None) -> None:
        with self._lock:
            self._pieces += 1
            done = self._pieces
            recorded = None
            if piece is not None:
                piece = replace(piece, node=piece.node or socket.gethostname())
                recorded = None if _run_of(piece) in self._known else Piece(**asdict(piece), finished=time.time())
            change = self._searched() if done >= self._plan.pieces and not self._merging else None
            self._store.change(self._id, change or (lambda search: _counted(search, Phase.SEARCHING, done)), recorded)

    def _queries_finished(self, queries: int) -> None:
        with self._lock:
            self._queries += queries
            done = self._queries
            if done >= self._plan.queries and not self._merging:
                self._store.change(self._id, self._searched())
            elif self._merging:
                self._store.change(self._id, lambda search: _counted(search, Phase.MERGING, done))

    def _forward(self, event: events.PieceFailed | events.QueryVerified | events.Incident) -> None:
        if isinstance(event, events.PieceFailed):
            self._notify(PieceFailure(self._id, event))
            return
        if isinstance(event, events.Incident):
            self._incidents += 1
            if self._incidents <= MOST_INCIDENTS:
                self._note(events.WARNING, events.incident(without_folders(event.text)[:LONGEST_WARNING]))
            return
        self._notify(QueryCompared(self._id, event))
        level = {True: events.Level.NOTE, None: events.Level.WARNING, False: events.Level.PROBLEM}[event.is_identical]
        text = event.text[:LONGEST_WARNING] + (f" {_REPORT_IT}" if event.is_identical is False else "")
        self._note(events.WARNING, {"text": text, "level": level.value})

    def _warned(self, text: bytes) -> None:
        for line in text.decode(errors="replace").splitlines():
            warning = without_folders(line)[:LONGEST_WARNING]
            if warning and warning not in self._warnings and len(self._warnings) < MOST_WARNINGS:
                self._warnings.add(warning)
                self._note(events.WARNING, {"text": warning})

    def _note(self, kind: str, data: dict[str, Any]) -> None:
        """Record an event that can be missed: if that fails, the search continues."""
        try:
            self._store.tell(self._id, kind, data)
        except (StoreError, DiskFull) as error:
            logger.info("an event can't be recorded: %s", error.problem, extra={"search_id": self._id})

    def _searched(self) -> Change:
        """Return the change from searching to merging."""
        self._merging = True
        pieces, queries, total = self._pieces, self._queries, self._plan.queries

        def change(search: Search) -> Search:
            searched = count(search.progress, Phase.SEARCHING, pieces, pieces)
            merging = begin(searched, Phase.MERGING, time.time(), total)
            return progressed(search, count(merging, Phase.MERGING, queries))

        return change


@dataclass(frozen=True, slots=True, eq=False)
class Runner:
    """The steps of searches, and the way to stop one."""

    store: SearchStore
    objects: Objects
    catalogue: Catalogue
    searching: Searching
    folders: Folders
    arguments: Callable[[Program], Arguments]
    notify: Notify
    _running: dict[SearchId, tuple[int, Processes]] = field(default_factory=dict, init=False)
    """The stint of each search that runs here, and its processes."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _turns: Turns = field(default_factory=Turns, init=False)
    _process: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    """Distinguishes this process of the service from all others."""

    def options(self, search: Search, outfmt: str) -> SearchOptions:
        """Return a search's options for printing. Lists have the names that users know."""
        return self._parsed(search, search.options, outfmt)

    def _options(self, search: Search) -> SearchOptions:
        """Return the options with which a search runs. Lists are given by their paths."""
        folder = self.folders.work(search.id)
        known = "no_taxid_expansion" in self.arguments(Program(search.program))
        words = filter_words(located(search.options, str(folder)), folder, known=known)
        return self._parsed(search, words, "11")

    def _parsed(self, search: Search, words: Sequence[str], outfmt: str) -> SearchOptions:
        program = Program(search.program)
        place = ["-db", search.database, "-query", "query.fa", "-outfmt", outfmt]
        place += ["-out", FILES] if parse_outfmt(outfmt).writes_files else []
        return parse(program, [*place, *words, "--exactness", search.exactness], self.arguments(program))

    def prepare(self, search_id: SearchId, stint: int) -> None:
        """Begin a stint of a search: read the queries and decide how to cut.

        Raises ConflictError if it was cancelled or is in a later stint.
        """
        self._change(search_id, lambda search: _started(in_stint(search, stint)))
        with self._stoppable(search_id, stint) as processes:
            processes.persist(lambda: self._decide(search_id, processes), search_id=search_id)

    def search(self, search_id: SearchId, stint: int) -> None:
        """Search and merge what is not finished yet; the errors are those of ``Searching.search``."""
        with self._stoppable(search_id, stint) as processes:
            processes.persist(lambda: self._search(search_id, stint, processes), search_id=search_id)

    def _search(self, search_id: SearchId, stint: int, processes: Processes) -> None:
        if not (self.folders.work(search_id) / PLAN).exists():
            self._decide(search_id, processes)  # the server that had the plan is gone
        ordered = self._ordered(search_id)
        self._take_over(search_id, stint)
        began = {"stint": stint, "process": self._process}
        self.store.tell(search_id, events.SEARCHING, began)  # pieces that ran before a crash no longer run
        self.searching.search(ordered, Recorder(self.store, ordered, self.notify), processes)

    def _take_over(self, search_id: SearchId, stint: int) -> None:
        """Tell that another process of a service began this stint, if one did, and is gone."""
        began = [
            event for event in self.store.events(search_id, [events.SEARCHING]) if event.data.get("stint") == stint
        ]
        if began and began[-1].data["process"] != self._process:
            since = time.strftime("%H:%M:%S", time.gmtime())
            text = f"The service that ran the search is gone; another process of it took over at {since} UTC."
            self.store.tell(search_id, events.WARNING, events.incident(text))

    def publish(self, search_id: SearchId, stint: int, complete: Complete) -> None:
        """Store the result and end the search, after ``complete`` has added the files made on this machine."""
        with self._stoppable(search_id, stint) as processes:
            totals = processes.persist(
                lambda: self._publish(search_id, stint, complete, processes), search_id=search_id
            )

        def completed(search: Search) -> Search:
            return moved(in_stint(search, stint), State.COMPLETED, time.time(), **totals)

        self._change(search_id, completed)

    def _change(self, search_id: SearchId, change: Change) -> None:
        Processes().persist(lambda: self.store.change(search_id, change), search_id=search_id)

    def _publish(self, search_id: SearchId, stint: int, complete: Complete, processes: Processes) -> dict[str, Any]:
        """Store the result; return its numbers of hits and verdicts."""
        folder = self.folders.work(search_id)
        plan = stored_plan(folder) if (folder / PLAN).exists() else None
        if plan is None or not self.searching.is_merged(search_id, plan, folder):
            self._search(search_id, stint, processes)  # the server that had merged batches is gone
        ordered = self._ordered(search_id)
        recorder = Recorder(self.store, ordered, self.notify)
        recorder(events.PhaseBegun(Phase.PUBLISHING, 1))
        if self.searching.leaves_results_here:
            complete(search_id, processes)
        names = self.searching.publish(ordered, recorder, processes, KEPT_BYTES)
        verdicts: Counter[str] = Counter()
        hits = 0
        for query in processes.over(stored_queries(folder)):
            verdicts[query.verdict.value] += 1
            hits += query.hits
        manifest = {
            "search": search_id,
            "database": ordered.database.name,
            "generation": ordered.database.generation,
            "files": names,
            "batches": ordered.plan.batches,
        }
        self.objects.put(search_key(search_id, "manifest.json"), json.dumps(manifest).encode())
        self.searching.tidy(search_id)
        if not self.searching.leaves_results_here:
            shutil.rmtree(folder)  # it is fetched when a user asks for it
        return {"hits": hits, "verdicts": dict(verdicts)}

    def fetch(self, search_id: SearchId) -> None:
        """Fetch a result that another server stored."""
        folder = self.folders.work(search_id)
        for name in ("merged", KEPT):
            (folder / name).mkdir(exist_ok=True)
        self._fetch_query(search_id)
        manifest = json.loads(self.objects.read(search_key(search_id, "manifest.json")))
        for name in sorted(manifest["files"], key=lambda name: name == PLAN):  # the plan last: it marks the end
            self.objects.fetch(search_key(search_id, name), folder / name)

    def sent(self, search_id: SearchId, name: str = QUERY) -> Path:
        """Return a file that was sent with a search: its queries, or one of its lists."""
        self._fetch_query(search_id)
        return self.folders.work(search_id) / name

    def _fetch_query(self, search_id: SearchId) -> None:
        """Fetch the queries and lists of a search that are not here."""
        folder = self.folders.work(search_id)
        lists = [file_of(name) for name in listed(self.store.get(search_id).options)]
        with self._turns.of(search_id):
            for name in (QUERY, *lists):
                if not (folder / name).exists():
                    compressed, partial = folder / f"{name}.zst", folder / f"{name}.partial"
                    self.objects.fetch(search_key(search_id, compressed.name), compressed)
                    unpack(compressed, partial)
                    partial.replace(folder / name)
                    compressed.unlink()

    def stop(self, search: Search) -> None:
        """End the processes of stints in which a search, read before, no longer runs; later stints continue."""
        with self._lock:
            stint, processes = self._running.get(search.id, (0, None))
        if processes is not None and stint <= search.stint and not search.runs(stint):
            processes.stop()

    @property
    def running(self) -> int:
        """Number of BLAST+ processes that run on this machine."""
        with self._lock:
            return sum(processes.running for _, processes in self._running.values())

    def look(self, search_id: SearchId) -> None:
        """Stop a search or remove its files if another server has cancelled or deleted it."""
        try:
            self.stop(self.store.get(search_id))
        except NotFoundError:
            shutil.rmtree(self.folders.home / "searches" / search_id, ignore_errors=True)

    def look_at_all(self) -> None:
        """Follow the changes of other servers to the searches that run here."""
        with self._lock:
            running = list(self._running)
        for search_id in running:
            self.look(search_id)

    def stop_all(self) -> None:
        """End all BLAST+ processes; their searches resume with the next start."""
        with self._lock:
            running = list(self._running.values())
        for _, processes in running:
            processes.stop()

    def forget(self, search_id: SearchId) -> None:
        """Remove all files of a search."""
        shutil.rmtree(self.folders.work(search_id), ignore_errors=True)
        self.objects.delete(search_key(search_id))

    def give_up(self, search_id: SearchId) -> None:
        """End and remove everything that a search has made, here and elsewhere. The files sent with it are kept."""
        self.searching.end(search_id)
        self.clean(search_id)
        sent = [QUERY, *(file_of(name) for name in listed(self.store.get(search_id).options))]
        self.objects.delete(search_key(search_id), but={search_key(search_id, f"{name}.zst") for name in sent})

    def clean(self, search_id: SearchId) -> None:
        """Remove the local files of an unfinished search, except its queries."""
        self.searching.tidy(search_id)
        folder = self.folders.work(search_id)
        for path in folder.iterdir():
            if path.name == QUERY:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def make_room(self, search_id: SearchId) -> None:
        """Remove the local files of a search and the reserve, because the disk is full."""
        self.clean(search_id)
        self.folders.give_reserve()

    def _decide(self, search_id: SearchId, processes: Processes) -> None:
        """Read the queries and decide how to cut, unless that has been done."""
        folder = self.folders.work(search_id)
        if not (folder / PLAN).exists():
            self._fetch_query(search_id)
            search = self.store.get(search_id)
            database = self.catalogue.get(search.database, search.generation)
            write_expansion(located(search.options, str(folder)), folder, self.catalogue.taxonomy(database))
            plan = self.searching.plan(self._options(search), database, folder, processes)
            partial = folder / f"{PLAN}.partial"
            partial.write_text(json.dumps(asdict(plan)))
            partial.replace(folder / PLAN)
        plan = stored_plan(folder)
        self.store.change(search_id, lambda current: _planned(current, plan))

    def _ordered(self, search_id: SearchId) -> OrderedSearch:
        search, folder = self.store.get(search_id), self.folders.work(search_id)
        database = self.catalogue.get(search.database, search.generation)
        return OrderedSearch(self._options(search), stored_plan(folder), folder, search_id, database)

    @contextmanager
    def _stoppable(self, search_id: SearchId, stint: int) -> Iterator[Processes]:
        """Yield the processes that ``stop`` stops within the context.

        Raises Interrupted if the search was cancelled before.
        """
        processes = Processes()
        with self._lock:
            self._running[search_id] = stint, processes
        try:
            if not processes.persist(lambda: self.store.get(search_id), search_id=search_id).runs(stint):
                raise Interrupted
            yield processes
        finally:
            with self._lock:
                del self._running[search_id]


def _run_of(piece: PieceReport) -> tuple[object, ...]:
    """Return the fields that distinguish the run of a piece from all other runs."""
    return piece.purpose, piece.batch, piece.shard, piece.node, piece.seconds


def _counted(search: Search, phase: Phase, done: int) -> Search:
    return progressed(search, count(search.progress, phase, done))


def _advanced(search: Search, event: events.PhaseEvent, at: float) -> Search:
    match event:
        case events.PhaseBegun(phase, total):
            progress = begin(search.progress, phase, at, total)
        case events.PhaseCounted(phase, done, total):
            progress = count(search.progress, phase, done, total)
        case events.PhaseFailed(phase):
            progress = fail(search.progress, phase, at)
    return progressed(search, progress)


def _started(search: Search) -> Search:
    """Mark a search as running, also when it resumes after a crash."""
    at = time.time()
    if search.state is not State.RUNNING:
        search = moved(search, State.RUNNING, at)
    at = never_back(search, at)
    return progressed(search, begin(search.progress, Phase.PREPARING, at, search.queries))


def _planned(search: Search, plan: StoredPlan) -> Search:
    if search.state is not State.RUNNING:
        return search
    progress = count(search.progress, Phase.PREPARING, plan.queries, plan.queries)
    return replace(search, progress=progress, shards=plan.choice.shards, why=plan.choice.why)
