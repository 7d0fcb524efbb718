"""Every setting of the service, with its default."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from shardblast.core.lacking import WAITING_HOURS

TABLES = "shardblast.sqlite"
"""The SQL database in the home folder, unless another one is set."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Hosts that stand for all addresses of the machine, each with one by which the machine reaches itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a user may ask for."""

    upload_bytes: int = 1 << 30
    """Of a request's body, packed or not, and of the queries when unpacked."""
    queries: int = 1_000_000
    letters: int = 1_000_000_000
    """Over all queries of a search."""
    kept_bytes: int = 1 << 30
    """Of the sequences that a search has hit; with more, its result is printed only while its database is there."""
    running: int = 0
    """Searches that run at once (``--running``, ``SHARDBLAST_RUNNING``); 0: one for each core of the nodes, but at
    least 4 and at most 64."""
    running_of_owner: int = 0
    """Searches of one owner that run at once while others wait (``--running-of-owner``,
    ``SHARDBLAST_RUNNING_OF_OWNER``); 0: half of those that run at once."""
    waiting_s: float = WAITING_HOURS * 3600
    """So long a search may lack what it needs, but for its turn, before it fails (``--waiting-hours``,
    ``SHARDBLAST_WAITING_HOURS``)."""
    tasks: int = 2
    """Tasks on databases that run at once."""


@dataclass(frozen=True, slots=True)
class OpenId:
    """Where people and programs sign in with OpenID Connect."""

    issuer: str
    """Its address, as its tokens spell it (``--oidc-issuer``, ``SHARDBLAST_OIDC_ISSUER``)."""
    client_id: str
    """What the issuer calls this service (``--oidc-client-id``, ``SHARDBLAST_OIDC_CLIENT_ID``)."""
    client_secret: str = field(default="", repr=False)
    """``--oidc-client-secret-file``, ``SHARDBLAST_OIDC_CLIENT_SECRET``; a public client has none, and PKCE alone."""
    audience: str = ""
    """What tokens sent as ``Bearer`` must be made for (``--oidc-audience``); default: the client id."""
    scopes: str = "openid profile"
    """Asked of the issuer when a browser signs in (``--oidc-scopes``)."""
    admin_claim: tuple[str, str] | None = None
    """The claim and the value in it that make an administrator (``--oidc-admin-claim``); None: nobody is."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes on Kubernetes that the service scales."""

    statefulset: str = ""
    """Whose pods they are (``--statefulset``, ``SHARDBLAST_STATEFULSET``); none: nothing is scaled."""
    namespace: str = ""
    """Where it is (``--namespace``, ``SHARDBLAST_NAMESPACE``)."""
    most: int = 1
    """However much work there is (``--most-nodes``, ``SHARDBLAST_MOST_NODES``)."""
    idle_minutes: float = 30.0
    """Fewer follow when so many were not needed for so long (``--idle-minutes``); 0: never."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``shardblast serve`` is told, by options or by environment variables."""

    home: Path
    """Folder for all that the service keeps (``--home``, ``SHARDBLAST_HOME``)."""
    host: str = "127.0.0.1"
    port: int = 8642
    database_url: str = ""
    """``SHARDBLAST_DATABASE_URL``; default: SQLite in the home folder."""
    storage_url: str = ""
    """``SHARDBLAST_STORAGE``; default: files in the home folder."""
    staged_bytes: int = 0
    """What copies of databases may take of this machine's disk (``--staged-bytes``); 0: what it has."""
    scheduler: str = ""
    """Of a cluster that does the searches (``SHARDBLAST_SCHEDULER``); default: this machine does them."""
    replicas: int = 1
    """Nodes that are to hold each shard (``--replicas``, ``SHARDBLAST_REPLICAS``)."""
    retention_days: float = 30.0
    """Searches are deleted so long after their end; 0 keeps them."""
    public_url: str = ""
    """Where browsers find the service, if not at host and port (``--public-url``, ``SHARDBLAST_PUBLIC_URL``)."""
    session_hours: float = 12.0
    """A browser has to sign in again so long after it did."""
    open_id: OpenId | None = None
    limits: Limits = field(default_factory=Limits)
    nodes: Nodes = field(default_factory=Nodes)

    @property
    def address(self) -> str:
        """Where browsers find the service; never what a request claims."""
        named = socket.gethostname() if self.host in EVERYWHERE else self.host
        host = f"[{named}]" if ":" in named else named
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def local_address(self) -> str:
        """Where commands on this machine find the service."""
        named = EVERYWHERE.get(self.host.strip("[]"), self.host.strip("[]"))
        return f"http://{f'[{named}]' if ':' in named else named}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over HTTPS alone."""
        return self.address.startswith("https://")

    @property
    def database(self) -> str:
        """The SQL database's address."""
        return self.database_url or f"sqlite:///{self.home.absolute() / TABLES}"

    @property
    def is_used(self) -> bool:
        """Whether a service, or a command that prepared one, has used these settings before."""
        return bool(self.database_url) or (self.home / TABLES).exists()

    @property
    def storage(self) -> str:
        """The object store's address."""
        return self.storage_url or (self.home.absolute() / "storage").as_uri()
