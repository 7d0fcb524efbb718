"""``/blast/Blast.cgi``: NCBI's BLAST Common URL API, for clients of NCBI's server.

Source:
    https://blast.ncbi.nlm.nih.gov/doc/blast-help/urlapi.html; what Biopython (Bio.Blast.NCBIWWW) and BioPerl
    (Bio::Tools::Run::RemoteBlast) send and read.
"""

import asyncio
import html
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from shardblast.api.context import IN_MEMORY_BYTES, CallerDep, ServiceDep, bounded, incoming
from shardblast.api.errors import note_code, status_of
from shardblast.bootstrap.service import Service
from shardblast.core.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    ShardblastError,
    UnauthorizedError,
    reported,
    without_folders,
)
from shardblast.core.formats import Syntax, parse_outfmt
from shardblast.core.formatting import Printing
from shardblast.core.option_table import OptionValue
from shardblast.core.search import Search, SearchId, State
from shardblast.service.callers import Caller, Scope
from shardblast.service.preflight import Wanted
from shardblast.service.settings import UPLOAD_BYTES

FEWEST_SECONDS = 1
WAITS_S = 10.0
STATUSES = {State.COMPLETED: "READY", State.FAILED: "FAILED", State.CANCELLED: "FAILED"}

router = APIRouter(prefix="/blast", tags=["NCBI BLAST URL API"])

FORMATS = {
    "TEXT": "0",
    "HTML": "0",
    "XML": "5",
    "XML2": "16",
    "XML2_S": "16",
    "JSON2": "15",
    "JSON2_S": "15",
    "TABULAR": "7",
    "ASN.1": "8",
}
VIEWS = {
    "PAIRWISE": "0",
    "QUERYANCHORED": "1",
    "QUERYANCHOREDNOIDENTITIES": "2",
    "FLATQUERYANCHORED": "3",
    "FLATQUERYANCHOREDNOIDENTITIES": "4",
    "TABULAR": "7",
}
"""ALIGNMENT_VIEW of the types TEXT and HTML."""
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
NOT_HERE = ("ENTREZ_QUERY", "PHI_PATTERN", "OTHER_ADVANCED", "QUERY_FILE")
"""Parameters that change the result and that only NCBI supports."""
SERVICES = ("", "plain", "megablast")
NUCLEOTIDE_PROGRAM = "blastn"
LONGEST_NUMBER = 10
"""Maximum number of digits."""
NO_QUERY = "(none)"
"""Biopython's ENTREZ_QUERY when the user gives none."""
PAGE = "HTML"
"""The default FORMAT_TYPE."""


@router.get("/Blast.cgi", response_class=Response)
async def get(request: Request, service: ServiceDep, caller: CallerDep, CMD: Annotated[str, Query()] = "") -> Response:
    """Handle CMD=Put, Get or Delete, with parameters in the URL."""
    return await _answer(service, caller, dict(request.query_params))


@router.post("/Blast.cgi", response_class=Response)
async def post(request: Request, service: ServiceDep, caller: CallerDep) -> Response:
    """Handle CMD=Put, Get or Delete, with parameters in the URL or in a form."""
    most = min(UPLOAD_BYTES, IN_MEMORY_BYTES)
    form = await bounded(request, most).form(max_part_size=most)
    sent = {name: value for name, value in form.items() if isinstance(value, str)}
    return await _answer(service, caller, {**request.query_params, **sent})


def outfmt_of(values: Mapping[str, str]) -> str:
    """Return the output format for FORMAT_TYPE and, in text, ALIGNMENT_VIEW."""
    kind = values.get("FORMAT_TYPE", PAGE).upper()
    view = values.get("ALIGNMENT_VIEW", "Pairwise").upper()
    if kind not in FORMATS:
        raise InputError(f"FORMAT_TYPE {kind!r} is unknown.", remedy=f"Use one of {', '.join(FORMATS)}.")
    if view not in VIEWS:
        raise InputError(f"ALIGNMENT_VIEW {view!r} is unknown.", remedy=f"Use one of {', '.join(VIEWS)}.")
    return VIEWS[view] if kind in ("TEXT", PAGE) else FORMATS[kind]


def printing_of(values: Mapping[str, str], outfmt: str, kept: int) -> Printing:
    """Return how many of the kept subjects are printed; numbers above ``kept`` are lowered, since clients send them."""
    if not parse_outfmt(outfmt).is_pairwise:
        return Printing()
    descriptions, alignments = (_count(values, name, kept) for name in ("DESCRIPTIONS", "ALIGNMENTS"))
    return Printing(descriptions, alignments, show_gis=_is_on(values, "NCBI_GI"))


def options_of(program: str, values: Mapping[str, str]) -> dict[str, OptionValue]:
    """Return the BLAST+ options for the parameters; unknown parameters are ignored, as NCBI ignores them."""
    options: dict[str, OptionValue] = {
        OPTIONS[name]: value for name, value in values.items() if name in OPTIONS and value
    }
    if "comp_based_stats" in options:
        mode = str(options["comp_based_stats"]).lower()
        options["comp_based_stats"] = {"off": "0", "no": "0", "on": "2", "yes": "2"}.get(mode, mode)
    if task := values.get("TASK", "").lower():
        options["task"] = task
    elif program == NUCLEOTIDE_PROGRAM:
        megablast = _is_on(values, "MEGABLAST") or values.get("SERVICE", "").lower() == "megablast"
        options["task"] = "megablast" if megablast else "blastn"
    if gaps := values.get("GAPCOSTS", "").split():
        options |= dict(zip(("gapopen", "gapextend"), gaps, strict=False))
    if _is_on(values, "UNGAPPED_ALIGNMENT"):
        options["ungapped"] = True
    if _is_on(values, "LCASE_MASK"):
        options["lcase_masking"] = True
    if masking := _masking(program, values.get("FILTER", "")):
        options[masking[0]] = masking[1]
    if values.get("QUERY_FROM") and values.get("QUERY_TO"):
        options["query_loc"] = f"{values['QUERY_FROM']}-{values['QUERY_TO']}"
    return options


def check_service(values: Mapping[str, str]) -> None:
    """Reject parameters that would change NCBI's result and that this service can't honour."""
    service = values.get("SERVICE", "").lower()
    if service not in SERVICES:
        raise InputError(f"SERVICE {service!r} is not offered here.", remedy="Use plain or megablast.")
    for name in NOT_HERE:
        if values.get(name, "").strip() not in ("", NO_QUERY):
            raise InputError(f"{name} is not supported here.", remedy="Leave it out.")


async def _answer(service: Service, caller: Caller, sent: Mapping[str, str]) -> Response:
    values = {name.upper(): value for name, value in sent.items()}
    command = values.get("CMD", "").lower()
    try:
        return await _handle(service, caller, command, values)
    except (UnauthorizedError, NotAllowedError):
        raise
    except ShardblastError as error:  # Biopython reads the page of a failed Put only if its status is 200
        return _refusal(error, 200 if command == "put" else status_of(error))


async def _handle(service: Service, caller: Caller, command: str, values: Mapping[str, str]) -> Response:
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
    raise InputError("CMD must be Put, Get or Delete.", remedy="Send one of them.")


def _refusal(error: ShardblastError, status: int) -> Response:
    """Return a page with the error in the element in which NCBI's page has it."""
    note_code(error.code)
    lines = (
        [f"{problem.detail} {problem.remedy}" for problem in error.problems]
        if isinstance(error, RefusedError)
        else [str(error)]
    )
    text = html.escape(" ".join(without_folders(" ".join(lines)).split()), quote=False)
    page = f'<!DOCTYPE html>\n<html><body>\n<div class="error msInf">{text}</div>\n</body></html>\n'
    return HTMLResponse(page, status)


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
    """Wait briefly for the end of a search, because clients poll only every 20 seconds or more."""
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
    """Return a search's state or result; a failure has an error status, as Biopython polls until it gets a result."""
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
        raise reported(search.failure.code, search.failure.problem, search.failure.remedy)
    return _result(service, search, values)


def _result(service: Service, search: Search, values: Mapping[str, str]) -> Response:
    outfmt = outfmt_of(values)
    printing = printing_of(values, outfmt, service.results.kept(search))
    with service.results.printed(search.id, outfmt, printing=printing) as path:
        text = path.read_bytes()
    if values.get("FORMAT_TYPE", PAGE).upper() == PAGE:
        shown = html.escape(text.decode(errors="replace"))
        return HTMLResponse(f"<!DOCTYPE html>\n<html><body><pre>\n{shown}</pre></body></html>\n")
    written = parse_outfmt(outfmt).format
    is_typed = written.syntax in (Syntax.XML, Syntax.JSON)
    return Response(text, media_type=written.media_type if is_typed else "text/plain")


def _search(service: Service, caller: Caller, values: Mapping[str, str]) -> Search:
    return service.searches.get(SearchId(values.get("RID", "")), caller.sees)


def _info(text: str) -> Response:
    return PlainTextResponse(f"<!--\nQBlastInfoBegin\n\t{text}\nQBlastInfoEnd\n-->\n", media_type="text/html")


def _count(values: Mapping[str, str], name: str, most: int) -> int | None:
    text = values.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER):
        raise InputError(f"{name} must be a number, not {text!r}.", remedy="Give the number of subjects to show.")
    return min(int(text), most)


def _is_on(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "").lower() in ("on", "yes", "true", "t")


def _masking(program: str, text: str) -> tuple[str, str] | None:
    if not text or text.upper() == "NONE":
        return None
    name = "dust" if program == NUCLEOTIDE_PROGRAM else "seg"
    return name, "no" if text.upper()[0] == "F" else "yes"
