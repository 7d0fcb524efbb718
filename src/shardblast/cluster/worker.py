"""What tasks find on a node: its volumes, BLAST+, the storage, and the searches that it hosts."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import InitVar, asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from shardblast.blast.compression import pack, unpack
from shardblast.blast.database import Database, database_of
from shardblast.blast.installation import Installation
from shardblast.blast.probe import Inquiry
from shardblast.blast.process import Processes
from shardblast.cluster.connection import Timings
from shardblast.cluster.messages import RunId, SearchOrder
from shardblast.core.cutting import magnitude
from shardblast.core.database import Generation
from shardblast.core.errors import Interrupted, ShardblastError
from shardblast.core.events import Notify, ignore
from shardblast.core.lack import Lack
from shardblast.core.node import NodeState
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Arguments, Program
from shardblast.disk.node import Node
from shardblast.engine.workspace import Pool, Work
from shardblast.storage.objects import Objects, read_generation, search_key

log = logging.getLogger(__name__)

END_WITHIN_S = 3.0


@dataclass(eq=False)
class Host:
    """This node, for the tasks that run on it."""

    node: Node
    objects: Objects
    installation: Installation
    arguments: Callable[[Program], Arguments]
    home: InitVar[Path]
    cores: int
    memory_bytes: int
    timings: Timings
    is_draining: bool = field(default=False, init=False)
    """Whether this node only finishes its running pieces."""

    def __post_init__(self, home: Path) -> None:
        self.pool = Pool(self.cores)
        self.taxonomy = home / "taxonomy"
        self._folder = home / "work"
        self._hosted: dict[RunId, HostedSearch] = {}
        self._ended: set[RunId] = set()
        self._staging: dict[str, int] = {}
        self._generations: dict[tuple[str, str], Generation] = {}
        self._lock = threading.RLock()
        self._state: NodeState | None = None

    def start(self) -> None:
        """Remove the files of an earlier process, and begin to watch disk and memory."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.node.stager.start()
        self.look()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def scratch(self) -> Path:
        """Folder for the files of Dask."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def abandon(self) -> None:
        """End all processes, because the scheduler or this node is going away. Their tasks may be sent again."""
        with self._lock:
            hosted, self._hosted = list(self._hosted.values()), {}
        for search in hosted:
            search.close()
            self.node.stager.release(str(search.run))

    def search(self, run: RunId) -> HostedSearch:
        """Return a search on this node, and create it for its first task. Raises Interrupted if it was stopped."""
        with self._lock:
            if run in self._hosted:
                return self._hosted[run]
        order = SearchOrder.read(self.objects, run.search)  # unlocked: storage may be slow
        with self._lock:
            if run in self._ended:
                raise Interrupted
            if run not in self._hosted:
                folder = self._folder / f"{run}-{secrets.token_hex(3)}"
                folder.mkdir(parents=True, exist_ok=True)
                self._hosted[run] = HostedSearch(self, run, order, folder)
            return self._hosted[run]

    def end(self, run: RunId) -> None:
        """End the processes of a run and remove its files. No later task of it starts here."""
        with self._lock:
            self._ended.add(run)
            self._staging = {key: done for key, done in self._staging.items() if not key.startswith(str(run))}
            hosted = self._hosted.pop(run, None)
        if hosted is not None:
            hosted.close()
        self.node.stager.release(str(run))

    def forget(self, search: str) -> None:
        """End all runs of a search."""
        with self._lock:
            runs = [run for run in self._hosted if run.search == search]
        for run in runs:
            self.end(run)

    def drop(self, task: str) -> None:
        """End the processes of a task, whichever search it belongs to."""
        with self._lock:
            hosted = list(self._hosted.values())
        for search in hosted:
            search.drop(task)

    def generation(self, database: str, name: str) -> Generation:
        """Return the metadata of a generation from the storage."""
        with self._lock:
            known = self._generations.get((database, name))
        if known is None:
            known = read_generation(self.objects, database, name)
            with self._lock:
                self._generations[database, name] = known
        return known

    def count_staged(self, key: str, size_bytes: int) -> None:
        """Add to the number of staged bytes that drivers read."""
        with self._lock:
            self._staging[key] = self._staging.get(key, 0) + size_bytes

    def look(self) -> None:
        """Record what is on the disk and in memory."""
        self._state = self.node.state()

    def report(self) -> dict[str, Any]:
        """Return the facts that Dask sends to drivers with each heartbeat."""
        with self._lock:
            staging = dict(self._staging)
            hosted = list(self._hosted.values())
        running = sum(search.running for search in hosted)
        waiting = {str(search.run): asdict(lack) for search in hosted if (lack := search.waiting)}
        state = {} if self._state is None else asdict(self._state)
        own: dict[str, Any] = {"cores": self.cores, "memory_bytes": self.memory_bytes}
        own |= {"running": running, "is_draining": self.is_draining, "blast": self.installation.release}
        return {**state, **own, "staging": staging, "waiting": waiting}

    def _watch(self) -> None:
        while True:
            time.sleep(self.timings.report_s)
            self.node.stager.lapse(self.timings.kept_s)
            try:
                self.look()
            except (OSError, ShardblastError):
                log.warning("disk and memory can't be inspected", exc_info=True)


@dataclass(frozen=True)
class HostedSearch:
    """A search on this node, as long as its driver wants it."""

    host: Host
    run: RunId
    order: SearchOrder
    folder: Path
    _ended: threading.Event = field(default_factory=threading.Event)
    _processes: dict[Processes, str] = field(default_factory=dict)
    """The processes, with the keys of tasks that may be dropped."""
    _dropped: set[str] = field(default_factory=set)
    _tasks: list[Path] = field(default_factory=list)
    _waits: list[Callable[[], Lack | None]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def close(self) -> None:
        """End its processes, wait briefly until its tasks store nothing more, and remove its files."""
        self._ended.set()
        for processes in list(self._processes):
            processes.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._tasks, END_WITHIN_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def drop(self, task: str) -> None:
        """End the processes of a task whose result is no longer wanted, and let it start no more."""
        self._dropped.add(task)
        for processes, key in list(self._processes.items()):
            if key == task:
                processes.stop()

    def is_ended(self) -> bool:
        return self._ended.is_set()

    def is_unwanted(self) -> bool:
        """Return whether work that other nodes can do is to end, because the search or this node ends."""
        return self.is_ended() or self.host.is_draining

    @property
    def running(self) -> int:
        return sum(processes.running for processes in list(self._processes))

    @property
    def waiting(self) -> Lack | None:
        """What a merge on this node waits for, because no node has it."""
        return next((lack for wait in list(self._waits) if (lack := wait())), None)

    @contextmanager
    def asked(self, waits: Callable[[], Lack | None]) -> Iterator[None]:
        """Include what ``waits`` returns in ``waiting``, within the context."""
        self._waits.append(waits)
        try:
            yield
        finally:
            self._waits.remove(waits)

    @contextmanager
    def processes(self, task: str = "") -> Iterator[Processes]:
        """Provide one task's processes, which fail alone. Raises Interrupted if the search or the task is to end."""
        processes = Processes()
        self._processes[processes] = task
        try:
            if self.is_ended() or task in self._dropped:
                raise Interrupted
            yield processes
        finally:
            self._processes.pop(processes)

    @cached_property
    def generation(self) -> Generation:
        return self.host.generation(self.order.database, self.order.generation)

    @cached_property
    def options(self) -> SearchOptions:
        """The user's options, with the paths of files in the search's folder."""
        order = self.order
        words = [str(self.fetched(f"{word}.zst")) if word in order.files else word for word in order.words]
        return parse(order.program, words, self.host.arguments(order.program))

    def fetched(self, name: str) -> Path:
        """Return a decompressed object as a file, fetched once, never stale. Callers must not change it."""
        path = self.folder / "objects" / name.removesuffix(".zst")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.fetch(name, path)
        return path

    def fetch(self, name: str, path: Path) -> None:
        """Write a decompressed object of the search to a file, which is replaced."""
        with TemporaryDirectory(dir=self.folder) as scratch:
            compressed, partial = Path(scratch, "packed"), Path(scratch, "file")
            self.host.objects.fetch(search_key(self.run.search, name), compressed, stopped=self.is_ended)
            unpack(compressed, partial)
            partial.replace(path)

    def put(self, path: Path, name: str) -> None:
        """Compress and store a file. The object gets its name when it is complete."""
        compressed = path.with_name(f"{path.name}.zst")
        pack(path, compressed)
        self.put_plain(compressed, name)
        compressed.unlink()

    def put_plain(self, content: bytes | Path, name: str) -> None:
        """Store bytes, or a file, as they are. Raises Interrupted if the search was stopped."""
        if self.is_ended():
            raise Interrupted
        self.host.objects.put(search_key(self.run.search, name), content)

    def read(self, name: str) -> bytes:
        """Return an object of the search as it is."""
        return self.host.objects.read(search_key(self.run.search, name))

    def has(self, name: str) -> bool:
        return self.host.objects.exists(search_key(self.run.search, name))

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Provide a folder for one task."""
        folder = Path(mkdtemp(dir=self.folder, prefix="task-"))
        with self._changed:
            self._tasks.append(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # before ``close`` removes it too
            with self._changed:
                self._tasks.remove(folder)
                self._changed.notify_all()

    def inquiry(self, processes: Processes, database: Database, folder: Path) -> Inquiry:
        return Inquiry(self.host.installation, processes, database, self.options, folder)

    @contextmanager
    def work(self, database: Database, folder: Path, notify: Notify = ignore, task: str = "") -> Iterator[Work]:
        """Provide the means for runs in a folder. Existing results there count as finished."""
        host, order = self.host, self.order
        with (
            self.processes(task) as processes,
            Work(
                installation=host.installation,
                options=self.options,
                database=database,
                folder=folder,
                pool=host.pool,
                processes=processes,
                notify=notify,
                node=host.node.name,
                resumes=True,
                rank=magnitude(order.letters),
            ) as work,
        ):
            yield work

    @contextmanager
    def opened(self, volumes: Collection[int]) -> Iterator[Database]:
        """Open the database with some of its volumes on this node's disk, which are staged if need be."""
        names = {self.generation.volumes[place].name for place in volumes}
        if not names:
            yield database_of(self.generation, self.folder, names, self.host.taxonomy)
            return
        with self.staged(names, lambda size_bytes: None, self.is_ended) as folder:
            yield database_of(self.generation, folder, names, self.host.taxonomy)

    @contextmanager
    def staged(
        self, volumes: Collection[str], report: Callable[[int], None], stopped: Callable[[], bool]
    ) -> Iterator[Path]:
        """Stage volumes; yield their folder.

        They stay on the disk within the context, and afterwards until the search ends or runs nothing here for a while.
        So its next task finds them, whatever other searches need.
        """
        stager, owner = self.host.node.stager, str(self.run)
        with stager.using(self.generation):
            folder = stager.stage(self.generation, volumes, report, stopped)
            try:
                yield folder
            finally:
                if not self.is_ended():
                    stager.keep(owner, self.generation)
