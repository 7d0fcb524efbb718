"""The local engine: runs a search on this machine, from the options to the printed result."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from errno import EINVAL
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.database import Database, open_database
from shardblast.blast.id_lists import read_listing
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, Inquiry, strands_are_alike
from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch, NotFasta, plain_queries
from shardblast.core.cutting import Choice
from shardblast.core.errors import (
    DatabaseError,
    EndedBySignal,
    LeftToBlast,
    OutputError,
    ShardblastError,
    UnknownFailure,
    UsageError,
)
from shardblast.core.events import Notify, QueryJudged, QueryVerified, SearchEvent, Warned
from shardblast.core.options import Exactness, SearchOptions
from shardblast.core.report import PieceReport, Report
from shardblast.engine.out_file import Tally
from shardblast.engine.pieces import (
    LocalParts,
    PieceOptions,
    batches_of,
    choice_of,
    choose_carrier,
    chosen_queries,
    shards_of,
)
from shardblast.engine.printing import open_printer
from shardblast.engine.saturation import mostly_saturated
from shardblast.engine.sharded import ShardedSearch
from shardblast.engine.unsharded import (
    obstacle_of_environment,
    obstacle_of_files,
    obstacle_of_list,
    obstacle_of_queries,
    run_unsharded,
)
from shardblast.engine.workspace import Machine, Pool, Work, scratch

MOSTLY_SATURATED = (
    "most queries of a sample are saturated and would be searched in the whole database after the shards; "
    "it fits in memory, so all are searched there at once"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    """BLAST+'s exit status."""
    report: Report


@dataclass(frozen=True, slots=True)
class LocalEngine:
    installation: Installation
    machine: Machine
    cache: Path
    """The folder for temporary files of searches."""

    def search(self, options: SearchOptions, notify: Notify) -> Outcome:
        """Search and print, in shards if possible and wanted. Raises ShardblastError if it failed; no file is left."""
        started = time.monotonic()
        machine = self.machine  # -num_threads is the budget of cores, but as in BLAST+ at most all cores
        if options.has("num_threads"):
            machine = replace(machine, cores=min(options.integer("num_threads") or 1, machine.cores))
        with _internal_file_errors(), self._folder(options) as folder:
            query = options.text("query") or "-"
            if options.reads_fasta:
                query = plain_queries(query, folder / "query.fa")
            outcome = _LocalSearch(self.installation, machine, options, notify, folder, query).run()
        outcome.report.seconds = time.monotonic() - started
        return outcome

    @contextmanager
    def _folder(self, options: SearchOptions) -> Iterator[Path]:
        """Create a folder in the cache, or in /tmp if the cache is not writable or BLAST+ can't read its path."""
        with ExitStack() as stack:
            if options.ours.keep is not None:
                folder = Path(options.ours.keep)
                with _folder_errors(folder):
                    folder.mkdir(parents=True, exist_ok=True)
                    if any(folder.iterdir()):  # its files may be those of the search
                        problem = f"The folder {str(folder)!r} is not empty."
                        raise UsageError(problem, remedy="Name a new one with --keep.")
                yield folder.resolve()
                return
            cache = str(self.cache.absolute())
            try:
                if not cache.isascii() or not cache.isprintable() or '"' in cache:
                    raise OSError(EINVAL, "BLAST+ can't read this path", cache)
                folder = stack.enter_context(scratch(self.cache))
            except OSError:
                with _folder_errors(self.cache):
                    folder = Path(stack.enter_context(TemporaryDirectory(prefix="shardblast-")))
            yield folder


@dataclass(frozen=True, slots=True)
class _LocalSearch:
    installation: Installation
    machine: Machine
    options: SearchOptions
    notify: Notify
    folder: Path
    query: str
    """The file with the queries in plain text, or the value of ``-query`` if BLAST+ reads them itself."""

    def run(self) -> Outcome:
        database: Database | None = None
        try:
            self._check_options()
            database = self._opened()
            return self._sharded(database)
        except LeftToBlast as why:
            return self._unsharded(database, str(why), None)

    def _check_options(self) -> None:
        _leave("--shards off was asked for" if self.options.ours.shards == "off" else None)
        _leave(self.options.why_unsplittable())
        _leave(obstacle_of_environment(os.environ))
        _leave(obstacle_of_files(self.options, self.query))

    def _opened(self) -> Database:
        name, molecule = self.options.text("db") or "", self.options.program.database_molecule
        try:
            return open_database(self.installation, name, molecule)
        except DatabaseError as error:
            raise LeftToBlast(f"BLAST+ does not open the database: {error.problem}") from error

    def _sharded(self, database: Database) -> Outcome:
        """Search in shards and print; raise ``LeftToBlast`` if only BLAST+ can do it, or if it is faster."""
        options = self.options
        _leave(database.obstacle)
        listing = read_listing(self._inquiry(database))
        database = replace(database, filter=listing.filter)
        choice = choice_of(options, database, self.machine, self._query_letters())
        _leave(choice.why if choice.shards == 0 else None)
        return self._cut(database, listing.warnings, choice)

    def _cut(self, database: Database, warnings: bytes, choice: Choice) -> Outcome:
        options = self.options
        shards = shards_of(database, choice.shards)
        carrier = choose_carrier(options, shards=len(shards), unique_ids=database.unique_ids)
        _leave(self._obstacle_of_strands(database) if len(shards) > 1 else None)
        _leave(obstacle_of_list(options, database, carrier))
        batches = self._batches(choice)
        _leave(obstacle_of_queries(options, batches, carrier))
        report = self._report(database, len(shards), choice.why)
        if not choice.by_shard and len(shards) > 1 and options.ours.exactness is Exactness.IDENTICAL:
            with self._work(database, report, Processes()) as work:
                saturated = mostly_saturated(work, PieceOptions(options), shards, batches[0])
            if saturated and not options.may_use_threads:
                whole = replace(choice, shards=1, batch_letters=choice.scan_letters, why=MOSTLY_SATURATED)
                return self._cut(database, warnings, whole)
            _leave(MOSTLY_SATURATED if saturated else None)
        processes = Processes()
        with open_printer(self.installation, processes, options, carrier, self.folder) as (printer, printed):
            try:
                with self._work(database, report, processes) as work:
                    self.notify(Warned(warnings))
                    parts, by_shard = LocalParts(work), choice.by_shard
                    queries, letters = sum(batch.queries for batch in batches), sum(batch.letters for batch in batches)
                    verified = chosen_queries(queries, letters, options.ours.verify)
                    search = ShardedSearch(
                        work, parts, shards, carrier, by_shard=by_shard, threads=choice.threads, verified=verified
                    )
                    search.run(batches, printer)
            except LeftToBlast as why:
                if printed is None:
                    raise
                return self._unsharded(database, str(why), printed)
        return Outcome(0, report)

    def _inquiry(self, database: Database) -> Inquiry:
        return Inquiry(self.installation, Processes(), database, self.options, self.folder)

    def _query_letters(self) -> int | None:
        try:
            return os.path.getsize(self.query)
        except OSError:
            return None

    def _obstacle_of_strands(self, database: Database) -> str | None:
        """Return why sharding could reorder tied hits, or None."""
        try:
            alike = strands_are_alike(self._inquiry(database))
        except ShardblastError:
            return "BLAST+ rejects the options and reports why"
        return None if alike else STRANDS_DIFFER

    def _batches(self, choice: Choice) -> list[Batch]:
        try:
            return list(batches_of(self.query, self.folder, self.options.program.query_molecule, choice))
        except NotFasta:
            raise LeftToBlast("the queries are not FASTA, so only BLAST+ can read them") from None

    @contextmanager
    def _work(self, database: Database, report: Report, processes: Processes) -> Iterator[Work]:
        def note(event: SearchEvent) -> None:
            match event:
                case PieceReport():
                    report.pieces.append(event)
                case QueryJudged(query_id, verdict, bound_reached):
                    report.judge(query_id, verdict, bound_reached)
                case QueryVerified(query_id, is_identical, detail):
                    report.verify(query_id, is_identical, detail)
            self.notify(event)

        with (
            _exceptions_left_to_blast(),
            closing(Pool(self.machine.cores)) as pool,
            Work(self.installation, processes, database, self.options, self.folder, pool, note) as work,
        ):
            yield work

    def _unsharded(self, database: Database | None, why: str, printed: Tally | None) -> Outcome:
        report = self._report(database, 0, why)
        path = self.installation.program(self.options.program.value)
        return Outcome(run_unsharded(path, self.options, self.query, self.machine.cores, report, printed), report)

    def _report(self, database: Database | None, shards: int, why: str) -> Report:
        totals = (database.num_seqs, database.letters) if database else (0, 0)
        command = [self.options.program.value, *self.options.argv()]
        return Report.of(command, self.options.text("db") or "", self.installation.version, totals, shards, why)


def _leave(obstacle: str | None) -> None:
    if obstacle is not None:
        raise LeftToBlast(obstacle)


@contextmanager
def _exceptions_left_to_blast() -> Iterator[None]:
    """Leave a search to BLAST+ if one of BLAST+'s programs ended with an exception.

    BLAST+ does so, for example, at ids that it can't print, after it has printed the hits before them. A piece can do
    so even if the whole search does not, because a piece prints its hits in another format.
    """
    try:
        yield
    except EndedBySignal:
        raise
    except UnknownFailure as error:
        raise LeftToBlast("a program of BLAST+ ended by an exception, and BLAST+ alone prints all before it") from error


@contextmanager
def _internal_file_errors() -> Iterator[None]:
    """Translate errors of internal files; errors of the user's files are translated where these are opened."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        problem = f"A file of the search can't be written or read: {error.strerror}{where}."
        remedy = "Check the free space on the disk, or set SHARDBLAST_HOME to another folder."
        raise OutputError(problem, remedy=remedy) from error


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"The folder {str(folder)!r} can't be used: {error.strerror}."
        raise OutputError(problem, remedy="Set SHARDBLAST_HOME or --keep.") from error
