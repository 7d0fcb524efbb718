"""A search whose result is kept batch by batch: it can be killed anywhere, goes on, and is printed in any format.

A folder holds a search: ``query.fa``, the pieces while they are needed, and for every merged batch its archives and a
list of its queries. Each file gets its name when it is whole, so what is there is finished.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZipFile

from shardblast.blast.database import Database, Filter
from shardblast.blast.hits import ArchiveCarrier, alignments_by_subject
from shardblast.blast.id_lists import read_listing
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, strands_are_alike, write_probe
from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch
from shardblast.core.cutting import NO_END, ONE_BATCH, Choice, Situation, choose, magnitude
from shardblast.core.errors import DatabaseError, InputError, LeftToBlast
from shardblast.core.options import SearchOptions
from shardblast.core.program import Molecule
from shardblast.core.report import Report, Verdict
from shardblast.engine.kept_sequences import HitSequences, StoredFilter
from shardblast.engine.merge import ShardedSearch
from shardblast.engine.pieces import LocalParts, batches_of, shards_of
from shardblast.engine.printing import EVERYTHING, ArchivePrinter, Chosen, MergedQuery, print_batch
from shardblast.engine.workspace import Machine, Pool, Silent, Watcher, Work

PRINTING_THREADS = 1
"""BLAST+ processes that report statistics while a result is printed."""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """How a search is cut; written once, so that a resumed search makes the same pieces."""

    choice: Choice
    threads: int
    """Of a piece."""
    batches: int
    queries: int
    letters: int

    def document(self) -> dict[str, object]:
        """Return the plan as JSON holds it."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, object]) -> StoredPlan:
        """Return the plan of such a document."""
        values = dict(document)
        choice = Choice(**values.pop("choice"))  # type: ignore[arg-type]
        return cls(choice, **values)  # type: ignore[arg-type]

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return self.batches * self.choice.shards


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """What is known of a query without reading its hits."""

    number: int
    """0-based among all queries."""
    id: str
    hits: int
    hsps: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StoredEngine:
    """Searches into folders, and prints from them, on this machine."""

    installation: Installation
    machine: Machine
    pool: Pool

    def plan(
        self, options: SearchOptions, database: Database, query: Path, folder: Path, processes: Processes
    ) -> StoredPlan:
        """Read the queries and decide how to cut.

        Raises:
            Interrupted: ``processes`` was stopped.
            InputError: The queries can't be searched as they are.
            DatabaseError: The database can't be searched in this way.
        """
        if database.obstacle is not None:
            raise DatabaseError(f"The database can't be searched here: {database.obstacle}.", remedy="Add another one.")
        choice, threads = self._choice(options, database, query.stat().st_size)
        if choice.shards > 1 and not strands_are_alike(self.installation, processes, folder, database, options):
            choice, threads = replace(choice, shards=1, by_shard=False, why=STRANDS_DIFFER), self.pool.size
        return plan_of(choice, threads, query, folder, options.program.query_molecule, processes)

    def search(
        self,
        options: SearchOptions,
        database: Database,
        plan: StoredPlan,
        folder: Path,
        watcher: Watcher,
        processes: Processes,
    ) -> None:
        """Search what is not finished yet; the folder's ``merged`` then holds every batch.

        Args:
            options: The user's, with ``-outfmt 11``.
            database: The whole one.
            plan: As ``plan`` returned it.
            folder: The search's own, with ``query.fa``.
            watcher: Is told of finished things.
            processes: Its ``stop``, from any thread, ends the search.

        Raises:
            ShardblastError: It failed or was stopped; what is finished stays.
        """
        merged = folder / "merged"
        merged.mkdir(exist_ok=True)
        cut = batches_of(str(folder / "query.fa"), folder, options.program.query_molecule, plan.choice)
        batches = list(processes.over(cut))
        missing = [batch for batch in batches if not (merged / f"{batch.index}.json").exists()]
        watcher.pieces_planned(plan.choice.shards * (len(batches) - len(missing)))
        for batch in batches:
            if batch not in missing:
                for _ in range(plan.choice.shards):
                    watcher.piece_finished(None)
                watcher.queries_finished(batch.queries)
        report = Report(options.program.value, "", database.name, 0, 0, plan.choice.shards, "", [])
        database = replace(database, filter=read_filter(self.installation, options, database, folder, processes))
        shards = shards_of(database, plan.choice.shards)
        for _ in range((plan.choice.shards - len(shards)) * len(missing)):
            watcher.piece_finished(None)  # of which the filter leaves nothing
        carrier, by_shard = ArchiveCarrier(), plan.choice.by_shard
        means = (self.installation, options, database, folder, self.pool, processes, report, watcher)
        with Work(*means, resumes=True, rank=magnitude(plan.letters)) as work:
            search = ShardedSearch(work, LocalParts(work), shards, carrier, by_shard=by_shard, threads=plan.threads)
            store_merged(search, missing, folder)

    def keep_sequences(
        self,
        database: Database,
        folder: Path,
        ids: Iterable[str],
        scratch: Path,
        most_bytes: int,
        processes: Processes,
    ) -> bool:
        """Make a finished search printable without its database; return whether that was possible.

        Args:
            database: The one that was searched.
            folder: Of the search.
            ids: Of all subjects, as ``sseqid`` prints them.
            scratch: An empty folder.
            most_bytes: Of the sequences.
            processes: Its ``stop``, from any thread, ends the work.
        """
        if StoredFilter(folder).hides_titles:
            return False
        return HitSequences(folder).keep(self.installation, processes, database, ids, scratch, most_bytes)

    def print(
        self,
        options: SearchOptions,
        database: Database | None,
        plan: StoredPlan,
        folder: Path,
        target: BinaryIO,
        scratch: Path,
        processes: Processes,
        chosen: Chosen = EVERYTHING,
    ) -> None:
        """Print a finished search.

        Args:
            options: The user's, with the wanted ``-outfmt``.
            database: The one that was searched; None to print from the sequences kept.
            plan: Of the search.
            folder: Of the search.
            target: Gets the bytes that BLAST+ prints; of formats 13 and 14, a zip archive of the files that it writes.
            scratch: An empty folder.
            processes: Its ``stop``, from any thread, ends the work.
            chosen: What of it; other queries are left out as if they had not been searched.
        """
        if not options.outfmt.writes_files:
            self._print(options, database, plan, folder, target, scratch, scratch, processes, chosen)
            return
        files = self.print_files(options, database, plan, folder, scratch, processes, chosen)
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            for file in sorted(files.iterdir()):
                archive.write(file, file.name)

    def print_files(
        self,
        options: SearchOptions,
        database: Database | None,
        plan: StoredPlan,
        folder: Path,
        scratch: Path,
        processes: Processes,
        chosen: Chosen = EVERYTHING,
    ) -> Path:
        """Print a finished search in format 13 or 14; return the folder that holds the files and nothing else.

        Args:
            options: As for ``print``, and so on.
        """
        files = scratch / "files"
        files.mkdir()
        self._print(options, database, plan, folder, io.BytesIO(), scratch, files, processes, chosen)
        return files

    def _print(
        self,
        options: SearchOptions,
        database: Database | None,
        plan: StoredPlan,
        folder: Path,
        target: BinaryIO,
        scratch: Path,
        files: Path,
        processes: Processes,
        chosen: Chosen,
    ) -> None:
        report = Report(options.program.value, "", options.text("db") or "", 0, 0, plan.choice.shards, "", [])
        if database is None:
            found_in = scratch / "database"
            found_in.mkdir()
            database = HitSequences(folder).open(found_in)
        database = StoredFilter(folder).applied(database, scratch)
        probe = write_probe(self.installation, scratch, database)
        with (
            closing(Pool(PRINTING_THREADS)) as pool,  # pieces of a search may hold all threads of the other for hours
            Work(self.installation, options, database, scratch, pool, processes, report, Silent()) as work,
            ArchivePrinter(self.installation, processes, options, files, target, database.environment) as printer,
        ):
            printed = 0
            for batch in batches_of(str(folder / "query.fa"), scratch, options.program.query_molecule, plan.choice):
                archive = folder / "merged" / f"{batch.index}.asn"
                counts = [query.hsps for query in _listed(archive.with_suffix(".json"))]
                printed += print_batch(work, batch, probe, archive, counts, printer, chosen, printed)

    def _choice(self, options: SearchOptions, database: Database, query_bytes: int) -> tuple[Choice, int]:
        memory, cores = self.machine.memory_bytes, self.pool.size
        sizes = (database.letters, database.size_bytes)
        wanted = options.ours.shards
        situation = Situation(options.program, *sizes, cores, memory, query_bytes)
        choice = choose(situation, wanted if isinstance(wanted, int) else None)
        if options.needs_one_batch:
            return replace(choice, shards=1, by_shard=False, scan_letters=NO_END, why=ONE_BATCH), cores
        if why := options.why_unsplittable():
            return replace(choice, shards=1, by_shard=False, why=why), 1 if options.threads_matter else cores
        if choice.shards == 0 or wanted == "off":
            return replace(choice, shards=1, by_shard=False), cores
        return choice, 1


def stored_plan(folder: Path) -> StoredPlan:
    """Return the plan in a search's folder."""
    return StoredPlan.of(json.loads((folder / "plan.json").read_text()))


def plan_of(
    choice: Choice, threads: int, query: Path, folder: Path, molecule: Molecule, processes: Processes
) -> StoredPlan:
    """Read the queries and return the plan to cut them, and the database, in this way.

    Raises:
        Interrupted: ``processes`` was stopped.
        InputError: The queries can't be searched as they are.
    """
    batches = list(processes.over(batches_of(str(query), folder, molecule, choice)))
    _check(batches)
    queries, letters = sum(batch.queries for batch in batches), sum(batch.letters for batch in batches)
    return StoredPlan(choice, threads, len(batches), queries, letters)


def read_filter(
    installation: Installation,
    options: SearchOptions,
    database: Database,
    folder: Path,
    processes: Processes,
    *,
    named: bool = True,
) -> Filter | None:
    """Return what a list of ids or taxids leaves of a database, and keep what printing needs of it.

    Args:
        installation: Of BLAST+.
        options: The search's.
        database: The whole one.
        folder: Of the search.
        processes: Run BLAST+.
        named: Whether BLAST+ finds the database by its name.

    Raises:
        InputError: The list can't be used.
    """
    try:
        found = read_listing(installation, processes, database, options, folder, named=named).filter
    except LeftToBlast as why:
        raise unusable(why) from None
    if found is not None:
        StoredFilter(folder).keep(found)
    return found


def unusable(why: LeftToBlast) -> InputError:
    """Return the error that says why a list of ids or taxids can't be used."""
    return InputError(f"The list can't be used: {why}", remedy="Change the list, or search without it.")


def stored_queries(folder: Path) -> Iterator[StoredQuery]:
    """Yield the queries of a finished search in order."""
    paths = (folder / "merged").glob("*.json")
    for path in sorted(paths, key=lambda path: int(path.stem)):
        yield from _listed(path)


def _listed(path: Path) -> Iterator[StoredQuery]:
    """Yield the queries of a merged batch, by the file that lists them."""
    for one in json.loads(path.read_text()):
        yield StoredQuery(**{**one, "verdict": Verdict(one["verdict"])})


def store_merged(search: ShardedSearch, batches: Iterable[Batch], folder: Path) -> None:
    """Search batches and keep what is merged in the ``merged`` folder of a search's folder.

    Raises:
        InputError: Only BLAST+ can print what was found.
        ShardblastError: The search failed.
    """
    try:
        search.run(batches, MergedBatches(folder / "merged"))
    except LeftToBlast as why:
        raise InputError(
            f"Only BLAST+ itself can print the result: {why}.",
            remedy="Give such sequences other ids, or search with '--shards off' where the whole database is.",
        ) from None


class MergedBatches:
    """Writes a batch's archives, one for each query, numbered from the batch's first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._queries: list[StoredQuery] = []

    def write(self, query: MergedQuery) -> None:
        assert query.template is not None
        assert query.verdict is not None
        if self._file is None:
            self._file = (self._folder / "current.partial").open("wb")
        self._file.write(query.template.with_alignments(query.texts))
        hits = len(alignments_by_subject(query.texts))
        self._queries.append(StoredQuery(query.number, query.name, hits, len(query.texts), query.verdict))

    def finish_batch(self, batch: Batch) -> None:
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._file.name, self._folder / f"{batch.index}.asn")
        listed = self._folder / "list.partial"
        listed.write_text(json.dumps([asdict(query) for query in self._queries]))
        os.replace(listed, self._folder / f"{batch.index}.json")
        self._file, self._queries = None, []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def _check(batches: Sequence[Batch]) -> None:
    if not batches:
        raise InputError("There are no queries.", remedy="Give FASTA with at least one sequence.")
    if not all(batch.lettered for batch in batches):
        raise InputError("A query has no letters.", remedy="Remove it: BLAST+ would mix it up with its neighbour.")
    if not all(batch.regular for batch in batches):
        raise InputError("The queries hold comments, gap lines or lone returns.", remedy="Leave plain FASTA.")
    if not all(batch.plausible for batch in batches):
        raise InputError("A query does not look like a sequence, and BLAST+ refuses it.", remedy="Remove it.")
    if not all(batch.archivable for batch in batches):
        raise InputError("A query's title is not printable ASCII.", remedy="Use letters without accents in titles.")
