"""``/api/v1/searches``: submitting, listing, following and removing searches."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response, status
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json
from sse_starlette import EventSourceResponse
from starlette.datastructures import UploadFile

from shardblast.api.auth import shown_to
from shardblast.api.context import (
    IN_MEMORY_BYTES,
    LinkDep,
    ReadableDep,
    ReaderDep,
    SearchDep,
    SearcherDep,
    ServiceDep,
    Text,
    bounded,
    incoming,
    limited,
    reader_of,
    too_large,
    unpacked,
)
from shardblast.api.errors import invalid_body
from shardblast.api.events import PING_EVERY_S, Watched, changes, id_of, stream
from shardblast.api.models import EntryOut, PreflightOut, SearchesOut, SearchFields, SearchIn, SearchOut, StateName
from shardblast.bootstrap.service import Service
from shardblast.core.errors import InputError
from shardblast.core.events import LOGGED, Entry, RunningPiece, log_of
from shardblast.core.option_table import LISTS, MOST_BYTES
from shardblast.core.search import Document, Piece, State
from shardblast.service.preflight import Wanted
from shardblast.service.settings import UPLOAD_BYTES
from shardblast.store.searches import Sort, SortOrder

_TEXT = {"type": "string"}
_FILE = {**_TEXT, "format": "binary"}
_FORM = {
    "program": _TEXT,
    "database": _TEXT,
    "query": {**_FILE, "description": "FASTA, plain or compressed"},
    "options": {**_TEXT, "description": "As on a command line, or a JSON object"},
    "title": _TEXT,
    "exactness": _TEXT,
    "output": {**_TEXT, "description": "Output options: -outfmt, -num_alignments and so on"},
    **{name: {**_FILE, "description": "One id or taxid per line, plain or compressed"} for name in LISTS},
}
_FORM_SCHEMA = {"type": "object", "required": ["program", "database", "query"], "properties": _FORM}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/SearchIn"}},
            "multipart/form-data": {"schema": _FORM_SCHEMA},
        },
    }
}

SORTS = "Titles sort by their first 100 characters; elapsed and hits of unfinished searches count as negative"

SortName = Literal["created", "title", "database", "state", "elapsed", "queries", "hits"]

router = APIRouter(prefix="/searches", tags=["searches"])


@router.post("", status_code=status.HTTP_202_ACCEPTED, response_model=SearchOut, openapi_extra=BODY)
async def create_search(
    request: Request,
    response: Response,
    service: ServiceDep,
    caller: SearcherDep,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Document:
    """Queue a search; ``Location`` holds its URL. The same Idempotency-Key returns the existing search."""
    with incoming(service.folders.incoming) as path:
        wanted = await _wanted(request, service, path)
        search = await asyncio.to_thread(service.searches.submit, wanted, caller.owner, idempotency_key)
    response.headers["Location"] = f"/api/v1/searches/{search.id}"
    return search.document()


@router.post("/preflight", openapi_extra=BODY)
async def preflight(request: Request, service: ServiceDep, caller: SearcherDep) -> PreflightOut:
    """Check a search without running it: the plan, and every problem with its remedy."""
    with incoming(service.folders.incoming) as path:
        wanted = await _wanted(request, service, path)
        return PreflightOut.of(await asyncio.to_thread(service.preflights.of, wanted), wanted.program)


class ListingIn(BaseModel):
    """Which searches to list, and how."""

    state: StateName | None = None
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=5000, description="Cursor of the previous page, same order")
    text: Text = Field("", description="Part of the title, program, database or id")
    sort: SortName = Field("created", description=SORTS)
    order: Literal["asc", "desc"] = Field("desc", description="Ascending or descending")
    key: str | None = Field(
        None, max_length=200, description="Only the caller's search that was submitted with this Idempotency-Key"
    )


@router.get("", response_model=SearchesOut)
def list_searches(service: ServiceDep, caller: ReaderDep, listing: Annotated[ListingIn, Query()]) -> Document:
    """List searches, by default the newest first."""
    if listing.key is not None:
        found = service.store.find(caller.owner, listing.key)
        return {"searches": [] if found is None else [found.document()], "cursor": None}
    page = service.store.page(
        owner=caller.sees,
        state=None if listing.state is None else State(listing.state),
        limit=listing.limit,
        cursor=listing.cursor,
        text=listing.text,
        order=SortOrder(Sort(listing.sort), listing.order == "desc"),
    )
    return {"searches": [search.document() for search in page.searches], "cursor": page.cursor}


@router.get("/events", response_class=EventSourceResponse)
async def follow_searches(request: Request, service: ServiceDep, caller: ReaderDep) -> EventSourceResponse:
    """Stream changed searches: ``search`` with its new state, ``deleted``, or ``reload`` if any may have changed.

    The stream ends when the caller loses the right to read.
    """
    return EventSourceResponse(changes(service, reader_of(request, service)), ping=PING_EVERY_S)


@router.get("/{search_id}", response_model=SearchOut)
def read_search(search: ReadableDep, service: ServiceDep, link: LinkDep) -> Document:
    """Read a search."""
    return shown_to(link, service, search.id)(search.document())


@router.get("/{search_id}/pieces", response_model=list[Piece])
def read_pieces(search: ReadableDep, service: ServiceDep, link: LinkDep) -> list[Document]:
    """List the finished BLAST+ processes of a search. Readers of a share link see numbers instead of nodes' names."""
    shown = shown_to(link, service, search.id)
    return [shown(asdict(piece)) for piece in service.store.pieces(search.id)]


@router.get("/{search_id}/running", response_model=list[RunningPiece])
def read_running(search: ReadableDep, service: ServiceDep, link: LinkDep) -> list[Document]:
    """List the running BLAST+ processes of a search on all nodes."""
    shown = shown_to(link, service, search.id)
    return [shown(asdict(piece)) for piece in service.store.running(search.id)]


@router.get("/{search_id}/log", response_model=list[EntryOut])
def read_log(search: ReadableDep, service: ServiceDep, link: LinkDep) -> Iterator[Entry]:
    """Read the log of a search, oldest entry first."""
    shown = shown_to(link, service, search.id)
    events = (replace(event, data=shown(event.data)) for event in service.store.events(search.id, LOGGED))
    return log_of(events)


@router.get("/{search_id}/events", response_class=EventSourceResponse)
async def read_events(
    search: ReadableDep,
    service: ServiceDep,
    link: LinkDep,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> EventSourceResponse:
    """Stream a search: first its state now, then every change. A revoked share link ends the stream."""

    watched = Watched(search.id, service.store.snapshot, service.sharing.reader(link, service.store.events_after))
    shown = await asyncio.to_thread(shown_to, link, service, search.id)
    events = stream(service, watched, id_of(last_event_id), shown)
    return EventSourceResponse(events, ping=PING_EVERY_S)


@router.post("/{search_id}/cancel", response_model=SearchOut)
def cancel_search(search: SearchDep, service: ServiceDep, caller: SearcherDep) -> Document:
    """Cancel a search."""
    return service.searches.cancel(search).document()


@router.post("/{search_id}/retry", status_code=status.HTTP_202_ACCEPTED, response_model=SearchOut)
def retry_search(search: SearchDep, service: ServiceDep, caller: SearcherDep) -> Document:
    """Run a search again: a failed one resumes from its finished pieces, a cancelled one starts from the beginning."""
    return service.searches.retry(search).document()


@router.delete("/{search_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_search(search: SearchDep, service: ServiceDep, caller: SearcherDep) -> None:
    """Delete a finished search, with its results and share links."""
    service.searches.delete(search)


async def _wanted(request: Request, service: Service, path: Path) -> Wanted:
    """Return the search that a request's body describes; the queries and lists go to files."""
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
        raise InputError("The queries are not valid text.", remedy="Send UTF-8.") from error
    await asyncio.to_thread(unpacked, path, most)
    for list_file in lists.values():
        await asyncio.to_thread(unpacked, list_file, min(most, MOST_BYTES))
    return Wanted(**fields.model_dump(exclude={"query", "lists"}), query=path, lists=lists)


async def _form(request: Request, path: Path, most: int, lists: dict[str, Path]) -> SearchFields:
    """Read a form: save its queries and lists to files, and add the paths of the lists to ``lists``."""
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
    """Return the path of a list, beside the queries, so that both are removed together."""
    return path.with_suffix(f".list{number}")


def _save(content: UploadFile | str | None, path: Path, most: int) -> None:
    if content is None:
        raise InputError("The form has no queries.", remedy="Send FASTA in the field 'query', as a file or as text.")
    if isinstance(content, str):
        path.write_text(content, newline="")
        return
    with path.open("wb") as target:
        while block := content.file.read(1 << 20):
            target.write(block)
    if path.stat().st_size > most:
        raise too_large(most)


def _object(text: str) -> object:
    try:
        return from_json(text)
    except ValueError:
        return text
