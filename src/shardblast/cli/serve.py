"""The server that ``shardblast serve`` runs on this machine, and its OpenID Connect options."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

import uvicorn

from shardblast.api.app import make_app
from shardblast.bootstrap.service import service
from shardblast.cli.logs import configure
from shardblast.cli.options import LogFormat
from shardblast.core.errors import ConflictError, UsageError
from shardblast.service.identity import check_mode
from shardblast.service.openid import checked_address
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


def checked(settings: Settings) -> Settings:
    """Return the settings with a public address that has no slash at its end.

    Raises:
        UsageError: A setting is missing or wrong.
    """
    if settings.signs_in_browsers:
        _check_open_id(settings)
    return replace(settings, public_url=_checked_url(settings.public_url))


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


def _check_open_id(settings: Settings) -> None:
    if not settings.oidc_issuer or not settings.oidc_client_id:
        raise UsageError("--auth oidc needs an issuer.", remedy="Add --oidc-issuer URL and --oidc-client-id ID.")
    try:
        checked_address(settings.oidc_issuer)
    except ValueError as error:
        raise UsageError(
            f"{settings.oidc_issuer} is not a safe place to sign in.", remedy="Use an https:// address."
        ) from error
    if "openid" not in settings.oidc_scopes.split():
        raise UsageError("Without the scope 'openid' the provider names nobody.", remedy="Add it to --oidc-scopes.")
    name, _, value = settings.oidc_admin_claim.partition("=")
    if settings.oidc_admin_claim and not (name and value):
        raise UsageError("--oidc-admin-claim has no value.", remedy="Write it as groups=blast-admins.")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    plain = f"{parts.scheme}://{parts.netloc}"
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or url.rstrip("/") != plain):
        raise UsageError(f"{url!r} is not the address of a service.", remedy="Write --public-url https://NAME.")
    return plain if url else ""
