"""Every setting of the service, in one table: its name, option, variable, default, bounds and meaning.

The fields of ``Settings`` are the table. The options of ``shardblast serve``, what it reads from the environment, and
the reference are made from it.
"""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from shardblast.core.errors import UsageError
from shardblast.core.lack import WAITING_HOURS

TABLES = "shardblast.sqlite"
"""The SQL database in the home folder, unless another one is set."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Hosts that stand for all addresses of the machine, each with an address by which the machine reaches itself."""
UPLOAD_BYTES = 1 << 30
"""Limit of a request's body, compressed or not, and of its queries when decompressed."""
MOST_QUERIES = 1_000_000
"""Limit of the queries of a search."""
MOST_LETTERS = 1_000_000_000
"""Limit of the bases or residues in all queries of a search."""
KEPT_BYTES = 1 << 30
"""Limit of the subject sequences that are kept with a result. A larger result is printed only while its database is
there."""
RUNNING_TASKS = 2
"""Number of tasks on databases that run at once."""

T = TypeVar("T")


class Mode(StrEnum):
    """How the service knows its callers."""

    NONE = "none"
    """All callers are the same user, which is allowed on a loopback address only."""
    TOKEN = "token"
    """Callers send API tokens of this service."""
    OIDC = "oidc"
    """Callers sign in with OpenID Connect, or send API tokens."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    kind: Any
    """Type of the value."""
    default: Any
    """Default value; None: the setting has no fixed default, and ``meaning`` says what holds without it."""
    meaning: str
    option: str
    """Option of ``shardblast serve``."""
    variable: str | None
    """Environment variable; None: only the option sets it."""
    metavar: str | None
    least: float | None
    most: float | None
    in_file: bool
    """Whether the option names a file that holds the value, because other users can see command lines."""

    def in_environment(self, environment: Mapping[str, str] = os.environ) -> Any:
        """Return the value that the variable sets, by default the fixed one.

        Raises UsageError if it is not valid or out of bounds.
        """
        text = environment.get(self.variable or "")
        return self._read(text) if text else self.default

    def _read(self, text: str) -> Any:
        try:
            value = self.kind(text)
            if not ((self.least is None or value >= self.least) and (self.most is None or value <= self.most)):
                raise ValueError
        except ValueError:
            problem = f"{self.variable}={text!r} is not valid."
            raise UsageError(problem, remedy=f"Correct the variable or unset it. {self.meaning}") from None
        return value


def described(
    meaning: str,
    *,
    name: str | None = None,
    metavar: str | None = None,
    least: float | None = None,
    most: float | None = None,
    has_variable: bool = True,
    in_file: bool = False,
) -> dict[str, Any]:
    """Return the metadata of a field of ``Settings``; see ``Setting``. ``name`` is that of the field by default."""
    return locals()


def setting(default: T, meaning: str, **described_as: Any) -> T:
    """Return a field of ``Settings`` that has a default; see ``described``."""
    return dataclasses.field(default=default, metadata=described(meaning, **described_as))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one service."""

    home: Path = dataclasses.field(
        metadata=described("Folder in which the service keeps everything.", metavar="FOLDER")
    )
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(  # Kubernetes sets SHARDBLAST_PORT, to something else, for a service named shardblast
        8642, "Port to listen on. 0 selects a free port.", least=0, most=65535, has_variable=False
    )
    auth: Mode = setting(
        Mode.NONE,
        "How callers sign in. none: they do not, and only this machine can connect. token: with API tokens. "
        "oidc: with OpenID Connect or API tokens.",
    )
    public_url: str = setting("", "Address at which browsers find the service. Default: host and port.", metavar="URL")
    database_url: str = setting(
        "", "SQL database, postgresql://… or sqlite:///…. Default: SQLite in the home folder.", metavar="URL"
    )
    storage_url: str = setting(
        "",
        "Object store for databases and results, such as s3://bucket. Default: files in the home folder.",
        name="storage",
        metavar="URL",
    )
    scheduler: str = setting(
        "",
        "Scheduler of the cluster that searches, such as tls://host:8786. Default: this machine searches.",
        metavar="ADDRESS",
    )
    staged_bytes: int = setting(
        0, "Bytes that copies of databases may occupy on this machine's disk. 0: all free space.", least=0
    )
    replicas: int = setting(1, "Number of nodes of a cluster that hold each shard.", least=1)
    retention_days: float = setting(30.0, "Days after its end when a search is deleted. 0: never.", least=0)
    session_hours: float = setting(12.0, "Hours after which a browser has to sign in again.", least=1)
    running: int = setting(
        0, "Number of searches that run at once. 0: one for each core of the nodes, at least 4 and at most 64.", least=0
    )
    running_of_owner: int = setting(
        0,
        "Number of searches of one owner that run at once while searches of others wait. 0: half of those that run "
        "at once.",
        least=0,
    )
    waiting_hours: float = setting(
        WAITING_HOURS, "Hours that a search may wait for anything except its turn before it fails.", least=0
    )
    verify_percent: float = setting(
        0.0,
        "Percent of searches of which one random query is also searched without shards, to compare its hits. On a "
        "cluster, a node must have room for the whole database.",
        least=0,
        most=100,
    )
    oidc_issuer: str = setting("", "Address of the OpenID provider, as its tokens spell it.", metavar="URL")
    oidc_client_id: str = setting("", "Name by which the provider knows this service.", metavar="ID")
    oidc_client_secret: str = dataclasses.field(
        default="",
        repr=False,
        metadata=described(
            "Secret that the provider gave this service. Without it the service is a public client, which uses PKCE "
            "alone.",
            metavar="FILE",
            in_file=True,
        ),
    )
    oidc_audience: str = setting("", "Audience that bearer tokens must name. Default: the client id.")
    oidc_scopes: str = setting("openid profile", "Scopes that the service requests when a browser signs in.")
    oidc_admin_claim: str = setting(
        "", "Claim that makes its bearer an administrator. Default: nobody is.", metavar="CLAIM=VALUE"
    )
    statefulset: str = setting("", "StatefulSet on Kubernetes whose pods are the nodes to scale.", metavar="NAME")
    namespace: str = setting("", "Namespace of the StatefulSet. Default: that of the service.", metavar="NAME")
    most_nodes: int = setting(1, "Largest number of nodes, however much work there is.", least=1)
    idle_minutes: float = setting(
        30.0, "Minutes for which fewer nodes must be enough before their number is reduced. 0: never.", least=0
    )

    @property
    def address(self) -> str:
        """Address at which browsers find the service. It never depends on a request."""
        named = socket.gethostname() if self.host in EVERYWHERE else self.host
        host = f"[{named}]" if ":" in named else named
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def local_address(self) -> str:
        """Address at which commands on this machine find the service."""
        named = EVERYWHERE.get(self.host.strip("[]"), self.host.strip("[]"))
        return f"http://{f'[{named}]' if ':' in named else named}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over HTTPS only."""
        return self.address.startswith("https://")

    @property
    def database(self) -> str:
        """Address of the SQL database."""
        return self.database_url or f"sqlite:///{self.home.absolute() / TABLES}"

    @property
    def is_used(self) -> bool:
        """Whether a service, or a command that prepared one, has used these settings before."""
        return bool(self.database_url) or (self.home / TABLES).exists()

    @property
    def storage(self) -> str:
        """Address of the object store."""
        return self.storage_url or (self.home.absolute() / "storage").as_uri()

    @property
    def waiting_s(self) -> float:
        """Seconds that a search may lack what it needs before it fails."""
        return self.waiting_hours * 3600

    @property
    def signs_in_browsers(self) -> bool:
        """Whether people sign in with OpenID Connect."""
        return self.auth is Mode.OIDC

    @property
    def admin_claim(self) -> tuple[str, str] | None:
        """Name and value of the claim that makes an administrator; None: nobody is."""
        name, _, value = self.oidc_admin_claim.partition("=")
        return (name, value) if name else None


def _rows() -> dict[str, Setting]:
    kinds = get_type_hints(Settings)
    rows = {}
    for field in dataclasses.fields(Settings):
        row = dict(field.metadata)
        name = row.pop("name") or field.name
        option = f"--{name.replace('_', '-')}{'-file' if row['in_file'] else ''}"
        variable = f"SHARDBLAST_{name.upper()}" if row.pop("has_variable") else None
        default = None if field.default is dataclasses.MISSING else field.default
        rows[field.name] = Setting(
            name=name, kind=kinds[field.name], default=default, option=option, variable=variable, **row
        )
    return rows


TABLE: Mapping[str, Setting] = _rows()
"""The settings by the names of their fields."""


def from_environment(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the values that variables set, by the names of their fields."""
    return {
        field: row.in_environment(environment)
        for field, row in TABLE.items()
        if row.variable and environment.get(row.variable)
    }
