"""An S3 server with one object of zeros of any size, which accepts uploads and only counts them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = bytes(1 << 20)
STARTED = b"<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>"
ENDED = b'<CompleteMultipartUploadResult><ETag>"taken"</ETag></CompleteMultipartUploadResult>'


class LargeServer(ThreadingHTTPServer):
    def __init__(self, size: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.size = size
        self.taken = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LargeServer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._head(200, self.server.size)

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert asked
        start, last = map(int, asked.groups())
        left = last + 1 - start
        self._head(206, left, ("Content-Range", f"bytes {start}-{last}/{self.server.size}"))
        while left:
            left -= self.wfile.write(BLOCK[:left])

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            got = len(self.rfile.read1(min(left, len(BLOCK))))
            left -= got
            with self.server.lock:
                self.server.taken += got
        self._head(200, 0)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        answer = STARTED if self.path.endswith("?uploads=") else ENDED
        self._head(200, len(answer))
        self.wfile.write(answer)

    def _head(self, status: int, length: int, *more: tuple[str, str]) -> None:
        self.send_response(status)
        reported = [
            ("Content-Length", str(length)),
            ("ETag", '"zeros"'),
            ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ]
        for name, value in [*reported, *more]:
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def large_server(size: int) -> Iterator[LargeServer]:
    """Yield the server, in a thread."""
    with LargeServer(size) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
