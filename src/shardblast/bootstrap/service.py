"""The service: its wired parts, its start and end, and its readiness checks."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.probe import Trial
from shardblast.bootstrap import known_arguments
from shardblast.bootstrap.databases import database_parts, open_tables
from shardblast.core.errors import InputError, ShardblastError, UsageError
from shardblast.core.node import Member
from shardblast.core.scaling import ScalingRule
from shardblast.core.search import SearchId
from shardblast.disk.node import Node, Placed
from shardblast.engine.stored import StoredEngine
from shardblast.engine.workspace import Pool, this_machine
from shardblast.service.admission import Admission
from shardblast.service.backends import LocalSearching, Searching
from shardblast.service.callers import Sessions
from shardblast.service.catalogue import Catalogue
from shardblast.service.databases import Databases, Removal
from shardblast.service.events import Broadcast, Journal, Observer, Observers
from shardblast.service.folders import Claim, Folders
from shardblast.service.identity import Identity, Sharing
from shardblast.service.openid import Issuer, SignIn
from shardblast.service.preflight import Preflights
from shardblast.service.queue import DurableQueue
from shardblast.service.results import Results
from shardblast.service.runner import Runner
from shardblast.service.scaling import Scaling
from shardblast.service.searches import SearchService
from shardblast.service.settings import Settings
from shardblast.service.subjects import Organisms, Subjects
from shardblast.service.tasks import Tasks
from shardblast.storage.objects import Objects
from shardblast.store.connection import steps_engine
from shardblast.store.credentials import SessionStore, ShareStore, TokenStore
from shardblast.store.databases import TaskStore
from shardblast.store.events import Peers
from shardblast.store.searches import SearchStore
from shardblast.store.workload import Workload

if TYPE_CHECKING:
    from shardblast.cluster.connection import Cluster
    from shardblast.cluster.searching import ServedSearching

RECEIVERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LATELY_S = 0.5
"""Maximum age of the node list that event streams read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases behind the routes, and the queue that runs searches."""

    settings: Settings
    searches: SearchService
    preflights: Preflights
    results: Results
    subjects: Subjects
    organisms: Organisms
    catalogue: Catalogue
    databases: Databases
    removal: Removal
    tasks: Tasks
    node: Node
    cluster: Cluster | None
    store: SearchStore
    workload: Workload
    broadcast: Broadcast
    folders: Folders
    identity: Identity
    sessions: Sessions
    sharing: Sharing
    operations: Operations
    queue: DurableQueue
    admission: Admission
    runner: Runner
    peers: Peers
    observers: Observers
    scaling: Scaling | None
    members: Callable[[], list[Member]]
    """Returns the nodes that search: those of the cluster, or this machine."""
    members_lately: Lately[list[Member]]
    """Returns the same nodes from a cache of ``LATELY_S``."""

    def claim(self) -> None:
        """Claim the home for this process, and leave its address there for commands on this machine.

        Raises ConflictError if another service uses the home.
        """
        self.folders.claim(Claim(self.settings.local_address, self.identity.local_token))

    def launch(self) -> None:
        """Remove the files of requests that a crash cut off, and start to run searches."""
        for folder in (self.folders.scratch, self.folders.incoming):
            shutil.rmtree(folder, ignore_errors=True)
        self.folders.take_reserve()
        self.node.start()
        self.peers.join(self._follow)
        self.queue.launch(self.expire)
        self.observers.add(self.admission)
        self.admission.start()
        if self.settings.signs_in_browsers:
            self.identity.sign_in.connect()
        if self.scaling is not None:
            self.scaling.start()

    def expire(self) -> None:
        """Remove searches, tasks, sessions and generations whose time is over."""
        if days := self.settings.retention_days:
            self.searches.expire(days)
            self.tasks.expire(days)
        self.sessions.expire()
        self.removal.collect()

    def _follow(self, search_id: SearchId | None) -> None:
        """React to another server's change of a search; None means that any may have changed."""
        self.broadcast.look(search_id)
        if search_id is None:
            self.runner.look_at_all()
            self.tasks.look_at_all()
        elif self.tasks.runs(search_id):
            self.tasks.look(search_id)
        else:
            self.runner.look(search_id)

    def close(self) -> None:
        """Stop. Running searches resume with the next ``launch``."""
        self.admission.close()
        self.queue.close()
        self.observers.close()


def service(settings: Settings) -> Service:
    """Return a wired service."""
    return _Wiring(settings).service()


class Operations:
    """Checks that the service can run searches."""

    def __init__(self, store: SearchStore, objects: Objects, installation: Installation, folders: Folders) -> None:
        self._store = store
        self._objects = objects
        self._installation = installation
        self._folders = folders

    def checks(self) -> dict[str, str]:
        """Return ``ok`` or the problem of each thing that searches need."""
        return {
            "database": _problem_of(self._store.check),
            "storage": _problem_of(self._objects.check),
            "blast": _problem_of(lambda: self._installation.program("blastn")),
            "disk": _problem_of(self._folders.check_space),
        }


class Lately(Generic[T]):
    """Caches a function's result briefly, so that concurrent callers share one call. Thread-safe."""

    def __init__(self, find: Callable[[], T], while_s: float) -> None:
        self._find = find
        self._while_s = while_s
        self._found: tuple[float, T] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """Return the function's cached or new result."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > self._while_s:
                self._found = (time.monotonic(), self._find())
            return self._found[1]


class _Wiring:
    """Makes each part once, when another part first needs it. Parts that may be missing are made first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.installation = find_installation()
        self.machine = this_machine()
        self.arguments = cache(lambda program: known_arguments(self.installation, program))
        self.database = open_tables(settings)
        self.observers = Observers([Journal(), *_traces()])
        self.objects = Objects(settings.storage, self.observers.stored)
        self.folders = Folders(settings.home)
        self.broadcast = Broadcast()
        self.store = SearchStore(self.database, self.broadcast.announce, self.observers.noted)
        self.workload = Workload(self.database)
        self.parts = database_parts(settings, self.database, self.installation, self.objects)
        self.catalogue = self.parts.catalogue
        self.engine = StoredEngine(self.installation, self.machine, Pool(self.machine.cores))
        self.served = _cluster_searching(settings, self.objects, self._expected)

    def service(self) -> Service:
        return Service(
            settings=self.settings,
            searches=self.searches,
            preflights=self.preflights,
            results=self.results,
            subjects=Subjects(self.results, self.catalogue, self.installation, self.folders),
            organisms=Organisms(self.results, self.catalogue),
            catalogue=self.catalogue,
            databases=self.databases,
            removal=self.removal,
            tasks=self.tasks,
            node=self.parts.node,
            cluster=None if self.served is None else self.served.cluster,
            store=self.store,
            workload=self.workload,
            broadcast=self.broadcast,
            folders=self.folders,
            identity=Identity(
                self.settings.auth, TokenStore(self.database), self.sessions, _sign_in(self.settings, self.sessions)
            ),
            sessions=self.sessions,
            sharing=Sharing(ShareStore(self.database), self.broadcast.look),
            operations=Operations(self.store, self.objects, self.installation, self.folders),
            queue=self.queue,
            admission=self.admission,
            runner=self.runner,
            peers=self.peers,
            observers=self.observers,
            scaling=self.scaling,
            members=self.members,
            members_lately=Lately(self.members, LATELY_S),
        )

    @cached_property
    def searching(self) -> Searching:
        return self.served or LocalSearching(self.catalogue, self.parts.node, self.engine, self.objects)

    @cached_property
    def admission(self) -> Admission:
        return Admission(
            self.store, self.workload, self.catalogue, self.searching, self.queue, self.released, self.settings
        )

    def released(self, database: str, generation: str) -> None:
        """Remove a generation that no search needs any more, if it was replaced."""
        self.removal.released(database, generation)

    @cached_property
    def runner(self) -> Runner:
        return Runner(
            self.store, self.objects, self.catalogue, self.searching, self.folders, self.arguments, self.observers
        )

    @cached_property
    def results(self) -> Results:
        return Results(self.store, self.catalogue, self.engine, self.folders, self.runner, self.observers)

    @cached_property
    def removal(self) -> Removal:
        return self.parts.removal(lambda search_id: self.searches.cancel(self.store.get(search_id)))

    @cached_property
    def databases(self) -> Databases:
        return self.parts.databases(self.removal)

    @cached_property
    def tasks(self) -> Tasks:
        store = TaskStore(self.database, self.broadcast.announce)
        return Tasks(store, self.databases.works(), lambda task: self.queue.enqueue_task(task))

    @cached_property
    def peers(self) -> Peers:
        return Peers(self.database)

    @cached_property
    def queue(self) -> DurableQueue:
        steps = _steps_address(self.settings)
        return DurableQueue(
            self.store,
            self.runner,
            self.results,
            self.tasks,
            self.released,
            self.database,
            steps,
            steps_engine(steps),
        )

    @cached_property
    def preflights(self) -> Preflights:
        trial = Trial(self.installation)
        return Preflights(self.workload, self.catalogue, self.machine, self.arguments, trial, self.searching)

    @cached_property
    def searches(self) -> SearchService:
        return SearchService(
            self.store, self.objects, self.catalogue, self.folders, self.runner, self.released, self.preflights
        )

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(SessionStore(self.database), self.settings.session_hours)

    @cached_property
    def scaling(self) -> Scaling | None:
        return None if self.served is None else _scaling(self.settings, self.workload, self.catalogue, self.members)

    def members(self) -> list[Member]:
        if self.served is not None:
            return self.served.cluster.members()
        state = self.parts.node.state(Placed(one.facts, folders, True) for one, folders in self.catalogue.in_place())
        return [Member(state, True, time.time(), self.runner.running)]

    def _expected(self) -> int:
        return 0 if self.scaling is None else self.scaling.state.asked


def _scaling(
    settings: Settings, workload: Workload, catalogue: Catalogue, members: Callable[[], list[Member]]
) -> Scaling | None:
    """Return the scaling of nodes on Kubernetes; None without ``--statefulset``.

    Raises InputError if the Kubernetes client is not installed.
    """
    if not settings.statefulset:
        return None
    try:
        from shardblast.cluster.kubernetes import NodeSet
    except ImportError as error:
        raise InputError(
            "--statefulset needs the Kubernetes client, which is not installed.",
            remedy="Install shardblast[kubernetes], or leave the option out.",
        ) from error
    group = NodeSet(settings.statefulset, settings.namespace)
    rule = ScalingRule(settings.most_nodes, settings.idle_minutes * 60, settings.replicas)
    return Scaling(workload, catalogue.get, members, group, rule)


def _cluster_searching(settings: Settings, objects: Objects, expected: Callable[[], int]) -> ServedSearching | None:
    if not settings.scheduler:
        return None
    from shardblast.bootstrap.cluster import searching, timings  # brings Dask, which takes a while
    from shardblast.cluster.searching import ServedSearching

    if not settings.storage_url:
        raise UsageError("A cluster needs a storage that its nodes can reach.", remedy="Set SHARDBLAST_STORAGE.")
    return ServedSearching(searching(settings.scheduler, objects, settings.replicas, expected, timings().stuck_s))


def _sign_in(settings: Settings, sessions: Sessions) -> SignIn | None:
    if not settings.signs_in_browsers:
        return None
    return SignIn(settings, Issuer(settings), sessions, settings.address)


def _traces() -> list[Observer]:
    """Return the observer that exports traces, if OpenTelemetry's variables name a receiver.

    Raises InputError if OpenTelemetry is not installed.
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
            f"{RECEIVERS[0]} asks for traces, but OpenTelemetry is not installed.",
            remedy="Install shardblast[otel], or unset the variable.",
        ) from error
    return [Traces()]


def _steps_address(settings: Settings) -> str:
    """Return the address of the store of finished steps: the same PostgreSQL, or a separate SQLite file."""
    return settings.database_url or f"sqlite:///{settings.home / 'steps.sqlite'}"


def _problem_of(check: Callable[[], object]) -> str:
    try:
        check()
    except ShardblastError as error:
        return error.problem
    return "ok"
