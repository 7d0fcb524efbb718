"""Wires the databases and tokens of a home, for the service and for commands on its machine."""

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shardblast.blast.installation import Installation, find_installation
from shardblast.bootstrap import home
from shardblast.core.errors import InputError, NotFoundError, UsageError
from shardblast.core.search import SearchId, cancelled
from shardblast.core.units import check_plain
from shardblast.disk.node import Node
from shardblast.disk.staging import Stager
from shardblast.service.acquisition import Acquisition
from shardblast.service.catalogue import Catalogue, Generations
from shardblast.service.databases import Databases, Removal
from shardblast.service.folders import Folders
from shardblast.service.settings import TABLE, Setting, Settings, from_environment
from shardblast.service.warming import LocalWarming, Warming
from shardblast.storage.objects import Objects
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.credentials import TokenStore
from shardblast.store.databases import DatabaseStore
from shardblast.store.searches import SearchStore


@dataclass(frozen=True, slots=True)
class Administration:
    """The use cases of commands on the server's machine, whether a service runs or not."""

    settings: Settings
    databases: Databases
    removal: Removal
    tokens: TokenStore


def settings_of(**given: Any) -> Settings:
    """Return the settings: options, otherwise ``SHARDBLAST_*`` variables, otherwise defaults.

    ``given`` are options by field name; None stands for the variable or the default. A setting that is read from a file
    has the file's path. Raises UsageError if a variable is not valid, a value contains control characters, or a file
    can't be read.
    """
    values = {field: value for field, value in given.items() if value is not None}
    for field in values:
        if TABLE[field].in_file:
            values[field] = _content(TABLE[field], values[field])
    values = {**from_environment(), **values}
    for field, value in values.items():
        if isinstance(value, str | Path):
            check_plain(str(value), f"value of {TABLE[field].option}")
    return Settings(**{**values, "home": (values.get("home") or home()).absolute()})


def _content(setting: Setting, file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{setting.option} can't be read from {str(file)!r}.", remedy="Check the file.") from error


@contextmanager
def home_made(settings: Settings) -> Iterator[Administration]:
    """Open a home, which is made if missing (see ``new_home``). Raises InputError if the folder can't be a home."""
    opened: list[Administration] = []
    with new_home(settings, lambda: any(one.databases.generations.names() or one.tokens.all() for one in opened)):
        opened.append(administration(settings, is_new=True))
        yield opened[0]


@contextmanager
def new_home(settings: Settings, is_needed: Callable[[], object] = lambda: False) -> Iterator[None]:
    """Let a home be made in the context.

    After an error in the context, what is new is removed again, unless another command works there, the next attempt
    can resume, or ``is_needed`` returns true.
    """
    home, is_used, before = settings.home, settings.is_used, set(settings.home.glob("*"))
    missing = [folder for folder in (home, *home.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        is_worked_in = any([*home.glob("adding/*"), *home.glob("serve.lock")])
        if (missing or not is_used) and not is_needed() and not is_worked_in:
            for path in missing[-1:] or set(home.glob("*")) - before:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        raise


def administration(settings: Settings, *, is_new: bool = False) -> Administration:
    """Open a home's databases and tokens. Raises NotFoundError if it is no home, unless ``is_new`` (``home_made``)."""
    if not is_new and not settings.is_used:
        problem = f"There are no databases in {str(settings.home)!r}: this folder is not the home of a service."
        remedy = "Check --home or SHARDBLAST_HOME. 'db add', 'token create' and 'serve' create a new home."
        raise NotFoundError(problem, remedy=remedy)
    database, installation = open_tables(settings), find_installation()
    searches = SearchStore(database, lambda event: None)

    def cancel(search_id: SearchId) -> None:
        searches.change(search_id, lambda one: cancelled(one, time.time()))

    objects = open_storage(settings, database)
    parts = database_parts(settings, database, installation, objects, cancel, _nodes(settings, objects))
    return Administration(settings, parts.databases, parts.removal, TokenStore(database))


def _nodes(settings: Settings, objects: Objects) -> Warming | None:
    """Return the nodes of the cluster that the settings name, which are reached when they are needed."""
    if not settings.scheduler or not settings.storage_url:
        return None
    from shardblast.bootstrap.cluster import warming  # brings Dask, which takes a while

    return warming(settings.scheduler, objects, settings.replicas, settings.waiting_s)


@dataclass(frozen=True, slots=True)
class DatabaseParts:
    catalogue: Catalogue
    node: Node
    removal: Removal
    databases: Databases


def database_parts(
    settings: Settings,
    database: SqlDatabase,
    installation: Installation,
    objects: Objects,
    cancel: Callable[[SearchId], object],
    nodes: Warming | None,
    check_storage: Callable[[], object] = lambda: None,
) -> DatabaseParts:
    """Wire the parts that handle databases.

    ``cancel`` stops a search of a database that is removed; ``nodes`` are those of a cluster; ``check_storage`` raises
    StorageError if the storage is known to be away.
    """
    folders, generations = Folders(settings.home), Generations(DatabaseStore(database), objects, check_storage)
    node = Node(socket.gethostname(), Stager(objects, folders.staged, settings.staged_bytes or None))
    catalogue = Catalogue(generations, installation, node.stager, folders.databases, folders.taxonomy)
    acquisition = Acquisition(generations, catalogue, objects, installation, folders)
    removal = Removal(generations, objects, catalogue, acquisition, node.stager, cancel)
    return DatabaseParts(
        catalogue,
        node,
        removal,
        Databases(generations, catalogue, acquisition, removal, nodes or LocalWarming(catalogue)),
    )


def open_storage(
    settings: Settings, database: SqlDatabase, stored: Callable[[int], None] = lambda size_bytes: None
) -> Objects:
    """Open a service's storage, which it knows if its tables name databases or searches there."""
    return Objects(settings.storage, stored, is_known=DatabaseStore(database).uses_storage())


def open_tables(settings: Settings) -> SqlDatabase:
    """Open the SQL database and migrate its tables. Raises InputError if the home folder can't be created."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"The folder {str(settings.home)!r} can't be the home of a service: {(error.strerror or '').lower()}."
        raise InputError(problem, remedy="Name another folder with --home or SHARDBLAST_HOME.") from error
    database = SqlDatabase(settings.database)
    migrate(database)
    return database
