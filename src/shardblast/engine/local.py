"""The local engine: one search on this machine, from options to printed result."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from errno import EINVAL
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.carrier import Carrier, TabularCarrier, choose_carrier
from shardblast.blast.database import Database, open_database
from shardblast.blast.fasta import Batch, NotFasta, is_packed, open_queries, query_id, reading_errors, records
from shardblast.blast.installation import Installation
from shardblast.blast.probe import STRANDS_DIFFER, strands_are_alike
from shardblast.blast.process import Processes
from shardblast.core.choice import Choice, Situation, choose
from shardblast.core.errors import DatabaseError, OutputError
from shardblast.core.options import Exactness, SearchOptions
from shardblast.core.planning import Shard
from shardblast.core.program import Molecule
from shardblast.core.report import Report
from shardblast.core.saturation import Verdict
from shardblast.engine.cutting import batches_of, shards_of
from shardblast.engine.machine import Machine
from shardblast.engine.output import OWN_STREAMS, open_output
from shardblast.engine.pilot import mostly_saturated
from shardblast.engine.pool import Pool
from shardblast.engine.printer import COMMENTED, MANY_FILES, WITH_MESSAGES, ArchivePrinter, Printer, TabularPrinter
from shardblast.engine.scratch import scratch
from shardblast.engine.sharded import ShardedSearch
from shardblast.engine.unsharded import run_unsharded
from shardblast.engine.work import Watcher, Work

MOSTLY_SATURATED = (
    "most queries of a sample are saturated and would be searched in the whole database after the shards; "
    "it fits in memory, so all are searched there at once"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a search ended."""

    status: int
    """BLAST+'s exit status."""
    report: Report


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Searches on this machine."""

    installation: Installation
    machine: Machine
    cache: Path
    """Folder for what a search needs while it runs."""

    def search(self, options: SearchOptions, watcher: Watcher) -> Outcome:
        """Search and print, in shards where that is possible and wanted.

        Raises:
            ShardblastError: The search failed; nothing is left behind.
        """
        started = time.monotonic()
        with _files_of_ours(), self._folder(options) as folder:
            outcome = self._search(options, watcher, folder)
        outcome.report.seconds = time.monotonic() - started
        return outcome

    def _search(self, options: SearchOptions, watcher: Watcher, folder: Path) -> Outcome:
        query = _spooled(options, folder)
        why = options.why_unsplittable()
        if options.ours.shards == "off":
            why = "--shards off was asked for"
        why = why or _left_to_blast(options, query)
        if why is not None:
            return self._unsharded(options, query, None, why)
        try:
            database = open_database(self.installation, options.text("db") or "", options.program.database_molecule)
        except DatabaseError as error:
            return self._unsharded(options, query, None, f"BLAST+ does not open the database: {error.problem}")
        if database.obstacle is not None:
            return self._unsharded(options, query, database, database.obstacle)
        choice = self._choice(options, database, query)
        if choice.shards == 0:
            return self._unsharded(options, query, database, choice.why)
        shards = shards_of(database, choice.shards)
        if len(shards) > 1 and not strands_are_alike(self.installation, folder, database, options):
            return self._unsharded(options, query, database, STRANDS_DIFFER)
        carrier = choose_carrier(options, shards=len(shards), unique_ids=database.unique_ids)
        try:
            batches = list(batches_of(query, folder, choice))
        except NotFasta:
            return self._unsharded(options, query, database, "the queries are no FASTA, so only BLAST+ can read them")
        if obstacle := _obstacle(options, batches, carrier):
            return self._unsharded(options, query, database, obstacle)
        report = self._report(options, database, len(shards), choice.why)
        with self._work(options, database, folder, report, watcher) as work:
            if self._shards_cost_only_time(work, shards, batches, choice):
                return self._unsharded(options, query, database, MOSTLY_SATURATED)
            search = ShardedSearch(work, shards, carrier, by_shard=choice.by_shard)
            with _printer(work, carrier) as printer:
                search.run(batches, printer)
        return Outcome(0, report)

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
            options.program,
            database.letters,
            database.size_bytes,
            self._cores(options),
            self.machine.memory_bytes,
            letters,
        )
        return choose(situation, wanted if isinstance(wanted, int) else None)

    def _cores(self, options: SearchOptions) -> int:
        """Return the budget of cores: what the user says, but as BLAST+ no more than there are; else all."""
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
        """Make a folder in the cache; where that can't be written, or BLAST+ could not read its name, in /tmp."""
        cache = str(self.cache.absolute())
        with ExitStack() as stack:
            try:
                if not cache.isascii() or not cache.isprintable() or '"' in cache:
                    raise OSError(EINVAL, "BLAST+ can't read such a name", cache)
                folder = stack.enter_context(scratch(self.cache))
            except OSError:
                with _folder_errors(self.cache):
                    folder = Path(stack.enter_context(TemporaryDirectory(prefix="shardblast-")))
            yield folder

    @contextmanager
    def _work(
        self, options: SearchOptions, database: Database, folder: Path, report: Report, watcher: Watcher
    ) -> Iterator[Work]:
        pool = Pool(self._cores(options))
        try:
            with Work(self.installation, options, database, folder, pool, Processes(), report, watcher) as work:
                yield work
        finally:
            pool.close()

    def _unsharded(self, options: SearchOptions, query: str, database: Database | None, why: str) -> Outcome:
        program = self.installation.program(options.program.value)
        threads: dict[str, str | None] = {}
        if not any(options.has(name) for name in ("num_threads", "remote", "subject")) and not options.threads_matter:
            threads["num_threads"] = str(self.machine.cores)
        moved = {"query": query} if query not in (options.text("query"), "-") else {}
        out = options.text("out")
        report = self._report(options, database, 0, why)
        try:
            with ExitStack() as stack:
                if out not in (None, "-") and _can_be_renamed(options):
                    partial = stack.enter_context(open_output(out))
                    moved["out"] = partial.name
                argv = [options.program.value, *options.argv(set=threads | moved)]
                if status := run_unsharded(program, argv):
                    raise _BlastFailed(status)
        except _BlastFailed as failure:
            return Outcome(failure.status, report)
        _judge_all(report, query)
        return Outcome(0, report)

    def _report(self, options: SearchOptions, database: Database | None, shards: int, why: str) -> Report:
        return Report(
            options.program.value,
            ".".join(str(part) for part in self.installation.version),
            options.text("db") or "",
            database.num_seqs if database else 0,
            database.letters if database else 0,
            shards,
            why,
            [options.program.value, *options.argv()],
        )


@contextmanager
def _files_of_ours() -> Iterator[None]:
    """Translate what goes wrong with our own files; those of users are translated where they are opened."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise OutputError(
            f"A file of the search can't be written or read: {error.strerror}{where}.",
            remedy="Check the disk's space; SHARDBLAST_HOME names another place.",
        ) from error


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The folder {str(folder)!r} can't be used: {error.strerror}.", remedy="Set SHARDBLAST_HOME, or --keep."
        ) from error


def _spooled(options: SearchOptions, folder: Path) -> str:
    """Return a path with the queries in plain text: standard input and packed files are copied first."""
    path = "-" if options.text("query") is None else options.text("query") or ""
    pipe = path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))
    if (
        not (pipe or (os.path.isfile(path) and is_packed(path)))
        or options.has("import_search_strategy")
        or options.has("in_pssm")
    ):
        return path
    spooled = folder / "query.fa"
    with open_queries(path) as stream, spooled.open("wb") as file, reading_errors():
        shutil.copyfileobj(stream, file)
    return str(spooled)


class _BlastFailed(Exception):
    """BLAST+ ended with this status, and said why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _can_be_renamed(options: SearchOptions) -> bool:
    """Whether the output is one file in a folder that exists; else BLAST+ itself writes it, or says what is wrong."""
    out = options.text("out")
    if not out or out in OWN_STREAMS or options.outfmt.number in MANY_FILES or not Path(out).parent.is_dir():
        return False
    return Path(out).is_file() or not Path(out).exists()


def _left_to_blast(options: SearchOptions, query: str) -> str | None:
    """Return why a search needs no cutting, because BLAST+ will refuse it, or None."""
    out = options.text("out")
    if not os.path.isfile(query):
        return "the query file can't be read"
    if options.outfmt.number in MANY_FILES and out in (None, "-"):
        return f"-outfmt {options.outfmt.number} needs the name of a file"
    if out is not None and not (out and Path(out).parent.is_dir()):
        return "the output's folder does not exist"
    return None


def _judge_all(report: Report, query: str) -> None:
    """Note the verdict of queries that BLAST+ searched alone, as far as they are FASTA in a file."""
    if not os.path.isfile(query):
        return
    try:
        with open_queries(query) as stream:
            for record in records(stream):
                report.queries += 1
                report.judge(Verdict.UNSHARDED, query_id(record[0]))
    except NotFasta:
        return


def _obstacle(options: SearchOptions, batches: list[Batch], carrier: Carrier) -> str | None:
    """Return why these queries must be left to BLAST+, or None."""
    if not batches:
        return "there are no queries"
    if options.has("parse_deflines"):
        return "queries with -parse_deflines are named by ids that may be no longer unique or not kept in archives"
    if not all(batch.regular for batch in batches):
        return "the queries have comments, gap lines or lone carriage returns, which BLAST+ itself reads best"
    if not all(batch.lettered for batch in batches):
        return "a query has no letters, and BLAST+ searches it together with its neighbours"
    if isinstance(carrier, TabularCarrier):
        return None if all(batch.titled for batch in batches) else "a query has no title but its number"
    return _obstacle_to_archives(options, batches)


def _obstacle_to_archives(options: SearchOptions, batches: list[Batch]) -> str | None:
    """Return why archives would lose something of these queries, or None."""
    number = options.outfmt.number
    if options.outfmt.is_pairwise and not all(batch.quotable for batch in batches):
        return "a query's title holds words by which the printed text would be cut"
    if not all(batch.ascii for batch in batches):
        return "a query's title is not ASCII, which is all that archives hold"
    if (number == COMMENTED or len(batches) > 1) and not all(batch.searchable for batch in batches):
        return "a batch is nothing but N or X, and what BLAST+ prints of that depends on its neighbours"
    protein = options.program.query_molecule is Molecule.PROTEIN
    if protein and number in WITH_MESSAGES and not all(batch.plain for batch in batches):
        return "a query has letters that BLAST+ replaces, and archives do not hold its words about that"
    return None


@contextmanager
def _printer(work: Work, carrier: Carrier) -> Iterator[Printer]:
    options = work.options
    out = options.text("out")
    if options.outfmt.number in MANY_FILES:
        folder = work.folder / "print"
        folder.mkdir(exist_ok=True)
        with open_output("/dev/null") as nowhere:
            yield ArchivePrinter(work.installation, options, folder, nowhere)
        _move(folder, Path(out or ""))
        return
    with open_output(out) as target:
        if isinstance(carrier, TabularCarrier):
            yield TabularPrinter(target, options, carrier.layout)
        else:
            yield ArchivePrinter(work.installation, options, work.folder, target)


def _move(folder: Path, out: Path) -> None:
    """Move the files of formats 13 and 14 beside each other to where the user wants them, the list of them last."""
    for file in sorted(folder.glob(f"{out.name}*"), key=lambda file: file.name == out.name):
        shutil.move(file, out.parent / file.name)
