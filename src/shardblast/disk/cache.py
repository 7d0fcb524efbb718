"""The databases on a node's disk: their volumes with markers, the budget of disk, locks.

    db.00.nhr db.00.nin db.00.nsq   as BLAST+ calls them
    db.00.json                      the volume's marker: written last, removed first
    db.00.lock                      while the volume is fetched; as long as what it will take
    .shared.json                    the marker of the files that all volumes have in common
    .metadata.json                  the generation itself

A marker holds what ``stat`` said of each file when its checksum was right. As long as ``stat`` says the same, the file
is taken for the same: whoever writes to it changes its ctime, which can't be set back.
"""

from __future__ import annotations

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

from shardblast.core.database import DatabaseFile, Generation, checked_name
from shardblast.core.errors import DatabaseError, DiskFull, Interrupted, NotFoundError
from shardblast.storage.transfer import sha256_of

SHARED = ".shared"
"""The part that is the files of all volumes together; no volume may be called so."""
PARTIAL = ".partial"
_METADATA = ".metadata.json"
_DISK_BLOCK_BYTES = 512
"""Unit of ``st_blocks``."""

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class StagedPart:
    """What is fetched, held and dropped as one: a volume, or the files that all volumes share."""

    name: str
    files: tuple[DatabaseFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """A file as it was when its checksum was right."""

    name: str
    size_bytes: int
    sha256: str
    mtime_ns: int
    ctime_ns: int
    inode: int

    def is_still(self, folder: Path) -> bool:
        """Tell whether ``stat`` says the same as then."""
        try:
            facts = (folder / self.name).stat()
        except OSError:
            return False
        now = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
        return now == (self.size_bytes, self.mtime_ns, self.ctime_ns, self.inode)

    @property
    def file(self) -> DatabaseFile:
        return DatabaseFile(self.name, self.size_bytes, self.sha256)


def parts_of(generation: Generation, volumes: Collection[str] | None) -> tuple[StagedPart, ...]:
    """Return the parts that a search of these volumes (None: of all) needs, in OID order, what they share first.

    Raises:
        DatabaseError: A file's name is none that we would write to.
        NotFoundError: The generation has no such volume.
    """
    known = {volume.name: volume for volume in generation.volumes}
    missing = sorted(set(volumes or ()) - set(known))
    if missing:
        raise NotFoundError(
            f"Database {generation.database!r} has no volume {missing[0]!r} in its generation {generation.name!r}.",
            remedy="Use the volumes that its metadata lists.",
        )
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
        """Keep the generation's metadata beside its files."""
        document = json.dumps(generation.document(), indent=1).encode()
        target = self.path / _METADATA
        if not target.exists() or target.read_bytes() != document:
            _write_whole(target, document)

    @property
    def generation(self) -> Generation | None:
        """What is partly or wholly here; None if this is no folder of ours, or was never begun."""
        try:
            return Generation.of(json.loads((self.path / _METADATA).read_bytes()))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def is_marked(self, part: StagedPart) -> bool:
        """Tell whether a part was whole once."""
        return self._marker(part.name).exists()

    def holds(self, part: StagedPart) -> bool:
        """Tell whether a part is whole, by its marker and ``stat``; this reads no sequence."""
        marked = self._marked(part.name)
        return tuple(one.file for one in marked) == part.files and all(one.is_still(self.path) for one in marked)

    def renewed(self, part: StagedPart, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Read every file of a marked part; renew its marker if the bytes are right, else drop it and say so.

        Raises:
            Interrupted: It was stopped.
        """
        if not self.is_marked(part):
            return False
        damaged = [file.name for file in part.files if not self._is_right(file, stopped)]
        if damaged:
            log.warning("A staged volume is damaged, and dropped", extra={"part": part.name, "files": damaged})
            self.drop(part)
            return False
        self.mark(part)
        return True

    def mark(self, part: StagedPart) -> None:
        """Say that a part is whole; its files must have been verified, and be safe on the disk."""
        marked = []
        for file in part.files:
            facts = (self.path / file.name).stat()
            times = (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
            marked.append(asdict(MarkedFile(file.name, file.size_bytes, file.sha256, *times)))
        _write_whole(self._marker(part.name), json.dumps({"files": marked}, indent=1).encode())

    def drop(self, part: StagedPart) -> None:
        """Remove a part, whole or not."""
        self._marker(part.name).unlink(missing_ok=True)
        for file in part.files:
            (self.path / file.name).unlink(missing_ok=True)
            (self.path / (file.name + PARTIAL)).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything: markers first, so that nothing half gone is ever taken for whole."""
        for marker in self._names(".json"):
            self._marker(marker).unlink(missing_ok=True)
        shutil.rmtree(self.path)
        with suppress(OSError):  # as long as it has other generations
            self.path.parent.rmdir()

    def clean(self) -> None:
        """Remove what a process that died left: partial files, locks, and files without a marker."""
        generation = self.generation
        for entry in self._entries():
            if entry.name.endswith((PARTIAL, ".lock")):
                Path(entry).unlink()
        for part in parts_of(generation, None) if generation else ():
            if not self.is_marked(part):
                self.drop(part)

    def lock(self, part: StagedPart) -> Path:
        """Return the file that whoever fetches a part has locked; its length is what the part will take."""
        return self.path / f"{part.name}.lock"

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes that parts take, or will take when they are fetched, by name."""
        taken = {}
        for name in self._names(".lock"):
            try:
                taken[name] = (self.path / f"{name}.lock").stat().st_size
            except FileNotFoundError:
                continue  # it was fetched meanwhile, and has a marker
        return taken | {name: sum(one.size_bytes for one in self._marked(name)) for name in self._names(".json")}

    @property
    def disk_bytes(self) -> int:
        """Bytes that its files take on the disk now."""
        return sum(_blocks(entry) * _DISK_BLOCK_BYTES for entry in self._entries())

    @property
    def last_used_ns(self) -> int:
        """When a search or a staging last began to use it."""
        return self.path.stat().st_mtime_ns

    def touch(self) -> None:
        """Say that it is used now."""
        os.utime(self.path)

    def _is_right(self, file: DatabaseFile, stopped: Callable[[], bool]) -> bool:
        try:
            return sha256_of(self.path / file.name, stopped=stopped) == file.sha256
        except OSError:
            return False

    def _marked(self, name: str) -> list[MarkedFile]:
        try:
            return [MarkedFile(**one) for one in json.loads(self._marker(name).read_bytes())["files"]]
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
            return []  # it was dropped


def folders(cache: Path) -> Iterator[GenerationFolder]:
    """Yield the folders of all generations that are partly or wholly in a cache."""
    for metadata in sorted(cache.glob(f"*/*/{_METADATA}")):
        yield GenerationFolder(cache, metadata.parent.parent.name, metadata.parent.name)


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, safe on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Budget:
    """The disk space of a cache. What is used is counted from what lies there, never kept beside it."""

    def __init__(self, cache: Path, budget_bytes: int | None) -> None:
        """Take a cache's folder.

        Args:
            cache: The folder, made if it is missing.
            budget_bytes: What it may hold; None: as much as the disk does.
        """
        cache.mkdir(parents=True, exist_ok=True)
        self._cache = cache
        self._budget_bytes = budget_bytes

    @property
    def total_bytes(self) -> int:
        """The budget, or what the disk has for us if that is less."""
        to_come = sum(max(_size(folder) - folder.disk_bytes, 0) for folder in folders(self._cache))
        on_disk = self.used_bytes + max(shutil.disk_usage(self._cache).free - to_come, 0)
        return on_disk if self._budget_bytes is None else min(self._budget_bytes, on_disk)

    @property
    def used_bytes(self) -> int:
        """What volumes take, and what those will take that are being fetched."""
        return sum(_size(folder) for folder in folders(self._cache))

    @property
    def free_bytes(self) -> int:
        """What is left for more volumes, without dropping any."""
        return max(self.total_bytes - self.used_bytes, 0)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Keep others from making or taking room while this lasts."""
        with alone(self._cache / ".budget.lock"):
            yield

    def reserve(self, folder: GenerationFolder, parts: Sequence[StagedPart]) -> None:
        """Keep room for parts that are to be fetched into a folder that is in use, as its locks' lengths.

        Generations that nothing uses go for it, the least recently used first, and only if that is enough.

        Raises:
            DiskFull: It is not enough; nothing was dropped.
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
            candidates = [one for one in folders(self._cache) if held.enter_context(unused(one.path))]
            candidates.sort(key=lambda one: one.last_used_ns)
            droppable = sum(map(_size, candidates))
            free = self.free_bytes
            if needed > free + droppable:
                raise _does_not_fit(needed, self.total_bytes, self.used_bytes - droppable)
            for candidate in candidates:
                if needed <= free:
                    break
                free += _size(candidate)
                candidate.remove()


def reserve(folder: GenerationFolder, part: StagedPart) -> None:
    """Let a part's lock be as long as the part; it takes no space, being all hole."""
    lock = folder.lock(part)
    lock.touch()
    os.truncate(lock, part.size_bytes)


@contextmanager
def alone(file: Path, stopped: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """Wait until nobody else has this file, which is made if it is missing; yield its descriptor.

    Raises:
        Interrupted: It was stopped while it waited.
    """
    while (held := _locked(file, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX)) is None:
        if stopped():
            raise Interrupted
        time.sleep(_LOOK_AGAIN_S)
    try:
        yield held
    finally:
        os.close(held)


def use(folder: Path) -> int:
    """Share a folder, made if it is missing, with all others that use it; return the descriptor that holds it."""
    while True:
        with suppress(FileNotFoundError):  # the folder above was just removed, being empty
            folder.mkdir(parents=True, exist_ok=True)
        held = _locked(folder, os.O_RDONLY | os.O_DIRECTORY, fcntl.LOCK_SH)
        if held is not None:
            return held
        time.sleep(_LOOK_AGAIN_S)


@contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Tell whether nobody uses a folder, and see that nobody does until this ends."""
    held = _locked(folder, os.O_RDONLY | os.O_DIRECTORY, fcntl.LOCK_EX)
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)


def _blocks(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks
    except FileNotFoundError:
        return 0  # it has its final name by now


def _write_whole(target: Path, content: bytes) -> None:
    partial = target.with_name(target.name + PARTIAL)
    partial.write_bytes(content)
    sync(partial)
    partial.replace(target)
    sync(target.parent)


def _check(name: str) -> None:
    """Refuse a name, which may come from another's metadata, that is no plain file's or one of our own."""
    if not name or name.startswith(".") or "/" in name or "\0" in name or name.endswith((PARTIAL, ".lock", ".json")):
        raise DatabaseError(f"{name!r} is no name for a file of a database.", remedy="Make the database anew.")


def _size(folder: GenerationFolder) -> int:
    return sum(folder.sizes.values())


def _does_not_fit(needed: int, budget: int, in_use: int) -> DiskFull:
    return DiskFull(
        f"There is no room for {_mib(needed)} of volumes: this node may hold {_mib(budget)}, "
        f"and searches use {_mib(in_use)} of what is there.",
        remedy="Wait until they end, give the node a larger disk or budget, or spread the database over more nodes.",
    )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.1f} MiB"


def _locked(path: Path, flags: int, kind: int) -> int | None:
    """Return a descriptor with a lock on what the path names now, or None if another has it or has removed it."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
