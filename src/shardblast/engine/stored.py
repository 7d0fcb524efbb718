"""Runs a search whose result is stored batch by batch: it resumes after a crash and is printed in any format.

A folder holds a search: ``query.fa``, the pieces while they are needed, and for every merged batch its archives and a
list of its queries. Each file gets its name when it is complete, so all existing files are complete.
"""

import io
import json
import os
import random
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZipFile

from shardblast.blast.archive import CONDENSED, END_OF_CONDENSED, Alignments
from shardblast.blast.database import Database, Filter
from shardblast.blast.hits import ArchiveCarrier
from shardblast.blast.id_lists import read_listing
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, Inquiry, strands_are_alike, write_probe
from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch, faults_of, letters_of, query_id, records
from shardblast.core.cutting import NO_END, ONE_BATCH, Choice, letters_without_threads, magnitude
from shardblast.core.database import CataloguedDatabase
from shardblast.core.errors import DatabaseError, InputError, LeftToBlast
from shardblast.core.events import Notify, PieceFinished, QueriesFinished
from shardblast.core.formats import COMMENTED
from shardblast.core.options import Exactness, SearchOptions
from shardblast.core.report import Verdict
from shardblast.core.search import SearchId
from shardblast.core.units import Numbers
from shardblast.engine.kept_sequences import HitSequences, StoredFilter
from shardblast.engine.pieces import LocalParts, batches_of, choice_of, shards_of
from shardblast.engine.printing import EVERYTHING, ArchivePrinter, Chosen, MergedQuery, Printer, print_batch
from shardblast.engine.sharded import ShardedSearch
from shardblast.engine.workspace import Machine, Pool, Work

PRINTING_THREADS = 1
"""The number of BLAST+ processes that report statistics while a result is printed."""
FILES = "files"
"""The folder, in a scratch folder, of the output in a format that writes many files."""
QUERY, PLAN = "query.fa", "plan.json"
"""The files, in a search's folder, with its queries and with its plan."""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """The plan of a search; it is stored, so that a resumed search makes the same pieces."""

    choice: Choice
    batches: int
    queries: int
    letters: int

    @classmethod
    def of(cls, document: dict[str, object]) -> Self:
        values = dict(document)
        threads = values.pop("threads", 1)  # earlier versions stored it here
        choice = Choice(**{"threads": threads, **values.pop("choice")})  # type: ignore[arg-type, dict-item]
        return cls(choice, **values)  # type: ignore[arg-type]

    @property
    def pieces(self) -> int:
        return self.batches * self.choice.shards


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """The facts about a query that are stored apart from its hits."""

    number: int
    """0-based among all queries."""
    id: str
    hits: int
    hsps: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """A search whose queries and results are in a folder."""

    options: SearchOptions
    """The user's options, with the paths of lists; ``-outfmt 11`` while it runs, the requested format to print it."""
    plan: StoredPlan
    folder: Path
    """The search's folder, with ``query.fa``."""

    def batches(self, scratch: Path) -> Iterator[Batch]:
        """Write the batches to a folder and yield each when it is complete."""
        query, molecule = str(self.folder / QUERY), self.options.program.query_molecule
        return batches_of(query, scratch, molecule, self.plan.choice)


@dataclass(frozen=True, slots=True)
class OrderedSearch(StoredSearch):
    """A search to run in a known database."""

    search_id: SearchId
    database: CataloguedDatabase


@dataclass(frozen=True, slots=True)
class StoredEngine:
    """Runs searches into folders on this machine, and prints the results."""

    installation: Installation
    machine: Machine
    pool: Pool
    verify_percent: float = 0.0
    """Percent of searches of which one random query is also searched without shards."""

    def plan(self, options: SearchOptions, database: Database, folder: Path, processes: Processes) -> StoredPlan:
        """Read a search's queries and decide how to cut. Raises Interrupted, InputError or DatabaseError."""
        if database.obstacle is not None:
            raise DatabaseError(f"The database can't be searched here: {database.obstacle}.", remedy="Add another one.")
        choice, threads = self.decide(options, database, (folder / QUERY).stat().st_size, folder, processes)
        return plan_of(choice, threads, options, folder, processes)

    def decide(
        self, options: SearchOptions, database: Database, query_bytes: int, folder: Path, processes: Processes
    ) -> tuple[Choice, int]:
        """Return how to cut a search with queries of this size, and the number of threads of a piece.

        ``folder`` is for temporary files. Raises InputError if BLAST+ rejects the options.
        """
        machine = replace(self.machine, cores=self.pool.size)
        choice = choice_of(options, database, machine, query_bytes)
        is_whole = choice.shards == 0 or options.ours.shards == "off"
        one = is_whole or choice.shards == 1
        why = why_whole(Inquiry(self.installation, processes, database, options, folder), one_shard=one)
        if why is None and not is_whole:
            return choice, 1
        return replace(choice, shards=1, threads=1, by_shard=False, why=why or choice.why), self.pool.size

    def search(self, search: StoredSearch, database: Database, notify: Notify, processes: Processes) -> None:
        """Search the unfinished batches; then ``merged`` has every one. After an error, finished work stays."""
        options, plan, folder = search.options, search.plan, search.folder
        merged = folder / "merged"
        merged.mkdir(exist_ok=True)
        missing = []
        for batch in processes.over(search.batches(folder)):
            if not (merged / f"{batch.index}.json").exists():
                missing.append(batch)
                continue
            for _ in range(plan.choice.shards):
                notify(PieceFinished(None))
            notify(QueriesFinished(batch.queries))
        chosen = read_filter(Inquiry(self.installation, processes, database, options, folder))
        database = replace(database, filter=chosen)
        shards = shards_of(database, plan.choice.shards)
        for _ in range((plan.choice.shards - len(shards)) * len(missing)):
            notify(PieceFinished(None))  # a shard in which the filter leaves nothing
        with Work(
            installation=self.installation,
            options=options,
            database=database,
            folder=folder,
            pool=self.pool,
            processes=processes,
            notify=notify,
            resumes=True,
            rank=magnitude(plan.letters),
        ) as work:
            carrier, by_shard = ArchiveCarrier(processes.over), plan.choice.by_shard
            is_chosen = bool(missing) and random.random() * 100 < self.verify_percent
            is_verified = is_chosen and options.ours.exactness is Exactness.IDENTICAL
            verified = [random.randrange(missing[0].first_query, plan.queries)] if is_verified else []
            sharded = ShardedSearch(
                work,
                LocalParts(work),
                shards,
                carrier,
                by_shard=by_shard,
                threads=plan.choice.threads,
                verified=verified,
            )
            store_merged(sharded, missing, folder)

    def print(
        self,
        search: StoredSearch,
        database: Database | None,
        target: BinaryIO | None,
        scratch: Path,
        processes: Processes,
        chosen: Chosen = EVERYTHING,
    ) -> None:
        """Print the chosen queries of a finished search as if no others had been searched; ``scratch`` is empty.

        Without ``database``, the copied sequences are used. ``target`` receives BLAST+'s output, for formats 13 and 14
        as a zip archive of its files, which otherwise stay in the folder ``FILES`` of ``scratch``.
        """
        options, files = search.options, scratch / FILES
        shows_hits_only = options.outfmt.is_tabular and options.outfmt.number != COMMENTED and not options.has("html")
        if chosen == EVERYTHING and shows_hits_only:
            chosen = Chosen(Numbers.these(queries_with_hits(search.folder)), renumbers=False)
        if chosen.queries == Numbers(()):
            return
        if database is None:
            unpacked = scratch / "database"
            unpacked.mkdir()
            database = HitSequences(search.folder).open(unpacked)
        database = StoredFilter(search.folder).applied(database, scratch)
        files.mkdir()
        place, stream = (files, io.BytesIO()) if options.outfmt.writes_files else (scratch, target or io.BytesIO())
        with (
            closing(Pool(PRINTING_THREADS)) as pool,  # the pieces of searches may occupy the engine's pool for hours
            Work(self.installation, processes, database, options, scratch, pool) as work,
            ArchivePrinter(self.installation, processes, options, place, stream, database.environment) as printer,
        ):
            printed, probe = 0, write_probe(work)
            for batch in search.batches(scratch):
                archive = search.folder / "merged" / f"{batch.index}.asn"
                counts = [query.hsps for query in _listed(archive.with_suffix(".json"))]
                printed += print_batch(work, batch, probe, archive, counts, printer, chosen, printed)
        if target is not None and options.outfmt.writes_files:
            with ZipFile(target, "w", ZIP_DEFLATED) as archived:
                for file in sorted(files.iterdir()):
                    archived.write(file, file.name)


def why_whole(search: Inquiry, *, one_shard: bool, merged: bool = True) -> str | None:
    """Return why shards can't be searched, or None; ``one_shard`` says that there is only one anyway.

    ``merged`` is that of ``SearchOptions.why_unsplittable``. Raises InputError if BLAST+ rejects the options.
    """
    if search.options.needs_one_batch:
        return ONE_BATCH
    if why := search.options.why_unsplittable(merged=merged):
        return why
    alike = one_shard or not merged or strands_are_alike(search)
    return None if alike else STRANDS_DIFFER


def stored_plan(folder: Path) -> StoredPlan:
    return StoredPlan.of(json.loads((folder / PLAN).read_text()))


def plan_of(choice: Choice, cores: int, options: SearchOptions, folder: Path, processes: Processes) -> StoredPlan:
    """Read the queries in a search's folder and return the plan for a choice. Raises Interrupted or InputError.

    A piece has as many threads as the choice says, or ``cores`` threads if these can't change BLAST+'s output.
    """
    if options.needs_one_batch:
        choice = replace(choice, scan_letters=NO_END)
    elif cores > 1 and options.threads_matter:
        choice = replace(choice, batch_letters=letters_without_threads(choice, (folder / QUERY).stat().st_size))
    cut = batches_of(str(folder / QUERY), folder, options.program.query_molecule, choice)
    batches = list(processes.over(cut))
    for fault, count in faults_of(batches).items():
        raise InputError(fault.problem(count), remedy=fault.remedy)
    check_query_loc(options, folder / QUERY)
    queries, letters = sum(batch.queries for batch in batches), sum(batch.letters for batch in batches)
    if cores > 1 and not options.threads_matter:
        choice = replace(choice, threads=cores)
    return StoredPlan(choice, len(batches), queries, letters)


def check_query_loc(options: SearchOptions, query: Path) -> None:
    """Raise InputError if a query ends before the start of ``-query_loc``.

    BLAST+ skips such a query, or prints it as one without letters if only the letter at the start is missing.

    Source: NCBI C++ Toolkit, algo/blast/blastinput/blast_fasta_input.cpp (x_FastaToSeqLoc).
    """
    start = re.match(r"\s*\+?(\d+)", options.text("query_loc") or "")
    if start is None:
        return
    with query.open("rb") as source:
        for defline, *lines in records(source):
            if len(letters_of(lines, options.program.query_molecule)) < int(start[1]):
                problem = f"The query {query_id(defline)!r} ends before the start of -query_loc."
                raise InputError(problem, remedy="Leave it out, or search it without -query_loc.")


def read_filter(search: Inquiry, *, named: bool = True) -> Filter | None:
    """Apply a search's list of ids or taxids to a database, and store the parts that printing needs.

    ``named`` says whether BLAST+ finds the database by its name. Raises InputError if the list can't be used.
    """
    try:
        chosen = read_listing(search, named=named).filter
    except LeftToBlast as why:
        raise unusable(why) from None
    if chosen is not None:
        StoredFilter(search.folder).keep(chosen)
    return chosen


def unusable(why: LeftToBlast) -> InputError:
    """Return the error for a list of ids or taxids that can't be used."""
    return InputError(f"The list can't be used: {why}", remedy="Change the list, or search without it.")


def stored_queries(folder: Path) -> Iterator[StoredQuery]:
    """Yield the queries of a finished search in order."""
    paths = (folder / "merged").glob("*.json")
    for path in sorted(paths, key=lambda path: int(path.stem)):
        yield from _listed(path)


def queries_with_hits(folder: Path) -> list[int]:
    """Return the 0-based numbers of the queries of a finished search that have hits."""
    return [query.number for query in stored_queries(folder) if query.hsps]


def _listed(path: Path) -> Iterator[StoredQuery]:
    """Yield the queries of a merged batch from the file that lists them."""
    verdicts = {verdict.value: verdict for verdict in Verdict}
    for query in json.loads(path.read_text()):
        verdict = verdicts[query["verdict"]]
        yield StoredQuery(query["number"], query["id"], query["hits"], query["hsps"], verdict)


def store_merged(search: ShardedSearch, batches: Iterable[Batch], folder: Path) -> None:
    """Search batches and store the merged ones in ``merged``. Raises InputError if only BLAST+ can print the hits."""
    try:
        search.run(batches, MergedBatches(folder / "merged"))
    except LeftToBlast as why:
        problem = f"Only BLAST+ itself can print the result: {why}."
        remedy = "Give these sequences other ids, or search with '--shards off' where the whole database is."
        raise InputError(problem, remedy=remedy) from None


class MergedBatches(Printer):
    """Writes the condensed archives of batches. Those of earlier versions have an archive for each query."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._queries: list[StoredQuery] = []

    def write(self, query: MergedQuery) -> None:
        assert query.verdict is not None
        if self._file is None:
            self._file = (self._folder / "current.partial").open("wb")
            self._file.write(CONDENSED)
        if query.texts:
            self._file.write(Alignments(query.number - query.first_of_batch, query.texts).condensed())
        self._queries.append(StoredQuery(query.number, query.name, query.hits, len(query.texts), query.verdict))

    def finish_batch(self, batch: Batch) -> None:
        assert self._file is not None
        self._file.write(END_OF_CONDENSED)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._file.name, self._folder / f"{batch.index}.asn")
        listed = self._folder / "list.partial"
        listed.write_text(json.dumps([asdict(query) for query in self._queries]))
        os.replace(listed, self._folder / f"{batch.index}.json")
        self._file, self._queries = None, []

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()
