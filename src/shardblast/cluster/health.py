"""What probes of a scheduler and of a node ask: whether it lives, and whether it works.

Probes of Kubernetes have no certificate, so this has a port of its own, without TLS, that tells nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from shardblast.core.errors import ConflictError

UNAVAILABLE = 503


@contextmanager
def answering_probes(host: str, port: int | None, works: Callable[[], bool]) -> Iterator[None]:
    """Answer ``GET /health`` and ``GET /ready`` as long as the context lasts.

    The loop that answers is the one that does all else, so there is no answer when that is stuck.

    Args:
        host: Where to listen.
        port: None: nowhere.
        works: Tells what ``/ready`` answers: 200, or 503.

    Raises:
        ConflictError: It can't listen there.
    """
    if port is None:
        yield
        return
    pages = [("/health", _Probed, {"holds": lambda: True}), ("/ready", _Probed, {"holds": works})]
    server = HTTPServer(Application(pages, log_function=lambda handler: None))
    try:
        server.listen(port, host)
    except OSError as error:
        raise ConflictError(
            f"Probes can't be answered on {host}, port {port}: {error}.", remedy="Choose another --health-port."
        ) from error
    try:
        yield
    finally:
        server.stop()


class _Probed(RequestHandler):
    def initialize(self, holds: Callable[[], bool]) -> None:
        self.holds = holds

    def get(self) -> None:
        holds = self.holds()
        self.set_status(200 if holds else UNAVAILABLE)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("ok\n" if holds else "not connected\n")
