"""Wires the service together: its database, its storage, its engine, its use cases."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shardblast.blast.installation import find_installation
from shardblast.blast.trial import Trial
from shardblast.bootstrap import home, known_arguments
from shardblast.core.arguments import Arguments
from shardblast.core.errors import InputError
from shardblast.core.program import Program
from shardblast.core.search import SearchId
from shardblast.engine.machine import this_machine
from shardblast.engine.pool import Pool
from shardblast.engine.stored import StoredEngine
from shardblast.service.catalogue import Catalogue
from shardblast.service.durable import DurableQueue
from shardblast.service.events import Broadcast
from shardblast.service.folders import Folders
from shardblast.service.identity import Identity, Mode
from shardblast.service.issuer import Issuer
from shardblast.service.journal import Journal
from shardblast.service.observers import Observer, Observers
from shardblast.service.operations import Operations
from shardblast.service.results import Results
from shardblast.service.runner import Runner
from shardblast.service.searches import SearchService
from shardblast.service.sessions import Sessions
from shardblast.service.settings import OpenId, Settings
from shardblast.service.sharing import Sharing
from shardblast.service.sign_in import SignIn
from shardblast.storage.objects import Objects
from shardblast.store.connection import Database, steps_engine
from shardblast.store.databases import DatabaseStore
from shardblast.store.migrate import migrate
from shardblast.store.peers import Peers
from shardblast.store.searches import SearchStore
from shardblast.store.sessions import SessionStore
from shardblast.store.shares import ShareStore
from shardblast.store.tokens import TokenStore

RECEIVERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases behind the routes, and the queue that runs searches."""

    settings: Settings
    searches: SearchService
    results: Results
    catalogue: Catalogue
    store: SearchStore
    broadcast: Broadcast
    folders: Folders
    identity: Identity
    sessions: Sessions
    sharing: Sharing
    operations: Operations
    queue: DurableQueue
    runner: Runner
    peers: Peers
    observers: Observers

    def launch(self) -> None:
        """Begin to run searches, without what requests left that a crash cut off."""
        for folder in (self.folders.scratch, self.folders.incoming):
            shutil.rmtree(folder, ignore_errors=True)
        self.folders.take_reserve()
        self.peers.join(self._follow)
        self.queue.launch(self.expire)
        if self.settings.open_id is not None:
            self.identity.sign_in.connect()

    def expire(self) -> None:
        """Remove what has been kept long enough."""
        if days := self.settings.retention_days:
            self.searches.expire(days)
        self.sessions.expire()

    def _follow(self, search_id: SearchId | None) -> None:
        """Follow what another server did to a search, or may have done to any."""
        self.broadcast.look(search_id)
        if search_id is None:
            self.runner.look_at_all()
        else:
            self.runner.look(search_id)

    def close(self) -> None:
        """Stop; searches that run go on with the next ``launch``."""
        self.queue.close()
        self.observers.close()


@dataclass(frozen=True, slots=True)
class Administration:
    """What commands on the server itself use, beside a service that may run."""

    settings: Settings
    catalogue: Catalogue
    tokens: TokenStore


def settings_of(
    folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8642,
    retention_days: float = 30.0,
    public_url: str = "",
    open_id: OpenId | None = None,
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
    )


def administration(settings: Settings) -> Administration:
    """Open the catalogue and the tokens.

    Raises:
        StoreError: The database can't be reached.
    """
    database = _database(settings)
    catalogue = Catalogue(DatabaseStore(database), find_installation(), Folders(settings.home).databases)
    return Administration(settings, catalogue, TokenStore(database))


def service(settings: Settings, mode: Mode) -> Service:
    """Wire a service.

    Raises:
        ShardblastError: Something that it needs is missing.
    """
    installation, machine = find_installation(), this_machine()

    @cache
    def arguments(program: Program) -> Arguments:
        return known_arguments(installation, program)

    database = _database(settings)
    observers = Observers([Journal(), *_traces()])
    objects, folders, broadcast = Objects(settings.storage, observers.stored), Folders(settings.home), Broadcast()
    store = SearchStore(database, broadcast.announce, observers.noted)
    catalogue = Catalogue(DatabaseStore(database), installation, folders.databases)
    engine = StoredEngine(installation, machine, Pool(machine.cores))
    runner = Runner(store, objects, catalogue, engine, folders, arguments, observers)
    results = Results(store, catalogue, engine, folders, runner, settings.limits.kept_bytes, observers)
    peers = Peers(database)
    steps = _steps_address(settings)
    queue = DurableQueue(store, runner, results, peers, database.server, steps, settings.limits, steps_engine(steps))
    searches = SearchService(
        store, objects, catalogue, folders, runner, queue, machine, settings.limits, arguments, Trial(installation)
    )
    operations = Operations(store, objects, installation, folders)
    sessions = Sessions(SessionStore(database), settings.session_hours)
    identity = Identity(mode, TokenStore(database), _sign_in(settings, sessions))
    sharing = Sharing(ShareStore(database))
    return Service(
        settings=settings,
        searches=searches,
        results=results,
        catalogue=catalogue,
        store=store,
        broadcast=broadcast,
        folders=folders,
        identity=identity,
        sessions=sessions,
        sharing=sharing,
        operations=operations,
        queue=queue,
        runner=runner,
        peers=peers,
        observers=observers,
    )


def _sign_in(settings: Settings, sessions: Sessions) -> SignIn | None:
    if settings.open_id is None:
        return None
    return SignIn(settings.open_id, Issuer(settings.open_id), sessions, settings.address)


def _traces() -> list[Observer]:
    """Return what makes traces, if OpenTelemetry's variables name a receiver.

    Raises:
        InputError: They do, but it is not installed.
    """
    wanted = (
        any(os.environ.get(name) for name in RECEIVERS) and os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    )
    if not wanted or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return []
    try:
        from shardblast.service.traces import Traces
    except ImportError as error:
        raise InputError(
            f"Traces are wanted ({RECEIVERS[0]}), but OpenTelemetry is not installed.",
            remedy="Install shardblast[otel], or unset the variable.",
        ) from error
    return [Traces()]


def _database(settings: Settings) -> Database:
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    migrate(database)
    return database


def _steps_address(settings: Settings) -> str:
    """Return where finished steps are remembered: the same PostgreSQL, or a SQLite file of their own."""
    return settings.database_url or f"sqlite:///{settings.home / 'steps.sqlite'}"
