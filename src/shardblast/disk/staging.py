"""Staging: fetches each volume from the storage to the disk once, however many searches wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from os import close
from pathlib import Path

from shardblast.core.database import Generation
from shardblast.core.errors import ConflictError, Interrupted, file_errors
from shardblast.disk.cache import Budget, GenerationFolder, StagedPart, alone, folders, parts_of, reserve, unused, use
from shardblast.storage.objects import Objects, fetch_file, generation_key
from shardblast.storage.transfer import sync

PARALLEL = 2
"""Volumes fetched at once. Each of their files is fetched in parallel parts, which need about 50 MB of memory."""

_LOOK_AGAIN_S = 0.1
"""Interval of progress reports."""


class Stager:
    """A node's own copies of generations, below one folder, which several threads and processes may share."""

    def __init__(
        self, objects: Objects, cache: Path, budget_bytes: int | None = None, parallel: int = PARALLEL
    ) -> None:
        """Keep copies in a folder of this maximum size (None: that of the disk) that holds nothing else."""
        self.budget = Budget(cache, budget_bytes)
        self._objects = objects
        self._cache = cache
        self._transfers = Transfers(parallel)
        self._kept: dict[str, tuple[int, float]] = {}
        """The descriptor that keeps a generation, and the monotonic time of its last use, by owner."""
        self._lock = threading.Lock()

    def start(self) -> None:
        """Remove incomplete files of earlier processes, and verify again each volume whose files may have changed."""
        with self.budget.settled():
            for folder in folders(self._cache):
                with unused(folder.path) as is_unused:
                    if is_unused:
                        folder.clean()
        for folder, part in self._held():
            if not folder.holds(part):
                self._locked(folder, part, folder.renewed)

    def stage(
        self,
        generation: Generation,
        volumes: Collection[str] | None,
        report: Callable[[int], None] = lambda size_bytes: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Make volumes of a generation (None: all) and the shared files available on this disk; return their folder.

        They stay only while somebody is ``using`` the generation, so enter that context first. ``report`` is called
        with numbers of bytes that have become available; their sum is the size of all volumes and shared files,
        including those that were already here. Raises DiskFull if there is no room, with nothing dropped, and
        DamagedError if the storage does not hold the files that the generation's metadata describes.
        """
        parts = parts_of(generation, volumes)
        with self.using(generation) as path:
            folder = self._folder(generation)
            missing = [part for part in parts if not folder.holds(part)]
            report(sum(part.size_bytes for part in parts if part not in missing))
            if missing:
                with file_errors(), self.budget.settled():
                    folder.describe(generation)
                    self.budget.reserve(folder, missing)
                works = {folder.lock(part): partial(self._bring, folder, generation, part) for part in missing}
                with self._transfers.joined(works) as transfers:
                    wait_for(transfers, report, stopped)
        return path

    @contextmanager
    def using(self, generation: Generation) -> Iterator[Path]:
        """Prevent a generation's copies from being dropped, and yield their folder."""
        folder = self._folder(generation)
        with file_errors():
            held = use(folder.path)
            folder.touch()
        try:
            yield folder.path
        finally:
            close(held)

    def keep(self, owner: str, generation: Generation) -> None:
        """Prevent a generation that somebody is ``using`` from being dropped afterwards, until it is released.

        An owner has one generation. Each call counts as a use.
        """
        with self._lock:
            held, _ = self._kept.get(owner, (None, 0.0))
            self._kept[owner] = use(self._folder(generation).path) if held is None else held, time.monotonic()

    def release(self, owner: str) -> None:
        """End what an owner keeps."""
        with self._lock:
            held, _ = self._kept.pop(owner, (None, 0.0))
        if held is not None:
            close(held)

    def lapse(self, unused_s: float) -> None:
        """Release what was not used for this long, so that an owner who is gone keeps nothing."""
        latest = time.monotonic() - unused_s
        with self._lock:
            owners = [owner for owner, (_, used) in self._kept.items() if used < latest]
        for owner in owners:
            self.release(owner)

    def held(self) -> Iterator[tuple[Generation, Path, frozenset[str]]]:
        """Yield generations with their folders and the names of the complete parts there."""
        for folder in folders(self._cache):
            generation = folder.generation
            if generation is not None:
                parts = parts_of(generation, None)
                yield generation, folder.path, frozenset(part.name for part in parts if folder.holds(part))

    def used(self) -> dict[tuple[str, str], int]:
        """Return the bytes of each generation, by database and name, that a search uses or that is being fetched."""
        found = {}
        with self.budget.settled():  # so that nobody who needs room takes this look for a use
            for folder in folders(self._cache):
                with unused(folder.path) as is_unused:
                    generation = None if is_unused else folder.generation
                if generation is not None:
                    found[generation.database, generation.name] = sum(folder.sizes.values())
        return found

    def verify(self, generation: Generation | None = None, stopped: Callable[[], bool] = lambda: False) -> list[Path]:
        """Read all bytes of a generation (None: of all); return the paths, without extension, of dropped volumes."""
        return [
            folder.path / part.name
            for folder, part in self._held()
            if (generation is None or folder.path == self.folder(generation))
            and not self._locked(folder, part, partial(folder.renewed, stopped=stopped))
        ]

    def folder(self, generation: Generation) -> Path:
        """Return where a generation's copies are, or would be."""
        return self._folder(generation).path

    def missing_bytes(self, generation: Generation) -> int:
        """Return how many bytes of a generation's files are not here yet."""
        folder = self._folder(generation)
        return sum(part.size_bytes for part in parts_of(generation, None) if not folder.holds(part))

    def forget(self, database: str, generation: str) -> None:
        """Drop a generation if it is here. Raises ConflictError if it is in use."""
        folder = GenerationFolder(self._cache, database, generation)
        with self.budget.settled(), unused(folder.path) as is_unused:
            if is_unused:
                folder.remove()
            elif folder.path.exists():
                problem = f"Generation {generation!r} of database {database!r} is in use on this node."
                raise ConflictError(problem, remedy="Wait until the searches that use it end, or cancel them.")

    def close(self) -> None:
        self._transfers.close()

    def _folder(self, generation: Generation) -> GenerationFolder:
        return GenerationFolder(self._cache, generation.database, generation.name)

    def _held(self) -> Iterator[tuple[GenerationFolder, StagedPart]]:
        """Yield the marked parts, each while its folder is in use."""
        for folder in folders(self._cache):
            held = use(folder.path)
            try:
                generation = folder.generation
                for part in parts_of(generation, None) if generation else ():
                    if folder.is_marked(part):
                        yield folder, part
            finally:
                close(held)

    def _locked(self, folder: GenerationFolder, part: StagedPart, examine: Callable[[StagedPart], bool]) -> bool:
        with alone(folder.lock(part)):
            try:
                return examine(part)
            finally:
                folder.lock(part).unlink()

    def _bring(self, folder: GenerationFolder, generation: Generation, part: StagedPart, transfer: Transfer) -> None:
        """Complete a part unless it is complete by now; runs in a transfer thread."""
        with file_errors(), self.using(generation), alone(folder.lock(part), transfer.stopped):
            try:
                self._make_whole(folder, generation, part, transfer)
            finally:
                folder.lock(part).unlink()

    def _make_whole(
        self, folder: GenerationFolder, generation: Generation, part: StagedPart, transfer: Transfer
    ) -> None:
        if transfer.stopped():
            raise Interrupted
        if not folder.holds(part) and not folder.renewed(part, transfer.stopped):
            reserve(folder, part)
            try:
                for file in part.files:
                    key, path = generation_key(generation.database, generation.name, file.name), folder.path / file.name
                    fetch_file(self._objects, key, file, path, transfer.count, transfer.stopped)
                sync(folder.path)
                folder.mark(part)
            except BaseException:
                folder.drop(part)
                raise
        transfer.done_bytes = part.size_bytes


@dataclass(eq=False)
class Transfer:
    """A running transfer, and the number of its waiters."""

    done_bytes: int = 0
    waiting: int = 0
    ended: Future[None] = field(default_factory=Future)

    def count(self, size_bytes: int) -> None:
        self.done_bytes += size_bytes

    def stopped(self) -> bool:
        """Return whether nobody waits any more."""
        return self.waiting == 0


class Transfers:
    """The transfers of this process, a few of which run at once."""

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="transfer")
        self._lock = threading.Lock()
        self._running: dict[Path, Transfer] = {}

    @contextmanager
    def joined(self, works: Mapping[Path, Callable[[Transfer], None]]) -> Iterator[Sequence[Transfer]]:
        """Join the transfers of these keys, starting those that are not running.

        A transfer stops when its last waiter leaves. ``works`` has the function that performs each transfer; it is
        called even if nobody waits any more, so that it can clean up.
        """
        transfers = {key: self._join(key, work) for key, work in works.items()}
        try:
            yield list(transfers.values())
        finally:
            with self._lock:
                for key, transfer in transfers.items():
                    transfer.waiting -= 1
                    if transfer.waiting == 0:
                        self._forget(key, transfer)
            wait([transfer.ended for transfer in transfers.values() if transfer.stopped()])

    def close(self) -> None:
        """Wait for the running transfers and end the threads."""
        self._pool.shutdown()

    def _join(self, key: Path, work: Callable[[Transfer], None]) -> Transfer:
        with self._lock:
            transfer = self._running.setdefault(key, Transfer())
            transfer.waiting += 1
            if transfer.waiting == 1:
                self._pool.submit(self._run, key, transfer, work)
            return transfer

    def _run(self, key: Path, transfer: Transfer, work: Callable[[Transfer], None]) -> None:
        failure = None
        try:
            work(transfer)
        except BaseException as error:
            failure = error
        with self._lock:
            self._forget(key, transfer)
        if failure is None:
            transfer.ended.set_result(None)
        else:
            transfer.ended.set_exception(failure)

    def _forget(self, key: Path, transfer: Transfer) -> None:
        if self._running.get(key) is transfer:
            del self._running[key]


def wait_for(transfers: Sequence[Transfer], report: Callable[[int], None], stopped: Callable[[], bool]) -> None:
    """Wait for transfers, reporting in this thread the bytes that arrive; raise the error of a transfer that failed."""
    pending = {transfer.ended for transfer in transfers}
    counted = 0
    while pending:
        finished, pending = wait(pending, _LOOK_AGAIN_S, FIRST_COMPLETED)
        done = sum(transfer.done_bytes for transfer in transfers)
        if done > counted:  # it is smaller after a file was fetched again
            report(done - counted)
            counted = done
        for ended in finished:
            ended.result()
        if pending and stopped():
            raise Interrupted
