"""``/api/v1/searches/{id}/results``, ``/report``, ``/queries`` and ``/hits``."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from shardblast.api.context import ReadableDep, ServiceDep
from shardblast.api.models import RowsOut
from shardblast.core.errors import InputError
from shardblast.core.outfmt import parse_outfmt

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

router = APIRouter(prefix="/searches/{search_id}", tags=["results"])
Limit = Annotated[int, Query(ge=1, le=1000)]
Number = Annotated[int, Query(ge=0, le=1 << 31)]


@router.get("/results", response_class=FileResponse)
def read_results(
    search: ReadableDep,
    service: ServiceDep,
    outfmt: Annotated[str, Query(max_length=500, description="As -outfmt of BLAST+")] = "0",
    query: Annotated[int | None, Query(ge=0, description="Only this query, by its 0-based number")] = None,
) -> FileResponse:
    """Print the result as BLAST+ prints it, in any format; ranges are answered."""
    if not outfmt.isprintable():
        raise InputError("-outfmt holds letters that can't be printed.", remedy="Write a number and names of columns.")
    number = parse_outfmt(outfmt).number
    media, suffix = TABULAR if number in (6, 7) else MEDIA.get(number, ("text/plain", "txt"))
    stack = ExitStack()
    path = stack.enter_context(service.results.printed(search.id, outfmt, query))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", search.title).strip("-.")[:80] or search.id
    task = BackgroundTask(stack.close)
    return FileResponse(path, media_type=media, filename=f"{name}.{suffix}", background=task)


@router.get("/report")
def read_report(search: ReadableDep, service: ServiceDep) -> dict[str, Any]:
    """Read what was done: verdicts, shards, times, versions, the BLAST+ command that prints the same, what to cite."""
    return service.results.report(search.id)


@router.get("/queries")
def read_queries(
    search: ReadableDep,
    service: ServiceDep,
    text: Annotated[str, Query(max_length=200)] = "",
    after: Number = 0,
    limit: Limit = 100,
) -> RowsOut:
    """List the queries with counts and verdict."""
    with service.results.index(search.id) as index:
        found = index.queries(text=text, after=after, limit=limit)
    return RowsOut(rows=found.rows, next=found.next)


@router.get("/hits")
def read_hits(
    search: ReadableDep,
    service: ServiceDep,
    query: Number = 0,
    text: Annotated[str, Query(max_length=200)] = "",
    sort: Annotated[str, Query(max_length=20)] = "rank",
    after: Number = 0,
    limit: Limit = 100,
) -> RowsOut:
    """List hits of a query."""
    with service.results.index(search.id) as index:
        found = index.hits(query, text=text, sort=sort, offset=after, limit=limit)
    return RowsOut(rows=found.rows, next=found.next)


@router.get("/hsps")
def read_hsps(
    search: ReadableDep, service: ServiceDep, query: Number = 0, hit: Number = 0, after: Number = 0, limit: Limit = 100
) -> RowsOut:
    """List HSPs of a hit, by its rank, with the rows of their alignments."""
    with service.results.index(search.id) as index:
        found = index.hsps(query, hit, after=after, limit=limit)
    return RowsOut(rows=found.rows, next=found.next)
