"""What tasks find on a node: its volumes, BLAST+, the storage, a folder, and each search that it hosts."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shardblast.blast.installation import Installation
from shardblast.cluster.hosted import HostedSearch
from shardblast.cluster.node import Node
from shardblast.cluster.order import Order, RunId
from shardblast.cluster.timings import Timings
from shardblast.core.arguments import Arguments
from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.generation import Generation
from shardblast.core.node import NodeState
from shardblast.core.program import Program
from shardblast.engine.pool import Pool
from shardblast.storage.layout import read_generation
from shardblast.storage.objects import Objects

log = logging.getLogger(__name__)


class Host:
    """This node, for the tasks that run on it."""

    def __init__(
        self,
        node: Node,
        objects: Objects,
        installation: Installation,
        arguments: Callable[[Program], Arguments],
        home: Path,
        cores: int,
        memory_bytes: int,
        timings: Timings,
    ) -> None:
        self.timings = timings
        self.node = node
        self.objects = objects
        self.installation = installation
        self.arguments = arguments
        self.pool = Pool(cores)
        self.cores = cores
        self.memory_bytes = memory_bytes
        self.taxonomy = home / "taxonomy"
        self._folder = home / "work"
        self._hosted: dict[RunId, HostedSearch] = {}
        self._ended: set[RunId] = set()
        self._staging: dict[str, int] = {}
        self._generations: dict[tuple[str, str], Generation] = {}
        self._lock = threading.RLock()
        self._state: NodeState | None = None
        self.is_draining = False
        """Whether this node only ends the pieces that it searches."""

    def start(self) -> None:
        """Remove what an earlier process left, and begin to look at disk and memory."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.node.start()
        self.look()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def scratch(self) -> Path:
        """For what Dask keeps on the disk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def abandon(self) -> None:
        """End all processes, since the scheduler is gone or we are about to be; their tasks may come again."""
        with self._lock:
            hosted, self._hosted = list(self._hosted.values()), {}
        for one in hosted:
            one.close()

    def search(self, run: RunId) -> HostedSearch:
        """Return a search on this node, begun if this is its first task here.

        Raises:
            Interrupted: The search was stopped.
        """
        with self._lock:
            if run in self._hosted:
                return self._hosted[run]
        order = Order.read(self.objects, run.search)  # the storage may be slow, and signs of life need the lock
        with self._lock:
            if run in self._ended:
                raise Interrupted
            if run not in self._hosted:
                folder = self._folder / f"{run}-{secrets.token_hex(3)}"
                folder.mkdir(parents=True, exist_ok=True)
                self._hosted[run] = HostedSearch(self, run, order, folder)
            return self._hosted[run]

    def end(self, run: RunId) -> None:
        """End the processes of a search and remove its files; no task of it begins here any more."""
        with self._lock:
            self._ended.add(run)
            self._staging = {key: done for key, done in self._staging.items() if not key.startswith(str(run))}
            hosted = self._hosted.pop(run, None)
        if hosted is not None:
            hosted.close()

    def forget(self, search: str) -> None:
        """End all runs of a search."""
        with self._lock:
            runs = [run for run in self._hosted if run.search == search]
        for run in runs:
            self.end(run)

    def drop(self, task: str) -> None:
        """End the processes of a task, whichever search it is of."""
        with self._lock:
            hosted = list(self._hosted.values())
        for one in hosted:
            one.drop(task)

    def generation(self, database: str, name: str) -> Generation:
        """Return a generation, as the storage describes it.

        Raises:
            DatabaseError: It does not.
        """
        with self._lock:
            known = self._generations.get((database, name))
        if known is None:
            known = read_generation(self.objects, database, name)
            with self._lock:
                self._generations[database, name] = known
        return known

    @contextmanager
    def staged(
        self,
        generation: Generation,
        volumes: Collection[str],
        told: Callable[[int], None],
        stopped: Callable[[], bool],
    ) -> Iterator[Path]:
        """Have volumes of a generation on the disk as long as the context lasts; yield their folder."""
        stager = self.node.stager
        with stager.using(generation):
            yield stager.stage(generation, volumes, told, stopped)

    def count_staged(self, key: str, size_bytes: int) -> None:
        """Note how many bytes are there, for drivers to read."""
        with self._lock:
            self._staging[key] = self._staging.get(key, 0) + size_bytes

    def look(self) -> None:
        """Look at what is on the disk and in memory."""
        self._state = self.node.state()

    def report(self) -> dict[str, Any]:
        """Return what drivers want to know, as Dask sends it with each sign of life."""
        with self._lock:
            staging = dict(self._staging)
            hosted = list(self._hosted.values())
        running = sum(one.running for one in hosted)
        waiting = {str(one.run): lack.document() for one in hosted if (lack := one.waiting)}
        state = {} if self._state is None else asdict(self._state)
        own = {"cores": self.cores, "memory_bytes": self.memory_bytes}
        own |= {"running": running, "is_draining": self.is_draining}
        return {**state, **own, "staging": staging, "waiting": waiting}

    def _watch(self) -> None:
        while True:
            time.sleep(self.timings.report_s)
            try:
                self.look()
            except (OSError, ShardblastError):
                log.warning("what is on the disk can't be looked at", exc_info=True)
