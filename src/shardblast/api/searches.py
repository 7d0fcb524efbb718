"""``/api/v1/searches``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import from_json
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import UploadFile

from shardblast.api.context import CallerDep, ReadableDep, SearchDep, ServiceDep
from shardblast.api.models import PreflightOut, SearchesOut, SearchFields, SearchIn, SearchOut, StateName
from shardblast.api.uploads import IN_MEMORY_BYTES, bounded, incoming, limited, unpacked
from shardblast.bootstrap.service import Service
from shardblast.core.errors import InputError, TooLargeError
from shardblast.core.search import SearchId, State, document
from shardblast.service.callers import Scope
from shardblast.service.searches import Wanted

PING_EVERY_S = 15
LONGEST_ID = 18
"""Digits of an event's id that a database holds."""
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
                    },
                }
            },
        },
    }
}

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
        return PreflightOut.of(await asyncio.to_thread(service.searches.preflight, wanted), wanted.program)


@router.get("")
def list_searches(
    service: ServiceDep,
    caller: CallerDep,
    state: StateName | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> SearchesOut:
    """List searches, newest first."""
    caller.check(Scope.READ)
    wanted = None if state is None else State(state)
    page = service.searches.page(owner=caller.sees, state=wanted, limit=limit, cursor=cursor)
    return SearchesOut(searches=[SearchOut.of(one) for one in page.searches], cursor=page.cursor)


@router.get("/{search_id}")
def read_search(search: ReadableDep) -> SearchOut:
    """Read a search."""
    return SearchOut.of(search)


@router.get("/{search_id}/pieces")
def read_pieces(search: ReadableDep, service: ServiceDep) -> list[dict[str, Any]]:
    """List the BLAST+ processes of a search that have ended."""
    return [{name: getattr(one, name) for name in one.__slots__} for one in service.store.pieces(search.id)]


@router.get("/{search_id}/events", response_class=EventSourceResponse)
async def read_events(
    search: ReadableDep, service: ServiceDep, last_event_id: Annotated[str | None, Header(max_length=20)] = None
) -> EventSourceResponse:
    """Stream what happens to a search: first the search as it is, then every change."""
    told = last_event_id or ""
    last = int(told) if told.isascii() and told.isdigit() and len(told) < LONGEST_ID else None
    return EventSourceResponse(_events(service, search.id, last), ping=PING_EVERY_S)


@router.post("/{search_id}/cancel")
def cancel_search(search: SearchDep, service: ServiceDep, caller: CallerDep) -> SearchOut:
    """Stop a search for good."""
    caller.check(Scope.SEARCH)
    return SearchOut.of(service.searches.cancel(search))


@router.post("/{search_id}/retry", status_code=status.HTTP_202_ACCEPTED)
def retry_search(search: SearchDep, service: ServiceDep, caller: CallerDep) -> SearchOut:
    """Run a search again that failed or was cancelled."""
    caller.check(Scope.SEARCH)
    return SearchOut.of(service.searches.retry(search))


@router.delete("/{search_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_search(search: SearchDep, service: ServiceDep, caller: CallerDep) -> None:
    """Remove a search that is over, and all that belongs to it."""
    caller.check(Scope.SEARCH)
    service.searches.delete(search)


async def _events(service: Service, search_id: SearchId, last: int | None) -> AsyncIterator[ServerSentEvent]:
    """Yield a snapshot, unless the reader was here before, and then the changes until the search is over."""
    search, known = await asyncio.to_thread(service.store.snapshot, search_id)
    if last is None:
        yield ServerSentEvent(json.dumps(document(search)), event="snapshot", id=str(known))
        if search.state.is_final:
            return
    elif search.state.is_final:
        while missed := await asyncio.to_thread(service.store.events_after, search_id, last):
            for event in missed:
                last = event.id
                yield ServerSentEvent(json.dumps(dict(event.data)), event=event.kind, id=str(event.id))
        return
    else:
        known = last
    async with service.broadcast.subscribed(search_id, known, service.store.events_after) as subscription:
        async for event in subscription.events():
            yield ServerSentEvent(json.dumps(dict(event.data)), event=event.kind, id=str(event.id))
            if event.ends:
                return


async def _wanted(request: Request, service: Service, path: Path) -> Wanted:
    """Read a request's body into a file of queries and what is to be done with them."""
    most = service.settings.limits.upload_bytes
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            fields = await _form(request, path, most)
        else:
            body = b"".join([block async for block in limited(request, min(most, IN_MEMORY_BYTES))])
            sent = SearchIn.model_validate_json(body)
            path.write_text(sent.query, errors="surrogatepass", newline="")
            fields = sent
    except ValidationError as error:
        raise RequestValidationError(_located(error)) from error
    except UnicodeError as error:
        raise InputError("The queries are no text.", remedy="Send UTF-8.") from error
    await asyncio.to_thread(unpacked, path, most)
    return Wanted(fields.program, fields.database, fields.options, path, fields.title, fields.exactness)


async def _form(request: Request, path: Path, most: int) -> SearchFields:
    form = await bounded(request, most).form(max_files=1, max_fields=10, max_part_size=min(most, IN_MEMORY_BYTES))
    try:
        values: dict[str, Any] = {name: value for name, value in form.items() if not isinstance(value, UploadFile)}
        query = form.get("query")
        values.pop("query", None)
        if str(values.get("options", "")).lstrip().startswith("{"):
            values["options"] = _object(values["options"])
        fields = SearchFields.model_validate(values)
        await asyncio.to_thread(_save, query, path, most)
    finally:
        await form.close()
    return fields


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


def _located(error: ValidationError) -> list[dict[str, Any]]:
    return [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False, include_context=False)]
