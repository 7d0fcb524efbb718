"""What users send, streamed into files of ours: never a whole upload in memory, never more than is allowed."""

from __future__ import annotations

import gzip
import secrets
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import Request

from shardblast.blast.fasta import is_packed, open_queries
from shardblast.core.errors import InputError, TooLargeError

BLOCK_BYTES = 1 << 20
IN_MEMORY_BYTES = 64 << 20
"""Of JSON and of forms without files; more is to be sent as a file, which is not held in memory."""


@contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """Name a file for an upload; it is gone when the context is left."""
    path = folder / f"{secrets.token_hex(16)}.fa"
    try:
        yield path
    finally:
        for left in folder.glob(f"{path.stem}.*"):
            left.unlink(missing_ok=True)


async def limited(request: Request, most: int) -> AsyncIterator[bytes]:
    """Yield a request's body.

    Raises:
        TooLargeError: It is longer than allowed.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    total = 0
    async for block in request.stream():
        total += len(block)
        if total > most:
            raise _too_large(most)
        yield block


def bounded(request: Request, most: int) -> Request:
    """Return a request whose body, when it is read as a form, raises as ``limited`` does."""
    body = limited(request, most)

    async def receive() -> dict[str, Any]:
        block = await anext(body, None)
        return {"type": "http.request", "body": block or b"", "more_body": block is not None}

    return Request(request.scope, receive)


def unpacked(path: Path, most: int) -> None:
    """Unpack a file of gzip or zstd in its place; a plain one stays.

    Raises:
        InputError: It is damaged.
        TooLargeError: It holds more than is allowed.
    """
    if not is_packed(str(path)):
        return
    plain = path.with_suffix(".plain")
    total = 0
    try:
        with open_queries(str(path)) as source, plain.open("wb") as target:
            while block := source.read(BLOCK_BYTES):
                total += len(block)
                if total > most:
                    raise _too_large(most)
                target.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error, OSError) as error:
        raise InputError(
            f"The upload can't be unpacked: {error}.", remedy="Pack it again, or send it plain."
        ) from error
    plain.replace(path)


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"The upload is larger than {most:,} bytes.", remedy="Send it in parts, as several searches.")
