"""Staging: each volume is brought from the storage to the disk once, however many searches wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from os import close
from pathlib import Path

from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.errors import ConflictError, DamagedError, Interrupted, file_error
from shardblast.disk.cache import (
    Budget,
    GenerationFolder,
    StagedPart,
    alone,
    folders,
    parts_of,
    reserve,
    sync,
    unused,
    use,
)
from shardblast.storage.objects import Expected, Objects, generation_key

PARALLEL = 2
"""Volumes that are fetched at once; each file of theirs comes in parallel parts, some 50 MB of which are in memory."""
ATTEMPTS = 2
"""To get a file undamaged."""

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.1
"""How often progress is told."""


class Stager:
    """A node's own copies of generations, below one folder. Several threads and processes may share the folder."""

    def __init__(
        self, objects: Objects, cache: Path, budget_bytes: int | None = None, parallel: int = PARALLEL
    ) -> None:
        """Keep copies in a folder.

        Args:
            objects: The storage.
            cache: The folder; nothing else may lie there.
            budget_bytes: What it may hold; None: as much as its disk does.
            parallel: Volumes that are fetched at once.
        """
        self.budget = Budget(cache, budget_bytes)
        self._objects = objects
        self._cache = cache
        self._transfers = Transfers(parallel)

    def start(self) -> None:
        """Remove what an earlier process left half done, and see that what is held is still what was verified."""
        with self.budget.settled():
            for folder in folders(self._cache):
                with unused(folder.path) as ours:
                    if ours:
                        folder.clean()
        for folder, part in self._held():
            if not folder.holds(part):
                self._alone(folder, part, folder.renewed)

    def stage(
        self,
        generation: Generation,
        volumes: Collection[str] | None,
        told: Callable[[int], None] = lambda size_bytes: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Have volumes of a generation, and the files that they share, on this disk; return their folder.

        What is there stays only as long as somebody is ``using`` the generation: enter that first.

        Args:
            generation: Which.
            volumes: Names of those to have; None: all.
            told: Is told of bytes as they are there; in the end, of all bytes of these volumes and shared files.
            stopped: Is asked whether to stop.

        Raises:
            DiskFull: There is no room; what was there is still there.
            DamagedError: The storage has something else than the generation's metadata say.
            Interrupted: It was stopped.
        """
        parts = parts_of(generation, volumes)
        with self.using(generation) as path:
            folder = self._folder(generation)
            missing = [part for part in parts if not folder.holds(part)]
            told(sum(part.size_bytes for part in parts if part not in missing))
            if missing:
                self._reserve(folder, generation, missing)
                works = {folder.lock(part): partial(self._bring, folder, generation, part) for part in missing}
                with self._transfers.joined(works) as transfers:
                    wait_for(transfers, told, stopped)
        return path

    @contextmanager
    def using(self, generation: Generation) -> Iterator[Path]:
        """Keep what is held of a generation from being dropped, and yield its folder."""
        folder = self._folder(generation)
        try:
            held = use(folder.path)
            folder.touch()
        except OSError as error:
            raise file_error(error) from error
        try:
            yield folder.path
        finally:
            close(held)

    def held(self) -> Iterator[tuple[Generation, Path, frozenset[str]]]:
        """Yield generations with their folders and the names of the volumes that are whole there."""
        for folder in folders(self._cache):
            generation = folder.generation
            if generation is not None:
                parts = parts_of(generation, None)
                yield generation, folder.path, frozenset(part.name for part in parts if folder.holds(part))

    def verify(self, generation: Generation | None = None, stopped: Callable[[], bool] = lambda: False) -> list[Path]:
        """Read every byte that is held of a generation; drop volumes that are damaged, and return them, without suffix.

        Args:
            generation: Which; None: all.
            stopped: Is asked whether to stop.
        """
        return [
            folder.path / part.name
            for folder, part in self._held()
            if (generation is None or folder.path == self.folder(generation))
            and not self._alone(folder, part, partial(folder.renewed, stopped=stopped))
        ]

    def folder(self, generation: Generation) -> Path:
        """Return where a generation's copies are, or would be."""
        return self._folder(generation).path

    def missing_bytes(self, generation: Generation) -> int:
        """Return how many bytes of a generation's files are not here yet."""
        folder = self._folder(generation)
        return sum(part.size_bytes for part in parts_of(generation, None) if not folder.holds(part))

    def forget(self, database: str, generation: str) -> None:
        """Drop a generation; one that is not here is no error.

        Raises:
            ConflictError: It is in use.
        """
        folder = GenerationFolder(self._cache, database, generation)
        with self.budget.settled(), unused(folder.path) as ours:
            if ours:
                folder.remove()
            elif folder.path.exists():
                raise ConflictError(
                    f"Generation {generation!r} of database {database!r} is in use on this node.",
                    remedy="Wait until the searches that use it end, or cancel them.",
                )

    def close(self) -> None:
        """End the threads."""
        self._transfers.close()

    def _folder(self, generation: Generation) -> GenerationFolder:
        return GenerationFolder(self._cache, generation.database, generation.name)

    def _held(self) -> Iterator[tuple[GenerationFolder, StagedPart]]:
        """Yield the parts that have markers, each while its folder is in use."""
        for folder in folders(self._cache):
            held = use(folder.path)
            try:
                generation = folder.generation
                for part in parts_of(generation, None) if generation else ():
                    if folder.is_marked(part):
                        yield folder, part
            finally:
                close(held)

    def _alone(self, folder: GenerationFolder, part: StagedPart, examine: Callable[[StagedPart], bool]) -> bool:
        with alone(folder.lock(part)):
            try:
                return examine(part)
            finally:
                folder.lock(part).unlink()

    def _reserve(self, folder: GenerationFolder, generation: Generation, missing: list[StagedPart]) -> None:
        try:
            with self.budget.settled():
                folder.describe(generation)
                self.budget.reserve(folder, missing)
        except OSError as error:
            raise file_error(error) from error

    def _bring(self, folder: GenerationFolder, generation: Generation, part: StagedPart, transfer: Transfer) -> None:
        """Make a part whole, unless it is by now; in a thread of our own."""
        try:
            with self.using(generation), alone(folder.lock(part), transfer.stopped):
                try:
                    self._make_whole(folder, generation, part, transfer)
                finally:
                    folder.lock(part).unlink()
        except OSError as error:
            raise file_error(error) from error

    def _make_whole(
        self, folder: GenerationFolder, generation: Generation, part: StagedPart, transfer: Transfer
    ) -> None:
        if transfer.stopped():
            raise Interrupted
        if not folder.holds(part) and not folder.renewed(part, transfer.stopped):
            reserve(folder, part)
            try:
                for file in part.files:
                    self._fetch(folder.path / file.name, generation, file, transfer)
                sync(folder.path)
                folder.mark(part)
            except BaseException:
                folder.drop(part)
                raise
        transfer.done_bytes = part.size_bytes

    def _fetch(self, path: Path, generation: Generation, file: DatabaseFile, transfer: Transfer) -> None:
        expected = Expected(file.size_bytes, file.sha256)
        key = generation_key(generation.database, generation.name, file.name)
        before = transfer.done_bytes
        for attempt in range(1, ATTEMPTS + 1):
            transfer.done_bytes = before
            try:
                self._objects.fetch(key, path, told=transfer.told, stopped=transfer.stopped, expected=expected)
                return
            except DamagedError as error:
                log.warning("A fetched file is damaged: %s", error.problem, extra={"file": key, "attempt": attempt})
                if attempt == ATTEMPTS:
                    raise


@dataclass(eq=False)
class Transfer:
    """One of them, and how many wait for it."""

    done_bytes: int = 0
    waiting: int = 0
    ended: Future[None] = field(default_factory=Future)

    def told(self, size_bytes: int) -> None:
        """Count bytes that have come."""
        self.done_bytes += size_bytes

    def stopped(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.waiting == 0


class Transfers:
    """Those that run in this process, a few at once."""

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="transfer")
        self._lock = threading.Lock()
        self._running: dict[Path, Transfer] = {}

    @contextmanager
    def joined(self, works: Mapping[Path, Callable[[Transfer], None]]) -> Iterator[Sequence[Transfer]]:
        """Wait for transfers, and start those that do not run; one that nobody waits for any more stops.

        Args:
            works: What does each, by what tells it from others; it also runs, so that it can tidy up, when
                nobody waits any more.
        """
        transfers = {key: self._join(key, work) for key, work in works.items()}
        try:
            yield list(transfers.values())
        finally:
            for key, transfer in transfers.items():
                self._leave(key, transfer)
            wait([transfer.ended for transfer in transfers.values() if transfer.stopped()])

    def close(self) -> None:
        """End the threads, after the transfers that somebody waits for."""
        self._pool.shutdown()

    def _join(self, key: Path, work: Callable[[Transfer], None]) -> Transfer:
        with self._lock:
            transfer = self._running.setdefault(key, Transfer())
            transfer.waiting += 1
            if transfer.waiting == 1:
                self._pool.submit(self._run, key, transfer, work)
            return transfer

    def _leave(self, key: Path, transfer: Transfer) -> None:
        with self._lock:
            transfer.waiting -= 1
            if transfer.waiting == 0:
                self._forget(key, transfer)

    def _run(self, key: Path, transfer: Transfer, work: Callable[[Transfer], None]) -> None:
        try:
            work(transfer)
        except BaseException as error:
            self._end(key, transfer)
            transfer.ended.set_exception(error)
        else:
            self._end(key, transfer)
            transfer.ended.set_result(None)

    def _end(self, key: Path, transfer: Transfer) -> None:
        with self._lock:
            self._forget(key, transfer)

    def _forget(self, key: Path, transfer: Transfer) -> None:
        if self._running.get(key) is transfer:
            del self._running[key]


def wait_for(transfers: Sequence[Transfer], told: Callable[[int], None], stopped: Callable[[], bool]) -> None:
    """Return when all have ended.

    Args:
        transfers: Which.
        told: Is told, in this thread, how many more bytes have come.
        stopped: Is asked again and again.

    Raises:
        Interrupted: It was stopped.
        ShardblastError: One of them failed.
    """
    pending = {transfer.ended for transfer in transfers}
    counted = 0
    while pending:
        finished, pending = wait(pending, _LOOK_AGAIN_S, FIRST_COMPLETED)
        done = sum(transfer.done_bytes for transfer in transfers)
        if done > counted:  # less, when one began anew
            told(done - counted)
            counted = done
        for ended in finished:
            ended.result()
        if pending and stopped():
            raise Interrupted
