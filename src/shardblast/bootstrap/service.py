"""The service: its wired parts, its start and end."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.probe import Trial
from shardblast.bootstrap import known_arguments
from shardblast.bootstrap.databases import database_parts, open_storage, open_tables
from shardblast.core.errors import ConflictError, InputError, ShardblastError, UsageError
from shardblast.core.events import WARNING, incident
from shardblast.core.lack import ExpectedNodes
from shardblast.core.node import Member
from shardblast.core.scaling import ScalingRule
from shardblast.core.search import Search, SearchId
from shardblast.disk.node import Placed
from shardblast.engine.stored import StoredEngine
from shardblast.engine.workspace import Pool, this_machine
from shardblast.service.admission import Admission
from shardblast.service.backends import LocalSearching, Searching
from shardblast.service.callers import Sessions
from shardblast.service.catalogue import Catalogue
from shardblast.service.events import (
    Broadcast,
    BytesWritten,
    Listeners,
    Notify,
    SearchChanged,
    ServiceClosed,
    write_log,
)
from shardblast.service.folders import Claim, Folders
from shardblast.service.health import Health, Outage
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
from shardblast.store.searches import SearchStore, Workload

if TYPE_CHECKING:
    from shardblast.cluster.searching import ClusterSearching
    from shardblast.cluster.warming import ClusterWarming

RECEIVERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
RECENT_S = 0.5


class Service:
    """The use cases behind the routes, and the queue that runs searches."""

    def __init__(self, settings: Settings) -> None:
        """Make each part after those that it needs, and run none. Raises ShardblastError if a part can't be made."""
        self.settings = settings
        installation, machine, database = find_installation(), this_machine(), open_tables(settings)
        arguments = partial(known_arguments, installation)
        engine = StoredEngine(installation, machine, Pool(machine.cores), settings.verify_percent)
        self.listeners = listeners = Listeners([write_log, *_traces()])
        self.folders, self.broadcast = Folders(settings.home), Broadcast()
        self.store = SearchStore(database, self.broadcast.announce, lambda *change: listeners(SearchChanged(*change)))
        self.workload, self.peers = Workload(database), Peers(database)
        objects = open_storage(settings, database, lambda size_bytes: listeners(BytesWritten("storage", size_bytes)))
        self.health = Health(self._checks(installation), self._note_outage)
        served = _cluster_searching(settings, objects, self._expected)
        nodes = None if served is None else _cluster_warming(served, settings, self._ask_for_nodes)
        parts = database_parts(
            settings, database, installation, objects, self._cancel, nodes, self.health.check_storage
        )
        self.node, self.catalogue = parts.node, parts.catalogue
        self.databases, self.removal, released = parts.databases, parts.removal, parts.removal.released
        self.cluster = None if served is None else served.means.cluster
        self.certificates = None if self.cluster is None else self.cluster.certificates
        searching: Searching = served or LocalSearching(self.catalogue, engine, objects)
        tasks = TaskStore(database, self.broadcast.announce)
        self.scaling = (
            None if served is None else _scaling(settings, self.workload, tasks, self.catalogue, self.members)
        )
        self.runner = Runner(self.store, objects, self.catalogue, searching, self.folders, arguments, listeners)
        self.results = Results(self.store, self.catalogue, engine, self.folders, self.runner, listeners)
        self.subjects = Subjects(self.results, self.catalogue, installation, self.folders)
        self.organisms = Organisms(self.results, self.catalogue)
        self.tasks = Tasks(tasks, self.databases.works(), lambda task: self.queue.enqueue_task(task))
        trial = Trial(installation)
        self.preflights = Preflights(self.workload, self.catalogue, arguments, trial, searching)
        self.searches = SearchService(
            self.store, objects, self.catalogue, self.folders, self.runner, released, self.preflights, self._end
        )
        steps = settings.database_url or f"sqlite:///{settings.home / 'steps.sqlite'}"
        self.queue = DurableQueue(
            self.store, self.runner, self.results, self.tasks, released, database, steps, steps_engine(steps)
        )
        self.admission = Admission(self.store, self.workload, self.catalogue, searching, self.queue, released, settings)
        self.sessions = Sessions(SessionStore(database), settings.session_hours)
        browsers = settings.signs_in_browsers
        sign_in = SignIn(settings, Issuer(settings), self.sessions, settings.address) if browsers else None
        self.identity = Identity(settings.auth, TokenStore(database), self.sessions, sign_in)
        self.sharing = Sharing(ShareStore(database), self.broadcast.look)
        self.recent_members = RecentMembers(self.members)

    def _checks(self, installation: Installation) -> dict[str, Callable[[], object]]:
        """Return what raises ShardblastError while a part that searches need is away, by part."""
        return {
            "database": self.store.check,
            "storage": Objects(self.settings.storage, is_known=True, is_quick=True).check,
            "blast": lambda: installation.program("blastn"),
            "disk": self.folders.check_space,
        }

    def _note_outage(self, outage: Outage, until: float | None) -> None:
        """Tell the searches that run what costs them time."""
        with suppress(ShardblastError):
            for search in self.workload.standings():
                if search.has_place:
                    self.store.tell(search.id, WARNING, incident(outage.text(until)))

    def members(self) -> list[Member]:
        """Return the nodes that search: those of the cluster, or this machine."""
        if self.cluster is not None:
            return [member for member in self.cluster.members() if member.is_connected or not self._has_left(member)]
        state = self.node.state(Placed(one.facts, folders, True) for one, folders in self.catalogue.in_place())
        return [Member(state, True, time.time(), self.runner.running)]

    def _ask_for_nodes(self) -> None:
        """Ask for the nodes that are needed now, as far as that is possible."""
        if self.scaling is not None:
            with suppress(ShardblastError):
                self.scaling.look()

    def _has_left(self, member: Member) -> bool:
        """Return whether a node that is not connected is one that Kubernetes was asked to remove."""
        return self.scaling is not None and self.scaling.removed(member.state.name)

    def _cancel(self, search_id: SearchId) -> None:
        self.searches.cancel(self.store.get(search_id))

    def _end(self, search: Search) -> None:
        self.queue.begin(search).get_result()

    def _expected(self) -> ExpectedNodes:
        """Return the nodes that were asked for, as far as that is known."""
        return ExpectedNodes() if self.scaling is None else self.scaling.state.expected

    def claim(self) -> None:
        """Claim the home and leave its address there for commands. Raises ConflictError if another service uses it."""
        self.folders.claim(Claim(self.settings.local_address, self.identity.local_token))

    def launch(self) -> None:
        """Remove the files of requests that a crash cut off, and start to run searches."""
        for folder in (self.folders.scratch, self.folders.incoming):
            shutil.rmtree(folder, ignore_errors=True)
        self.folders.take_reserve()
        self.node.stager.start()
        self._drop_copies()
        self.health.start()
        self.peers.join(self._follow)
        self.queue.launch(self.expire)
        self.listeners.append(self.admission.notice)
        self.admission.start()
        if self.settings.signs_in_browsers:
            self.identity.sign_in.connect()
        if self.scaling is not None:
            self.scaling.start()
        if self.certificates is not None:
            self.certificates.watch()

    def expire(self) -> None:
        """Remove searches, tasks, sessions and generations whose time is over."""
        if days := self.settings.retention_days:
            self.searches.expire(days)
            self.tasks.expire(days)
        self.sessions.expire()
        self.removal.collect()
        self._drop_copies()

    def _drop_copies(self) -> None:
        """Remove the copies of databases that nothing uses here, if nodes search. Printing may have needed them."""
        for generation, _, volumes in self.node.stager.held() if self.cluster is not None else ():
            if volumes:
                with suppress(ConflictError):
                    self.node.stager.forget(generation.database, generation.name)

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
        self.listeners(ServiceClosed())


class RecentMembers:
    """The nodes that search, read again at most every RECENT_S, so that many event streams cost as much as one."""

    def __init__(self, find: Callable[[], list[Member]]) -> None:
        self._find = find
        self._found: tuple[float, list[Member]] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> list[Member]:
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > RECENT_S:
                self._found = (time.monotonic(), self._find())
            return self._found[1]


def _scaling(
    settings: Settings,
    workload: Workload,
    tasks: TaskStore,
    catalogue: Catalogue,
    members: Callable[[], list[Member]],
) -> Scaling | None:
    """Return the scaling of nodes on Kubernetes; None without ``--statefulset``."""
    if not settings.statefulset:
        return None
    try:
        from shardblast.cluster.kubernetes import NodeSet
    except ImportError as error:
        problem = "--statefulset needs the Kubernetes client, which is not installed."
        raise InputError(problem, remedy="Install shardblast[kubernetes], or leave the option out.") from error
    group = NodeSet(settings.statefulset, settings.namespace)
    rule = ScalingRule(settings.most_nodes, settings.idle_minutes * 60, settings.replicas)
    return Scaling(workload, tasks, catalogue.get, members, group, rule)


def _cluster_searching(
    settings: Settings, objects: Objects, expected: Callable[[], ExpectedNodes]
) -> ClusterSearching | None:
    if not settings.scheduler:
        return None
    from shardblast.bootstrap.cluster import searching, timings  # brings Dask, which takes a while

    if not settings.storage_url:
        raise UsageError("A cluster needs a storage that its nodes can reach.", remedy="Set SHARDBLAST_STORAGE.")
    found = searching(settings.scheduler, objects, settings.replicas, expected, timings().stuck_s)
    return replace(found, verify_percent=settings.verify_percent)


def _cluster_warming(served: ClusterSearching, settings: Settings, ask: Callable[[], object]) -> ClusterWarming:
    from shardblast.cluster.warming import ClusterWarming

    return ClusterWarming(replace(served.means, patience_s=settings.waiting_s), ask)


def _traces() -> list[Notify]:
    """Return the listener that exports traces, if OpenTelemetry's variables name a receiver."""
    wanted = (
        any(os.environ.get(name) for name in RECEIVERS) and os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    )
    if not wanted or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return []
    try:
        from shardblast.service.traces import Traces
    except ImportError as error:
        problem = f"{RECEIVERS[0]} asks for traces, but OpenTelemetry is not installed."
        raise InputError(problem, remedy="Install shardblast[otel], or unset the variable.") from error
    return [Traces()]
