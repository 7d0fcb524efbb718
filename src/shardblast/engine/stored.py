"""A search whose result is kept batch by batch: it can be killed anywhere, goes on, and is printed in any format.

A folder holds a search: ``query.fa``, the pieces while they are needed, and for every merged batch its archives and a
list of its queries. Each file gets its name when it is whole, so what is there is finished.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZipFile

from shardblast.blast.archive import Alignments, ArchiveReader, renumber
from shardblast.blast.carrier import ArchiveCarrier
from shardblast.blast.database import Database
from shardblast.blast.fasta import Batch, write_selected
from shardblast.blast.hits import alignments_by_subject
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, strands_are_alike, write_probe
from shardblast.blast.process import Processes
from shardblast.core.choice import Choice, Situation, choose
from shardblast.core.errors import DatabaseError, InputError
from shardblast.core.options import SearchOptions
from shardblast.core.report import Report
from shardblast.core.saturation import Verdict
from shardblast.engine.cutting import batches_of, shards_of
from shardblast.engine.machine import Machine
from shardblast.engine.pool import Pool
from shardblast.engine.printer import MANY_FILES, ArchivePrinter, MergedQuery
from shardblast.engine.probed import ProbedBatch
from shardblast.engine.sequences import HitSequences
from shardblast.engine.sharded import ShardedSearch
from shardblast.engine.work import Watcher, Work


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

    def plan(self, options: SearchOptions, database: Database, query: Path, folder: Path) -> StoredPlan:
        """Read the queries and decide how to cut.

        Raises:
            InputError: The queries can't be searched as they are.
            DatabaseError: The database can't be searched in this way.
        """
        if database.obstacle is not None:
            raise DatabaseError(f"The database can't be searched here: {database.obstacle}.", remedy="Add another one.")
        choice, threads = self._choice(options, database, query.stat().st_size)
        if choice.shards > 1 and not strands_are_alike(self.installation, folder, database, options):
            choice, threads = replace(choice, shards=1, by_shard=False, why=STRANDS_DIFFER), self.pool.size
        batches = list(batches_of(str(query), folder, choice))
        _check(batches)
        queries, letters = sum(batch.queries for batch in batches), sum(batch.letters for batch in batches)
        return StoredPlan(choice, threads, len(batches), queries, letters)

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
        batches = list(batches_of(str(folder / "query.fa"), folder, plan.choice))
        missing = [batch for batch in batches if not (merged / f"{batch.index}.json").exists()]
        watcher.pieces_planned(plan.choice.shards * (len(batches) - len(missing)))
        for batch in batches:
            if batch not in missing:
                for _ in range(plan.choice.shards):
                    watcher.piece_finished(None)
                watcher.queries_finished(batch.queries)
        report = Report(options.program.value, "", database.name, 0, 0, plan.choice.shards, "", [])
        shards = shards_of(database, plan.choice.shards)
        carrier, by_shard = ArchiveCarrier(), plan.choice.by_shard
        means = (self.installation, options, database, folder, self.pool, processes, report, watcher)
        with Work(*means, resumes=True) as work:
            search = ShardedSearch(work, shards, carrier, by_shard=by_shard, threads=plan.threads)
            search.run(missing, _MergedBatches(merged))

    def keep_sequences(
        self, database: Database, folder: Path, ids: Iterable[str], scratch: Path, most_bytes: int
    ) -> bool:
        """Make a finished search printable without its database; return whether that was possible.

        Args:
            database: The one that was searched.
            folder: Of the search.
            ids: Of all subjects, as ``sseqid`` prints them.
            scratch: An empty folder.
            most_bytes: Of the sequences.
        """
        return HitSequences(folder).keep(self.installation, database, ids, scratch, most_bytes)

    def print(
        self,
        options: SearchOptions,
        database: Database | None,
        plan: StoredPlan,
        folder: Path,
        target: BinaryIO,
        scratch: Path,
        only: int | None = None,
    ) -> None:
        """Print a finished search.

        Args:
            options: The user's, with the wanted ``-outfmt``.
            database: The one that was searched; None to print from the sequences kept.
            plan: Of the search.
            folder: Of the search.
            target: Gets the bytes that BLAST+ prints; of formats 13 and 14, a zip archive of the files that it writes.
            scratch: An empty folder.
            only: The 0-based number of the one query to print; None for all.
        """
        report = Report(options.program.value, "", options.text("db") or "", 0, 0, plan.choice.shards, "", [])
        variables: dict[str, str] = {}
        if database is None:
            found_in = scratch / "database"
            found_in.mkdir()
            database = HitSequences(folder).open(found_in)
            variables["BLASTDB"] = os.pathsep.join([str(found_in), os.environ.get("BLASTDB", "")])
        many = options.outfmt.number in MANY_FILES
        files, out = (scratch / "files", io.BytesIO()) if many else (scratch, target)
        files.mkdir(exist_ok=True)
        means = (self.installation, options, database, scratch, self.pool, Processes(), report, _Silent())
        probe = write_probe(self.installation, scratch, database)
        with Work(*means) as work, ArchivePrinter(self.installation, options, files, out, variables) as printer:
            for batch in batches_of(str(folder / "query.fa"), scratch, plan.choice):
                archive = folder / "merged" / f"{batch.index}.asn"
                if only is None:
                    _print_batch(work, batch, probe, archive, printer)
                elif batch.first_query <= only < batch.first_query + batch.queries:
                    _print_one(work, batch, probe, archive, printer, only - batch.first_query)
        if many:
            _zip(files.glob(f"{options.text('out')}*"), target)

    def _choice(self, options: SearchOptions, database: Database, query_bytes: int) -> tuple[Choice, int]:
        memory, cores = self.machine.memory_bytes, self.pool.size
        sizes = (database.letters, database.size_bytes)
        wanted = options.ours.shards
        situation = Situation(options.program, *sizes, cores, memory, query_bytes)
        choice = choose(situation, wanted if isinstance(wanted, int) else None)
        if why := options.why_unsplittable():
            return replace(choice, shards=1, by_shard=False, why=why), 1 if options.threads_matter else cores
        if choice.shards == 0 or wanted == "off":
            return replace(choice, shards=1, by_shard=False), cores
        return choice, 1


def stored_queries(folder: Path) -> Iterator[StoredQuery]:
    """Yield the queries of a finished search in order."""
    paths = (folder / "merged").glob("*.json")
    for path in sorted(paths, key=lambda path: int(path.stem)):
        for one in json.loads(path.read_text()):
            yield StoredQuery(**{**one, "verdict": Verdict(one["verdict"])})


class _MergedBatches:
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


def _zip(files: Iterable[Path], target: BinaryIO) -> None:
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for file in sorted(files):
            archive.write(file, file.name)


class _Silent:
    """Watches nothing."""

    def queries_read(self, queries: int) -> None: ...

    def pieces_planned(self, pieces: int) -> None: ...

    def piece_finished(self, piece: object) -> None: ...

    def piece_failed(self, purpose: object, error: object) -> None: ...

    def queries_finished(self, queries: int) -> None: ...

    def warned(self, text: bytes) -> None: ...


def _check(batches: Sequence[Batch]) -> None:
    if not batches:
        raise InputError("There are no queries.", remedy="Give FASTA with at least one sequence.")
    if not all(batch.lettered for batch in batches):
        raise InputError("A query has no letters.", remedy="Remove it: BLAST+ would mix it up with its neighbour.")
    if not all(batch.ascii for batch in batches):
        raise InputError("A query's title is not ASCII.", remedy="Use letters without accents in titles.")


def _print_batch(work: Work, batch: Batch, probe: str, archive: Path, printer: ArchivePrinter) -> None:
    probed = ProbedBatch(work, batch, probe)
    with archive.open("rb") as stream:
        found: Iterator[Alignments] = ArchiveReader(stream, archive.name).alignments()
        head = next(found, None)
        for ordinal, query in enumerate(probed.queries()):
            texts: list[bytes] = []
            if head is not None and head.ordinal == ordinal:
                texts, head = head.blocks, next(found, None)
            number = batch.first_query + ordinal
            merged = MergedQuery(number, batch.first_query, texts, [], query.template, query.printed, query.searchable)
            printer.write(merged)


def _print_one(work: Work, batch: Batch, probe: str, archive: Path, printer: ArchivePrinter, ordinal: int) -> None:
    """Print one query as if it were the only one."""
    path = batch.path.with_name("one.fa")
    write_selected(batch, {ordinal}, path)
    alone = replace(batch, index=-1, path=path, first_query=0, queries=1)
    with archive.open("rb") as stream:
        found = ArchiveReader(stream, archive.name).alignments()
        texts = next((one.blocks for one in found if one.ordinal == ordinal), [])
    texts = [renumber(text, -ordinal) for text in texts]
    for query in ProbedBatch(work, alone, probe).queries():
        printer.write(MergedQuery(0, 0, texts, [], query.template, query.printed, query.searchable))
