"""Results of finished searches: any format, printed when it is asked for; pages of hits; the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shardblast.blast.database import Database
from shardblast.core.errors import ConflictError, DatabaseError, InputError
from shardblast.core.search import Search, SearchId, State
from shardblast.core.version import __version__
from shardblast.engine.sequences import HitSequences
from shardblast.engine.stored import StoredEngine, StoredPlan, stored_queries
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.hits import OUTFMT, HitIndex, write_index
from shardblast.service.observers import Observer
from shardblast.service.runner import Runner
from shardblast.store.searches import SearchStore

CITATION = (
    "Camacho C, Coulouris G, Avagyan V, et al. BLAST+: architecture and applications. BMC Bioinformatics 10, 421 "
    f"(2009). Searched over shards with shardblast {__version__}."
)


class Results:
    """Reads what a search has found."""

    def __init__(
        self,
        store: SearchStore,
        catalogue: Catalogue,
        engine: StoredEngine,
        folders: Folders,
        runner: Runner,
        most_kept_bytes: int,
        observer: Observer,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._engine = engine
        self._folders = folders
        self._runner = runner
        self._most_kept_bytes = most_kept_bytes
        self._observer = observer

    @contextmanager
    def printed(self, search_id: SearchId, outfmt: str, only: int | None = None) -> Iterator[Path]:
        """Print a result into a file that is there as long as the context.

        Args:
            search_id: A completed search.
            outfmt: As ``-outfmt`` of BLAST+.
            only: The 0-based number of the one query to print; None for all.

        Raises:
            ConflictError: The search is not completed.
            InputError: There is no such format.
            DatabaseError: The database has changed since, and its hit sequences could not be kept.
        """
        with self._printed(self._completed(search_id), outfmt, only) as path:
            self._observer.printed(path.stat().st_size)
            yield path

    @contextmanager
    def _printed(self, search: Search, outfmt: str, only: int | None) -> Iterator[Path]:
        options = self._runner.options(search, outfmt)
        folder = self._folder(search.id)
        plan = StoredPlan.of(json.loads((folder / "plan.json").read_text()))
        if only is not None and not 0 <= only < plan.queries:
            raise InputError("There is no such query.", remedy=f"Queries are numbered from 0 to {plan.queries - 1}.")
        database = None if HitSequences(folder).are_kept else self._database(search)
        with TemporaryDirectory(dir=self._folders.scratch) as scratch:
            out = Path(scratch, "result")
            work = Path(scratch, "work")
            work.mkdir()
            with out.open("wb") as target:
                self._engine.print(options, database, plan, folder, target, work, only)
            yield out

    @contextmanager
    def index(self, search_id: SearchId) -> Iterator[HitIndex]:
        """Open the index of a completed search's hits; it is written when it is first asked for.

        Raises:
            ConflictError: The search is not completed.
        """
        self._completed(search_id)
        folder = self._folder(search_id)
        path = folder / "hits.sqlite"
        if not path.exists():
            self.write_index(search_id)
        index = HitIndex(path)
        try:
            yield index
        finally:
            index.close()

    def complete(self, search_id: SearchId) -> None:
        """Make of a search whose batches are all merged what pages and later formats need."""
        self.write_index(search_id)
        search, folder = self._store.get(search_id), self._folder(search_id)
        if HitSequences(folder).are_kept:
            return
        with closing(HitIndex(folder / "hits.sqlite")) as index:
            ids = index.ids()
        with TemporaryDirectory(dir=self._folders.scratch) as scratch:
            database = self._database(search)
            self._engine.keep_sequences(database, folder, ids, Path(scratch), self._most_kept_bytes)

    def write_index(self, search_id: SearchId) -> None:
        """Write the index of the hits of a search whose batches are all merged."""
        folder = self._folder(search_id)
        with self._printed(self._store.get(search_id), OUTFMT, None) as path, path.open("rb") as printed:
            write_index(folder / "hits.sqlite", stored_queries(folder), printed)

    def report(self, search_id: SearchId) -> dict[str, Any]:
        """Return what was done, with a verdict for every query that was not simply merged.

        Raises:
            ConflictError: The search is not completed.
        """
        search = self._completed(search_id)
        not_merged: dict[str, list[str]] = {}
        for query in stored_queries(self._folder(search_id)):
            if query.verdict.value != "merged":
                not_merged.setdefault(query.verdict.value, []).append(query.id)
        version = self._runner.options(search, "11").arguments.version
        return {
            "program": search.program,
            "blast_version": version,
            "shardblast_version": __version__,
            "database": {"name": search.database, "generation": search.generation},
            "shards": search.shards,
            "why": search.why,
            "command": [search.program, "-db", search.database, "-query", "query.fa", *search.options],
            "queries": search.queries,
            "verdicts": dict(search.verdicts or {}),
            "not_merged": not_merged,
            "pieces": [
                {name: getattr(piece, name) for name in piece.__slots__} for piece in self._store.pieces(search_id)
            ],
            "self_contained": HitSequences(self._folder(search_id)).are_kept,
            "seconds": (search.finished or 0.0) - (search.started or 0.0),
            "citation": CITATION,
        }

    def _completed(self, search_id: SearchId) -> Search:
        search = self._store.get(search_id)
        if search.state is not State.COMPLETED:
            raise ConflictError(
                f"The search is {search.state}, so it has no result.", remedy="Wait, or read its error."
            )
        return search

    def _database(self, search: Search) -> Database:
        """Return the database that was searched.

        Raises:
            NotFoundError: It was removed.
            DatabaseError: It was replaced since.
        """
        if self._catalogue.get(search.database).generation != search.generation:
            raise DatabaseError(
                f"The database {search.database!r} has changed since the search.", remedy="Submit the search again."
            )
        return self._catalogue.open(search.database)

    def _folder(self, search_id: SearchId) -> Path:
        """Return the search's folder, with its result fetched from the storage if it is not there."""
        folder = self._folders.work(search_id)
        if not (folder / "plan.json").exists() or not (folder / "query.fa").exists():
            self._runner.fetch(search_id)
        return folder
