"""The databases on a node's disk: their volumes with markers, the disk budget, locks.

    db.00.nhr db.00.nin db.00.nsq   the names that BLAST+ expects
    db.00.json                      the volume's marker: written last, removed first
    db.00.lock                      exists while the volume is fetched; a sparse file of the volume's size
    .shared.json                    the marker of the files that all volumes share
    .metadata.json                  the generation

A marker records what ``stat`` reported for each file when its checksum was correct. While ``stat`` reports the same,
the file counts as unchanged: every write changes its ctime, which can't be set back.
"""

import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from shardblast.core.database import DatabaseFile, Generation, checked_name
from shardblast.core.errors import DatabaseError, DiskFull, Interrupted, NotFoundError
from shardblast.engine.workspace import locked
from shardblast.storage.transfer import sha256_of, sync

SHARED = ".shared"
"""Name of the part that holds the files shared by all volumes; no volume may have this name."""
PARTIAL = ".partial"
_METADATA = ".metadata.json"
_DISK_BLOCK_BYTES = 512
"""The unit of ``st_blocks``."""

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class StagedPart:
    """The unit of fetching, holding and dropping: a volume, or the files that all volumes share."""

    name: str
    files: tuple[DatabaseFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """The facts of a file at the time when its checksum was correct."""

    name: str
    size_bytes: int
    sha256: str
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, folder: Path, file: DatabaseFile) -> Self:
        """Return the facts that ``stat`` reports now of a file with this checksum."""
        facts = (folder / file.name).stat()
        return cls(file.name, facts.st_size, file.sha256, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)

    def is_still(self, folder: Path) -> bool:
        """Return whether ``stat`` still reports these facts."""
        try:
            return MarkedFile.of(folder, self.file) == self
        except OSError:
            return False

    @property
    def file(self) -> DatabaseFile:
        return DatabaseFile(self.name, self.size_bytes, self.sha256)


def parts_of(generation: Generation, volumes: Collection[str] | None) -> tuple[StagedPart, ...]:
    """Return the parts for these volumes (None: all), the shared files first. Raises DatabaseError for unsafe names."""
    known = {volume.name: volume for volume in generation.volumes}
    missing = sorted(set(volumes or ()) - set(known))
    if missing:
        problem = f"Generation {generation.name!r} of database {generation.database!r} has no volume {missing[0]!r}."
        raise NotFoundError(problem, remedy="Use the volumes that its metadata lists.")
    wanted = [StagedPart(SHARED, generation.shared)] if generation.shared else []
    wanted += [StagedPart(name, volume.files) for name, volume in known.items() if volumes is None or name in volumes]
    for name in (*known, *(file.name for part in wanted for file in part.files)):
        _check(name)
    return tuple(wanted)


class GenerationFolder:
    """The folder of one generation on this node."""

    def __init__(self, cache: Path, database: str, generation: str) -> None:
        _check(generation)
        self.path = cache / checked_name(database) / generation

    def describe(self, generation: Generation) -> None:
        """Write the generation's metadata beside its files."""
        document = json.dumps(generation.document(), indent=1).encode()
        target = self.path / _METADATA
        if not target.exists() or target.read_bytes() != document:
            _write_whole(target, document)

    @property
    def generation(self) -> Generation | None:
        """The generation that is partly or wholly here; None if the folder has no readable metadata."""
        try:
            return Generation.of(json.loads((self.path / _METADATA).read_bytes()))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def is_marked(self, part: StagedPart) -> bool:
        """Return whether a part has been complete at some time."""
        return self._marker(part.name).exists()

    def holds(self, part: StagedPart) -> bool:
        """Return whether a part is complete, judged by its marker and ``stat``; no sequence is read."""
        marked = self._marked(part.name)
        return tuple(row.file for row in marked) == part.files and all(row.is_still(self.path) for row in marked)

    def renewed(self, part: StagedPart, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Read a marked part and return whether it is complete; renew its marker if so, otherwise drop the part."""
        if not self.is_marked(part):
            return False
        damaged = [file.name for file in part.files if not self._is_right(file, stopped)]
        if damaged:
            log.warning("A staged volume is damaged and was dropped", extra={"part": part.name, "files": damaged})
            self.drop(part)
            return False
        self.mark(part)
        return True

    def mark(self, part: StagedPart) -> None:
        """Mark a part as complete; its files must have been verified and synced."""
        marked = [asdict(MarkedFile.of(self.path, file)) for file in part.files]
        _write_whole(self._marker(part.name), json.dumps({"files": marked}, indent=1).encode())

    def drop(self, part: StagedPart) -> None:
        """Remove a part, complete or not."""
        self._marker(part.name).unlink(missing_ok=True)
        for file in part.files:
            (self.path / file.name).unlink(missing_ok=True)
            (self.path / (file.name + PARTIAL)).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything, markers first, so that a partly removed volume never counts as complete."""
        for marker in self._names(".json"):
            self._marker(marker).unlink(missing_ok=True)
        shutil.rmtree(self.path)
        with suppress(OSError):  # the database has other generations
            self.path.parent.rmdir()

    def clean(self) -> None:
        """Remove what a dead process left behind: partial files, locks, and files without a marker."""
        generation = self.generation
        for entry in self._entries():
            if entry.name.endswith((PARTIAL, ".lock")):
                Path(entry).unlink()
        for part in parts_of(generation, None) if generation else ():
            if not self.is_marked(part):
                self.drop(part)

    def lock(self, part: StagedPart) -> Path:
        """Return the file that is locked while a part is fetched; its length is the part's final size."""
        return self.path / f"{part.name}.lock"

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each part by name, with the final size of parts being fetched."""
        taken = {}
        for name in self._names(".lock"):
            with suppress(FileNotFoundError):  # it has been fetched meanwhile and has a marker
                taken[name] = (self.path / f"{name}.lock").stat().st_size
        return taken | {name: sum(row.size_bytes for row in self._marked(name)) for name in self._names(".json")}

    @property
    def disk_bytes(self) -> int:
        """Bytes that the files occupy on the disk now."""
        return sum(_blocks(entry) * _DISK_BLOCK_BYTES for entry in self._entries())

    def touch(self) -> None:
        """Note that a search or a staging begins to use the generation."""
        os.utime(self.path)

    def _is_right(self, file: DatabaseFile, stopped: Callable[[], bool]) -> bool:
        try:
            return sha256_of(self.path / file.name, stopped=stopped) == file.sha256
        except OSError:
            return False

    def _marked(self, name: str) -> list[MarkedFile]:
        try:
            return [MarkedFile(**row) for row in json.loads(self._marker(name).read_bytes())["files"]]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []

    def _marker(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def _names(self, suffix: str) -> list[str]:
        names = [entry.name.removesuffix(suffix) for entry in self._entries() if entry.name.endswith(suffix)]
        return [name for name in names if f"{name}.json" != _METADATA]

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            return list(os.scandir(self.path))
        except FileNotFoundError:
            return []  # the generation was dropped


def folders(cache: Path) -> Iterator[GenerationFolder]:
    """Yield the folders of all generations that are partly or wholly in a cache."""
    for metadata in sorted(cache.glob(f"*/*/{_METADATA}")):
        yield GenerationFolder(cache, metadata.parent.parent.name, metadata.parent.name)


class Budget:
    """The disk space of a cache. Usage is computed from the files on disk, never recorded separately."""

    def __init__(self, cache: Path, budget_bytes: int | None) -> None:
        """Open a cache folder of this maximum size (None: that of the disk), creating it if it is missing."""
        cache.mkdir(parents=True, exist_ok=True)
        self._cache = cache
        self._budget_bytes = budget_bytes

    @property
    def total_bytes(self) -> int:
        """The budget, or the space that the disk can give to the cache if that is less."""
        to_come = sum(max(_size(folder) - folder.disk_bytes, 0) for folder in folders(self._cache))
        on_disk = self.used_bytes + max(shutil.disk_usage(self._cache).free - to_come, 0)
        return on_disk if self._budget_bytes is None else min(self._budget_bytes, on_disk)

    @property
    def used_bytes(self) -> int:
        """Bytes of all volumes, with the final size of those being fetched."""
        return sum(_size(folder) for folder in folders(self._cache))

    @property
    def free_bytes(self) -> int:
        """Bytes available for more volumes without dropping any."""
        return max(self.total_bytes - self.used_bytes, 0)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Lock the budget, so that nobody else reserves or frees space."""
        with alone(self._cache / ".budget.lock"):
            yield

    def reserve(self, folder: GenerationFolder, parts: Sequence[StagedPart]) -> None:
        """Reserve space for parts to be fetched into a folder that is in use, by creating their locks.

        If space is short, unused generations are dropped, the least recently used first.

        Raises DiskFull if dropping them would not free enough; nothing was dropped.
        """
        known = folder.sizes
        missing = [part for part in parts if part.name not in known]
        needed = sum(part.size_bytes for part in missing)
        if needed > self.free_bytes:
            self._make_room(needed)
        try:
            for part in missing:
                reserve(folder, part)
        except OSError:
            for part in missing:
                folder.lock(part).unlink(missing_ok=True)
            raise

    def _make_room(self, needed: int) -> None:
        with ExitStack() as held:
            candidates = [folder for folder in folders(self._cache) if held.enter_context(unused(folder.path))]
            candidates.sort(key=lambda folder: folder.path.stat().st_mtime_ns)  # see ``touch``
            droppable = sum(map(_size, candidates))
            free = self.free_bytes
            if needed > free + droppable:
                raise DiskFull(
                    f"There is no room for {_mib(needed)} of volumes: this node may hold {_mib(self.total_bytes)}, "
                    f"and running searches use {_mib(self.used_bytes - droppable)} of it.",
                    remedy="Wait until they end, give the node a larger disk or budget, or spread the database over "
                    "more nodes.",
                )
            for candidate in candidates:
                if needed <= free:
                    break
                free += _size(candidate)
                candidate.remove()


def reserve(folder: GenerationFolder, part: StagedPart) -> None:
    """Set the length of a part's lock to the part's size, as a sparse file."""
    lock = folder.lock(part)
    lock.touch()
    os.truncate(lock, part.size_bytes)


@contextmanager
def alone(file: Path, stopped: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """Wait for the exclusive lock on a file, creating it if it is missing; yield its descriptor."""
    while (held := locked(file)) is None:
        if stopped():
            raise Interrupted
        time.sleep(_LOOK_AGAIN_S)
    try:
        yield held
    finally:
        os.close(held)


def use(folder: Path) -> int:
    """Take a shared lock on a folder, creating it if it is missing; return the descriptor that holds the lock."""
    while True:
        with suppress(FileNotFoundError):  # the parent folder was empty and has just been removed
            folder.mkdir(parents=True, exist_ok=True)
        held = locked(folder, fcntl.LOCK_SH, os.O_RDONLY | os.O_DIRECTORY)
        if held is not None:
            return held
        time.sleep(_LOOK_AGAIN_S)


@contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Yield whether nobody uses a folder; if so, nobody can begin to until the context ends."""
    held = locked(folder, flags=os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)


def _blocks(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks
    except FileNotFoundError:
        return 0  # it has been renamed meanwhile


def _write_whole(target: Path, content: bytes) -> None:
    partial = target.with_name(target.name + PARTIAL)
    partial.write_bytes(content)
    sync(partial)
    partial.replace(target)
    sync(target.parent)


def _check(name: str) -> None:
    """Reject a name from foreign metadata that is not a plain file name, or is reserved for the cache's own files."""
    if not name or name.startswith(".") or "/" in name or "\0" in name or name.endswith((PARTIAL, ".lock", ".json")):
        raise DatabaseError(f"{name!r} is not a valid name of a database file.", remedy="Rebuild the database.")


def _size(folder: GenerationFolder) -> int:
    return sum(folder.sizes.values())


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.1f} MiB"
