"""``shardblast serve``: its options, and the settings that they make."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shardblast.cli.options import Log
from shardblast.core.lacking import WAITING_HOURS

service = typer.Typer(add_completion=False, rich_markup_mode=None)


class SignIn(StrEnum):
    """How callers of a service are known."""

    NONE = "none"
    TOKEN = "token"
    OIDC = "oidc"


Home = Annotated[Path | None, typer.Option("--home", metavar="FOLDER", help="Where everything is kept.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any that is free.")]
Auth = Annotated[
    SignIn,
    typer.Option(
        "--auth", help="none: everybody on this machine; token: API tokens; oidc: OpenID Connect and API tokens."
    ),
]
PublicUrl = Annotated[
    str, typer.Option("--public-url", envvar="SHARDBLAST_PUBLIC_URL", help="Where browsers find the service.")
]
Issuer = Annotated[
    str, typer.Option("--oidc-issuer", envvar="SHARDBLAST_OIDC_ISSUER", help="Address of the OpenID provider.")
]
ClientId = Annotated[
    str, typer.Option("--oidc-client-id", envvar="SHARDBLAST_OIDC_CLIENT_ID", help="What it calls this service.")
]
ClientSecret = Annotated[
    Path | None,
    typer.Option(
        "--oidc-client-secret-file", metavar="FILE", help="Else SHARDBLAST_OIDC_CLIENT_SECRET; none: PKCE alone."
    ),
]
Audience = Annotated[
    str, typer.Option("--oidc-audience", help="What bearer tokens are made for; default: the client id.")
]
Scopes = Annotated[str, typer.Option("--oidc-scopes", help="Asked for when a browser signs in.")]
AdminClaim = Annotated[
    str, typer.Option("--oidc-admin-claim", metavar="CLAIM=VALUE", help="Makes whoever has it an administrator.")
]
RetentionDays = Annotated[
    float, typer.Option("--retention-days", min=0, help="Delete searches so long after their end; 0: never.")
]
StagedBytes = Annotated[
    int, typer.Option("--staged-bytes", min=0, help="What copies of databases may take of the disk; 0: what it has.")
]
Replicas = Annotated[
    int,
    typer.Option("--replicas", min=1, envvar="SHARDBLAST_REPLICAS", help="Nodes of a cluster that hold each shard."),
]
StatefulSet = Annotated[
    str,
    typer.Option(
        "--statefulset", envvar="SHARDBLAST_STATEFULSET", metavar="NAME", help="Scale these nodes on Kubernetes."
    ),
]
Namespace = Annotated[
    str, typer.Option("--namespace", envvar="SHARDBLAST_NAMESPACE", metavar="NAME", help="Where they are.")
]
MostNodes = Annotated[
    int,
    typer.Option("--most-nodes", envvar="SHARDBLAST_MOST_NODES", min=1, help="How many, however much work there is."),
]
Running = Annotated[
    int,
    typer.Option(
        "--running",
        envvar="SHARDBLAST_RUNNING",
        min=0,
        help="Searches that run at once; 0: one for each core of the nodes, at least 4 and at most 64.",
    ),
]
RunningOfOwner = Annotated[
    int,
    typer.Option(
        "--running-of-owner",
        envvar="SHARDBLAST_RUNNING_OF_OWNER",
        min=0,
        help="Of one owner, while others wait; 0: half of those that run at once.",
    ),
]
WaitingHours = Annotated[
    float,
    typer.Option(
        "--waiting-hours",
        envvar="SHARDBLAST_WAITING_HOURS",
        min=0,
        help="How long a search may wait for something other than its turn before it fails.",
    ),
]
IdleMinutes = Annotated[
    float,
    typer.Option(
        "--idle-minutes",
        envvar="SHARDBLAST_IDLE_MINUTES",
        min=0,
        help="Fewer follow when so many were not needed for so long; 0: never.",
    ),
]


@service.command(short_help="Serve searches over HTTP.")
def serve(
    home: Home = None,
    host: Host = "127.0.0.1",
    port: Port = 8642,
    auth: Auth = SignIn.NONE,
    public_url: PublicUrl = "",
    issuer: Issuer = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = None,
    audience: Audience = "",
    scopes: Scopes = "openid profile",
    admin_claim: AdminClaim = "",
    retention_days: RetentionDays = 30.0,
    staged_bytes: StagedBytes = 0,
    running: Running = 0,
    running_of_owner: RunningOfOwner = 0,
    waiting_hours: WaitingHours = WAITING_HOURS,
    replicas: Replicas = 1,
    statefulset: StatefulSet = "",
    namespace: Namespace = "",
    most_nodes: MostNodes = 1,
    idle_minutes: IdleMinutes = 30.0,
    log_format: Log = None,
) -> int:
    """Serve searches over HTTP, on this machine's BLAST+, until stopped.

    SHARDBLAST_DATABASE_URL and SHARDBLAST_STORAGE name a PostgreSQL database and an object store in place of files in
    the home folder; SHARDBLAST_SCHEDULER names a cluster that does the searches. Searches that run when the service
    ends, however it ends, go on with its next start.
    """
    from shardblast.bootstrap.databases import settings_of
    from shardblast.cli.openid import checked_url, open_id
    from shardblast.cli.serve import serve
    from shardblast.service.identity import Mode
    from shardblast.service.settings import Limits, Nodes

    mode = Mode(auth.value)
    agreed = open_id(issuer, client_id, client_secret, audience, scopes, admin_claim) if mode is Mode.OIDC else None
    nodes = Nodes(statefulset, namespace, most_nodes, idle_minutes)
    limits = Limits(running=running, running_of_owner=running_of_owner, waiting_s=waiting_hours * 3600)
    public = checked_url(public_url)
    settings = settings_of(home, host, port, retention_days, public, agreed, staged_bytes, replicas, nodes, limits)
    return serve(settings, mode, log_format)
