"""What users do with searches: check, submit, read, cancel, retry, delete."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from shardblast.blast.fasta import NotFasta
from shardblast.blast.survey import Survey, survey
from shardblast.blast.trial import Trial
from shardblast.blast.zstd import pack
from shardblast.core.arguments import Arguments
from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.choice import Situation, choose
from shardblast.core.errors import ConflictError, InputError, NotFoundError, RefusedError, ShardblastError
from shardblast.core.options import Exactness, parse
from shardblast.core.permitted import PERMITTED, OptionsGiven, Problem, permitted_words
from shardblast.core.program import Program
from shardblast.core.search import Search, SearchId, State, again, moved
from shardblast.engine.machine import Machine
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.runner import Runner
from shardblast.service.settings import Limits
from shardblast.storage.objects import Objects
from shardblast.store.searches import Page, SearchStore


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user asks for."""

    program: str
    database: str
    options: OptionsGiven
    query: Path
    """A file of ours with what was sent."""
    title: str = ""
    exactness: str = "identical"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What would run."""

    problems: list[Problem]
    words: tuple[str, ...] = ()
    survey: Survey | None = None
    database: CataloguedDatabase | None = None
    shards: int | None = None
    why: str | None = None
    fits_in_memory: bool | None = None
    seconds: float | None = None
    """From past searches in this database; None if there were none."""


class Queue(Protocol):
    """Runs searches, whatever happens to this process; those that were cancelled meanwhile are passed over."""

    def enqueue(self, search: Search, attempt: int, fingerprint: str, idempotency_key: str | None) -> None:
        """Run a search when its turn comes; does nothing if this attempt is queued already."""
        ...


class SearchService:
    """The use cases."""

    def __init__(
        self,
        store: SearchStore,
        objects: Objects,
        catalogue: Catalogue,
        folders: Folders,
        runner: Runner,
        queue: Queue,
        machine: Machine,
        limits: Limits,
        arguments: Callable[[Program], Arguments],
        trial: Trial,
    ) -> None:
        self._store = store
        self._objects = objects
        self._catalogue = catalogue
        self._folders = folders
        self._runner = runner
        self._queue = queue
        self._machine = machine
        self._limits = limits
        self._arguments = arguments
        self._trial = trial

    def options_of(self, program: str) -> frozenset[str]:
        """Return the names of the options that a program takes; none if there is no such program."""
        return PERMITTED & set(self._arguments(Program(program))) if program in set(Program) else frozenset()

    def preflight(self, wanted: Wanted) -> Preflight:
        """Tell what would run, and every problem with its remedy."""
        problems: list[Problem] = []
        program = _program(wanted.program, problems)
        found = self._survey(wanted.query, problems)
        database = self._database(wanted.database, problems)
        if wanted.exactness not in set(Exactness):
            remedy = f"Use one of {', '.join(Exactness)}."
            problems.append(Problem("exactness", "exactness", f"{wanted.exactness!r} is unknown.", remedy))
        if program is None:
            return Preflight(problems, (), found, database)
        words, more = permitted_words(wanted.options, self._arguments(program))
        problems += more
        if not more:
            self._check_together(program, words, problems)
        _check_molecules(program, found, database, problems)
        if found is None or database is None:
            return Preflight(problems, words, found, database)
        sizes = (database.letters, database.size_bytes)
        situation = Situation(program, *sizes, self._machine.cores, self._machine.memory_bytes, found.letters)
        choice = choose(situation, None)
        rate = self._store.seconds_per_work(program.value, database.name)
        seconds = None if rate is None else rate * found.letters
        return Preflight(
            problems, words, found, database, max(choice.shards, 1), choice.why, not choice.by_shard, seconds
        )

    def submit(self, wanted: Wanted, owner: str, idempotency_key: str | None) -> Search:
        """Queue a search, or return the one that the same key made.

        Raises:
            RefusedError: It can't run; names every problem.
            DiskFull: There is not enough space for it.
            ConflictError: The key was used for another request.
        """
        checked = self.preflight(wanted)
        if checked.problems:
            raise RefusedError(checked.problems)
        self._folders.check_space()
        assert checked.survey is not None
        assert checked.database is not None
        search = Search(
            id=SearchId(secrets.token_hex(16)),
            owner=owner,
            title=wanted.title.strip() or f"{wanted.program} in {wanted.database}",
            program=wanted.program,
            database=checked.database.name,
            generation=checked.database.generation,
            options=checked.words,
            exactness=wanted.exactness,
            created=time.time(),
            queries=checked.survey.queries,
            letters=checked.survey.letters,
        )
        fingerprint = _fingerprint(search, wanted.query)
        if idempotency_key is not None:
            known = self._store.find(owner, idempotency_key, fingerprint)
            if known is not None:
                return known
        self._keep_query(search.id, wanted.query)
        # The queue first: what it runs adds the search too, so a crash between the two lines loses nothing. Of several
        # requests with one key the first to be added stays; what the others queued ends by itself.
        self._queue.enqueue(search, search.attempt, fingerprint, idempotency_key)
        try:
            added = self._store.add(search, fingerprint, idempotency_key)
        except ConflictError:
            self._runner.forget(search.id)
            raise
        if added.id != search.id:
            self._runner.forget(search.id)
        return added

    def get(self, search_id: SearchId, owner: str | None) -> Search:
        """Return a search; ``owner`` None may see all.

        Raises:
            NotFoundError: There is none that the owner may see.
        """
        search = self._store.get(search_id)
        if owner is not None and search.owner != owner:
            raise NotFoundError("There is no such search.", remedy="It may belong to somebody else.")
        return search

    def page(self, *, owner: str | None, state: State | None, limit: int, cursor: str | None) -> Page:
        """Return searches, newest first."""
        return self._store.page(owner=owner, state=state, limit=limit, cursor=cursor)

    def cancel(self, search: Search) -> Search:
        """Stop a search for good; one that is cancelled already stays so.

        Raises:
            ConflictError: It is over.
        """
        if search.state is State.CANCELLED:
            return search
        search = self._store.change(search.id, lambda one: moved(one, State.CANCELLED, time.time()))
        self._runner.stop(search.id)
        return search  # its workflow sees the state before its next step, and ends

    def retry(self, search: Search) -> Search:
        """Run a search again that failed or was cancelled; what is finished of it is kept.

        Raises:
            ConflictError: It is neither.
            DiskFull: There is not enough space for it.
        """
        if search.state not in (State.FAILED, State.CANCELLED):
            raise ConflictError(f"The search is {search.state}.", remedy="Only failed and cancelled ones run again.")
        generation = self._catalogue.get(search.database).generation
        if generation != search.generation:
            raise ConflictError("The database has changed since.", remedy="Submit the search again.")
        self._folders.check_space()
        attempt = search.attempt + 1
        self._queue.enqueue(search, attempt, "", None)
        return self._store.change(search.id, lambda one: again(one, attempt, time.time()))

    def delete(self, search: Search) -> None:
        """Remove a search that is over, and its files.

        Raises:
            ConflictError: It is not over.
        """
        self._store.delete(search.id)
        self._runner.forget(search.id)

    def expire(self, days: float) -> int:
        """Remove searches that ended so long ago; return how many."""
        expired = self._store.ended_before(time.time() - days * 86400)
        for search_id in expired:
            self.delete(self._store.get(search_id))
        return len(expired)

    def _survey(self, query: Path, problems: list[Problem]) -> Survey | None:
        try:
            found = survey(query, most_queries=self._limits.queries, most_letters=self._limits.letters)
        except NotFasta:
            problems.append(
                Problem("query-not-fasta", "query", "The queries are no FASTA.", "Begin each with a line '>name'.")
            )
            return None
        except ShardblastError as error:
            problems.append(Problem(f"query-{error.code}", "query", error.problem, error.remedy))
            return None
        for count, code, what, remedy in (
            (not found.queries, "none", "There are no queries.", "Give at least one sequence in FASTA."),
            (found.empty, "empty", f"{found.empty} queries have no letters.", "Remove them."),
            (found.not_ascii, "title", f"{found.not_ascii} titles hold other letters than ASCII.", "Change them."),
            (found.irregular, "lines", "The queries hold comments or gap lines.", "Leave plain FASTA."),
        ):
            if count:
                problems.append(Problem(f"query-{code}", "query", what, remedy))
        return found

    def _database(self, name: str, problems: list[Problem]) -> CataloguedDatabase | None:
        try:
            return self._catalogue.get(name)
        except NotFoundError as error:
            problems.append(Problem("database-unknown", "database", error.problem, error.remedy))
            return None

    def _check_together(self, program: Program, words: tuple[str, ...], problems: list[Problem]) -> None:
        """Note what BLAST+ refuses of options together."""
        try:
            parse(program, ["-db", "d", "-query", "q", *words], self._arguments(program))
        except InputError as error:
            problems.append(Problem("options", "options", error.problem, error.remedy))
            return
        if (objection := self._trial.objection(program, words)) is not None:
            problems.append(Problem("options", "options", objection, "Change the options."))

    def _keep_query(self, search_id: SearchId, query: Path) -> None:
        packed = query.with_name(query.name + ".zst")
        pack(query, packed)
        self._objects.put(f"searches/{search_id}/query.fa.zst", packed)
        packed.unlink()


def _program(name: str, problems: list[Problem]) -> Program | None:
    if name in set(Program):
        return Program(name)
    problems.append(Problem("program-unknown", "program", f"{name!r} is no program.", f"Use {', '.join(Program)}."))
    return None


def _check_molecules(
    program: Program, found: Survey | None, database: CataloguedDatabase | None, problems: list[Problem]
) -> None:
    wanted = program.query_molecule
    if found is not None and found.molecule not in (None, wanted):
        likely = [one for one in Program if one.query_molecule is found.molecule]
        if database is not None:
            likely = [one for one in likely if one.database_molecule is database.molecule]
        problems.append(
            Problem(
                "query-molecule",
                "query",
                f"{program} takes {wanted} queries, and these look like {found.molecule}.",
                f"Use {' or '.join(likely)}." if likely else "Choose another database.",
            )
        )
    if database is not None and database.molecule is not program.database_molecule:
        detail = (
            f"{program} searches a {program.database_molecule} database, and {database.name} is {database.molecule}."
        )
        problems.append(Problem("database-molecule", "database", detail, "Choose another database or program."))


def _fingerprint(search: Search, query: Path) -> str:
    """Return what tells two requests apart."""
    blank = replace(search, id=SearchId(""), created=0.0)
    told: Any = [blank.owner, blank.title, blank.program, blank.database, blank.options, blank.exactness]
    digest = hashlib.sha256(json.dumps(told).encode())
    with query.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
