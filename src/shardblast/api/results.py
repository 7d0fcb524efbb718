"""``/api/v1/searches/{id}/...``: results, subjects, the report, queries, lists, and rows of tables."""

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
from shardblast.blast.sequences import Region
from shardblast.core.errors import InputError, TooLargeError
from shardblast.core.formats import OutputFormat, parse_outfmt
from shardblast.core.formatting import Printing, outfmt_of
from shardblast.core.option_table import OPTIONS
from shardblast.core.search import Document, Search
from shardblast.core.units import PATTERN, Numbers
from shardblast.service.hit_index import HitFilter, RowPage
from shardblast.service.results import SearchReport
from shardblast.service.subjects import OrganismReport

LONGEST_LIST = 12_000
"""Maximum length of a list of numbers in a URL, whose total length servers limit."""
MOST_BYTES = 1 << 20
"""Maximum size of a request's body: some 150,000 separate numbers, thirty times the hits of a query."""
ONLY_QUERIES = "Only these queries, by 0-based number: 3, or 0-4,7"
ONLY_HITS = "Only these hits of the selected query, by 0-based rank: 3, or 0-4,7"
QueriesText = Annotated[str | None, Query(pattern=PATTERN, max_length=LONGEST_LIST, description=ONLY_QUERIES)]
HitsText = Annotated[str | None, Query(pattern=PATTERN, max_length=LONGEST_LIST, description=ONLY_HITS)]
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SelectionIn"}}},
    }
}

ZIP = ("application/zip", "zip")
HTML = ("text/html", "html")
LONGEST_LINE = 10_000
MOST_SPANS = 50_000
OF_KEPT = "in formats 0 to 4, at most the search's -max_target_seqs"
SORTHITS = (
    "-sorthits, in formats 0 to 4: by E-value (0), bit score (1), total score (2), percent identity (3) or "
    "query coverage (4)"
)
SORTHSPS = (
    "-sorthsps, in format 0: by E-value (0), score (1), query start (2), percent identity (3) or subject start (4)"
)

router = APIRouter(prefix="/searches/{search_id}", tags=["results"])
Limit = Annotated[int, Query(ge=1, le=1000)]
Subjects = Annotated[int, Field(ge=0, le=int(OPTIONS["max_target_seqs"].most or 0))]
Number = Annotated[int, Query(ge=0, le=1 << 31)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[Finite, Field(ge=0, le=100)]
Place = Annotated[int, Field(ge=1, le=1 << 40)]
TAXID = re.compile("[0-9]{1,10}")
ORGANISM = "Part of a scientific name; or a taxid, which includes its descendants where the lineages are known"


class QueryRow(BaseModel):
    """A query."""

    number: int = Field(description="0-based among all queries")
    id: str
    length: int | None = Field(description="Bases or residues; null if the query has no hits")
    hits: int
    hsps: int
    verdict: str = Field(description="merged, researched, unsharded or complete")


class HitRow(BaseModel):
    """A subject that a query hits; the scores are those of its best HSP."""

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
    identity: float = Field(description="Percent")
    hsps: int


class HspRow(BaseModel):
    """An HSP with the rows of its alignment; positions are 1-based, both ends inclusive."""

    query: int
    rank: int
    number: int = Field(description="0-based within the hit")
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
    middle: str = Field(description="BLAST+'s line between the rows: letters or bars, and + for positive pairs")
    subject_row: str


class QueriesOut(BaseModel):
    """A page of the queries."""

    rows: Sequence[QueryRow]
    next: int | None = Field(description="Start of the next page, or null")


class HitsOut(BaseModel):
    """A page of the hits of a query."""

    rows: Sequence[HitRow]
    next: int | None = Field(description="Start of the next page, or null")
    total: int = Field(description="Number of matching hits on all pages")


class HspsOut(BaseModel):
    """A page of the HSPs of a hit."""

    rows: Sequence[HspRow]
    next: int | None = Field(description="Start of the next page, or null")


class OrganismRow(BaseModel):
    """A taxon that has hits, or below which several taxa have hits."""

    taxid: int
    name: str | None = Field(description="Scientific name")
    parent: int | None = Field(description="The closest listed taxid above it")
    via: Sequence[str] = Field(description="Unlisted taxa between it and its parent, the highest first")
    level: int = Field(description="Number of listed taxa above it")
    hits: int = Field(description="Hits of it and of taxa below it")
    own_hits: int = Field(description="Hits of it alone")
    bit_score: float = Field(description="Highest bit score of the hits")
    evalue: float = Field(description="Lowest E-value of the hits")


class OrganismsOut(BaseModel):
    """The organisms of a query's hits."""

    rows: Sequence[OrganismRow] = Field(description="Each taxon after its parent")
    unknown: int = Field(description="Number of hits without a taxid")
    has_lineages: bool = Field(description="Whether the service knows the lineages; otherwise the rows are a flat list")


class SpansOut(BaseModel):
    """Positions of HSPs on a query, in columns, so that tens of thousands fit in a small response."""

    # Lists, because pydantic serialises other sequences many times slower.
    rank: list[int]
    query_start: list[int]
    query_end: list[int]
    bit_score: list[float]
    evalue: list[float]
    identity: list[float] = Field(description="Percent")
    length: list[int] = Field(description="Length of the alignment")
    is_whole: bool = Field(description="Whether all HSPs are included")
    coverage: list[float] = Field(description="Query coverage of all hits of the query, by rank, in percent")


class SelectionIn(BaseModel):
    """A selection of queries, or of hits of one query. The URL may name the rest."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = Field(None, pattern=PATTERN, description=ONLY_QUERIES)
    hit: str | None = Field(None, pattern=PATTERN, description=ONLY_HITS)


@dataclass(frozen=True, slots=True)
class Selection:
    """The queries and hits that a request selects; None selects all."""

    queries: Numbers | None
    hits: Numbers | None


async def selection_of(request: Request, query: QueriesText = None, hit: HitsText = None) -> Selection:
    """Return a request's selection. Raises TooLargeError for a long body, InputError if a range ends too early."""
    if request.method == "POST":
        sent = await _selection_in(request)
        query, hit = sent.query or query, sent.hit or hit
    texts = (query, hit)
    return await asyncio.to_thread(lambda: Selection(*(None if one is None else Numbers.of(one) for one in texts)))


def printing_of(
    num_descriptions: Annotated[Subjects | None, Query(description=f"-num_descriptions; {OF_KEPT}")] = None,
    num_alignments: Annotated[Subjects | None, Query(description=f"-num_alignments; {OF_KEPT}")] = None,
    line_length: Annotated[
        int | None, Query(ge=1, le=LONGEST_LINE, description="-line_length, in formats 0 to 4")
    ] = None,
    html: Annotated[bool, Query(description="-html")] = False,
    show_gis: Annotated[bool, Query(description="-show_gis")] = False,
    sorthits: Annotated[int | None, Query(ge=0, le=4, description=SORTHITS)] = None,
    sorthsps: Annotated[int | None, Query(ge=0, le=4, description=SORTHSPS)] = None,
) -> Printing:
    """Return the printing options of a request."""
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
        str | None, Query(max_length=500, description="BLAST+'s -outfmt; default: the search's own output, or 0")
    ] = None,
) -> FileResponse:
    """Print the result as BLAST+ prints it, in any format. Range requests are supported.

    For selected queries the output is that of BLAST+ for these queries alone. For selected hits the other hits are
    left out of the result, and E-values and statistics stay those of the search. POST accepts longer selections.
    """
    if outfmt is None:
        outfmt = outfmt_of(search.output)
        printing = printing.over(Printing.of(search.output))
    if not outfmt.isprintable():
        raise InputError("-outfmt contains unprintable characters.", remedy="Give a number and column names.")
    media, suffix = _media(parse_outfmt(outfmt), html=printing.html)
    printed = service.results.printed(search.id, outfmt, selection.queries, selection.hits, printing)
    return _file_response(printed, media, f"{_file_name(search)}.{suffix}")


@router.get("/subjects", response_class=FileResponse)
@router.post("/subjects", response_class=FileResponse, openapi_extra=BODY)
def read_subjects(
    search: ReadableDep,
    service: ServiceDep,
    selection: SelectionDep,
    start: Annotated[Place | None, Query(description="First position (1-based) of the region of one hit")] = None,
    end: Annotated[Place | None, Query(description="Last position of the region, inclusive")] = None,
    strand: Annotated[Literal["plus", "minus"], Query(description="Strand of a nucleotide region")] = "plus",
) -> FileResponse:
    """Read the subjects of hits as FASTA, each once: full length, or a region of one. POST accepts more hits."""
    if (start is None) != (end is None) or (start is None and strand == "minus"):
        raise InputError("A region needs a start and an end.", remedy="Give both, or neither and no strand.")
    region = None if start is None or end is None else Region(start, end, strand == "minus")
    written = service.subjects.fasta(search.id, selection.queries, selection.hits, region)
    return _file_response(written, "text/plain", f"{_file_name(search)}.subjects.fa")


@router.get("/report", response_model=SearchReport)
def read_report(search: ReadableDep, service: ServiceDep, link: LinkDep) -> Document:
    """Read the report: verdicts, shards, times, versions, the equivalent BLAST+ command, and the citation."""
    return shown_to(link, service, search.id)(asdict(service.results.report(search.id)))


@router.get("/queries", response_model=QueriesOut)
def read_queries(
    search: ReadableDep, service: ServiceDep, text: Text = "", after: Number = 0, limit: Limit = 100
) -> RowPage:
    """List the queries, each with its counts and verdict."""
    with service.results.index(search.id) as index:
        return index.queries(text=text, after=after, limit=limit)


def filter_of(
    text: Annotated[Text, Query(description="Part of an id or title")] = "",
    evalue: Annotated[Finite | None, Query(ge=0, description="Maximum E-value")] = None,
    identity: Annotated[Percent | None, Query(description="Minimum identity in percent")] = None,
    coverage: Annotated[Percent | None, Query(description="Minimum query coverage in percent")] = None,
) -> HitFilter:
    """Return the filter of a request, without its organism."""
    return HitFilter(text, evalue, identity, coverage)


@router.get("/hits", response_model=HitsOut)
def read_hits(
    search: ReadableDep,
    service: ServiceDep,
    wanted: Annotated[HitFilter, Depends(filter_of)],
    query: Number = 0,
    organism: Annotated[Text, Query(description=ORGANISM)] = "",
    sort: Annotated[str, Query(max_length=20)] = "rank",
    after: Number = 0,
    limit: Limit = 100,
) -> RowPage:
    """List the hits of a query."""
    if TAXID.fullmatch(organism):
        wanted = replace(wanted, taxids=service.organisms.below(search.id, query, int(organism)))
    else:
        wanted = replace(wanted, organism=organism)
    with service.results.index(search.id) as index:
        return index.hits(query, wanted=wanted, sort=sort, offset=after, limit=limit)


@router.get("/organisms", response_model=OrganismsOut)
def read_organisms(search: ReadableDep, service: ServiceDep, query: Number = 0) -> OrganismReport:
    """List the organisms of a query's hits, as a tree where their lineages are known."""
    return service.organisms.report(search.id, query)


@router.get("/hsps", response_model=HspsOut)
def read_hsps(
    search: ReadableDep, service: ServiceDep, query: Number = 0, hit: Number = 0, after: Number = 0, limit: Limit = 100
) -> RowPage:
    """List the HSPs of a hit, with the rows of their alignments."""
    return service.results.hsps(search.id, query, hit, after=after, limit=limit)


@router.get("/spans", response_model=SpansOut)
def read_spans(
    search: ReadableDep,
    service: ServiceDep,
    query: Number = 0,
    hits: Annotated[int, Query(ge=1, le=10_000, description="Number of hits, the best first")] = 100,
) -> Response:
    """Read the positions of the HSPs of a query's first hits, for a graphical summary."""
    with service.results.index(search.id) as index:
        found = index.spans(query, hits=hits, limit=MOST_SPANS + 1)
        is_whole = len(found["rank"]) <= MOST_SPANS and not index.has_hit(query, hits)
        coverage = index.coverage(query)
    columns = {name: values[:MOST_SPANS] for name, values in found.items()}
    spans = SpansOut.model_validate(columns | {"is_whole": is_whole, "coverage": coverage})
    return Response(spans.model_dump_json(), media_type="application/json")  # FastAPI would convert each number


@router.get("/lists/{name}", response_class=FileResponse)
def read_list(search: ReadableDep, service: ServiceDep, name: str) -> FileResponse:
    """Read a list of ids or taxids of the search, as it was submitted."""
    path = service.searches.list_of(search, name)
    return FileResponse(path, media_type="text/plain", filename=path.name)


@router.get("/query", response_class=FileResponse)
def read_query(search: ReadableDep, service: ServiceDep) -> FileResponse:
    """Read the queries, as they were submitted."""
    path = service.runner.sent(search.id)
    return FileResponse(path, media_type="text/plain", filename=f"{_file_name(search)}.fa")


async def _selection_in(request: Request) -> SelectionIn:
    try:
        body = b"".join([block async for block in limited(request, MOST_BYTES)])
        return await asyncio.to_thread(SelectionIn.model_validate_json, body)
    except ValidationError as error:
        raise invalid_body(error) from error
    except TooLargeError as error:
        problem = f"The selection is longer than {MOST_BYTES:,} bytes."
        raise TooLargeError(problem, remedy="Use ranges such as 0-4, or ask in parts.") from error


def _file_response(written: AbstractContextManager[Path], media: str, name: str) -> FileResponse:
    """Return a response with a file that is removed after it is sent."""
    stack = ExitStack()
    path = stack.enter_context(written)
    with path.open("rb") as file:  # the tag of the content: a download resumes even if the result is printed again
        headers = {"ETag": f'"{file_digest(file, "sha256").hexdigest()}"'}
    task = BackgroundTask(stack.close)
    return FileResponse(path, headers=headers, media_type=media, filename=name, background=task)


def _file_name(search: Search) -> str:
    """Return the name of a search's download, without a suffix."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", search.title).strip("-.")[:80] or search.id


def _media(outfmt: OutputFormat, *, html: bool) -> tuple[str, str]:
    """Return the media type and the suffix of the file that is sent."""
    if outfmt.writes_files:
        return ZIP
    return HTML if html and outfmt.is_pairwise else (outfmt.format.media_type, outfmt.format.suffix)
