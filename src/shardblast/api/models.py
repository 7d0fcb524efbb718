"""What goes over HTTP of searches, both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shardblast.core.option_table import Problem
from shardblast.core.printing import commands
from shardblast.core.search import Search, document
from shardblast.core.waiting import LackCode
from shardblast.service.callers import Caller, Means, Scope
from shardblast.service.preflight import Preflight

StateName = Literal["queued", "running", "cancelling", "completed", "failed", "cancelled"]
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
    output: Annotated[dict[OptionName, OptionValue], Field(max_length=20)] | OptionText = Field(
        default_factory=dict,
        description="How the result is printed when nothing else is asked for: outfmt, num_descriptions and so on",
    )


class SearchIn(SearchFields):
    """A search that is wanted."""

    query: str = Field(description="FASTA")
    lists: Annotated[dict[OptionName, str], Field(max_length=10)] = Field(
        default_factory=dict, description="Content of seqidlist, negative_seqidlist, taxidlist or negative_taxidlist"
    )


class PhaseOut(BaseModel):
    """How far a phase of a search is; done and total count finished things."""

    name: PhaseName
    status: StatusName
    started: float | None
    finished: float | None
    done: int
    total: int


class WaitingOut(BaseModel):
    """What a search waits for."""

    code: LackCode = Field(description="turn: other searches go first; else what there is too little of")
    sentence: str
    since: float


class FailureOut(BaseModel):
    """Why a search failed."""

    code: str
    problem: str
    remedy: str


class SearchOut(BaseModel):
    """A search; times are seconds since 1970."""

    id: str
    owner: str | None = Field(description="null for whoever came by a share link")
    title: str
    program: str
    database: str
    generation: str
    options: list[str]
    output: list[str] = Field(description="How the result is printed when nothing else is asked for")
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
    waiting: WaitingOut | None = Field(description="What a search that is queued or runs waits for; null: nothing")

    @classmethod
    def of(cls, search: Search, shown: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict) -> SearchOut:
        """Return a search as it is answered; ``shown`` returns what the reader may see."""
        return cls.model_validate(shown(document(search)))


class SearchesOut(BaseModel):
    """Some searches, in the order that was asked for."""

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
    commands: list[list[str]] = Field(description="Those of BLAST+ that print the same, one after the other")
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
    remarks: list[str] = Field(description="What to know that is no problem")

    @classmethod
    def of(cls, found: Preflight, program: str) -> PreflightOut:
        """Return a preflight as it is answered."""
        survey, database = found.survey, found.database
        search = ["-db", database.name if database else "", "-query", "query.fa", *found.words]
        return cls(
            ok=not found.problems,
            problems=[ProblemOut.of(one) for one in found.problems],
            command=[program, *search],
            commands=commands(program, search, found.output),
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
            remarks=list(found.remarks),
        )


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


class PieceOut(BaseModel):
    """A BLAST+ process that ended."""

    purpose: str
    batch: int = Field(description="0-based")
    shard: int | None
    seconds: float
    peak_memory_bytes: int
    node: str
    finished: float
    is_doubled: bool = Field(description="Whether it was started on a second node as well")


class RunningPieceOut(BaseModel):
    """A BLAST+ process that has not ended."""

    purpose: str
    batch: int = Field(description="0-based")
    shard: int | None
    node: str
    started: float


class EntryOut(BaseModel):
    """A line of a search's log."""

    at: float | None = Field(description="Seconds since 1970; null where an earlier version did not note it")
    level: Literal["note", "warning", "problem"]
    text: str
