"""``shardblast serve``: the service on this machine."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress

import uvicorn

from shardblast.api.app import make_app
from shardblast.bootstrap.service import service
from shardblast.service.identity import Mode, check_mode
from shardblast.service.settings import Settings

STOP_AFTER_S = 5


def serve(settings: Settings, mode: Mode) -> int:
    """Serve until stopped; searches that run then go on with the next start.

    Raises:
        ShardblastError: Something that the service needs is missing, or everybody could come in.
    """
    check_mode(mode, settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    wired = service(settings, mode)
    app = make_app(wired)
    sys.stderr.write(
        f"shardblast listens on http://{settings.host}:{settings.port}\n"
        f"  home     {settings.home}\n"
        f"  database {without_password(settings.database)}\n"
        f"  storage  {without_password(settings.storage)}\n"
        f"  sign-in  {mode.value}{f' at {settings.open_id.issuer}' if settings.open_id else ''}\n"
    )
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=STOP_AFTER_S,
        access_log=False,  # addresses may hold the tokens of share links
    )
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):  # which uvicorn raises again when it has stopped
        server.run()
    sys.stderr.flush()
    os._exit(0 if server.started else 1)  # steps in progress are not to be recorded as finished or failed


def without_password(address: str) -> str:
    """Return an address as it may be shown."""
    head, at, tail = address.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else address
