"""The commands of a service: the one that serves, and those that talk to it."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.core.program import Program
from shardblast.core.search import State

if TYPE_CHECKING:
    from shardblast.cli.client import Client

DEFAULT_SERVER = "http://127.0.0.1:8642"

remote = typer.Typer(add_completion=False, rich_markup_mode=None)

Server = Annotated[str, typer.Option("--server", envvar="SHARDBLAST_SERVER", help="Address of the service.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of the search.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")]


class SignIn(StrEnum):
    """How callers of a service are known."""

    NONE = "none"
    TOKEN = "token"
    OIDC = "oidc"


class LogFormat(StrEnum):
    """How the log looks on standard error."""

    TEXT = "text"
    JSON = "json"


@remote.command(short_help="Serve searches over HTTP.")
def serve(
    home: Annotated[Path | None, typer.Option("--home", metavar="FOLDER", help="Where everything is kept.")] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any that is free.")
    ] = 8642,
    auth: Annotated[
        SignIn,
        typer.Option(
            "--auth", help="none: everybody on this machine; token: API tokens; oidc: OpenID Connect and API tokens."
        ),
    ] = SignIn.NONE,
    public_url: Annotated[
        str, typer.Option("--public-url", envvar="SHARDBLAST_PUBLIC_URL", help="Where browsers find the service.")
    ] = "",
    issuer: Annotated[
        str, typer.Option("--oidc-issuer", envvar="SHARDBLAST_OIDC_ISSUER", help="Address of the OpenID provider.")
    ] = "",
    client_id: Annotated[
        str,
        typer.Option("--oidc-client-id", envvar="SHARDBLAST_OIDC_CLIENT_ID", help="What it calls this service."),
    ] = "",
    client_secret: Annotated[
        Path | None,
        typer.Option(
            "--oidc-client-secret-file", metavar="FILE", help="Else SHARDBLAST_OIDC_CLIENT_SECRET; none: PKCE alone."
        ),
    ] = None,
    audience: Annotated[
        str, typer.Option("--oidc-audience", help="What bearer tokens are made for; default: the client id.")
    ] = "",
    scopes: Annotated[str, typer.Option("--oidc-scopes", help="Asked for when a browser signs in.")] = "openid profile",
    admin_claim: Annotated[
        str, typer.Option("--oidc-admin-claim", metavar="CLAIM=VALUE", help="Makes whoever has it an administrator.")
    ] = "",
    retention_days: Annotated[
        float, typer.Option("--retention-days", min=0, help="Delete searches so long after their end; 0: never.")
    ] = 30.0,
    log_format: Annotated[
        LogFormat | None, typer.Option("--log-format", help="text or json; default: text on a terminal, else json.")
    ] = None,
) -> int:
    """Serve searches over HTTP, on this machine's BLAST+, until stopped.

    SHARDBLAST_DATABASE_URL and SHARDBLAST_STORAGE name a PostgreSQL database and an object store in place of files in
    the home folder. Searches that run when the service ends, however it ends, go on with its next start.
    """
    from shardblast.bootstrap.service import settings_of
    from shardblast.cli.openid import checked_url, open_id
    from shardblast.cli.serve import serve
    from shardblast.service.identity import Mode

    mode = Mode(auth.value)
    agreed = open_id(issuer, client_id, client_secret, audience, scopes, admin_claim) if mode is Mode.OIDC else None
    return serve(settings_of(home, host, port, retention_days, checked_url(public_url), agreed), mode, log_format)


@remote.command(short_help="Queue a search.")
def submit(
    program: Annotated[Program, typer.Argument(metavar="PROGRAM", help="blastn, blastp, blastx, tblastn or tblastx.")],
    database: Annotated[str, typer.Option("--db", metavar="NAME", help="A database of the service.")],
    query: Annotated[Path, typer.Option("--query", metavar="FILE", help="FASTA, plain or packed.")],
    options: Annotated[str, typer.Option("--options", help="BLAST+'s options, as on its command line.")] = "",
    title: Annotated[str, typer.Option("--title", help="To find it again.")] = "",
    exactness: Annotated[str, typer.Option("--exactness", help="identical or complete.")] = "identical",
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="The same key gives the same search, not a second one.")
    ] = None,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> int:
    """Queue a search and print its id."""
    fields = {"program": program.value, "database": database, "options": options, "title": title}
    search = _client(server).submit(fields | {"exactness": exactness}, query, key)
    sys.stdout.write(json.dumps(search, indent=2) + "\n" if as_json else f"{search['id']}\n")
    return 0


@remote.command(short_help="Tell how a search stands.")
def status(search_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> int:
    """Tell how a search stands.

    Exit status: 0 completed, 10 failed, 11 cancelled, 12 not over.
    """
    from shardblast.cli.client import exit_status, show

    search = _client(server).search(search_id)
    if as_json:
        sys.stdout.write(json.dumps(search, indent=2) + "\n")
    else:
        show(search)
    return exit_status(search)


@remote.command(short_help="Wait for the end of a search.")
def wait(search_id: Id, server: Server = DEFAULT_SERVER, quiet: Quiet = False) -> int:
    """Wait for the end of a search, with its progress on a terminal, also while the service starts again.

    Exit status: 0 completed, 10 failed, 11 cancelled, 5 the service is gone.
    """
    from shardblast.cli.client import wait

    return wait(_client(server), search_id, quiet=quiet)


@remote.command(short_help="Print a result.")
def results(
    search_id: Id,
    outfmt: Annotated[str, typer.Option("-outfmt", "--outfmt", help="As for BLAST+.")] = "0",
    out: Annotated[str | None, typer.Option("-out", "--out", metavar="FILE", help="A file for it.")] = None,
    server: Server = DEFAULT_SERVER,
) -> int:
    """Print a result as BLAST+ prints it, in any format."""
    _client(server).results(search_id, outfmt, out)
    return 0


@remote.command(short_help="Stop a search.")
def cancel(search_id: Id, server: Server = DEFAULT_SERVER) -> int:
    """Stop a search for good."""
    sys.stdout.write(f"{_client(server).cancel(search_id)['state']}\n")
    return 0


@remote.command(name="list", short_help="List searches.")
def list_searches(
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 20,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> int:
    """List searches, newest first."""
    found = _client(server).searches(state.value if state else None, limit)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    for search in found:
        sys.stdout.write(f"{search['id']}  {search['state']:<9}  {search['program']:<7}  {search['title']}\n")
    return 0


def _client(server: str) -> Client:
    from shardblast.cli.client import Client

    return Client(server, os.environ.get("SHARDBLAST_TOKEN"))
