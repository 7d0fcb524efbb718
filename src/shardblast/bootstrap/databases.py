"""Wires what knows of databases and tokens: for the service, and for commands beside it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.installation import Installation, find_installation
from shardblast.bootstrap import home
from shardblast.cluster.node import Node
from shardblast.cluster.staging import Stager
from shardblast.core.errors import InputError, NotFoundError
from shardblast.core.search import SearchId, cancelled
from shardblast.service.acquisition import Acquisition
from shardblast.service.catalogue import Catalogue
from shardblast.service.databases import Databases
from shardblast.service.folders import Folders
from shardblast.service.generations import Generations
from shardblast.service.removal import Removal
from shardblast.service.settings import Limits, Nodes, OpenId, Settings
from shardblast.storage.objects import Objects
from shardblast.store.connection import Database
from shardblast.store.databases import DatabaseStore
from shardblast.store.migrate import migrate
from shardblast.store.searches import SearchStore
from shardblast.store.tokens import TokenStore


@dataclass(frozen=True, slots=True)
class Administration:
    """What commands on the server itself use, beside a service that may run."""

    settings: Settings
    databases: Databases
    removal: Removal
    tokens: TokenStore


def settings_of(
    folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8642,
    retention_days: float = 30.0,
    public_url: str = "",
    open_id: OpenId | None = None,
    staged_bytes: int = 0,
    replicas: int = 1,
    nodes: Nodes | None = None,
    limits: Limits | None = None,
) -> Settings:
    """Return the settings: options, else ``SHARDBLAST_*`` variables, else defaults."""
    return Settings(
        home=(folder or home()).absolute(),
        host=host,
        port=port,
        database_url=os.environ.get("SHARDBLAST_DATABASE_URL", ""),
        storage_url=os.environ.get("SHARDBLAST_STORAGE", ""),
        retention_days=retention_days,
        public_url=public_url,
        open_id=open_id,
        staged_bytes=staged_bytes,
        scheduler=os.environ.get("SHARDBLAST_SCHEDULER", ""),
        replicas=replicas,
        nodes=nodes or Nodes(),
        limits=limits or Limits(),
    )


def administration(settings: Settings, *, makes_home: bool = False) -> Administration:
    """Open the databases and the tokens of a home.

    Args:
        settings: They name the home.
        makes_home: Whether a home is made where there is none.

    Raises:
        NotFoundError: The folder is no home, and none is to be made.
        InputError: The folder can't be a home.
        StoreError: The database can't be reached.
    """
    if not makes_home and not settings.is_used:
        raise NotFoundError(
            f"There are no databases in {str(settings.home)!r}: this folder is not the home of a service.",
            remedy="Check --home or SHARDBLAST_HOME. 'db add', 'token create' and 'serve' make a new home.",
        )
    database, installation = open_tables(settings), find_installation()
    parts = database_parts(settings, database, installation, Objects(settings.storage))
    searches = SearchStore(database, lambda event: None)

    def cancel(search_id: SearchId) -> None:
        searches.change(search_id, lambda one: cancelled(one, time.time()))

    removal = parts.removal(cancel)
    return Administration(settings, parts.databases(removal), removal, TokenStore(database))


@dataclass(frozen=True, slots=True)
class DatabaseParts:
    """What knows of databases."""

    generations: Generations
    objects: Objects
    catalogue: Catalogue
    acquisition: Acquisition
    node: Node

    def removal(self, cancel: Callable[[SearchId], object]) -> Removal:
        """Return what removes databases; ``cancel`` stops a search."""
        return Removal(self.generations, self.objects, self.catalogue, self.acquisition, self.node, cancel)

    def databases(self, removal: Removal) -> Databases:
        """Return the other use cases."""
        return Databases(self.generations, self.catalogue, self.acquisition, self.node, removal)


def database_parts(
    settings: Settings, database: Database, installation: Installation, objects: Objects
) -> DatabaseParts:
    """Wire what knows of databases."""
    folders, generations = Folders(settings.home), Generations(DatabaseStore(database), objects)
    node = Node(socket.gethostname(), Stager(objects, folders.staged, settings.staged_bytes or None))
    catalogue = Catalogue(generations, installation, node, folders.databases, folders.taxonomy)
    acquisition = Acquisition(generations, catalogue, objects, installation, folders)
    return DatabaseParts(generations, objects, catalogue, acquisition, node)


def open_tables(settings: Settings) -> Database:
    """Open the SQL database, with its tables in this version's form.

    Raises:
        InputError: The home folder can't be made.
        StoreError: The database can't be reached.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {str(settings.home)!r} can't be the home of a service: {(error.strerror or '').lower()}.",
            remedy="Name another folder with --home or SHARDBLAST_HOME.",
        ) from error
    database = Database(settings.database)
    migrate(database)
    return database
