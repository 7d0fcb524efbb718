"""A folder served over HTTP on loopback, with ranges, and with the faults of real servers."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULTS = ("503", "cut", "silent", "shorter", "changed", "without ranges", "damaged")
"""A fault in one answer of a server."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    range: str
    """The value of the header; may be empty."""


@dataclass
class Site:
    """The content and the behaviour of a server."""

    root: Path
    address: str = ""
    requests: list[Request] = field(default_factory=list)
    faults: dict[str, deque[str]] = field(default_factory=dict)
    """By file name: for each of the next answers with content, a fault of FAULTS or ``fine``."""
    sizes: dict[str, int] = field(default_factory=dict)
    """By file name: sizes that are not so."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set when a client waits for the rest of an answer that does not come."""
    over: threading.Event = field(default_factory=threading.Event)
    tags: bool = True

    def fail(self, name: str, *faults: str) -> None:
        """Answer with faults, one after the other."""
        self.faults.setdefault(name, deque()).extend(faults)

    def fetched(self, name: str) -> list[Request]:
        """Return the requests for a file's content."""
        return [one for one in self.requests if one.method == "GET" and one.path.rpartition("/")[2] == name]


@contextmanager
def serving(root: Path) -> Iterator[Site]:
    """Serve a folder."""
    site = Site(root)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """Connections that wait: of more than these the kernel lets some try again a second later."""


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(content=False)

    def do_GET(self) -> None:
        self._answer(content=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, content: bool) -> None:
        site = self.site
        asked = self.headers.get("Range", "")
        site.requests.append(Request(self.command, self.path, asked))
        file = site.root / self.path.lstrip("/")
        name = file.name
        fault = site.faults[name].popleft() if content and site.faults.get(name) else "fine"
        if fault == "503" or not file.is_file():
            self._headers(503 if fault == "503" else 404, {"Content-Length": "0"})
            return
        body = file.read_bytes()
        tag = hashlib.md5(body).hexdigest()
        if fault == "changed":
            body = body[::-1] + b"more"
            tag = hashlib.md5(body).hexdigest()
        if fault == "damaged":
            body = body[::-1]
        size = site.sizes.get(name, len(body))
        headers = {"ETag": f'"{tag}"'} if site.tags else {"Last-Modified": "Tue, 24 Nov 2026 08:00:00 GMT"}
        match = re.fullmatch(r"bytes=(\d+)-", asked)
        status, first = 200, 0
        if match and fault != "without ranges":
            first = int(match[1])
            if first >= len(body):
                self._headers(416, {"Content-Length": "0"})
                return
            status = 206
            headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}"
        body = body[first:]
        headers["Content-Length"] = str(len(body) // 2 if fault == "shorter" else size - first)
        self._headers(status, headers)
        if content:
            self._send(body, fault)

    def _headers(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, body: bytes, fault: str) -> None:
        self.wfile.write(body[: len(body) // 2] if fault in ("cut", "silent", "shorter") else body)
        if fault in ("cut", "silent"):
            self.wfile.flush()
            self.close_connection = True
        if fault == "silent":
            self.site.held.set()
            self.site.over.wait()
