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

from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.uploads import IN_MEMORY_BYTES, bounded, incoming
from shardblast.bootstrap.service import Service
from shardblast.core.errors import InputError, NotFoundError
from shardblast.core.permitted import OptionValue
from shardblast.core.search import Search, SearchId, State
from shardblast.service.callers import Caller, Scope
from shardblast.service.searches import Wanted

FORMATS = {"TEXT": "0", "HTML": "0", "XML": "5", "XML2": "16", "XML2_S": "16", "JSON2": "15", "JSON2_S": "15"}
MEDIA = {"5": "application/xml", "16": "application/xml", "15": "application/json"}
OPTIONS = {
    "EXPECT": "evalue",
    "HITLIST_SIZE": "max_target_seqs",
    "WORD_SIZE": "word_size",
    "NUCL_PENALTY": "penalty",
    "NUCL_REWARD": "reward",
    "MATRIX_NAME": "matrix",
    "MATRIX": "matrix",
    "PERC_IDENT": "perc_identity",
    "THRESHOLD": "threshold",
    "GENETIC_CODE": "query_gencode",
    "DB_GENETIC_CODE": "db_gencode",
    "COMPOSITION_BASED_STATISTICS": "comp_based_stats",
    "SEARCHSP_EFF": "searchsp",
    "TEMPLATE_LENGTH": "template_length",
    "TEMPLATE_TYPE": "template_type",
}
NUCLEOTIDE_PROGRAM = "blastn"
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
    most = min(service.settings.limits.upload_bytes, IN_MEMORY_BYTES)
    form = await bounded(request, most).form(max_part_size=most)
    sent = {name: value for name, value in form.items() if isinstance(value, str)}
    return await _answer(service, caller, {**request.query_params, **sent})


async def _answer(service: Service, caller: Caller, sent: Mapping[str, str]) -> Response:
    values = {name.upper(): value for name, value in sent.items()}
    match values.get("CMD", "").lower():
        case "put":
            return await _put(service, caller, values)
        case "get":
            caller.check(Scope.READ)
            await _wait(service, caller, values)
            return await asyncio.to_thread(_get, service, caller, values)
        case "delete":
            caller.check(Scope.SEARCH)
            search = await asyncio.to_thread(_search, service, caller, values)
            await asyncio.to_thread(_delete, service, search)
            return _info("Status=DELETED")
    raise InputError("CMD is none of Put, Get and Delete.", remedy="Send one of them.")


async def _put(service: Service, caller: Caller, values: Mapping[str, str]) -> Response:
    caller.check(Scope.SEARCH)
    query = values.get("QUERY", "")
    if not query.lstrip().startswith(">"):
        query = f">Query\n{query}\n"
    with incoming(service.folders.incoming) as path:
        path.write_text(query, newline="")
        program = values.get("PROGRAM", "").lower()
        known = service.searches.options_of(program)
        options = {name: value for name, value in _options(program, values).items() if name in known}
        wanted = Wanted(program, values.get("DATABASE", ""), options, path, "")
        search = await asyncio.to_thread(service.searches.submit, wanted, caller.owner, None)
        seconds = await asyncio.to_thread(service.store.seconds_per_work, search.program, search.database)
    rtoe = max(FEWEST_SECONDS, math.ceil((seconds or 0.0) * search.letters))
    return HTMLResponse(
        "<!DOCTYPE html>\n<html><body>\n"
        f'<form action="Blast.cgi"><input name="RID" value="{search.id}" type="hidden"></form>\n'
        f"<!--QBlastInfoBegin\n    RID = {search.id}\n    RTOE = {rtoe}\nQBlastInfoEnd\n-->\n</body></html>\n"
    )


async def _wait(service: Service, caller: Caller, values: Mapping[str, str]) -> None:
    """Wait a little for the end of a search: its programs ask again only after 20 seconds and more."""
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
    try:
        search = _search(service, caller, values)
    except NotFoundError:
        return _info("Status=UNKNOWN")
    wants_state = values.get("FORMAT_OBJECT", "").lower() == "searchinfo"
    if search.state is not State.COMPLETED or wants_state:
        hits = "\nThereAreHits=yes" if search.hits else ""
        return _info(f"Status={STATUSES.get(search.state, 'WAITING')}{hits}")
    kind = values.get("FORMAT_TYPE", "HTML").upper()
    outfmt = "7" if values.get("ALIGNMENT_VIEW", "").lower() == "tabular" or kind == "TABULAR" else FORMATS.get(kind)
    if outfmt is None:
        raise InputError(f"FORMAT_TYPE {kind!r} is unknown.", remedy=f"Use {', '.join(FORMATS)} or Tabular.")
    with service.results.printed(search.id, outfmt) as path:
        text = path.read_bytes()
    if kind == "HTML":
        shown = html.escape(text.decode(errors="replace"))
        return HTMLResponse(f"<!DOCTYPE html>\n<html><body><pre>\n{shown}</pre></body></html>\n")
    return Response(text, media_type=MEDIA.get(outfmt, "text/plain"))


def _delete(service: Service, search: Search) -> None:
    if not search.state.is_final:
        search = service.searches.cancel(search)
    service.searches.delete(search)


def _search(service: Service, caller: Caller, values: Mapping[str, str]) -> Search:
    return service.searches.get(SearchId(values.get("RID", "")), caller.sees)


def _info(text: str) -> Response:
    return PlainTextResponse(f"<!--\nQBlastInfoBegin\n\t{text}\nQBlastInfoEnd\n-->\n", media_type="text/html")


def _options(program: str, values: Mapping[str, str]) -> dict[str, OptionValue]:
    """Return BLAST+'s options for the parameters; those that only NCBI's pages know are passed over, as NCBI does."""
    options: dict[str, OptionValue] = {
        OPTIONS[name]: value for name, value in values.items() if name in OPTIONS and value
    }
    if "comp_based_stats" in options:
        told = str(options["comp_based_stats"]).lower()
        options["comp_based_stats"] = {"off": "0", "no": "0", "on": "2", "yes": "2"}.get(told, told)
    if program == NUCLEOTIDE_PROGRAM:
        megablast = values.get("MEGABLAST", "").lower() in ("on", "yes", "true")
        options["task"] = "megablast" if megablast else "blastn"
    if gaps := values.get("GAPCOSTS", "").split():
        options |= dict(zip(("gapopen", "gapextend"), gaps, strict=False))
    if values.get("UNGAPPED_ALIGNMENT", "").lower() in ("yes", "true", "on"):
        options["ungapped"] = True
    if values.get("LCASE_MASK", "").lower() in ("yes", "true", "on"):
        options["lcase_masking"] = True
    if masking := _masking(program, values.get("FILTER", "")):
        options[masking[0]] = masking[1]
    if values.get("QUERY_FROM") and values.get("QUERY_TO"):
        options["query_loc"] = f"{values['QUERY_FROM']}-{values['QUERY_TO']}"
    return options


def _masking(program: str, text: str) -> tuple[str, str] | None:
    if not text or text.upper() == "NONE":
        return None
    name = "dust" if program == NUCLEOTIDE_PROGRAM else "seg"
    return name, "no" if text.upper()[0] == "F" else "yes"
