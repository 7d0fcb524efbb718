"""Results of completed searches: printed in any format, as pages of hits, and as the report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from shardblast.blast.database import Database
from shardblast.blast.probe import positive_pairs, searched_matrix
from shardblast.blast.process import Processes
from shardblast.blast.sequences import subject_names
from shardblast.blast.taxonomy import expansion_report
from shardblast.core import __version__
from shardblast.core.errors import ConflictError, InputError
from shardblast.core.events import WARNING
from shardblast.core.formatting import Printing, commands, printed_with
from shardblast.core.options import SearchOptions
from shardblast.core.program import Program
from shardblast.core.result import midline
from shardblast.core.search import Piece, Search, SearchId, State
from shardblast.core.units import Numbers
from shardblast.engine.kept_sequences import HitSequences
from shardblast.engine.printing import EVERYTHING, Chosen
from shardblast.engine.stored import (
    PLAN,
    QUERY,
    StoredEngine,
    StoredSearch,
    queries_with_hits,
    stored_plan,
    stored_queries,
)
from shardblast.service.catalogue import Catalogue
from shardblast.service.events import BytesWritten, Notify
from shardblast.service.folders import Folders
from shardblast.service.hit_index import FILE, OUTFMT, ChosenHit, HitIndex, RowPage, write_index
from shardblast.service.runner import Runner, Turns
from shardblast.service.settings import KEPT_BYTES
from shardblast.store.searches import SearchStore

CITATION = (
    "Camacho C, Coulouris G, Avagyan V, et al. BLAST+: architecture and applications. BMC Bioinformatics 10, 421 "
    f"(2009). Searched over shards with shardblast {__version__}."
)

AS_SEARCHED = Printing()
FEW = 1000
"""The largest number of alignments in a result whose index of hits is written only when it is needed."""


@dataclass(frozen=True, slots=True)
class DatabaseOfReport:
    """The database that was searched."""

    name: str
    generation: str


@dataclass(frozen=True, slots=True)
class IncidentOfReport:
    """Something that cost a search time."""

    at: float | None
    text: str


@dataclass(frozen=True, slots=True)
class SearchReport:
    """A search's report."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    program: str
    blast_version: str
    shardblast_version: str
    database: DatabaseOfReport
    shards: int | None
    why: str | None
    command: Sequence[str]
    """The BLAST+ command that finds the same hits."""
    commands: Sequence[Sequence[str]]
    """The BLAST+ commands that print the same, in order."""
    taxids: Mapping[str, object] | None
    queries: int
    verdicts: Mapping[str, int]
    not_merged: Mapping[str, Sequence[str]]
    """Ids of the queries of every verdict but merged."""
    pieces: Sequence[Piece]
    self_contained: bool
    """Whether results can be printed without the database."""
    seconds: float
    incidents: Sequence[IncidentOfReport]
    """What cost the search time: lost nodes, work that ran again, parts that were away."""
    citation: str = CITATION


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    store: SearchStore
    catalogue: Catalogue
    engine: StoredEngine
    folders: Folders
    runner: Runner
    notify: Notify
    _turns: Turns = field(default_factory=Turns, init=False)
    _matrices: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict, init=False)

    @contextmanager
    def printed(
        self,
        search_id: SearchId,
        outfmt: str,
        queries: Numbers | None = None,
        hits: Numbers | None = None,
        printing: Printing = AS_SEARCHED,
    ) -> Iterator[Path]:
        """Print a result in a ``-outfmt``, or its queries or one query's hits (0-based), to a file within the context.

        Raises ConflictError if the search is not completed, InputError if the format can't be printed, NotFoundError if
        the generation is gone and no sequences were kept, DatabaseChanged if the files in place have changed.
        """
        search = self.completed(search_id)
        options = printed_with(self.runner.options(search, outfmt), printing)
        options.check_printable()
        with self._printed(search, options, Processes(), self._chosen(search, queries, hits)) as path:
            self.notify(BytesWritten("result", path.stat().st_size))
            yield path

    def kept(self, search: Search) -> int:
        """Return the largest number of subjects that a search keeps for a query."""
        return self.runner.options(search, "0").max_target_seqs

    def _chosen(self, search: Search, queries: Numbers | None, hits: Numbers | None) -> Chosen:
        """Return the requested part of a result; the errors are those of ``hits``."""
        if hits is None:
            check_queries(search, queries)
            return Chosen(queries)
        (chosen,) = self.hits(search, queries, hits).values()
        return Chosen(queries, Numbers.these(place for hit in chosen for place in hit.places))

    def hits(self, search: Search, queries: Numbers | None, hits: Numbers | None) -> dict[int, list[ChosenHit]]:
        """Return the requested hits by query; None for all.

        Raises InputError if a query or hit does not exist, or if hits of several queries are requested by rank.
        """
        check_queries(search, queries)
        if hits is not None and (queries is None or queries.only is None):
            problem = "Hits can be selected for a single query only."
            raise InputError(problem, remedy="Give the number of one query, from 0.")
        numbers = range(search.queries) if queries is None else queries.below(search.queries)
        with self.index(search.id) as index:
            chosen = {number: found for number in numbers if (found := index.chosen(number, hits))}
        if not chosen:
            raise InputError("There is no such hit.", remedy="Hits are numbered by rank, from 0.")
        return chosen

    @contextmanager
    def _printed(
        self, search: Search, options: SearchOptions, processes: Processes, chosen: Chosen = EVERYTHING
    ) -> Iterator[Path]:
        folder = self.folder(search.id)
        stored = StoredSearch(options, stored_plan(folder), folder)
        with ExitStack() as stack:
            kept = HitSequences(folder).are_kept
            database = None if kept else stack.enter_context(self._database(search))
            scratch = stack.enter_context(TemporaryDirectory(dir=self.folders.scratch))
            out = Path(scratch, "result")
            work = Path(scratch, "work")
            work.mkdir()
            with out.open("wb") as target:
                self.engine.print(stored, database, target, work, processes, chosen)
            yield out

    @contextmanager
    def index(self, search_id: SearchId) -> Iterator[HitIndex]:
        """Open the index of a completed search's hits, which is written on first use."""
        self.completed(search_id)
        folder = self.folder(search_id)
        path = folder / FILE
        if not path.exists():
            with self._turns.of(search_id):
                if not path.exists():
                    self.write_index(search_id, Processes())
        with closing(HitIndex(path)) as index:
            yield index

    def hsps(self, search_id: SearchId, query: int, hit: int, *, after: int, limit: int) -> RowPage:
        """Return HSPs with alignment rows and the line between them; query, hit and ``after`` are 0-based."""
        with self.index(search_id) as index:
            page = index.hsps(query, hit, after=after, limit=limit)
        positive = self._positive(self.completed(search_id))
        for row in page.rows:
            row["middle"] = midline(row["query_row"], row["subject_row"], positive)
        return page

    def _positive(self, search: Search) -> frozenset[str] | None:
        """Return the pairs of residues that the search's matrix scores above 0; None for nucleotides."""
        if search.program == Program.BLASTN:
            return None
        installation, options = self.engine.installation, self.runner.options(search, "0")
        words = options.argv(drop=set(options.given) - {"matrix", "task"})
        key = (search.program, *words)
        if key not in self._matrices:
            matrix = searched_matrix(installation, options.program, words)
            self._matrices[key] = positive_pairs(installation, matrix)
        return self._matrices[key]

    def complete(self, search_id: SearchId, processes: Processes) -> None:
        """Write the files that pages and later formats need, once all batches are merged."""
        search, folder = self.store.get(search_id), self.folder(search_id)
        if sum(query.hsps for query in processes.over(stored_queries(folder))) > FEW:
            self.write_index(search_id, processes)
        if HitSequences(folder).are_kept:
            return
        ids = self._subjects(search_id, processes)
        with TemporaryDirectory(dir=self.folders.scratch) as scratch, self._database(search) as database:
            kept = HitSequences(folder)
            if kept.keep(self.engine.installation, processes, database, ids, Path(scratch), KEPT_BYTES):
                return
        if not (folder / FILE).exists():  # later, the database may be gone
            self.write_index(search_id, processes)

    def _subjects(self, search_id: SearchId, processes: Processes) -> Sequence[str]:
        """Return the ids of all subjects as ``sseqid`` prints them, or others by which they are found."""
        folder = self.folder(search_id)
        if not (folder / FILE).exists():
            merged = (folder / "merged").glob("*.asn")
            names = {name for archive in merged for name in subject_names(archive, processes.over)}
            if None not in names:
                return [name.decode() if isinstance(name, bytes) else f"gnl|BL_ORD_ID|{name}" for name in names]
            self.write_index(search_id, processes)
        with closing(HitIndex(folder / FILE)) as index:
            return index.ids()

    def write_index(self, search_id: SearchId, processes: Processes) -> None:
        """Write the index of the hits of a search whose batches are all merged."""
        folder = self.folder(search_id)
        search = self.store.get(search_id)
        found = Chosen(Numbers.these(queries_with_hits(folder)))
        printing = self._printed(search, self.runner.options(search, OUTFMT), processes, found)
        with self._turns.of(search_id), printing as path, path.open("rb") as printed:
            queries = processes.over(stored_queries(folder))
            write_index(folder / FILE, queries, printed, processes.check)

    def report(self, search_id: SearchId) -> SearchReport:
        """Return the report of a search, with the verdicts of all queries that were not simply merged."""
        search = self.completed(search_id)
        not_merged: dict[str, list[str]] = {}
        for query in stored_queries(self.folder(search_id)):
            if query.verdict.value != "merged":
                not_merged.setdefault(query.verdict.value, []).append(query.id)
        words = ["-db", search.database, "-query", "query.fa", *search.options]
        return SearchReport(
            program=search.program,
            blast_version=self.runner.options(search, "11").arguments.version,
            shardblast_version=__version__,
            database=DatabaseOfReport(search.database, search.generation),
            shards=search.shards,
            why=search.why,
            command=[search.program, *words],
            commands=commands(search.program, words, search.output),
            taxids=expansion_report(search.options, self.folder(search_id)),
            queries=search.queries,
            verdicts=dict(search.verdicts or {}),
            not_merged=not_merged,
            pieces=self.store.pieces(search_id),
            self_contained=HitSequences(self.folder(search_id)).are_kept,
            seconds=(search.finished or 0.0) - (search.started or 0.0),
            incidents=[
                IncidentOfReport(event.at, event.data["text"])
                for event in self.store.events(search_id, [WARNING])
                if event.data.get("is_incident")
            ],
        )

    def completed(self, search_id: SearchId) -> Search:
        """Return a search that has a result. Raises ConflictError if it has none."""
        search = self.store.get(search_id)
        if search.state is not State.COMPLETED:
            remedy = "Retry it, or submit it again." if search.state.is_final else "Wait until it has ended."
            raise ConflictError(f"The search is {search.state}, so it has no result.", remedy=remedy)
        return search

    def _database(self, search: Search) -> AbstractContextManager[Database]:
        """Open the database in the generation that was searched."""
        return self.catalogue.opened(search.database, search.generation)

    def folder(self, search_id: SearchId) -> Path:
        """Return the search's folder, and fetch the result from the storage if it is not there."""
        folder = self.folders.work(search_id)
        if not _is_here(folder):
            with self._turns.of(search_id):
                if not _is_here(folder):
                    self.runner.fetch(search_id)
        return folder


def check_queries(search: Search, queries: Numbers | None) -> None:
    """Raise InputError for numbers of queries that a search does not have."""
    if queries is not None and queries.last >= search.queries:
        last = search.queries - 1
        raise InputError("There is no such query.", remedy=f"Queries are numbered from 0 to {last}.")


def _is_here(folder: Path) -> bool:
    return (folder / PLAN).exists() and (folder / QUERY).exists()
