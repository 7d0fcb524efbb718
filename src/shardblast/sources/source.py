"""A source of a database, and what all sources share: settings, offers, progress, and the ledger of complete files."""

import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from shardblast.blast.alias import quoted
from shardblast.blast.database import TAXONOMY, Database, open_database
from shardblast.blast.installation import Installation
from shardblast.core.errors import DatabaseError, DiskFull, Interrupted
from shardblast.core.program import Molecule
from shardblast.core.units import counted
from shardblast.storage.transfer import sync

NCBI = "ncbi:"
"""Prefix of a source that NCBI or a mirror publishes."""
NCBI_BASE = "https://ncbi-blast-databases.s3.amazonaws.com"

REPORT_INTERVAL_S = 0.2
_Item = TypeVar("_Item")

WORK = ".source"
"""Folder below the destination that holds incomplete files and the ledger."""

_VOLUME_NUMBER = re.compile(r"\.\d{2,}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}\.[np][a-z0-9]{2}")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Settings of all kinds of sources; each kind reads those that concern it."""

    ncbi_base: str = NCBI_BASE
    """Base address for ``ncbi:NAME``: NCBI's bucket or FTP site over HTTP, or a mirror of either."""
    molecule: Molecule | None = None
    """Molecule of a FASTA file; None: detected from its first sequences."""
    title: str = ""
    """Title of a database made from FASTA; empty: the file's name."""
    parse_seqids: bool | None = None
    """Whether sequences of a FASTA file can be looked up by id; None: if makeblastdb can parse the ids."""
    taxid_map: Path | None = None
    """File for a FASTA source with an id and a taxid per line, as for ``-taxid_map`` of makeblastdb."""
    volume_bytes: int = 1 << 29
    """Maximum size of a volume's file in a database made from FASTA."""
    parallel: int = 4
    """Files fetched at once."""
    timeout_s: float = 30.0
    """Maximum silence of a server."""
    retry_s: float = 1.0
    """Pause after a server's first failure; it doubles after each further failure."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of a source's database."""

    generation: str
    """Name of the generation, 16 hexadecimal digits; equal for equal offers of the same source."""
    version: str
    """The source's own name of the version, such as a folder name or a file's time; may be empty."""
    size_bytes: int
    """Bytes to fetch; 0 if unknown."""
    details: Mapping[str, Any]
    """JSON data from which ``bring`` fetches exactly this offer, even if the source has a newer version by then."""


class Source(Protocol):
    """A place that publishes a database, from time to time in a new version."""

    text: str
    """The source as given to ``db add``."""

    def offer(self) -> Offer:
        """Return the version that is available now. Raises ShardblastError if there is none, or it can't be reached."""
        ...

    def bring(self, offer: Offer, folder: Path, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Copy or build all files of an offered database.

        Args:
            offer: An offer of this source, or of another one with the same text and settings.
            folder: The destination, which belongs to this call alone. If it holds an interrupted attempt, that is
                resumed: complete and verified files, recorded in ``.source``, are not fetched again.
            report: Called in this thread with bytes done and bytes in total.
            stopped: Called in this thread; stops the work when it returns true.

        Returns the database's name in the folder, as for ``-db``. Raises SourceChanged if the offered version is no
        longer available.
        """
        ...


def generation_of(facts: Iterable[Iterable[str | int | None]]) -> str:
    """Return the name of the generation with these facts, in whatever order they come."""
    ordered = sorted(json.dumps(list(fact)) for fact in facts)
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]


class Progress:
    """Counts bytes in any thread; calls the callbacks in the thread that created it, at limited rate."""

    def __init__(self, total_bytes: int, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
        self._total = total_bytes
        self._report = report
        self._stopped = stopped
        self._done = 0
        self._next = 0.0
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self.halted = threading.Event()
        """Set in any thread to stop the work in all of them."""

    def add(self, count: int) -> None:
        """Count bytes, negative for bytes that must be fetched again; raise ``Interrupted`` if the work is stopped."""
        with self._lock:
            self._done += count
        if threading.get_ident() == self._owner and time.monotonic() >= self._next:
            self._next = time.monotonic() + REPORT_INTERVAL_S
            self.flush()
            if self._stopped():
                self.halted.set()
        if self.halted.is_set():
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait; raise ``Interrupted`` if the work is stopped."""
        end = time.monotonic() + seconds
        while (remaining := end - time.monotonic()) > 0:
            self.halted.wait(min(remaining, REPORT_INTERVAL_S))
            self.add(0)

    def flush(self) -> None:
        self._report(self._done, max(self._total, self._done))


def side_by_side(work: Callable[[_Item], object], items: Iterable[_Item], parallel: int, progress: Progress) -> None:
    """Process items in parallel threads; the first failure stops the others and is raised."""
    with ThreadPoolExecutor(parallel) as pool:
        pending = {pool.submit(work, item) for item in items}
        try:
            while pending:
                finished, pending = wait(pending, REPORT_INTERVAL_S, FIRST_EXCEPTION)
                for future in finished:
                    future.result()
                progress.add(0)
        except BaseException:
            progress.halted.set()
            pool.shutdown(cancel_futures=True)
            raise


class Ledger:
    """Moves complete files into a folder, and records them so that a later attempt can resume.

    An item is fetched as a unit: a file, or an archive of several. A file is synced, then renamed, then recorded.
    Other files in the folder are incomplete, and are removed.
    """

    def __init__(self, folder: Path, generation: str) -> None:
        """Open the ledger of a folder that belongs to this process alone; files of another generation are removed."""
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
        """Return whether an item is complete and its files still have their sizes."""
        files = [(self._folder / name, self._sizes[name]) for name in self._items.get(item, ())]
        return item in self._items and all(file.is_file() and file.stat().st_size == size for file, size in files)

    @property
    def size_bytes(self) -> int:
        """Bytes of all complete files and of partial ones."""
        return sum(self._sizes.values()) + sum(file.stat().st_size for file in self.work.glob("*.partial"))

    def keep(self, item: str, files: Sequence[Path], rank: int = 0) -> None:
        """Move an item's files from ``work`` into the folder; of equal names in items, the lowest rank stays."""
        for file in files:
            sync(file)
        with self._lock:
            kept = {}
            for file in files:
                name = file.name.removesuffix(".partial")
                kept[name] = file.stat().st_size
                if rank <= self._ranks.get(name, rank):
                    file.replace(self._folder / name)
                    self._ranks[name], self._sizes[name] = rank, kept[name]
            sync(self._folder)
            self._items[item] = list(kept)
            self._append({"item": item, "files": {name: self._sizes[name] for name in kept}, "rank": rank})

    def forget(self) -> None:
        """Regard all items as incomplete, because the files make no database."""
        self._path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the work files of complete items."""
        for entry in self.work.iterdir():
            if entry != self._path:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, generation: str) -> bool:
        """Read the ledger, except a line that a crash cut short; return whether it is of this generation."""
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
    """Return whether a name fits a file of a BLAST database, or of the taxonomy beside it."""
    return name in TAXONOMY or _NAME.fullmatch(name) is not None


def checked_file_name(name: str, where: str) -> str:
    """Return a name that is valid for a database file, and is not a path."""
    if not is_database_file(name):
        problem = f"{where} names {name[:200]!r}, which is not a valid name of a database file."
        raise DatabaseError(problem, remedy="Nothing was added; use another source.")
    return name


def find_database(installation: Installation, path: Path) -> Database:
    """Open the database at a path, as for ``-db``; the nucleotide one if both molecules are there."""
    molecule = next(_molecules(path), None)
    if molecule is None:
        raise _no_database(path)
    try:
        return open_database(installation, quoted(path.absolute()), molecule, os.environ.get("BLASTDB", ""))
    except DatabaseError as error:
        problem = f"BLAST+ can't read the database {path}: {error.problem}"
        raise DatabaseError(problem, remedy="Rebuild it, or use another one.") from error


def has_database(path: Path) -> bool:
    """Return whether an index or an alias exists at a path, as for ``-db``."""
    return next(_molecules(path), None) is not None


def write_alias(path: Path, title: str, volumes: Iterable[str], molecule: Molecule) -> None:
    """Write an alias at a path that joins volumes beside it, in OID order, unless the only one has that name."""
    names = list(volumes)
    if names == [path.name]:
        return
    listed = " ".join(f'"{name}"' for name in names)
    alias = path.with_name(f"{path.name}.{molecule.alias_suffix}")
    partial = alias.with_name(f"{alias.name}.partial")
    line = " ".join(title.splitlines())
    partial.write_text(f"TITLE {line}\nDBLIST {listed}\n", errors="surrogateescape")
    partial.replace(alias)


def require_room(folder: Path, size_bytes: int) -> None:
    """Check the free space of a disk. Raises DiskFull if it is less than ``size_bytes``."""
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise DiskFull(f"The database needs {counted(size_bytes, 'more byte')}, but the disk has only {free:,}.")


def _molecules(path: Path) -> Iterator[Molecule]:
    """Yield the molecules that have an index or an alias at a path, nucleotides first."""
    for molecule in Molecule if path.name else ():
        names = [f"{path.name}.{molecule.letter}{last}" for last in ("in", "al")]
        if any(os.path.isfile(path.with_name(name)) for name in names):  # returns False where Path.is_file() raises
            yield molecule


def _no_database(path: Path) -> DatabaseError:
    """Return the error for a path without a database, suggesting the path that was probably meant."""
    if is_database_file(path.name) and path.name not in TAXONOMY:
        volume = path.with_suffix("")
        whole = _VOLUME_NUMBER.sub("", volume.name)
        for suggestion in (path.with_name(whole or volume.name), volume):
            if has_database(suggestion):
                return DatabaseError(f"{path} is one file of a BLAST database.", remedy=f"Did you mean {suggestion}?")
    problem = f"There is neither a FASTA file nor a BLAST database (files {path.name}.n* or {path.name}.p*) at {path}."
    return DatabaseError(problem, remedy="Check the path. That of a database has no extension (.nin, .pal …).")
