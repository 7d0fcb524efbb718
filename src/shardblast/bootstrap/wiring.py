"""Makes the parts of a service and wires them together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shardblast.blast.installation import find_installation
from shardblast.blast.trial import Trial
from shardblast.bootstrap import known_arguments
from shardblast.bootstrap.databases import database_parts, open_tables
from shardblast.bootstrap.service import Service
from shardblast.cluster.node import Placed
from shardblast.core.errors import InputError, UsageError
from shardblast.core.node import Member
from shardblast.core.scaling import ScalingRule
from shardblast.engine.machine import this_machine
from shardblast.engine.pool import Pool
from shardblast.engine.stored import StoredEngine
from shardblast.service.admission import Admission
from shardblast.service.catalogue import Catalogue
from shardblast.service.databases import Databases
from shardblast.service.durable import DurableQueue
from shardblast.service.events import Broadcast
from shardblast.service.folders import Folders
from shardblast.service.identity import Identity
from shardblast.service.issuer import Issuer
from shardblast.service.journal import Journal
from shardblast.service.lately import Lately
from shardblast.service.local import LocalSearching
from shardblast.service.observers import Observer, Observers
from shardblast.service.operations import Operations
from shardblast.service.organisms import Organisms
from shardblast.service.preflight import Preflights
from shardblast.service.removal import Removal
from shardblast.service.results import Results
from shardblast.service.runner import Runner
from shardblast.service.scaling import Scaling
from shardblast.service.searches import SearchService
from shardblast.service.searching import Searching
from shardblast.service.sessions import Sessions
from shardblast.service.settings import Settings
from shardblast.service.sharing import Sharing
from shardblast.service.sign_in import SignIn
from shardblast.service.subjects import Subjects
from shardblast.service.tasks import Tasks
from shardblast.storage.objects import Objects
from shardblast.store.connection import steps_engine
from shardblast.store.peers import Peers
from shardblast.store.searches import SearchStore
from shardblast.store.sessions import SessionStore
from shardblast.store.shares import ShareStore
from shardblast.store.tasks import TaskStore
from shardblast.store.tokens import TokenStore
from shardblast.store.workload import Workload

if TYPE_CHECKING:
    from shardblast.cluster.serving import ServedSearching

RECEIVERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LATELY_S = 0.5
"""So old what is known of nodes may be for those who follow them."""


def service(settings: Settings) -> Service:
    """Wire a service.

    Raises:
        ShardblastError: Something that it needs is missing.
    """
    return _Wiring(settings).service()


class _Wiring:
    """Each part is made once, when the first other one needs it; what may be missing is looked for at once."""

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
        """Return the whole."""
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
        """See to a generation that a search needs no more."""
        self.removal.released(database, generation)

    @cached_property
    def runner(self) -> Runner:
        return Runner(
            self.store,
            self.objects,
            self.catalogue,
            self.searching,
            self.folders,
            self.arguments,
            self.observers,
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
        return Tasks(TaskStore(self.database, self.broadcast.announce), self.databases.works())

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
            self.peers,
            self.database.server,
            steps,
            steps_engine(steps),
        )

    @cached_property
    def preflights(self) -> Preflights:
        trial = Trial(self.installation)
        known = (self.workload, self.catalogue, self.machine, self.arguments)
        return Preflights(*known, trial, self.searching)

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
        """Return the nodes that search: those of the cluster, or this machine."""
        if self.served is not None:
            return self.served.cluster.members()
        state = self.parts.node.state(Placed(one.facts, folders, True) for one, folders in self.catalogue.in_place())
        return [Member(state, True, time.time(), self.runner.running)]

    def _expected(self) -> int:
        """Return how many nodes were asked for."""
        return 0 if self.scaling is None else self.scaling.state.asked


def _scaling(
    settings: Settings, workload: Workload, catalogue: Catalogue, members: Callable[[], list[Member]]
) -> Scaling | None:
    """Return what scales the nodes, if they are on Kubernetes.

    Raises:
        InputError: They are, but its client is not installed.
    """
    if not settings.statefulset:
        return None
    try:
        from shardblast.cluster.kubernetes import NodeSet
    except ImportError as error:
        raise InputError(
            "Nodes on Kubernetes are to be scaled (--statefulset), but its client is not installed.",
            remedy="Install shardblast[kubernetes], or leave the option out.",
        ) from error
    group = NodeSet(settings.statefulset, settings.namespace)
    rule = ScalingRule(settings.most_nodes, settings.idle_minutes * 60, settings.replicas)
    return Scaling(workload, catalogue.get, members, group, rule)


def _cluster_searching(settings: Settings, objects: Objects, expected: Callable[[], int]) -> ServedSearching | None:
    if not settings.scheduler:
        return None
    from shardblast.bootstrap.cluster import searching, timings  # brings Dask, which takes a while
    from shardblast.cluster.serving import ServedSearching

    if not settings.storage_url:
        raise UsageError("A cluster needs a storage that its nodes reach.", remedy="Set SHARDBLAST_STORAGE.")
    return ServedSearching(searching(settings.scheduler, objects, settings.replicas, expected, timings().stuck_s))


def _sign_in(settings: Settings, sessions: Sessions) -> SignIn | None:
    if not settings.signs_in_browsers:
        return None
    return SignIn(settings, Issuer(settings), sessions, settings.address)


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


def _steps_address(settings: Settings) -> str:
    """Return where finished steps are remembered: the same PostgreSQL, or a SQLite file of their own."""
    return settings.database_url or f"sqlite:///{settings.home / 'steps.sqlite'}"
