"""The server process of ``shardblast serve``, and the checks of its settings."""

import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace

import uvicorn

from shardblast.api.app import make_app
from shardblast.api.errors import request_id
from shardblast.bootstrap.databases import new_home
from shardblast.bootstrap.service import Service
from shardblast.cli.logs import configure
from shardblast.cli.options import LogFormat
from shardblast.core.errors import ConflictError, UsageError
from shardblast.core.units import split_address
from shardblast.service.identity import check_mode
from shardblast.service.openid import checked_address
from shardblast.service.settings import TABLE, Settings

STOP_AFTER_S = 5
CLOSE_AFTER_S = 3
"""Maximum time to close the service, after the time in which requests may end."""
KEPT_ALIVE_S = 75
"""Timeout of idle connections, longer than that of clients and proxies, which might otherwise send a request while
the server closes the connection."""
WAITING_CONNECTIONS = 2048
MOST = 1_000_000
"""Maximum of settings in minutes, hours or days; beyond it, their ends are not valid dates."""

logger = logging.getLogger(__name__)


def serve(settings: Settings, log_format: LogFormat | None) -> int:
    """Serve until stopped. Raises ShardblastError if something is missing, or the service would be open to everyone."""
    check_mode(settings)
    form = configure(log_format, request_id)
    with listening(settings.host, settings.port) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        with new_home(settings):
            wired = Service(settings)
            wired.claim()
        app = make_app(wired)
        config = uvicorn.Config(
            app,
            log_config=None,
            timeout_graceful_shutdown=STOP_AFTER_S,
            timeout_keep_alive=KEPT_ALIVE_S,
            access_log=False,  # URLs may contain the tokens of share links
        )
        server = _Server(config, form, greeting(settings))
        server.run([listener])
        os._exit(1)  # it did not start


def greeting(settings: Settings) -> Mapping[str, str]:
    """Return the facts that are printed when the service has started."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "url": f"http://{host}:{settings.port}",
        "home": str(settings.home),
        "database": without_password(settings.database),
        "storage": without_password(settings.storage),
        "sign-in": f"{settings.auth} at {settings.oidc_issuer}" if settings.signs_in_browsers else str(settings.auth),
    }


def listening(host: str, port: int) -> socket.socket:
    """Return a listening socket, opened first as another server may use the home. Raises ConflictError if it can't."""
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(WAITING_CONNECTIONS)
    except OSError as error:
        if listener is not None:
            listener.close()
        problem = f"The service can't listen on {host}, port {port}: {(error.strerror or str(error)).lower()}."
        remedy = "Stop the program that listens there, or choose another port with --port (0: any free port)."
        raise ConflictError(problem, remedy=remedy) from error
    listener.set_inheritable(False)
    return listener


def without_password(address: str) -> str:
    """Return an address without its user and password."""
    head, at, tail = address.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else address


def checked(settings: Settings) -> Settings:
    """Return checked settings, with no slash at the public URL's end. Raises UsageError if one is not valid."""
    for field, row in TABLE.items():
        value = getattr(settings, field)
        if isinstance(value, float) and not value <= MOST:  # also nan
            raise UsageError(f"{row.option} {value} is out of range.", remedy=f"Give at most {MOST:,}.")
    if settings.signs_in_browsers:
        _check_open_id(settings)
    return replace(settings, public_url=_checked_url(settings.public_url))


class _Server(uvicorn.Server):
    """Prints its greeting when it listens, and ends the process when it has stopped."""

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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and exit without waiting for threads: what they run must not be recorded as finished or failed."""
        threading.Timer(STOP_AFTER_S + CLOSE_AFTER_S, os._exit, [0]).start()
        await super().shutdown(sockets)
        os._exit(0)


def _check_open_id(settings: Settings) -> None:
    if not settings.oidc_issuer or not settings.oidc_client_id:
        raise UsageError("--auth oidc needs an issuer.", remedy="Add --oidc-issuer URL and --oidc-client-id ID.")
    try:
        checked_address(settings.oidc_issuer)
    except ValueError as error:
        problem = f"{settings.oidc_issuer} is not a safe place to sign in."
        raise UsageError(problem, remedy="Use an https:// address.") from error
    if "openid" not in settings.oidc_scopes.split():
        raise UsageError("OpenID Connect needs the scope 'openid'.", remedy="Add it to --oidc-scopes.")
    name, _, value = settings.oidc_admin_claim.partition("=")
    if settings.oidc_admin_claim and not (name and value):
        raise UsageError("--oidc-admin-claim needs a name and a value.", remedy="Write it as groups=blast-admins.")


def _checked_url(url: str) -> str:
    parts = split_address(url, "public URL")
    plain = f"{parts.scheme}://{parts.netloc}"
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or url.rstrip("/") != plain):
        raise UsageError(f"{url!r} is not a valid public URL.", remedy="Write --public-url https://NAME.")
    return plain if url else ""
