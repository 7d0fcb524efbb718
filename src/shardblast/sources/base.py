"""What all sources share: settings, offers, progress, what was brought already, files of BLAST databases."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shardblast.blast.alias import quoted
from shardblast.blast.database import TAXONOMY, Database, open_database
from shardblast.blast.installation import Installation
from shardblast.core.errors import DatabaseError, DiskFull, Interrupted, file_error
from shardblast.core.program import Molecule

NCBI = "ncbi:"
"""What the text of a source begins with that NCBI, or a mirror, publishes."""
NCBI_BASE = "https://ncbi-blast-databases.s3.amazonaws.com"

TELL_EVERY_S = 0.2
_Item = TypeVar("_Item")

WORK = ".source"
"""Folder in the database's own, for what is not whole yet and for the ledger."""

_VOLUME_NUMBER = re.compile(r"\.\d{2,}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}\.[np][a-z0-9]{2}")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Settings of all kinds of sources; each kind reads those that concern it."""

    ncbi_base: str = NCBI_BASE
    """Of ``ncbi:NAME``: where the databases are published, NCBI's FTP site or a mirror of either layout, over HTTP."""
    molecule: Molecule | None = None
    """Of a FASTA file; None: as its first sequences look."""
    title: str = ""
    """Of a database made from FASTA; default: the file's name."""
    parse_seqids: bool | None = None
    """Of a FASTA file: whether its sequences can be looked up by id; None: if makeblastdb can parse the ids."""
    taxid_map: Path | None = None
    """Of a FASTA file: a file with an id and a taxid on each line, as ``-taxid_map`` of makeblastdb takes it."""
    volume_bytes: int = 1 << 29
    """Of a database made from FASTA: how large a file of a volume may grow."""
    parallel: int = 4
    """Files that are fetched at once."""
    timeout_s: float = 30.0
    """How long a server may be silent."""
    retry_s: float = 1.0
    """How long to wait after a server's first failure; twice as long after the next, and so on."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of a source's database."""

    generation: str
    """Name of the generation, 16 hexadecimal digits: the same for the same offer of the same source."""
    version: str
    """What the source calls it: the name of a folder, a file's time; may be empty."""
    size_bytes: int
    """To be brought; 0 if that is not known before."""
    details: Mapping[str, Any]
    """JSON: what ``bring`` needs to bring this very offer, whatever the source has by then."""


def generation_of(facts: Iterable[Iterable[str | int | None]]) -> str:
    """Return the name of the generation that these facts tell from all others, in whatever order they come."""
    ordered = sorted(json.dumps(list(fact)) for fact in facts)
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]


class Progress:
    """Counts bytes, from any thread; asks and tells in the thread that made it, no more often than is of use."""

    def __init__(self, total_bytes: int, told: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
        self._total = total_bytes
        self._told = told
        self._stopped = stopped
        self._done = 0
        self._next = 0.0
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self._halted = threading.Event()

    def add(self, count: int) -> None:
        """Count bytes that were brought; fewer than none are to be brought again.

        Raises:
            Interrupted: It shall not go on.
        """
        with self._lock:
            self._done += count
        if threading.get_ident() == self._owner and time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY_S
            self.tell()
            if self._stopped():
                self.halt()
        if self._halted.is_set():
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait, unless it shall not go on.

        Raises:
            Interrupted: It shall not go on.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._halted.wait(min(left, TELL_EVERY_S))
            self.add(0)

    @property
    def halted(self) -> bool:
        """Whether it shall not go on; may be asked in any thread."""
        return self._halted.is_set()

    def halt(self) -> None:
        """Have all threads stop."""
        self._halted.set()

    def tell(self) -> None:
        """Tell the count as it is now."""
        self._told(self._done, max(self._total, self._done))


def side_by_side(work: Callable[[_Item], object], items: Iterable[_Item], parallel: int, progress: Progress) -> None:
    """Work on items in threads; the first failure stops the others and is raised."""
    with ThreadPoolExecutor(parallel) as pool:
        waiting = {pool.submit(work, item) for item in items}
        try:
            while waiting:
                finished, waiting = wait(waiting, TELL_EVERY_S, FIRST_EXCEPTION)
                for one in finished:
                    one.result()
                progress.add(0)
        except BaseException:
            progress.halt()
            pool.shutdown(cancel_futures=True)
            raise


class Ledger:
    """Takes files into a folder when they are whole, and remembers that through a crash.

    An item is what is brought at once: a file, or an archive of several. Files get their names when they are on the
    disk, and are written down after that; so whatever else is in the folder is not whole, and is removed.
    """

    def __init__(self, folder: Path, generation: str) -> None:
        """Open the ledger of a folder that is ours alone; what it holds of another generation goes."""
        self._folder = folder
        self.work = folder / WORK
        self._path = self.work / "ledger.jsonl"
        self._sizes: dict[str, int] = {}
        self._ranks: dict[str, int] = {}
        self._items: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self.work.mkdir(parents=True, exist_ok=True)
        if not self._read(generation):
            shutil.rmtree(self.work)
            self.work.mkdir()
            self._append({"generation": generation})
        for entry in folder.iterdir():
            if entry != self.work and entry.name not in self._sizes:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def is_whole(self, item: str) -> bool:
        """Tell whether an item has been brought, and its files still have the sizes they had."""
        return item in self._items and all(
            _size_of(self._folder / name) == self._sizes[name] for name in self._items[item]
        )

    @property
    def size_bytes(self) -> int:
        """Of all files that have been brought, and of what is there of others."""
        return sum(self._sizes.values()) + sum(file.stat().st_size for file in self.work.glob("*.partial"))

    def keep(self, item: str, files: Sequence[Path], rank: int = 0) -> None:
        """Take an item's files, which lie in ``work``, into the folder.

        Args:
            item: Its name.
            files: Each becomes a file of the folder, of the same name but for ``.partial``.
            rank: Of files of the same name in several items the one of the lowest rank stays.
        """
        for file in files:
            _sync(file)
        with self._lock:
            kept = {}
            for file in files:
                name = file.name.removesuffix(".partial")
                kept[name] = file.stat().st_size
                if rank <= self._ranks.get(name, rank):
                    file.replace(self._folder / name)
                    self._ranks[name], self._sizes[name] = rank, kept[name]
            _sync(self._folder)
            self._items[item] = list(kept)
            self._append({"item": item, "files": {name: self._sizes[name] for name in kept}, "rank": rank})

    def forget(self) -> None:
        """Take nothing for whole any more: what was brought is no database."""
        self._path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what was left of what is whole."""
        for entry in self.work.iterdir():
            if entry != self._path:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, generation: str) -> bool:
        """Read what is written, but for a line that a crash cut short; tell whether it is of this generation."""
        if not self._path.exists():
            return False
        whole = self._path.read_bytes().rpartition(b"\n")[0]
        os.truncate(self._path, len(whole) + 1 if whole else 0)
        entries = [json.loads(line) for line in whole.splitlines()]
        if not entries or entries[0].get("generation") != generation:
            return False
        for entry in entries[1:]:
            self._items[entry["item"]] = list(entry["files"])
            for name, size in entry["files"].items():
                self._sizes[name] = size
                self._ranks[name] = min(entry["rank"], self._ranks.get(name, entry["rank"]))
        return True


def is_database_file(name: str) -> bool:
    """Tell whether a file of a BLAST database, or of the taxonomy beside it, may have such a name."""
    return name in TAXONOMY or _NAME.fullmatch(name) is not None


def checked_file_name(name: str, where: str) -> str:
    """Return a name that is one of a database's file, and no path.

    Raises:
        DatabaseError: It is none.
    """
    if not is_database_file(name):
        raise DatabaseError(
            f"{where} names {name[:200]!r}, which is no name of a database's file.",
            remedy="Nothing was brought; use another source.",
        )
    return name


def find_database(installation: Installation, path: Path) -> Database:
    """Open the database at a path, as ``-db`` names it, of whichever molecule its files are.

    Where there is one of each, it is the nucleotide database.

    Raises:
        DatabaseError: There is none, or BLAST+ can't open it.
    """
    molecule = next(_molecules(path), None)
    if molecule is None:
        raise _no_database(path)
    try:
        return open_database(installation, quoted(path.absolute()), molecule, os.environ.get("BLASTDB", ""))
    except DatabaseError as error:
        raise DatabaseError(
            f"BLAST+ can't read the database {path}: {error.problem}", remedy="Make it again, or name another one."
        ) from error


def has_database(path: Path) -> bool:
    """Tell whether an index or an alias is there, by the path as ``-db`` names it."""
    return next(_molecules(path), None) is not None


def write_alias(path: Path, title: str, volumes: Iterable[str], molecule: Molecule) -> None:
    """Let BLAST+ find volumes under one name, unless it does already.

    Args:
        path: The name, without suffix.
        title: Of the database.
        volumes: Names of volumes in the same folder, in OID order.
        molecule: Of the database.
    """
    names = list(volumes)
    if names == [path.name]:
        return
    listed = " ".join(f'"{name}"' for name in names)
    alias = path.with_name(f"{path.name}.{molecule.alias_suffix}")
    partial = alias.with_name(f"{alias.name}.partial")
    line = " ".join(title.splitlines())
    partial.write_text(f"TITLE {line}\nDBLIST {listed}\n", errors="surrogateescape")
    partial.replace(alias)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Translate what writing files raises."""
    try:
        yield
    except OSError as error:
        raise file_error(error) from error


def require_room(folder: Path, size_bytes: int) -> None:
    """See that a disk has so much space.

    Raises:
        DiskFull: It has not.
    """
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise DiskFull(f"The database needs {size_bytes:,} bytes more, and the disk has {free:,}.")


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _sync(path: Path) -> None:
    """Have a file or a folder written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _molecules(path: Path) -> Iterator[Molecule]:
    """Yield the molecules of which there is an index or an alias, nucleotides first."""
    for molecule in Molecule if path.name else ():
        names = [f"{path.name}.{molecule.letter}{last}" for last in ("in", "al")]
        if any(os.path.isfile(path.with_name(name)) for name in names):  # False where Path.is_file() raises
            yield molecule


def _no_database(path: Path) -> DatabaseError:
    """Return what says that there is no database, with the path that was probably meant."""
    if is_database_file(path.name) and path.name not in TAXONOMY:
        volume = path.with_suffix("")
        whole = _VOLUME_NUMBER.sub("", volume.name)
        for meant in (path.with_name(whole or volume.name), volume):
            if has_database(meant):
                return DatabaseError(f"{path} is one file of a BLAST database.", remedy=f"Did you mean {meant}?")
    return DatabaseError(
        f"There is no BLAST database at {path}: there is no file {path}.n* or {path}.p*.",
        remedy="Name the path of a BLAST database without its suffix (.nin, .pal), or a FASTA file.",
    )
