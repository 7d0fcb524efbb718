"""What a node's tasks find there: its volumes, BLAST+, the storage, and each search that it hosts."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from shardblast.blast.compression import pack, unpack
from shardblast.blast.database import Database, database_of
from shardblast.blast.installation import Installation
from shardblast.blast.process import Processes
from shardblast.cluster.connection import Timings
from shardblast.cluster.messages import RunId, SearchOrder
from shardblast.core.cutting import magnitude
from shardblast.core.database import Generation
from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.node import NodeState
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Arguments, Program
from shardblast.core.report import Report
from shardblast.core.waiting import Lack
from shardblast.disk.node import Node
from shardblast.engine.workspace import Pool, Silent, Watcher, Work
from shardblast.storage.objects import Objects, read_generation, search_key

log = logging.getLogger(__name__)

END_WITHIN_S = 3.0
SILENT = Silent()


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
        order = SearchOrder.read(self.objects, run.search)  # the storage may be slow, and signs of life need the lock
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


@dataclass(frozen=True)
class HostedSearch:
    """A search on this node, as long as its driver wants it."""

    host: Host
    run: RunId
    order: SearchOrder
    folder: Path
    _ended: threading.Event = field(default_factory=threading.Event)
    _processes: dict[Processes, str] = field(default_factory=dict)
    """With the keys of their tasks, where these may be dropped."""
    _dropped: set[str] = field(default_factory=set)
    _tasks: list[Path] = field(default_factory=list)
    _waits: list[Callable[[], Lack | None]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def close(self) -> None:
        """End its processes, wait a little for its tasks, so that they store nothing any more, and remove its files."""
        self._ended.set()
        for one in list(self._processes):
            one.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._tasks, END_WITHIN_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def drop(self, task: str) -> None:
        """End the processes of a task, and let it start no more: nobody wants it."""
        self._dropped.add(task)
        for one, key in list(self._processes.items()):
            if key == task:
                one.stop()

    def is_ended(self) -> bool:
        """Tell whether it is to end."""
        return self._ended.is_set()

    def is_unwanted(self) -> bool:
        """Tell whether what others can do as well is to end: because the search is to, or because this node is to."""
        return self.is_ended() or self.host.is_draining

    @property
    def running(self) -> int:
        """How many processes run now."""
        return sum(one.running for one in list(self._processes))

    @property
    def waiting(self) -> Lack | None:
        """What a merge here waits for, because no node has it."""
        return next((lack for one in list(self._waits) if (lack := one())), None)

    @contextmanager
    def asked(self, waits: Callable[[], Lack | None]) -> Iterator[None]:
        """Have somebody asked for what he waits, as long as the context lasts."""
        self._waits.append(waits)
        try:
            yield
        finally:
            self._waits.remove(waits)

    @contextmanager
    def processes(self, task: str = "") -> Iterator[Processes]:
        """Make what runs the processes of one task: when that fails, those of others go on.

        Raises:
            Interrupted: The search is to end, or the task was dropped.
        """
        one = Processes()
        self._processes[one] = task
        try:
            if self.is_ended() or task in self._dropped:
                raise Interrupted
            yield one
        finally:
            self._processes.pop(one)

    @cached_property
    def generation(self) -> Generation:
        """That is searched."""
        return self.host.generation(self.order.database, self.order.generation)

    @cached_property
    def options(self) -> SearchOptions:
        """The user's; what they name is in our folder."""
        order = self.order
        words = [str(self.fetched(f"{word}.zst")) if word in order.files else word for word in order.words]
        return parse(order.program, words, self.host.arguments(order.program))

    def fetched(self, name: str) -> Path:
        """Return an unpacked object of the search as a file, which is fetched once and is not to be changed.

        The file's path is made of nothing but the object's name, and an object's name says all that its content depends
        on, so the file can't hold anything else.
        """
        path = self.folder / "objects" / name.removesuffix(".zst")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.fetch(name, path)
        return path

    def fetch(self, name: str, path: Path) -> None:
        """Write an unpacked object of the search to a file, in place of what was there."""
        with TemporaryDirectory(dir=self.folder) as scratch:
            packed, partial = Path(scratch, "packed"), Path(scratch, "file")
            self.host.objects.fetch(search_key(self.run.search, name), packed, stopped=self.is_ended)
            unpack(packed, partial)
            partial.replace(path)

    def put(self, path: Path, name: str) -> None:
        """Store a file, packed; it has that name when it is whole."""
        packed = path.with_name(f"{path.name}.zst")
        pack(path, packed)
        self.put_plain(packed, name)
        packed.unlink()

    def put_plain(self, content: bytes | Path, name: str) -> None:
        """Store bytes, or a file, as they are.

        Raises:
            Interrupted: The search was stopped, so nothing more is to be stored of it.
        """
        if self.is_ended():
            raise Interrupted
        self.host.objects.put(search_key(self.run.search, name), content)

    def read(self, name: str) -> bytes:
        """Return an object of the search as it is.

        Raises:
            NotFoundError: There is none of this name.
        """
        return self.host.objects.read(search_key(self.run.search, name))

    def has(self, name: str) -> bool:
        """Tell whether there is such an object."""
        return self.host.objects.exists(search_key(self.run.search, name))

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Make a folder for one task."""
        folder = Path(mkdtemp(dir=self.folder, prefix="task-"))
        with self._changed:
            self._tasks.append(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # before it is told: two that remove the same disturb each other
            with self._changed:
                self._tasks.remove(folder)
                self._changed.notify_all()

    @contextmanager
    def work(self, database: Database, folder: Path, watcher: Watcher = SILENT, task: str = "") -> Iterator[Work]:
        """Make the means for runs in a folder; what is there is taken for finished."""
        host, order = self.host, self.order
        report = Report(order.program.value, "", database.name, 0, 0, len(order.shards), "", [])
        with self.processes(task) as processes:
            means = (host.installation, self.options, database, folder, host.pool, processes, report, watcher)
            with Work(*means, resumes=True, rank=magnitude(order.letters)) as work:
                yield work

    @contextmanager
    def opened(self, volumes: Collection[int]) -> Iterator[Database]:
        """Open the database with some of its volumes on this disk; they are brought if they are not there."""
        names = {self.generation.volumes[place].name for place in volumes}
        with self.host.staged(self.generation, names, lambda size_bytes: None, self.is_ended) as folder:
            yield database_of(self.generation, folder, names, self.host.taxonomy)
