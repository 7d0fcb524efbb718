"""``/api/v1/searches``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response, status
from pydantic import ValidationError
from pydantic_core import from_json
from sse_starlette import EventSourceResponse
from starlette.datastructures import UploadFile

from shardblast.api.auth import shown_to
from shardblast.api.context import (
    IN_MEMORY_BYTES,
    CallerDep,
    LinkDep,
    ReadableDep,
    SearchDep,
    ServiceDep,
    Text,
    bounded,
    caller_of,
    incoming,
    limited,
    unpacked,
)
from shardblast.api.errors import invalid_body
from shardblast.api.events import PING_EVERY_S, Watched, changes, id_of, stream
from shardblast.api.models import (
    EntryOut,
    PieceOut,
    PreflightOut,
    RunningPieceOut,
    SearchesOut,
    SearchFields,
    SearchIn,
    SearchOut,
    StateName,
)
from shardblast.bootstrap.service import Service
from shardblast.core.errors import InputError, TooLargeError
from shardblast.core.history import LOGGED, log_of
from shardblast.core.option_table import LISTS, MOST_BYTES
from shardblast.core.search import State, document
from shardblast.service.callers import Scope
from shardblast.service.preflight import Wanted
from shardblast.service.settings import UPLOAD_BYTES
from shardblast.store.searches import Sort, SortOrder

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/SearchIn"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["program", "database", "query"],
                    "properties": {
                        "program": {"type": "string"},
                        "database": {"type": "string"},
                        "query": {"type": "string", "format": "binary", "description": "FASTA, plain or packed"},
                        "options": {"type": "string", "description": "As on a command line, or a JSON object"},
                        "title": {"type": "string"},
                        "exactness": {"type": "string"},
                        "output": {"type": "string", "description": "As options: -outfmt, -num_alignments and so on"},
                        **{
                            name: {
                                "type": "string",
                                "format": "binary",
                                "description": "One on each line, plain or packed",
                            }
                            for name in LISTS
                        },
                    },
                }
            },
        },
    }
}

SORTS = "Titles by their first 100 letters; elapsed and hits of searches that have not ended count as less than 0"
SortName = Literal["created", "title", "database", "state", "elapsed", "queries", "hits"]

router = APIRouter(prefix="/searches", tags=["searches"])


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=BODY)
async def create_search(
    request: Request,
    response: Response,
    service: ServiceDep,
    caller: CallerDep,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> SearchOut:
    """Queue a search; its address is in ``Location``. The same Idempotency-Key gives the same search."""
    caller.check(Scope.SEARCH)
    with incoming(service.folders.incoming) as path:
        wanted = await _wanted(request, service, path)
        search = await asyncio.to_thread(service.searches.submit, wanted, caller.owner, idempotency_key)
    response.headers["Location"] = f"/api/v1/searches/{search.id}"
    return SearchOut.of(search)


@router.post("/preflight", openapi_extra=BODY)
async def preflight(request: Request, service: ServiceDep, caller: CallerDep) -> PreflightOut:
    """Tell what would run, and every problem with what to do about it."""
    caller.check(Scope.SEARCH)
    with incoming(service.folders.incoming) as path:
        wanted = await _wanted(request, service, path)
        return PreflightOut.of(await asyncio.to_thread(service.preflights.of, wanted), wanted.program)


@router.get("")
def list_searches(
    service: ServiceDep,
    caller: CallerDep,
    state: StateName | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=5000, description="Of the page before, in the same order")] = None,
    text: Annotated[Text, Query(description="In the title, program, database or id")] = "",
    sort: Annotated[SortName, Query(description=SORTS)] = "created",
    order: Annotated[Literal["asc", "desc"], Query(description="The least first, or the greatest")] = "desc",
    key: Annotated[
        str | None,
        Query(max_length=200, description="Only the caller's search that was submitted with this Idempotency-Key"),
    ] = None,
) -> SearchesOut:
    """List searches, newest first unless another order is asked for."""
    caller.check(Scope.READ)
    if key is not None:
        found = service.store.by_key(caller.owner, key)
        return SearchesOut(searches=[] if found is None else [SearchOut.of(found)], cursor=None)
    wanted = None if state is None else State(state)
    ordered = SortOrder(Sort(sort), order == "desc")
    page = service.searches.page(owner=caller.sees, state=wanted, limit=limit, cursor=cursor, text=text, order=ordered)
    return SearchesOut(searches=[SearchOut.of(one) for one in page.searches], cursor=page.cursor)


@router.get("/events", response_class=EventSourceResponse)
async def follow_searches(request: Request, service: ServiceDep, caller: CallerDep) -> EventSourceResponse:
    """Stream which searches change: ``search`` as it is now, ``deleted``, or ``reload`` when any may have changed.

    It ends when the caller may read no more.
    """
    caller.check(Scope.READ)

    def sees() -> str | None:
        now = caller_of(request, service)
        now.check(Scope.READ)
        return now.sees

    return EventSourceResponse(changes(service, sees), ping=PING_EVERY_S)


@router.get("/{search_id}")
def read_search(search: ReadableDep, service: ServiceDep, link: LinkDep) -> SearchOut:
    """Read a search."""
    return SearchOut.of(search, shown_to(link, service, search.id))


@router.get("/{search_id}/pieces")
def read_pieces(search: ReadableDep, service: ServiceDep, link: LinkDep) -> list[PieceOut]:
    """List the BLAST+ processes of a search that have ended; through a share link nodes have numbers for names."""
    shown = shown_to(link, service, search.id)
    return [PieceOut.model_validate(shown(asdict(one))) for one in service.store.pieces(search.id)]


@router.get("/{search_id}/running")
def read_running(search: ReadableDep, service: ServiceDep, link: LinkDep) -> list[RunningPieceOut]:
    """List the BLAST+ processes of a search that run now, wherever that is."""
    shown = shown_to(link, service, search.id)
    return [RunningPieceOut.model_validate(shown(asdict(one))) for one in service.store.running(search.id)]


@router.get("/{search_id}/log")
def read_log(search: ReadableDep, service: ServiceDep, link: LinkDep) -> list[EntryOut]:
    """Tell what happened to a search, oldest first."""
    shown = shown_to(link, service, search.id)
    events = (replace(one, data=shown(one.data)) for one in service.store.events(search.id, LOGGED))
    return [EntryOut.model_validate(asdict(one)) for one in log_of(events)]


@router.get("/{search_id}/events", response_class=EventSourceResponse)
async def read_events(
    search: ReadableDep,
    service: ServiceDep,
    link: LinkDep,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> EventSourceResponse:
    """Stream what happens to a search, as long as the share link is good: first as it is, then every change."""

    def snapshot() -> tuple[dict[str, Any], bool, int]:
        now, last = service.store.snapshot(search.id)
        return document(now), now.state.is_final, last

    watched = Watched(search.id, snapshot, service.sharing.reader(link, service.store.events_after))
    shown = await asyncio.to_thread(shown_to, link, service, search.id)
    events = stream(service, watched, id_of(last_event_id), shown)
    return EventSourceResponse(events, ping=PING_EVERY_S)


@router.post("/{search_id}/cancel")
def cancel_search(search: SearchDep, service: ServiceDep, caller: CallerDep) -> SearchOut:
    """Stop a search for good."""
    caller.check(Scope.SEARCH)
    return SearchOut.of(service.searches.cancel(search))


@router.post("/{search_id}/retry", status_code=status.HTTP_202_ACCEPTED)
def retry_search(search: SearchDep, service: ServiceDep, caller: CallerDep) -> SearchOut:
    """Run a search again that failed, which goes on with its finished pieces, or was cancelled, which starts anew."""
    caller.check(Scope.SEARCH)
    return SearchOut.of(service.searches.retry(search))


@router.delete("/{search_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_search(search: SearchDep, service: ServiceDep, caller: CallerDep) -> None:
    """Remove a search that is over, and all that belongs to it."""
    caller.check(Scope.SEARCH)
    service.searches.delete(search)


async def _wanted(request: Request, service: Service, path: Path) -> Wanted:
    """Read a request's body into a file of queries and what is to be done with them."""
    most = UPLOAD_BYTES
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    lists: dict[str, Path] = {}
    try:
        if kind == "multipart/form-data":
            fields = await _form(request, path, most, lists)
        else:
            body = b"".join([block async for block in limited(request, min(most, IN_MEMORY_BYTES))])
            sent = SearchIn.model_validate_json(body)
            path.write_text(sent.query, errors="surrogatepass", newline="")
            for name, text in sent.lists.items():
                lists[name] = _list_file(path, len(lists))
                lists[name].write_text(text, newline="")
            fields = sent
    except ValidationError as error:
        raise invalid_body(error) from error
    except UnicodeError as error:
        raise InputError("The queries are no text.", remedy="Send UTF-8.") from error
    await asyncio.to_thread(unpacked, path, most)
    for list_file in lists.values():
        await asyncio.to_thread(unpacked, list_file, min(most, MOST_BYTES))
    named = (fields.program, fields.database, fields.options, path, fields.title, fields.exactness)
    return Wanted(*named, lists, fields.output)


async def _form(request: Request, path: Path, most: int, lists: dict[str, Path]) -> SearchFields:
    """Read a form; the lists in it become files of ours, which are noted."""
    form = await bounded(request, most).form(
        max_files=1 + len(LISTS), max_fields=10, max_part_size=min(most, IN_MEMORY_BYTES)
    )
    try:
        values: dict[str, Any] = {name: value for name, value in form.items() if not isinstance(value, UploadFile)}
        query = form.get("query")
        values.pop("query", None)
        for name in ("options", "output"):
            if str(values.get(name, "")).lstrip().startswith("{"):
                values[name] = _object(values[name])
        sent = {name: form[name] for name in LISTS if name in form}
        fields = SearchFields.model_validate({name: value for name, value in values.items() if name not in sent})
        await asyncio.to_thread(_save, query, path, most)
        for name, content in sent.items():
            lists[name] = _list_file(path, len(lists))
            await asyncio.to_thread(_save, content, lists[name], most)
    finally:
        await form.close()
    return fields


def _list_file(path: Path, number: int) -> Path:
    """Return where a list goes: beside the queries, with which it is removed."""
    return path.with_suffix(f".list{number}")


def _save(query: UploadFile | str | None, path: Path, most: int) -> None:
    if query is None:
        raise InputError("The form has no queries.", remedy="Send FASTA as 'query', a file or a text.")
    if isinstance(query, str):
        path.write_text(query, newline="")
        return
    with path.open("wb") as target:
        while block := query.file.read(1 << 20):
            target.write(block)
    if path.stat().st_size > most:
        raise TooLargeError(f"The upload is larger than {most:,} bytes.", remedy="Send it in parts.")


def _object(text: str) -> object:
    try:
        return from_json(text)
    except ValueError:
        return text
