"""``/blast/Blast.cgi``: NCBI's BLAST Common URL API, for programs that were written for NCBI's server.

Source:
    https://blast.ncbi.nlm.nih.gov/doc/blast-help/urlapi.html; what Biopython (Bio.Blast.NCBIWWW) and BioPerl
    (Bio::Tools::Run::RemoteBlast) send and read.
"""

from __future__ import annotations

import asyncio
import html
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from shardblast.api.blast_parameters import check_service, is_page, options_of, outfmt_of, printing_of
from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.errors import status_of
from shardblast.api.requests import note_code
from shardblast.api.uploads import IN_MEMORY_BYTES, bounded, incoming
from shardblast.bootstrap.service import Service
from shardblast.core.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    ShardblastError,
    UnauthorizedError,
    error_for_code,
    without_folders,
)
from shardblast.core.search import Search, SearchId, State
from shardblast.service.callers import Caller, Scope
from shardblast.service.preflight import Wanted
from shardblast.service.settings import UPLOAD_BYTES

MEDIA = {"5": "application/xml", "16": "application/xml", "15": "application/json"}
FEWEST_SECONDS = 1
WAITS_S = 10.0
STATUSES = {State.COMPLETED: "READY", State.FAILED: "FAILED", State.CANCELLED: "FAILED"}

router = APIRouter(prefix="/blast", tags=["NCBI BLAST URL API"])


@router.get("/Blast.cgi", response_class=Response)
async def get(request: Request, service: ServiceDep, caller: CallerDep, CMD: Annotated[str, Query()] = "") -> Response:
    """Answer CMD=Put, Get or Delete, with parameters in the address."""
    return await _answer(service, caller, dict(request.query_params))


@router.post("/Blast.cgi", response_class=Response)
async def post(request: Request, service: ServiceDep, caller: CallerDep) -> Response:
    """Answer CMD=Put, Get or Delete, with parameters in the address or in a form."""
    most = min(UPLOAD_BYTES, IN_MEMORY_BYTES)
    form = await bounded(request, most).form(max_part_size=most)
    sent = {name: value for name, value in form.items() if isinstance(value, str)}
    return await _answer(service, caller, {**request.query_params, **sent})


async def _answer(service: Service, caller: Caller, sent: Mapping[str, str]) -> Response:
    values = {name.upper(): value for name, value in sent.items()}
    command = values.get("CMD", "").lower()
    try:
        return await _done(service, caller, command, values)
    except (UnauthorizedError, NotAllowedError):
        raise
    except ShardblastError as error:  # a Put that fails is a page for Biopython to read, with the status of a success
        return _refusal(error, 200 if command == "put" else status_of(error))


async def _done(service: Service, caller: Caller, command: str, values: Mapping[str, str]) -> Response:
    match command:
        case "put":
            return await _put(service, caller, values)
        case "get":
            caller.check(Scope.READ)
            await _wait(service, caller, values)
            return await asyncio.to_thread(_get, service, caller, values)
        case "delete":
            caller.check(Scope.SEARCH)
            search = await asyncio.to_thread(_search, service, caller, values)
            if not search.state.is_final:
                await asyncio.to_thread(service.searches.cancel, search)
                await _wait(service, caller, values)
            await asyncio.to_thread(service.searches.delete, search)
            return _info("Status=DELETED")
    raise InputError("CMD is none of Put, Get and Delete.", remedy="Send one of them.")


def _refusal(error: ShardblastError, status: int) -> Response:
    """Return a page that says what went wrong, in the line where NCBI's page has it."""
    note_code(error.code)
    told = [f"{one.detail} {one.remedy}" for one in error.problems] if isinstance(error, RefusedError) else [str(error)]
    text = html.escape(" ".join(without_folders(" ".join(told)).split()), quote=False)
    return HTMLResponse(
        f'<!DOCTYPE html>\n<html><body>\n<div class="error msInf">{text}</div>\n</body></html>\n', status
    )


async def _put(service: Service, caller: Caller, values: Mapping[str, str]) -> Response:
    caller.check(Scope.SEARCH)
    check_service(values)
    query = values.get("QUERY", "")
    if not query.lstrip().startswith(">"):
        query = f">Query\n{query}\n"
    with incoming(service.folders.incoming) as path:
        path.write_text(query, newline="")
        program = values.get("PROGRAM", "").lower()
        known = service.preflights.options_of(program)
        options = {name: value for name, value in options_of(program, values).items() if name in known}
        wanted = Wanted(program, values.get("DATABASE", ""), options, path, "")
        search = await asyncio.to_thread(service.searches.submit, wanted, caller.owner, None)
        seconds = await asyncio.to_thread(service.workload.seconds_per_work, search.program, search.database)
    rtoe = max(FEWEST_SECONDS, math.ceil((seconds or 0.0) * search.letters))
    return HTMLResponse(
        "<!DOCTYPE html>\n<html><body>\n"
        f'<form action="Blast.cgi"><input name="RID" value="{search.id}" type="hidden"></form>\n'
        f"<!--QBlastInfoBegin\n    RID = {search.id}\n    RTOE = {rtoe}\nQBlastInfoEnd\n-->\n</body></html>\n"
    )


async def _wait(service: Service, caller: Caller, values: Mapping[str, str]) -> None:
    """Wait a little for the end of a search; programs would ask again only after 20 seconds and more."""
    try:
        search = await asyncio.to_thread(_search, service, caller, values)
    except NotFoundError:
        return
    search, last = await asyncio.to_thread(service.store.snapshot, search.id)
    if search.state.is_final:
        return
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(WAITS_S),
            service.broadcast.subscribed(search.id, last, service.store.events_after) as subscription,
        ):
            async for event in subscription.events():
                if event.ends:
                    return


def _get(service: Service, caller: Caller, values: Mapping[str, str]) -> Response:
    """Answer with the state of a search, or with its result.

    Biopython asks for the result until it has one, so that instead of what says FAILED or UNKNOWN an error ends it.
    """
    wants_state = values.get("FORMAT_OBJECT", "").lower() == "searchinfo"
    try:
        search = _search(service, caller, values)
    except NotFoundError:
        if wants_state:
            return _info("Status=UNKNOWN")
        raise
    if wants_state or not search.state.is_final:
        hits = "\nThereAreHits=yes" if search.hits else ""
        return _info(f"Status={STATUSES.get(search.state, 'WAITING')}{hits}")
    if search.state is State.CANCELLED:
        raise ConflictError("The search was cancelled.", remedy="Submit it again.")
    if search.failure is not None:
        raise error_for_code(search.failure.code)(search.failure.problem, remedy=search.failure.remedy)
    return _result(service, search, values)


def _result(service: Service, search: Search, values: Mapping[str, str]) -> Response:
    outfmt = outfmt_of(values)
    printing = printing_of(values, outfmt, service.results.kept(search))
    with service.results.printed(search.id, outfmt, printing=printing) as path:
        text = path.read_bytes()
    if is_page(values):
        shown = html.escape(text.decode(errors="replace"))
        return HTMLResponse(f"<!DOCTYPE html>\n<html><body><pre>\n{shown}</pre></body></html>\n")
    return Response(text, media_type=MEDIA.get(outfmt, "text/plain"))


def _search(service: Service, caller: Caller, values: Mapping[str, str]) -> Search:
    return service.searches.get(SearchId(values.get("RID", "")), caller.sees)


def _info(text: str) -> Response:
    return PlainTextResponse(f"<!--\nQBlastInfoBegin\n\t{text}\nQBlastInfoEnd\n-->\n", media_type="text/html")
