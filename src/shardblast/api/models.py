"""JSON models of searches, callers and share links. FastAPI fills them from records with the same attributes."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shardblast.core.formatting import commands
from shardblast.core.lack import LackCode
from shardblast.core.option_table import Problem
from shardblast.core.search import Failure
from shardblast.service.callers import Means, Scope
from shardblast.service.preflight import Preflight

StateName = Literal["queued", "running", "cancelling", "completed", "failed", "cancelled"]
PhaseName = Literal["preparing", "staging", "warming", "searching", "merging", "publishing"]
StatusName = Literal["pending", "running", "completed", "skipped", "failed"]
OptionName = Annotated[str, Field(max_length=50)]
OptionText = Annotated[str, Field(max_length=5000)]
OptionValue = OptionText | int | float | bool | None


class SearchFields(BaseModel):
    """A search to submit, without its queries."""

    model_config = ConfigDict(extra="forbid")

    program: str = Field(description="blastn, blastp, blastx, tblastn or tblastx", max_length=20)
    database: str = Field(description="Name of a database of this service", max_length=100)
    options: Annotated[dict[OptionName, OptionValue], Field(max_length=100)] | OptionText = Field(
        default_factory=dict, description="BLAST+ options by name without the dash, or as on a command line"
    )
    title: str = Field("", max_length=1000)
    exactness: str = Field("identical", description="identical or complete", max_length=20)
    output: Annotated[dict[OptionName, OptionValue], Field(max_length=20)] | OptionText = Field(
        default_factory=dict, description="Default output options of the result: outfmt, num_descriptions and so on"
    )


class SearchIn(SearchFields):
    """A search to submit."""

    query: str = Field(description="FASTA")
    lists: Annotated[dict[OptionName, str], Field(max_length=10)] = Field(
        default_factory=dict, description="Content of seqidlist, negative_seqidlist, taxidlist or negative_taxidlist"
    )


class PhaseOut(BaseModel):
    """The progress of a phase of a search, counted in the phase's own unit."""

    name: PhaseName
    status: StatusName
    started: float | None
    finished: float | None
    done: int
    total: int


class WaitingOut(BaseModel):
    """The reason why a search waits."""

    code: LackCode = Field(description="turn: other searches go first; otherwise the resource that is missing")
    sentence: str
    since: float


class SearchOut(BaseModel):
    """A search; times are seconds since 1970."""

    id: str
    owner: str | None = Field(description="null for readers of a share link")
    title: str
    program: str
    database: str
    generation: str
    options: list[str]
    output: list[str] = Field(description="Default output options of the result")
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
    failure: Failure | None
    waiting: WaitingOut | None = Field(description="Why a queued or running search waits; null: it does not")


class SearchesOut(BaseModel):
    """A page of searches, in the requested order."""

    searches: list[SearchOut]
    cursor: str | None = Field(description="Cursor of the next page, or null")


class PreflightOut(BaseModel):
    """The plan of a search, and every problem."""

    ok: bool
    problems: list[Problem]
    command: list[str]
    commands: list[list[str]] = Field(description="The BLAST+ commands that print the same, in order")
    queries: int | None
    letters: int | None
    longest: int | None
    molecule: str | None
    database: str | None
    generation: str | None
    shards: int | None
    why: str | None
    fits_in_memory: bool | None
    seconds: float | None = Field(description="Estimate from past searches; null if there were none")
    remarks: list[str] = Field(description="Remarks that are not problems")

    @classmethod
    def of(cls, found: Preflight, program: str) -> Self:
        survey, database = found.survey, found.database
        search = ["-db", database.name if database else "", "-query", "query.fa", *found.words]
        return cls(
            ok=not found.problems,
            problems=found.problems,
            command=[program, *search],
            commands=commands(program, search, found.output),
            database=database.name if database else None,
            generation=database.generation if database else None,
            remarks=list(found.remarks),
            **{name: getattr(survey, name, None) for name in ("queries", "letters", "longest", "molecule")},
            **{name: getattr(found, name) for name in ("shards", "why", "fits_in_memory", "seconds")},
        )


class MeOut(BaseModel):
    """The caller."""

    owner: str = Field(description="Owner of the caller's searches")
    name: str = Field(description="Display name")
    scopes: Annotated[list[Scope], BeforeValidator(sorted)]
    by: Means = Field(description="How the caller is signed in: nothing, token, issuer or session")


class ShareOut(BaseModel):
    """A link with which anyone may read a search."""

    id: str
    created: float


class NewShareOut(ShareOut):
    """A new link. Its token and URL are returned only here."""

    token: str = Field(description="Value of ?share= or of the header X-Share-Token")
    url: str


class EntryOut(BaseModel):
    """A line of a search's log."""

    at: float | None = Field(description="Seconds since 1970; null in entries of an earlier version")
    level: Literal["note", "warning", "problem"]
    text: str
