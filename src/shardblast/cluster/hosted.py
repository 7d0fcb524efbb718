"""A search on a node: its order, its folder, its processes, and the volumes and objects that it needs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from shardblast.blast.database import Database
from shardblast.blast.generation import database_of
from shardblast.blast.process import Processes
from shardblast.blast.zstd import pack, unpack
from shardblast.cluster.order import Order, RunId
from shardblast.core.errors import Interrupted
from shardblast.core.generation import Generation
from shardblast.core.lacking import Lack
from shardblast.core.options import SearchOptions, parse
from shardblast.core.planning import magnitude
from shardblast.core.report import Report
from shardblast.engine.work import Silent, Watcher, Work
from shardblast.storage.layout import search_key

if TYPE_CHECKING:
    from shardblast.cluster.host import Host

END_WITHIN_S = 3.0
SILENT = Silent()


@dataclass(frozen=True)
class HostedSearch:
    """A search on this node, as long as its driver wants it."""

    host: Host
    run: RunId
    order: Order
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
