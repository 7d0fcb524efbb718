"""``/api/v1/searches/{id}``: results, subjects, the report, queries, lists, and rows for pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.background import BackgroundTask

from shardblast.api.auth import shown_to
from shardblast.api.context import LinkDep, ReadableDep, ServiceDep, Text, limited
from shardblast.api.errors import invalid_body
from shardblast.api.models import PieceOut
from shardblast.blast.sequences import Region
from shardblast.core.errors import InputError, TooLargeError
from shardblast.core.formats import parse_outfmt
from shardblast.core.option_table import AT_MOST
from shardblast.core.printing import Printing, outfmt_of
from shardblast.core.search import Search
from shardblast.core.units import PATTERN, Numbers
from shardblast.service.hit_index import HitFilter

MOST_NAMED = 12_000
"""Letters of a list of numbers: with the rest of an address it must fit what servers take."""
MOST_BYTES = 1 << 20
"""Of a body: some 150,000 numbers that lie apart, thirty times the hits of a query."""
ONLY_QUERIES = "Only these queries, by their 0-based numbers: 3, or 0-4,7"
ONLY_HITS = "Only these hits of the one query, by their 0-based ranks: 3, or 0-4,7"
QueriesText = Annotated[str | None, Query(pattern=PATTERN, max_length=MOST_NAMED, description=ONLY_QUERIES)]
HitsText = Annotated[str | None, Query(pattern=PATTERN, max_length=MOST_NAMED, description=ONLY_HITS)]
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SelectionIn"}}},
    }
}

MEDIA = {
    5: ("application/xml", "xml"),
    8: ("text/plain", "asn"),
    10: ("text/csv", "csv"),
    11: ("text/plain", "asn"),
    12: ("application/json", "json"),
    13: ("application/zip", "zip"),
    14: ("application/zip", "zip"),
    15: ("application/json", "json"),
    16: ("application/xml", "xml"),
    17: ("text/plain", "sam"),
    18: ("text/plain", "txt"),
}
TABULAR = ("text/tab-separated-values", "tsv")
HTML = ("text/html", "html")
LONGEST_LINE = 10_000
MOST_SPANS = 50_000
OF_KEPT = "in formats 0 to 4, at most as many as the search kept (its -max_target_seqs)"
SORTHITS = (
    "-sorthits, in formats 0 to 4: 0 by E-value, 1 bit score, 2 total score, 3 percent identity, 4 query coverage"
)
SORTHSPS = (
    "-sorthsps, in format 0: 0 by E-value, 1 score, 2 start in the query, 3 percent identity, 4 start in the subject"
)

router = APIRouter(prefix="/searches/{search_id}", tags=["results"])
Limit = Annotated[int, Query(ge=1, le=1000)]
Subjects = Annotated[int, Field(ge=0, le=int(AT_MOST["max_target_seqs"]))]
Number = Annotated[int, Query(ge=0, le=1 << 31)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[Finite, Field(ge=0, le=100)]
Place = Annotated[int, Field(ge=1, le=1 << 40)]
TAXID = re.compile("[0-9]{1,10}")
ORGANISM = "A part of a scientific name; or a taxid, which stands for what descends from it, too, where that is known"


class QueryRow(BaseModel):
    """A query."""

    number: int = Field(description="0-based among all queries")
    id: str
    length: int | None = Field(description="Letters; null if it has no hits")
    hits: int
    hsps: int
    verdict: str = Field(description="merged, researched, unsharded or complete")


class HitRow(BaseModel):
    """A subject with hits of a query; scores are those of its best HSP."""

    query: int
    rank: int = Field(description="0-based, in BLAST+'s order")
    id: str = Field(description="sseqid")
    subject: str = Field(description="saccver")
    title: str
    length: int
    taxids: str | None
    names: str | None = Field(description="Scientific names")
    evalue: float
    bit_score: float
    total_score: float
    coverage: float = Field(description="qcovs, in percent")
    identity: float = Field(description="In percent")
    hsps: int


class HspRow(BaseModel):
    """An HSP with the rows of its alignment; places are 1-based, both ends inclusive."""

    query: int
    rank: int
    number: int = Field(description="0-based in its hit")
    evalue: float
    bit_score: float
    raw_score: int
    identities: int
    positives: int
    length: int
    gaps: int
    gap_openings: int
    query_start: int
    query_end: int
    subject_start: int
    subject_end: int
    query_frame: int
    subject_frame: int
    coverage: float = Field(description="qcovhsp, in percent")
    query_row: str
    middle: str = Field(description="What BLAST+ prints between the rows: letters or bars, and + for positive pairs")
    subject_row: str


class QueriesOut(BaseModel):
    """A part of the queries."""

    rows: Sequence[QueryRow]
    next: int | None = Field(description="Where the next part begins; null if there is none")


class HitsOut(BaseModel):
    """A part of the hits of a query."""

    rows: Sequence[HitRow]
    next: int | None = Field(description="Where the next part begins; null if there is none")
    total: int = Field(description="How many hits fit, in all parts")


class HspsOut(BaseModel):
    """A part of the HSPs of a hit."""

    rows: Sequence[HspRow]
    next: int | None = Field(description="Where the next part begins; null if there is none")


class OrganismRow(BaseModel):
    """A taxid that hits have, or below which there are several of them."""

    taxid: int
    name: str | None = Field(description="Scientific name")
    parent: int | None = Field(description="The next listed taxid above it")
    via: Sequence[str] = Field(description="What is between the two and not listed, the highest first")
    level: int = Field(description="How many listed ones are above it")
    hits: int = Field(description="At it or below it")
    own_hits: int = Field(description="At it")
    bit_score: float = Field(description="The highest of the hits")
    evalue: float = Field(description="The lowest of the hits")


class OrganismsOut(BaseModel):
    """The organisms of a query's hits."""

    rows: Sequence[OrganismRow] = Field(description="Each after the one above it")
    unknown: int = Field(description="Hits without a taxid")
    has_lineages: bool = Field(description="Whether the service knows what descends from what; else it is a list")


class SpansOut(BaseModel):
    """Where HSPs lie on a query: a list for each column, so that tens of thousands are small."""

    # Lists, since pydantic writes other sequences many times slower.
    rank: list[int]
    query_start: list[int]
    query_end: list[int]
    bit_score: list[float]
    evalue: list[float]
    identity: list[float] = Field(description="In percent")
    length: list[int] = Field(description="Of the alignment")
    is_whole: bool = Field(description="Whether no HSP is left out")
    coverage: list[float] = Field(description="Of all hits of the query, by rank, in percent")


class DatabaseOfReport(BaseModel):
    """What was searched."""

    name: str
    generation: str


class ReportOut(BaseModel):
    """What was done."""

    program: str
    blast_version: str
    shardblast_version: str
    database: DatabaseOfReport
    shards: int | None
    why: str | None
    command: list[str] = Field(description="The BLAST+ command that finds the same")
    commands: list[list[str]] = Field(description="Those of BLAST+ that print the same, one after the other")
    taxids: dict[str, object] | None
    queries: int
    verdicts: dict[str, int]
    not_merged: dict[str, list[str]] = Field(description="Ids of the queries of every verdict but merged")
    pieces: list[PieceOut]
    self_contained: bool = Field(description="Whether results are printed without the database")
    seconds: float
    citation: str


class SelectionIn(BaseModel):
    """Some queries, or some hits of one; what is not named here may be in the address."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = Field(None, pattern=PATTERN, description=ONLY_QUERIES)
    hit: str | None = Field(None, pattern=PATTERN, description=ONLY_HITS)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request names; None for all."""

    queries: Numbers | None
    hits: Numbers | None


async def selection_of(request: Request, query: QueriesText = None, hit: HitsText = None) -> Selection:
    """Return what a request names.

    Raises:
        TooLargeError: Its body is longer than is taken.
        InputError: A range ends before it begins.
    """
    if request.method == "POST":
        sent = await _sent(request)
        query, hit = sent.query or query, sent.hit or hit
    return await asyncio.to_thread(lambda: Selection(_numbers_of(query), _numbers_of(hit)))


def printing_of(
    num_descriptions: Annotated[Subjects | None, Query(description=f"-num_descriptions; {OF_KEPT}")] = None,
    num_alignments: Annotated[Subjects | None, Query(description=f"-num_alignments; {OF_KEPT}")] = None,
    line_length: Annotated[
        int | None, Query(ge=1, le=LONGEST_LINE, description="-line_length: letters of a line, in formats 0 to 4")
    ] = None,
    html: Annotated[bool, Query(description="-html")] = False,
    show_gis: Annotated[bool, Query(description="-show_gis")] = False,
    sorthits: Annotated[int | None, Query(ge=0, le=4, description=SORTHITS)] = None,
    sorthsps: Annotated[int | None, Query(ge=0, le=4, description=SORTHSPS)] = None,
) -> Printing:
    """Return how a result is to be printed."""
    return Printing(num_descriptions, num_alignments, line_length, html, show_gis, sorthits, sorthsps)


SelectionDep = Annotated[Selection, Depends(selection_of)]


@router.get("/results", response_class=FileResponse)
@router.post("/results", response_class=FileResponse, openapi_extra=BODY)
def read_results(
    search: ReadableDep,
    service: ServiceDep,
    selection: SelectionDep,
    printing: Annotated[Printing, Depends(printing_of)],
    outfmt: Annotated[
        str | None, Query(max_length=500, description="As -outfmt of BLAST+; without it the search's own output, or 0")
    ] = None,
) -> FileResponse:
    """Print the result as BLAST+ prints it, in any format; ranges are answered.

    Of some queries it is what BLAST+ prints for them alone; of some hits it is the whole result with the others left
    out, so that E-values and statistics stay those of the search. POST prints the same, and takes more of them.
    """
    if outfmt is None:
        outfmt = outfmt_of(search.output)
        printing = printing.over(Printing.of(search.output))
    if not outfmt.isprintable():
        raise InputError("-outfmt holds letters that can't be printed.", remedy="Write a number and names of columns.")
    media, suffix = HTML if printing.html and parse_outfmt(outfmt).is_pairwise else _media(parse_outfmt(outfmt).number)
    printed = service.results.printed(search.id, outfmt, selection.queries, selection.hits, printing)
    return _file(printed, media, f"{_file_name(search)}.{suffix}")


@router.get("/subjects", response_class=FileResponse)
@router.post("/subjects", response_class=FileResponse, openapi_extra=BODY)
def read_subjects(
    search: ReadableDep,
    service: ServiceDep,
    selection: SelectionDep,
    start: Annotated[Place | None, Query(description="Of one hit: the region's first letter, from 1")] = None,
    end: Annotated[Place | None, Query(description="And its last one")] = None,
    strand: Annotated[Literal["plus", "minus"], Query(description="Of a nucleotide region")] = "plus",
) -> FileResponse:
    """Read the subjects of hits as FASTA, each once: whole, or a region of one. POST takes more of them."""
    if (start is None) != (end is None) or (start is None and strand == "minus"):
        raise InputError("A region has a start and an end.", remedy="Give both, or neither and no strand.")
    region = None if start is None or end is None else Region(start, end, strand == "minus")
    written = service.subjects.fasta(search.id, selection.queries, selection.hits, region)
    return _file(written, "text/plain", f"{_file_name(search)}.subjects.fa")


@router.get("/report")
def read_report(search: ReadableDep, service: ServiceDep, link: LinkDep) -> ReportOut:
    """Read what was done: verdicts, shards, times, versions, the BLAST+ command that prints the same, what to cite."""
    shown = shown_to(link, service, search.id)
    return ReportOut.model_validate(shown(service.results.report(search.id)))


@router.get("/queries")
def read_queries(
    search: ReadableDep,
    service: ServiceDep,
    text: Text = "",
    after: Number = 0,
    limit: Limit = 100,
) -> QueriesOut:
    """List the queries with counts and verdict."""
    with service.results.index(search.id) as index:
        return QueriesOut.model_validate(asdict(index.queries(text=text, after=after, limit=limit)))


def filter_of(
    text: Annotated[Text, Query(description="In ids and titles")] = "",
    evalue: Annotated[Finite | None, Query(ge=0, description="At most")] = None,
    identity: Annotated[Percent | None, Query(description="At least, in percent")] = None,
    coverage: Annotated[Percent | None, Query(description="At least, in percent of the query")] = None,
) -> HitFilter:
    """Return which hits to list, but for their organism."""
    return HitFilter(text, evalue, identity, coverage)


@router.get("/hits")
def read_hits(
    search: ReadableDep,
    service: ServiceDep,
    wanted: Annotated[HitFilter, Depends(filter_of)],
    query: Number = 0,
    organism: Annotated[Text, Query(description=ORGANISM)] = "",
    sort: Annotated[str, Query(max_length=20)] = "rank",
    after: Number = 0,
    limit: Limit = 100,
) -> HitsOut:
    """List hits of a query."""
    if TAXID.fullmatch(organism):
        wanted = replace(wanted, taxids=service.organisms.below(search.id, query, int(organism)))
    else:
        wanted = replace(wanted, organism=organism)
    with service.results.index(search.id) as index:
        return HitsOut.model_validate(asdict(index.hits(query, wanted=wanted, sort=sort, offset=after, limit=limit)))


@router.get("/organisms")
def read_organisms(search: ReadableDep, service: ServiceDep, query: Number = 0) -> OrganismsOut:
    """List the organisms of a query's hits: as a tree, where their lineages are known."""
    return OrganismsOut.model_validate(asdict(service.organisms.report(search.id, query)))


@router.get("/hsps")
def read_hsps(
    search: ReadableDep, service: ServiceDep, query: Number = 0, hit: Number = 0, after: Number = 0, limit: Limit = 100
) -> HspsOut:
    """List HSPs of a hit, by its rank, with the rows of their alignments."""
    return HspsOut.model_validate(asdict(service.results.hsps(search.id, query, hit, after=after, limit=limit)))


@router.get("/spans", response_model=SpansOut)
def read_spans(
    search: ReadableDep,
    service: ServiceDep,
    query: Number = 0,
    hits: Annotated[int, Query(ge=1, le=10_000, description="Of the first so many hits")] = 100,
) -> Response:
    """Tell where the HSPs of a query's first hits lie on it: what a picture of them needs."""
    with service.results.index(search.id) as index:
        found = index.spans(query, hits=hits, limit=MOST_SPANS + 1)
        is_whole = len(found["rank"]) <= MOST_SPANS and not index.has_hit(query, hits)
        coverage = index.coverage(query)
    columns = {name: told[:MOST_SPANS] for name, told in found.items()}
    told = SpansOut.model_validate(columns | {"is_whole": is_whole, "coverage": coverage})
    return Response(told.model_dump_json(), media_type="application/json")  # FastAPI would take each number in hand


@router.get("/lists/{name}", response_class=FileResponse)
def read_list(search: ReadableDep, service: ServiceDep, name: str) -> FileResponse:
    """Read a list of ids or taxids of the search, as it was sent."""
    path = service.searches.list_of(search, name)
    return FileResponse(path, media_type="text/plain", filename=path.name)


@router.get("/query", response_class=FileResponse)
def read_query(search: ReadableDep, service: ServiceDep) -> FileResponse:
    """Read the queries, as they were sent."""
    path = service.searches.query(search)
    return FileResponse(path, media_type="text/plain", filename=f"{_file_name(search)}.fa")


async def _sent(request: Request) -> SelectionIn:
    try:
        body = b"".join([block async for block in limited(request, MOST_BYTES)])
        return await asyncio.to_thread(SelectionIn.model_validate_json, body)
    except ValidationError as error:
        raise invalid_body(error) from error
    except TooLargeError as error:
        raise TooLargeError(
            f"The selection is longer than {MOST_BYTES:,} bytes.", remedy="Write ranges as 0-4, or ask in parts."
        ) from error


def _numbers_of(text: str | None) -> Numbers | None:
    return None if text is None else Numbers.of(text)


def _file(written: AbstractContextManager[Path], media: str, name: str) -> FileResponse:
    """Return an answer of a file that is removed when it is sent."""
    stack = ExitStack()
    path = stack.enter_context(written)
    headers = {"ETag": _etag(path)}
    task = BackgroundTask(stack.close)
    return FileResponse(path, headers=headers, media_type=media, filename=name, background=task)


def _file_name(search: Search) -> str:
    """Return a name for a file of a search, without a suffix."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", search.title).strip("-.")[:80] or search.id


def _media(outfmt: int) -> tuple[str, str]:
    """Return the media type and the suffix of files of a format."""
    return TABULAR if outfmt in (6, 7) else MEDIA.get(outfmt, ("text/plain", "txt"))


def _etag(path: Path) -> str:
    """Return a tag of the bytes alone: a download that broke off goes on with a result that was printed again."""
    with path.open("rb") as file:
        return f'"{file_digest(file, "sha256").hexdigest()}"'
