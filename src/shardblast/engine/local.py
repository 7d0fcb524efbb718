"""The local engine: runs a search on this machine, from the options to the printed result."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from errno import EINVAL
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.database import Database, open_database
from shardblast.blast.hits import choose_carrier
from shardblast.blast.id_lists import Listing, read_listing
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, strands_are_alike
from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch, NotFasta, is_compressed, open_queries, reading_errors
from shardblast.core.cutting import Choice, Shard, Situation, choose
from shardblast.core.errors import (
    DatabaseError,
    EndedBySignal,
    LeftToBlast,
    OutputError,
    ShardblastError,
    UnknownFailure,
)
from shardblast.core.events import Notify, QueryJudged, SearchEvent, Warned
from shardblast.core.options import Exactness, SearchOptions
from shardblast.core.program import Molecule
from shardblast.core.report import PieceReport, Report
from shardblast.engine.merge import ShardedSearch
from shardblast.engine.pieces import LocalParts, batches_of, shards_of
from shardblast.engine.printing import open_printer
from shardblast.engine.saturation import mostly_saturated
from shardblast.engine.unsharded import (
    continue_unsharded,
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
    """The outcome of a search."""

    status: int
    """BLAST+'s exit status."""
    report: Report


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Runs searches on this machine."""

    installation: Installation
    machine: Machine
    cache: Path
    """The folder for temporary files of searches."""

    def search(self, options: SearchOptions, notify: Notify) -> Outcome:
        """Search and print, in shards if that is possible and wanted.

        Raises:
            ShardblastError: The search failed; no files are left.
        """
        started = time.monotonic()
        with _internal_file_errors(), self._folder(options) as folder:
            outcome = self._search(options, notify, folder)
        outcome.report.seconds = time.monotonic() - started
        return outcome

    def _search(self, options: SearchOptions, notify: Notify, folder: Path) -> Outcome:
        query = _spooled(options, folder)
        why = options.why_unsplittable()
        if options.ours.shards == "off":
            why = "--shards off was asked for"
        why = why or obstacle_of_environment(os.environ) or obstacle_of_files(options, query)
        if why is not None:
            return self._unsharded(options, query, None, why)
        try:
            database = open_database(self.installation, options.text("db") or "", options.program.database_molecule)
        except DatabaseError as error:
            return self._unsharded(options, query, None, f"BLAST+ does not open the database: {error.problem}")
        try:
            return self._sharded(options, database, query, notify, folder)
        except LeftToBlast as why_not:
            return self._unsharded(options, query, database, str(why_not))

    def _sharded(self, options: SearchOptions, database: Database, query: str, notify: Notify, folder: Path) -> Outcome:
        """Search in shards and print; raise ``LeftToBlast`` if only BLAST+ can do it, or if it is faster."""
        listing = self._listing(options, database, folder)
        database = replace(database, filter=listing.filter)
        choice = self._choice(options, database, query)
        if choice.shards == 0:
            raise LeftToBlast(choice.why)
        shards = shards_of(database, choice.shards)
        carrier = choose_carrier(options, shards=len(shards), unique_ids=database.unique_ids)
        obstacle = self._obstacle_of_strands(options, database, len(shards), folder)
        if obstacle := obstacle or obstacle_of_list(options, database, carrier):
            raise LeftToBlast(obstacle)
        batches = _batches(query, folder, options.program.query_molecule, choice)
        if obstacle := obstacle_of_queries(options, batches, carrier):
            raise LeftToBlast(obstacle)
        report = self._report(options, database, len(shards), choice.why)
        with _exceptions_left_to_blast(), self._work(options, database, folder, report, notify, Processes()) as work:
            if self._shards_cost_only_time(work, shards, batches, choice):
                raise LeftToBlast(MOSTLY_SATURATED)
        processes = Processes()
        with open_printer(self.installation, processes, options, carrier, folder) as (printer, printed):
            try:
                with (
                    _exceptions_left_to_blast(),
                    self._work(options, database, folder, report, notify, processes) as work,
                ):
                    notify(Warned(listing.warnings))
                    search = ShardedSearch(work, LocalParts(work), shards, carrier, by_shard=choice.by_shard)
                    search.run(batches, printer)
            except LeftToBlast as why:
                if printed is None:
                    raise
                report = self._report(options, database, 0, str(why))
                program, cores = self._program(options), self.machine.cores
                return Outcome(continue_unsharded(program, options, query, cores, report, printed), report)
        return Outcome(0, report)

    def _listing(self, options: SearchOptions, database: Database, folder: Path) -> Listing:
        """Apply the user's list to a database; raise ``LeftToBlast`` if only BLAST+ can use either of them."""
        if database.obstacle is not None:
            raise LeftToBlast(database.obstacle)
        return read_listing(self.installation, Processes(), database, options, folder)

    def _obstacle_of_strands(self, options: SearchOptions, database: Database, shards: int, folder: Path) -> str | None:
        """Return why sharding could reorder tied hits, or None."""
        try:
            alike = shards == 1 or strands_are_alike(self.installation, Processes(), folder, database, options)
        except ShardblastError:
            return "BLAST+ rejects the options and reports why"
        return None if alike else STRANDS_DIFFER

    def _shards_cost_only_time(self, work: Work, shards: Sequence[Shard], batches: list[Batch], choice: Choice) -> bool:
        if choice.by_shard or len(shards) == 1 or work.options.ours.exactness is not Exactness.IDENTICAL:
            return False
        return mostly_saturated(work, shards, batches[0])

    def _choice(self, options: SearchOptions, database: Database, query: str) -> Choice:
        wanted = options.ours.shards
        try:
            letters: int | None = os.path.getsize(query)
        except OSError:
            letters = None
        situation = Situation(
            program=options.program,
            database_letters=database.searched.letters,
            database_bytes=database.searched_bytes,
            cores=self._cores(options),
            memory_bytes=self.machine.memory_bytes,
            query_letters=letters,
        )
        return choose(situation, wanted if isinstance(wanted, int) else None)

    def _cores(self, options: SearchOptions) -> int:
        """Return the budget of cores: ``-num_threads``, but as in BLAST+ at most all cores; by default all."""
        cores = self.machine.cores
        return min(options.integer("num_threads") or 1, cores) if options.has("num_threads") else cores

    @contextmanager
    def _folder(self, options: SearchOptions) -> Iterator[Path]:
        if options.ours.keep is not None:
            kept = Path(options.ours.keep)
            with _folder_errors(kept):
                kept.mkdir(parents=True, exist_ok=True)
            yield kept.resolve()
            return
        with self._scratch() as folder:
            yield folder

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Create a folder in the cache, or in /tmp if the cache is not writable or BLAST+ can't read its path."""
        cache = str(self.cache.absolute())
        with ExitStack() as stack:
            try:
                if not cache.isascii() or not cache.isprintable() or '"' in cache:
                    raise OSError(EINVAL, "BLAST+ can't read this path", cache)
                folder = stack.enter_context(scratch(self.cache))
            except OSError:
                with _folder_errors(self.cache):
                    folder = Path(stack.enter_context(TemporaryDirectory(prefix="shardblast-")))
            yield folder

    @contextmanager
    def _work(
        self,
        options: SearchOptions,
        database: Database,
        folder: Path,
        report: Report,
        notify: Notify,
        processes: Processes,
    ) -> Iterator[Work]:
        def note(event: SearchEvent) -> None:
            match event:
                case PieceReport():
                    report.pieces.append(event)
                case QueryJudged(query_id, verdict, bound_reached):
                    report.judge(query_id, verdict, bound_reached)
            notify(event)

        pool = Pool(self._cores(options))
        try:
            with Work(self.installation, options, database, folder, pool, processes, note) as work:
                yield work
        finally:
            pool.close()

    def _unsharded(self, options: SearchOptions, query: str, database: Database | None, why: str) -> Outcome:
        report = self._report(options, database, 0, why)
        return Outcome(run_unsharded(self._program(options), options, query, self.machine.cores, report), report)

    def _program(self, options: SearchOptions) -> str:
        return self.installation.program(options.program.value)

    def _report(self, options: SearchOptions, database: Database | None, shards: int, why: str) -> Report:
        return Report(
            program=options.program.value,
            blast_version=".".join(str(part) for part in self.installation.version),
            database=options.text("db") or "",
            num_seqs=database.num_seqs if database else 0,
            letters=database.letters if database else 0,
            shards=shards,
            why=why,
            command=[options.program.value, *options.argv()],
        )


def _batches(query: str, folder: Path, molecule: Molecule, choice: Choice) -> list[Batch]:
    try:
        return list(batches_of(query, folder, molecule, choice))
    except NotFasta:
        raise LeftToBlast("the queries are not FASTA, so only BLAST+ can read them") from None


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
        raise OutputError(
            f"A file of the search can't be written or read: {error.strerror}{where}.",
            remedy="Check the free space on the disk, or set SHARDBLAST_HOME to another folder.",
        ) from error


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The folder {str(folder)!r} can't be used: {error.strerror}.", remedy="Set SHARDBLAST_HOME or --keep."
        ) from error


def _spooled(options: SearchOptions, folder: Path) -> str:
    """Return a path with the queries in plain text; standard input and compressed files are copied first."""
    path = "-" if options.text("query") is None else options.text("query") or ""
    pipe = path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))
    if (
        not (pipe or (os.path.isfile(path) and is_compressed(path)))
        or options.has("import_search_strategy")
        or options.has("in_pssm")
    ):
        return path
    spooled = folder / "query.fa"
    with open_queries(path) as stream, spooled.open("wb") as file, reading_errors():
        shutil.copyfileobj(stream, file)
    return str(spooled)
