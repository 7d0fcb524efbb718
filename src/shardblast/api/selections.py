"""Which queries of a result, or which hits of one, a request names: in its address, or in its body if they are many."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shardblast.api.errors import invalid_body
from shardblast.api.uploads import limited
from shardblast.core.errors import TooLargeError
from shardblast.core.numbers import PATTERN, Numbers

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


SelectionDep = Annotated[Selection, Depends(selection_of)]


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
