"""``shardblast serve``: the service on this machine."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import uvicorn

from shardblast.api.app import make_app
from shardblast.bootstrap.service import service, settings_of
from shardblast.service.identity import Mode, check_mode

STOP_AFTER_S = 5


def serve(home: Path | None, host: str, port: int, mode: Mode, retention_days: float) -> int:
    """Serve until stopped; searches that run then go on with the next start.

    Raises:
        ShardblastError: Something that the service needs is missing, or everybody could come in.
    """
    check_mode(mode, host)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = settings_of(home, host, port, retention_days)
    wired = service(settings, mode)
    app = make_app(wired)
    sys.stderr.write(
        f"shardblast listens on http://{host}:{port}\n"
        f"  home     {settings.home}\n"
        f"  database {without_password(settings.database)}\n"
        f"  storage  {without_password(settings.storage)}\n"
        f"  sign-in  {mode.value}\n"
    )
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=STOP_AFTER_S, access_log=False
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
