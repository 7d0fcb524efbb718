"""What goes over HTTP, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.permitted import Problem
from shardblast.core.search import Search, document
from shardblast.service.callers import Caller, Means, Scope
from shardblast.service.searches import Preflight

StateName = Literal["queued", "running", "completed", "failed", "cancelled"]
PhaseName = Literal["preparing", "staging", "warming", "searching", "merging", "publishing"]
StatusName = Literal["pending", "running", "completed", "skipped", "failed"]
OptionName = Annotated[str, Field(max_length=50)]
OptionText = Annotated[str, Field(max_length=5000)]
OptionValue = OptionText | int | float | bool | None


class SearchFields(BaseModel):
    """A search that is wanted, but for its queries."""

    model_config = ConfigDict(extra="forbid")

    program: str = Field(description="blastn, blastp, blastx, tblastn or tblastx", max_length=20)
    database: str = Field(description="Name of a database of this service", max_length=100)
    options: Annotated[dict[OptionName, OptionValue], Field(max_length=100)] | OptionText = Field(
        default_factory=dict, description="BLAST+'s options by name without the dash, or as on a command line"
    )
    title: str = Field("", max_length=1000)
    exactness: str = Field("identical", description="identical or complete", max_length=20)


class SearchIn(SearchFields):
    """A search that is wanted."""

    query: str = Field(description="FASTA")


class PhaseOut(BaseModel):
    """How far a phase of a search is; done and total count finished things."""

    name: PhaseName
    status: StatusName
    started: float | None
    finished: float | None
    done: int
    total: int


class FailureOut(BaseModel):
    """Why a search failed."""

    code: str
    problem: str
    remedy: str


class SearchOut(BaseModel):
    """A search; times are seconds since 1970."""

    id: str
    owner: str
    title: str
    program: str
    database: str
    generation: str
    options: list[str]
    exactness: str
    state: StateName
    phase: PhaseName | None
    phases: list[PhaseOut]
    queries: int
    letters: int
    created: float
    started: float | None
    finished: float | None
    attempt: int
    shards: int | None
    why: str | None
    hits: int | None
    verdicts: dict[str, int] | None
    failure: FailureOut | None

    @classmethod
    def of(cls, search: Search) -> SearchOut:
        """Return a search as it is answered."""
        return cls.model_validate(document(search))


class SearchesOut(BaseModel):
    """Some searches, newest first."""

    searches: list[SearchOut]
    cursor: str | None = Field(description="For the next page; null if there is none")


class ProblemOut(BaseModel):
    """Something that keeps a search from running."""

    code: str
    field: str
    detail: str
    remedy: str

    @classmethod
    def of(cls, problem: Problem) -> ProblemOut:
        """Return a problem as it is answered."""
        return cls(**asdict(problem))


class PreflightOut(BaseModel):
    """What would run, and every problem."""

    ok: bool
    problems: list[ProblemOut]
    command: list[str]
    queries: int | None
    letters: int | None
    longest: int | None
    molecule: str | None
    database: str | None
    generation: str | None
    shards: int | None
    why: str | None
    fits_in_memory: bool | None
    seconds: float | None = Field(description="Estimated from past searches; null if there were none")

    @classmethod
    def of(cls, found: Preflight, program: str) -> PreflightOut:
        """Return a preflight as it is answered."""
        survey, database = found.survey, found.database
        return cls(
            ok=not found.problems,
            problems=[ProblemOut.of(one) for one in found.problems],
            command=[program, "-db", database.name if database else "", "-query", "query.fa", *found.words],
            queries=survey.queries if survey else None,
            letters=survey.letters if survey else None,
            longest=survey.longest if survey else None,
            molecule=survey.molecule if survey else None,
            database=database.name if database else None,
            generation=database.generation if database else None,
            shards=found.shards,
            why=found.why,
            fits_in_memory=found.fits_in_memory,
            seconds=found.seconds,
        )


class DatabaseIn(BaseModel):
    """A database to serve."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    source: str = Field(description="Path of a BLAST database on the server, without suffix", max_length=4096)


class DatabaseOut(BaseModel):
    """A database."""

    name: str
    molecule: Literal["nucleotide", "protein"]
    generation: str
    title: str
    num_seqs: int
    letters: int
    size_bytes: int
    added: float

    @classmethod
    def of(cls, one: CataloguedDatabase) -> DatabaseOut:
        """Return a database as it is answered: without its path, which is the server's own."""
        values = asdict(one)
        del values["path"]
        return cls(**values)


class MeOut(BaseModel):
    """Who asks."""

    owner: str = Field(description="Of the searches that they make")
    name: str = Field(description="For people to read")
    scopes: list[Scope]
    by: Means = Field(description="How they are known: nothing, token, issuer or session")

    @classmethod
    def of(cls, caller: Caller) -> MeOut:
        """Return a caller as they are answered."""
        return cls(owner=caller.owner, name=caller.name, scopes=sorted(caller.scopes), by=caller.by)


class ShareOut(BaseModel):
    """A link by which anybody may read a search."""

    id: str
    created: float


class NewShareOut(ShareOut):
    """A link that was made just now: only this once it tells what it is."""

    token: str = Field(description="For ?share= or the header X-Share-Token")
    url: str


class RowsOut(BaseModel):
    """A part of a table."""

    rows: Sequence[dict[str, Any]]
    next: int | None = Field(description="Where the next part begins; null if there is none")
