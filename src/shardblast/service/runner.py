"""Runs one search on this machine, in steps that may each be repeated: prepare, search, publish."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shardblast.blast.process import Processes
from shardblast.blast.zstd import unpack
from shardblast.core.arguments import Arguments
from shardblast.core.errors import NotFoundError, ShardblastError
from shardblast.core.options import SearchOptions, parse
from shardblast.core.outfmt import parse_outfmt
from shardblast.core.program import Program
from shardblast.core.report import PieceReport
from shardblast.core.search import (
    Phase,
    Piece,
    Progress,
    Search,
    SearchId,
    State,
    again,
    begin,
    count,
    moved,
    never_back,
)
from shardblast.engine.printer import MANY_FILES
from shardblast.engine.sequences import KEPT
from shardblast.engine.stored import StoredEngine, StoredPlan, stored_queries
from shardblast.engine.work import Purpose
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.observers import Observer, PieceFailure
from shardblast.storage.objects import Objects
from shardblast.store.searches import SearchStore

FILES = "results"
"""How the names of the files begin that formats 13 and 14 make."""


class Runner:
    """The steps of searches, and the way to stop one."""

    def __init__(
        self,
        store: SearchStore,
        objects: Objects,
        catalogue: Catalogue,
        engine: StoredEngine,
        folders: Folders,
        arguments: Callable[[Program], Arguments],
        observer: Observer,
    ) -> None:
        self._store = store
        self._objects = objects
        self._catalogue = catalogue
        self._engine = engine
        self._folders = folders
        self._arguments = arguments
        self._observer = observer
        self._running: dict[SearchId, Processes] = {}
        self._lock = threading.Lock()

    def options(self, search: Search, outfmt: str) -> SearchOptions:
        """Return a search's options as the engine takes them."""
        program = Program(search.program)
        words = ["-db", search.database, "-query", "query.fa", "-outfmt", outfmt]
        words += ["-out", FILES] if parse_outfmt(outfmt).number in MANY_FILES else []
        return parse(program, [*words, *search.options, "--exactness", search.exactness], self._arguments(program))

    def prepare(self, search_id: SearchId, attempt: int) -> None:
        """Begin an attempt of a search: read the queries and decide how to cut.

        Raises:
            ConflictError: It was cancelled.
        """
        self._store.change(search_id, lambda one: again(one, attempt, time.time()))
        self._store.change(search_id, _started)
        self._decide(search_id)

    def search(self, search_id: SearchId) -> None:
        """Search and merge what is not finished yet.

        Raises:
            Interrupted: ``stop`` was called.
            ShardblastError: BLAST+ failed.
        """
        processes = Processes()
        with self._lock:
            self._running[search_id] = processes
        try:
            if not (self._folders.work(search_id) / "plan.json").exists():
                self._decide(search_id)  # another server did, and is gone with what it had
            search, plan = self._store.get(search_id), self._plan(search_id)
            if search.state is not State.RUNNING:
                processes.stop()  # cancelled between two steps
            watcher = _Recorder(self._store, search_id, plan, self._observer)
            database = self._catalogue.open(search.database)
            folder = self._folders.work(search_id)
            self._engine.search(self.options(search, "11"), database, plan, folder, watcher, processes)
        finally:
            with self._lock:
                del self._running[search_id]

    def publish(self, search_id: SearchId, complete: Callable[[SearchId], None]) -> None:
        """Store the result and end the search; ``complete`` adds to it what is made of it."""
        folder = self._folders.work(search_id)
        if not _is_merged(folder):
            self.search(search_id)  # another server did, and is gone with what it had
        search, plan = self._store.get(search_id), self._plan(search_id)
        self._store.change(
            search_id, lambda one: _progressed(one, begin(one.progress, Phase.PUBLISHING, time.time(), 1))
        )
        complete(search_id)
        files = [folder / "plan.json", *sorted((folder / "merged").iterdir()), *sorted((folder / KEPT).glob("*"))]
        total = len(files) + 1
        for done, file in enumerate(files, 1):
            self._objects.put(f"searches/{search_id}/{file.relative_to(folder)}", file)
            if done % 50 == 1:
                self._count(search_id, Phase.PUBLISHING, done, total)
        self._count(search_id, Phase.PUBLISHING, total, total)
        verdicts: dict[str, int] = {}
        hits = 0
        for query in stored_queries(folder):
            verdicts[query.verdict.value] = verdicts.get(query.verdict.value, 0) + 1
            hits += query.hits
        manifest: dict[str, object] = {
            "search": search_id,
            "database": search.database,
            "generation": search.generation,
        }
        manifest |= {"files": [str(file.relative_to(folder)) for file in files], "batches": plan.batches}
        self._objects.put(f"searches/{search_id}/manifest.json", json.dumps(manifest).encode())
        self._store.change(
            search_id, lambda one: moved(one, State.COMPLETED, time.time(), hits=hits, verdicts=verdicts)
        )

    def fetch(self, search_id: SearchId) -> None:
        """Bring a result that another server stored."""
        folder = self._folders.work(search_id)
        for name in ("merged", KEPT):
            (folder / name).mkdir(exist_ok=True)
        self._fetch_query(search_id)
        manifest = json.loads(self._objects.read(f"searches/{search_id}/manifest.json"))
        for name in sorted(manifest["files"], key=lambda name: name == "plan.json"):  # last: what says it is whole
            self._objects.fetch(f"searches/{search_id}/{name}", folder / name)

    def _fetch_query(self, search_id: SearchId) -> None:
        folder = self._folders.work(search_id)
        if not (folder / "query.fa").exists():
            packed = folder / "query.fa.zst"
            self._objects.fetch(f"searches/{search_id}/query.fa.zst", packed)
            _unpack(packed, folder / "query.fa")

    def stop(self, search_id: SearchId) -> None:
        """End the BLAST+ processes of a search, if it runs here."""
        with self._lock:
            processes = self._running.get(search_id)
        if processes is not None:
            processes.stop()

    def look(self, search_id: SearchId) -> None:
        """Follow what another server did to a search: stop it if it was cancelled, forget it if it was deleted."""
        try:
            state = self._store.get(search_id).state
        except NotFoundError:
            shutil.rmtree(self._folders.home / "searches" / search_id, ignore_errors=True)
            return
        if state is State.CANCELLED:
            self.stop(search_id)

    def look_at_all(self) -> None:
        """Follow what other servers may have done to what runs here."""
        with self._lock:
            running = list(self._running)
        for search_id in running:
            self.look(search_id)

    def stop_all(self) -> None:
        """End all BLAST+ processes; their searches go on with the next start."""
        with self._lock:
            running = list(self._running.values())
        for processes in running:
            processes.stop()

    def forget(self, search_id: SearchId) -> None:
        """Remove all files of a search."""
        shutil.rmtree(self._folders.work(search_id), ignore_errors=True)
        self._objects.delete(f"searches/{search_id}/")

    def clean(self, search_id: SearchId) -> None:
        """Remove what a search that did not complete has made, but not its queries."""
        folder = self._folders.work(search_id)
        for path in folder.iterdir():
            if path.name == "query.fa":
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def make_room(self, search_id: SearchId) -> None:
        """Give up what a search has made, and the reserve, since the disk is full."""
        self.clean(search_id)
        self._folders.give_reserve()

    def _decide(self, search_id: SearchId) -> None:
        """Read the queries and decide how to cut, unless that is done."""
        folder = self._folders.work(search_id)
        if not (folder / "plan.json").exists():
            self._fetch_query(search_id)
            search = self._store.get(search_id)
            database = self._catalogue.open(search.database)
            plan = self._engine.plan(self.options(search, "11"), database, folder / "query.fa", folder)
            _write(folder / "plan.json", json.dumps(plan.document()))
        plan = self._plan(search_id)
        self._store.change(search_id, lambda one: _planned(one, plan))

    def _plan(self, search_id: SearchId) -> StoredPlan:
        return _plan_in(self._folders.work(search_id))

    def _count(self, search_id: SearchId, phase: Phase, done: int, total: int) -> None:
        self._store.change(search_id, lambda one: _progressed(one, count(one.progress, phase, done, total)))


class _Recorder:
    """Watches a search and writes what is finished to the store, each thing once."""

    def __init__(self, store: SearchStore, search_id: SearchId, plan: StoredPlan, observer: Observer) -> None:
        self._store = store
        self._id = search_id
        self._plan = plan
        self._observer = observer
        self._lock = threading.Lock()
        self._pieces = self._queries = 0
        self._merging = False

    def queries_read(self, queries: int) -> None: ...

    def pieces_planned(self, pieces: int) -> None: ...

    def piece_finished(self, piece: PieceReport | None) -> None:
        with self._lock:
            self._pieces += 1
            done = self._pieces
            told = None if piece is None else _told(piece)
            self._store.change(self._id, lambda one: _counted(one, Phase.SEARCHING, done), told)
            self._merge_if_all_pieces_are_there()

    def piece_failed(self, purpose: Purpose, error: ShardblastError) -> None:
        failure = PieceFailure(self._id, purpose.name, purpose.batch, purpose.shard, error)
        self._observer.piece_failed(failure)

    def queries_finished(self, queries: int) -> None:
        with self._lock:
            self._queries += queries
            done = self._queries
            if done >= self._plan.queries:
                self._begin_merging()
            if self._merging:
                self._store.change(self._id, lambda one: _counted(one, Phase.MERGING, done))

    def warned(self, text: bytes) -> None: ...

    def _merge_if_all_pieces_are_there(self) -> None:
        if self._pieces >= self._plan.pieces:
            self._begin_merging()

    def _begin_merging(self) -> None:
        if self._merging:
            return
        self._merging = True
        pieces, queries, total = self._pieces, self._queries, self._plan.queries

        def change(one: Search) -> Search:
            searched = count(one.progress, Phase.SEARCHING, pieces, pieces)
            merging = begin(searched, Phase.MERGING, time.time(), total)
            return _progressed(one, count(merging, Phase.MERGING, queries))

        self._store.change(self._id, change)


def _told(piece: PieceReport) -> Piece:
    now = time.time()
    node = socket.gethostname()
    return Piece(piece.purpose, piece.batch, piece.shard, piece.seconds, piece.peak_memory_bytes, node, now)


def _started(search: Search) -> Search:
    """Begin to run, or go on after a crash."""
    at = time.time()
    if search.state is not State.RUNNING:
        search = moved(search, State.RUNNING, at)
    at = never_back(search, at)
    return _progressed(search, begin(search.progress, Phase.PREPARING, at, search.queries))


def _plan_in(folder: Path) -> StoredPlan:
    return StoredPlan.of(json.loads((folder / "plan.json").read_text()))


def _is_merged(folder: Path) -> bool:
    return (folder / "plan.json").exists() and all(
        (folder / "merged" / f"{batch}.json").exists() for batch in range(_plan_in(folder).batches)
    )


def _planned(search: Search, plan: StoredPlan) -> Search:
    if search.state is not State.RUNNING:
        return search
    progress = count(search.progress, Phase.PREPARING, plan.queries, plan.queries)
    progress = begin(progress, Phase.SEARCHING, time.time(), plan.pieces)
    return replace(search, progress=progress, shards=plan.choice.shards, why=plan.choice.why)


def _progressed(search: Search, progress: Progress) -> Search:
    return search if search.state is not State.RUNNING else replace(search, progress=progress)


def _counted(search: Search, phase: Phase, done: int) -> Search:
    return _progressed(search, count(search.progress, phase, done))


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def _unpack(packed: Path, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    unpack(packed, partial)
    partial.replace(path)
    packed.unlink()
