"""A proxy on loopback between a client and an object store, which spoils answers as a test wants."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.waiting import WITHIN_S

HEAD_END = b"\r\n\r\n"
DRIP_BYTES = 64 << 10
AS_S3 = b"\r\nAuthorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, Signature=0"


@dataclass(slots=True)
class Answer:
    """The store's answer, and the connection that it goes to."""

    head: bytes
    """Status line and headers, with the empty line."""
    body: bytes
    to: asyncio.StreamWriter


Fault = Callable[[Answer], Awaitable[None]]


async def whole(answer: Answer) -> None:
    """Pass the answer on unchanged."""
    answer.to.write(answer.head + answer.body)
    await answer.to.drain()


async def cut(answer: Answer) -> None:
    """Reset the connection in the middle of the body."""
    answer.to.write(answer.head + answer.body[: len(answer.body) // 2])
    await answer.to.drain()
    answer.to.transport.abort()


async def truncated(answer: Answer) -> None:
    """End in the middle of the body, in an orderly way; the header has the right length."""
    await whole(Answer(answer.head, answer.body[: len(answer.body) // 2], answer.to))


async def short(answer: Answer) -> None:
    """Tell a length that is too short, and keep to it."""
    half = answer.body[: len(answer.body) // 2]
    head = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(half), answer.head)
    await whole(Answer(head, half, answer.to))


async def slow(answer: Answer) -> None:
    """Send the body in small pieces, with other work in between."""
    answer.to.write(answer.head)
    for start in range(0, len(answer.body), DRIP_BYTES):
        answer.to.write(answer.body[start : start + DRIP_BYTES])
        await answer.to.drain()
        await asyncio.sleep(0.01)


async def wrong(answer: Answer) -> None:
    """Change one byte."""
    middle = len(answer.body) // 2
    changed = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1 :]
    await whole(Answer(answer.head, changed, answer.to))


def status(line: str, *headers: str) -> Fault:
    """Return a fault that answers with another status, such as ``503 Slow Down``."""

    async def instead(answer: Answer) -> None:
        head = "\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""])
        await whole(Answer(head.encode(), b"", answer.to))

    return instead


class Proxy:
    """Answers one request for each connection. Faults go to ranged reads alone, in the order of their arrival."""

    def __init__(self, upstream: str, port: int) -> None:
        there = urlsplit(upstream)
        self._there = (there.hostname, there.port)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.faults: deque[Fault] = deque()
        self.always: Fault = whole
        """The treatment of a ranged read when no fault is left."""
        self.asked: list[str] = []
        """First lines of the requests."""
        self.before: Callable[[int], None] = lambda number: None
        """Called with the number of each ranged read, from 1, before it reaches the store."""
        self.writes: deque[Fault] = deque()
        """The same as ``faults``, for PUT."""
        self._ranged = 0
        self._serving: set[asyncio.Task[None] | None] = set()
        """asyncio itself forgets tasks whose connection is gone."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def prefix(self) -> str:
        """The first folder that something was written to."""
        return next(line for line in self.asked if line.startswith("PUT ")).split("/")[2]

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(WITHIN_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        await asyncio.sleep(0)  # what was accepted before gets its task
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # let aborted connections notice it

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        try:
            head, body = await _message(reader)
            self.asked.append(head.split(b"\r\n")[0].decode())
            fault = await self._fault(head)
            await fault(Answer(*await self._passed_on(head, body), writer))
            await _closed(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            writer.transport.abort()
            self._serving.discard(asyncio.current_task())

    async def _fault(self, head: bytes) -> Fault:
        if head.startswith(b"PUT "):
            return self.writes.popleft() if self.writes else whole
        if not head.startswith(b"GET ") or not re.search(rb"(?i)\r\n(x-ms-)?range:", head):
            return whole
        self._ranged += 1
        await asyncio.to_thread(self.before, self._ranged)
        return self.faults.popleft() if self.faults else self.always

    async def _passed_on(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection(*self._there)
        added = b"\r\nConnection: close" + HEAD_END
        if not re.search(rb"(?i)\r\nauthorization: AWS", head):  # Google's client, whose sign-in moto does not know
            head, added = re.sub(rb"(?i)\r\nauthorization: [^\r]*", b"", head), AS_S3 + added
        try:
            writer.write(head.replace(HEAD_END, added) + body)
            return await _message(reader, bodiless=head.startswith(b"HEAD "))
        finally:
            writer.transport.abort()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _message(reader: asyncio.StreamReader, bodiless: bool = False) -> tuple[bytes, bytes]:
    head = await reader.readuntil(HEAD_END)
    if bodiless:
        return head, b""
    shown = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if shown:
        return head, await reader.readexactly(int(shown[1]))
    return head, await reader.read() if head.startswith(b"HTTP/") else b""


@contextmanager
def proxied(upstream: str, port: int) -> Iterator[Proxy]:
    """Yield a proxy that listens."""
    proxy = Proxy(upstream, port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
