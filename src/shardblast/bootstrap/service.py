"""The service that routes are given: its use cases, and how it begins and ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardblast.cluster.node import Node
from shardblast.core.node import Member
from shardblast.core.search import SearchId
from shardblast.service.admission import Admission
from shardblast.service.catalogue import Catalogue
from shardblast.service.databases import Databases
from shardblast.service.durable import DurableQueue
from shardblast.service.events import Broadcast
from shardblast.service.folders import Claim, Folders
from shardblast.service.identity import Identity
from shardblast.service.lately import Lately
from shardblast.service.observers import Observers
from shardblast.service.operations import Operations
from shardblast.service.organisms import Organisms
from shardblast.service.preflight import Preflights
from shardblast.service.removal import Removal
from shardblast.service.results import Results
from shardblast.service.runner import Runner
from shardblast.service.scaling import Scaling
from shardblast.service.searches import SearchService
from shardblast.service.sessions import Sessions
from shardblast.service.settings import Settings
from shardblast.service.sharing import Sharing
from shardblast.service.subjects import Subjects
from shardblast.service.tasks import Tasks
from shardblast.store.peers import Peers
from shardblast.store.searches import SearchStore
from shardblast.store.workload import Workload

if TYPE_CHECKING:
    from shardblast.cluster.membership import Cluster


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
    """The same, a moment ago."""

    def claim(self) -> None:
        """Keep the home for this process, and tell commands on this machine how to reach it.

        Raises:
            ConflictError: Another service uses it.
        """
        self.folders.claim(Claim(self.settings.local_address, self.identity.local_token))

    def launch(self) -> None:
        """Begin to run searches, without what requests left that a crash cut off."""
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
        """Remove what has been kept long enough."""
        if days := self.settings.retention_days:
            self.searches.expire(days)
            self.tasks.expire(days)
        self.sessions.expire()
        self.removal.collect()

    def _follow(self, search_id: SearchId | None) -> None:
        """Follow what another server did to a search, or may have done to any."""
        self.broadcast.look(search_id)
        if search_id is None:
            self.runner.look_at_all()
            self.tasks.look_at_all()
        elif self.tasks.runs(search_id):
            self.tasks.look(search_id)
        else:
            self.runner.look(search_id)

    def close(self) -> None:
        """Stop; searches that run go on with the next ``launch``."""
        self.admission.close()
        self.queue.close()
        self.observers.close()
