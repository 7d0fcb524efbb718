"""The server that ``shardblast serve`` runs on this machine."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import uvicorn

from shardblast.api.app import make_app
from shardblast.bootstrap.wiring import service
from shardblast.cli.logs import configure
from shardblast.cli.options import LogFormat
from shardblast.core.errors import ConflictError
from shardblast.service.identity import check_mode
from shardblast.service.settings import Settings

STOP_AFTER_S = 5
KEPT_ALIVE_S = 75
"""How long a connection is kept on which nothing is asked: longer than clients and proxies keep theirs, else one of
these may send a request just when we close it, and report an error."""
WAITING_CONNECTIONS = 2048

logger = logging.getLogger(__name__)


def serve(settings: Settings, log_format: LogFormat | None) -> int:
    """Serve until stopped; searches that run then go on with the next start.

    Raises:
        ShardblastError: Something that the service needs is missing, or everybody could come in.
    """
    check_mode(settings)
    form = configure(log_format)
    with listening(settings.host, settings.port) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        wired = service(settings)
        wired.claim()
        app = make_app(wired)
        config = uvicorn.Config(
            app,
            log_config=None,
            timeout_graceful_shutdown=STOP_AFTER_S,
            timeout_keep_alive=KEPT_ALIVE_S,
            access_log=False,  # addresses may hold the tokens of share links
        )
        server = _Server(config, form, greeting(settings))
        with suppress(KeyboardInterrupt):  # which uvicorn raises again when it has stopped
            server.run([listener])
        sys.stderr.flush()
        os._exit(0 if server.started else 1)  # steps in progress are not to be recorded as finished or failed


class _Server(uvicorn.Server):
    """Says where it listens when it does."""

    def __init__(self, config: uvicorn.Config, form: LogFormat, greeting: Mapping[str, str]) -> None:
        super().__init__(config)
        self._form = form
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        if self._form is LogFormat.JSON:
            logger.info("shardblast listens", extra=dict(self._greeting))
            return
        first, *others = self._greeting.items()
        sys.stderr.write(f"shardblast listens on {first[1]}\n")
        sys.stderr.write("".join(f"  {name:<8} {value}\n" for name, value in others))


def greeting(settings: Settings) -> Mapping[str, str]:
    """Return what whoever starts the service wants to see."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "url": f"http://{host}:{settings.port}",
        "home": str(settings.home),
        "database": without_password(settings.database),
        "storage": without_password(settings.storage),
        "sign-in": f"{settings.auth} at {settings.oidc_issuer}" if settings.signs_in_browsers else str(settings.auth),
    }


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, before anything else is touched: another server may use the same home.

    Args:
        host: A name or an address.
        port: 0 for any that is free.

    Raises:
        ConflictError: The address is taken, or none of this machine's.
    """
    one: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        one = socket.socket(family, kind, protocol)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)
        one.listen(WAITING_CONNECTIONS)
    except OSError as error:
        if one is not None:
            one.close()
        raise ConflictError(
            f"The service can't listen on {host}, port {port}: {(error.strerror or str(error)).lower()}.",
            remedy="Stop what listens there, or choose another port with --port (0: any that is free).",
        ) from error
    one.set_inheritable(False)
    return one


def without_password(address: str) -> str:
    """Return an address as it may be shown."""
    head, at, tail = address.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else address
