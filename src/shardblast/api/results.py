"""``/api/v1/searches/{id}/results``, ``/subjects``, ``/report``, ``/query``, ``/lists/{name}``, and rows for pages."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, replace
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse, Response
from pydantic import Field
from starlette.background import BackgroundTask

from shardblast.api.context import LinkDep, ReadableDep, ServiceDep, Text
from shardblast.api.outsiders import shown_to
from shardblast.api.result_models import HitsOut, HspsOut, OrganismsOut, QueriesOut, ReportOut, SpansOut
from shardblast.api.selections import BODY, SelectionDep
from shardblast.blast.subjects import Region
from shardblast.core.errors import InputError
from shardblast.core.outfmt import parse_outfmt
from shardblast.core.permitted import AT_MOST
from shardblast.core.printing import Printing, outfmt_of
from shardblast.core.search import Search
from shardblast.service.hit_filter import HitFilter

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
