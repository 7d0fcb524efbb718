"""The check of a search before it is queued: how it would run, and every problem that prevents it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.probe import Trial
from shardblast.blast.queries import Survey, faults_of, survey
from shardblast.blast.taxonomy import FILE as TAXONOMY
from shardblast.core.cutting import Choice
from shardblast.core.database import CataloguedDatabase
from shardblast.core.errors import DatabaseError, InputError, NotFoundError, ShardblastError, without_folders
from shardblast.core.formatting import Printing, outfmt_of, printed_with
from shardblast.core.option_table import (
    FORMAT_OPTIONS,
    PERMITTED,
    SEQID_FILTERS,
    TAXID_FILTERS,
    OptionsGiven,
    Problem,
    file_of,
    list_problems,
    permitted_words,
)
from shardblast.core.options import Exactness, parse
from shardblast.core.program import Arguments, Molecule, Program
from shardblast.engine.stored import check_query_loc
from shardblast.service.backends import Searching
from shardblast.service.catalogue import Catalogue
from shardblast.service.settings import MOST_LETTERS, MOST_QUERIES
from shardblast.store.searches import Workload


@dataclass(frozen=True, slots=True)
class Wanted:
    program: str
    database: str
    options: OptionsGiven
    query: Path
    """File of the service with the uploaded queries."""
    title: str = ""
    exactness: str = "identical"
    lists: Mapping[str, Path] = field(default_factory=dict)
    """Files of the service with uploaded lists of ids or taxids, by the option that takes them."""
    output: OptionsGiven = ""


@dataclass(frozen=True, slots=True)
class Preflight:
    """How a search would run."""

    problems: list[Problem]
    words: tuple[str, ...] = ()
    survey: Survey | None = None
    database: CataloguedDatabase | None = None
    shards: int | None = None
    """Number of shards, or 1 for the whole database; None if the search can't run."""
    why: str | None = None
    fits_in_memory: bool | None = None
    """Whether the database stays in the service's memory; None if it is unknown, or nodes of a cluster search it."""
    seconds: float | None = None
    """Estimate from earlier searches in this database; None if there were none."""
    remarks: tuple[str, ...] = ()
    """Notes that are not problems."""
    output: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preflights:
    workload: Workload
    catalogue: Catalogue
    arguments_of: Callable[[Program], Arguments]
    trial: Trial
    searching: Searching

    def options_of(self, program: str) -> frozenset[str]:
        """Return the names of the options that a program takes; empty for an unknown program."""
        return PERMITTED & set(self.arguments_of(Program(program))) if program in set(Program) else frozenset()

    def of(self, wanted: Wanted) -> Preflight:
        """Return how a search would run, and every problem with its remedy."""
        problems: list[Problem] = []
        program = _program(wanted.program, problems)
        queries = self._survey(wanted.query, program.query_molecule if program else None, problems)
        database = self._database(wanted.database, problems)
        if wanted.exactness not in set(Exactness):
            detail = f"{wanted.exactness!r} is not a level of exactness."
            problems.append(Problem("exactness", "exactness", detail, f"Use one of {', '.join(Exactness)}."))
        if program is None:
            return Preflight(problems, (), queries, database)
        words, output = self._words(program, wanted, problems)
        _check_molecules(program, queries, database, problems)
        _check_filter(words, database, problems)
        if queries is None or database is None:
            return Preflight(problems, words, queries, database, output=output)
        choice = None if problems else self._choice(program, words, wanted, database, problems)
        rate = self.workload.seconds_per_work(program.value, database.name)
        return Preflight(
            problems,
            words,
            queries,
            database,
            shards=None if choice is None else choice.shards,
            why=None if choice is None else choice.why,
            fits_in_memory=self.searching.fits_in_memory(database),
            seconds=None if rate is None else rate * queries.letters,
            remarks=self._remarks(words, database),
            output=output,
        )

    def _choice(
        self,
        program: Program,
        words: tuple[str, ...],
        wanted: Wanted,
        database: CataloguedDatabase,
        problems: list[Problem],
    ) -> Choice | None:
        """Return how the run will cut the search; None if the searching machines can't run it."""
        place = ["-db", database.name, "-query", "q", "-outfmt", "11", "--exactness", wanted.exactness]
        options = parse(program, [*place, *words], self.arguments_of(program))
        with _noted(problems, "options"), TemporaryDirectory() as folder:
            check_query_loc(options, wanted.query)
            return self.searching.check(options, database, wanted.query.stat().st_size, Path(folder))
        return None

    def _words(
        self, program: Program, wanted: Wanted, problems: list[Problem]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the options of BLAST+ for the search and for printing."""
        arguments = self.arguments_of(program)
        words, wrong = permitted_words(wanted.options, arguments)
        output, wrong_output = permitted_words(wanted.output, arguments, FORMAT_OPTIONS, "output")
        wrong += _list_problems(wanted.lists)
        problems += wrong + wrong_output
        lists = [word for name in sorted(wanted.lists) for word in (f"-{name}", file_of(name))]
        if not wrong:
            with _noted(problems, "options", "options", InputError):
                parse(program, ["-db", "d", "-query", "q", *words, *lists], arguments)
                if objection := self.trial.objection(program, words):  # without lists: BLAST+ reads them for a database
                    raise InputError(objection, remedy="Change the options.")
                with _noted(problems, "output", "output", InputError):
                    place = ["-db", "d", "-query", "q", "-out", "o", "-outfmt", outfmt_of(output)]
                    printed_with(parse(program, [*place, *words, *lists], arguments), Printing.of(output))
        return (*words, *lists), output

    def _survey(self, query: Path, molecule: Molecule | None, problems: list[Problem]) -> Survey | None:
        with _noted(problems, "query", "query-{}"):
            found = survey(query, molecule, most_queries=MOST_QUERIES, most_letters=MOST_LETTERS)
            for fault, count in faults_of([found]).items():
                problem = Problem(f"query-{fault.name.lower()}", "query", fault.problem(count), fault.remedy)
                problems.append(problem)
            return found
        return None

    def _database(self, name: str, problems: list[Problem]) -> CataloguedDatabase | None:
        with _noted(problems, "database", "database-unknown", NotFoundError):
            database = self.catalogue.get(name)
            with _noted(problems, "database", kind=DatabaseError):
                self.catalogue.check_files(database)
            return database
        return None

    def _remarks(self, words: tuple[str, ...], database: CataloguedDatabase) -> tuple[str, ...]:
        taxids = not TAXID_FILTERS.isdisjoint(word.removeprefix("-") for word in words)
        if not taxids or "-no_taxid_expansion" in words or self.catalogue.has_taxonomy(database):
            return ()
        return (f"{TAXONOMY} is not installed, so taxids do not include their descendants.",)


@contextmanager
def _noted(
    problems: list[Problem], field: str, code: str = "{}", kind: type[ShardblastError] = ShardblastError
) -> Iterator[None]:
    """Note an error of this kind as a problem of a field; ``{}`` in ``code`` stands for the error's own code."""
    try:
        yield
    except kind as error:
        problems.append(Problem(code.format(error.code), field, without_folders(error.problem), error.remedy))


def _program(name: str, problems: list[Problem]) -> Program | None:
    if name in set(Program):
        return Program(name)
    detail = f"{name!r} is not a program of this service."
    problems.append(Problem("program-unknown", "program", detail, f"Use one of {', '.join(Program)}."))
    return None


def _check_molecules(
    program: Program, queries: Survey | None, database: CataloguedDatabase | None, problems: list[Problem]
) -> None:
    wanted = program.query_molecule
    if queries is not None and queries.molecule not in (None, wanted):
        likely = [candidate for candidate in Program if candidate.query_molecule is queries.molecule]
        if database is not None:
            likely = [candidate for candidate in likely if candidate.database_molecule is database.molecule]
        detail = f"{program} takes {wanted} queries, but these look like {queries.molecule}."
        remedy = f"Use {' or '.join(likely)}." if likely else "Choose another database."
        problems.append(Problem("query-molecule", "query", detail, remedy))
    if database is not None and (objection := program.objection(database.name, database.molecule)):
        problems.append(Problem("database-molecule", "database", objection, "Choose another database or program."))


def _list_problems(lists: Mapping[str, Path]) -> list[Problem]:
    problems: list[Problem] = []
    for name, path in lists.items():
        with path.open("rb") as lines:
            problems += list_problems(name, path.stat().st_size, lines)
    return problems


def _check_filter(words: tuple[str, ...], database: CataloguedDatabase | None, problems: list[Problem]) -> None:
    """Report a filter for which the database lacks ids or taxids."""
    given = {word.removeprefix("-") for word in words}
    if database is None:
        return
    if given & SEQID_FILTERS and not database.facts.has_ids:
        detail = f"{database.name} has no ids: it was made without -parse_seqids."
        problems.append(Problem("database-ids", "database", detail, "Omit the list, or choose another database."))
    if given & TAXID_FILTERS and not database.facts.has_taxids:
        detail = f"{database.name} has no taxids, or is of version 4."
        problems.append(Problem("database-taxids", "database", detail, "Omit the taxids, or choose another database."))
