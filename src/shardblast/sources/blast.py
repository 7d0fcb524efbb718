"""A BLAST database on this machine: used in place, or copied."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from shardblast.blast.database import Database, read_facts
from shardblast.blast.installation import Installation
from shardblast.core.errors import DatabaseError, InputError, SourceChanged, file_errors
from shardblast.sources.source import Ledger, Offer, Progress, find_database, generation_of, require_room, write_alias

_CHUNK_BYTES = 1 << 25
_NOT_WITHIN_THE_KERNEL = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


class BlastSource:
    """The path of a BLAST database, as for ``-db``."""

    def __init__(self, text: str, installation: Installation) -> None:
        self.text = text
        self._path = Path(text).absolute()
        self._installation = installation

    def database(self) -> Database:
        """Open the database in place."""
        try:
            return find_database(self._installation, self._path)
        except DatabaseError as error:
            raise InputError(error.problem, remedy=error.remedy) from error

    def offer(self) -> Offer:
        """Return the files as they are now. Raises DatabaseError if it can't be read volume by volume."""
        database = self.database()
        files = self._files(database)
        return Offer(
            generation_of((file["path"], file["size_bytes"], file["changed_ns"]) for file in files),
            database.date,
            sum(int(file["size_bytes"]) for file in files),
            {"files": files},
        )

    @file_errors()
    def bring(self, offer: Offer, folder: Path, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Copy the files of an offer; see ``Source.bring``."""
        ledger = Ledger(folder, offer.generation)
        progress = Progress(offer.size_bytes, report, stopped)
        require_room(folder, offer.size_bytes - ledger.size_bytes)
        for file in offer.details["files"]:
            source = Path(file["path"])
            if ledger.is_whole(source.name):
                progress.add(file["size_bytes"])
                continue
            partial = ledger.work / f"{source.name}.partial"
            try:
                _copy(source, partial, progress)
                same = _facts(source) == file and partial.stat().st_size == file["size_bytes"]
            except FileNotFoundError as error:
                raise SourceChanged(source.name, "it has been removed") from error
            if not same:
                raise SourceChanged(source.name, "it has been modified")
            ledger.keep(source.name, [partial])
        database = self.database()
        volumes = [volume.path.name for volume in database.volumes]
        write_alias(folder / self._path.name, database.title, volumes, database.molecule)
        ledger.tidy()
        progress.flush()
        return self._path.name

    def _files(self, database: Database) -> list[dict[str, str | int]]:
        paths = list(read_facts(self._installation, database).files)
        if len({path.name for path in paths}) < len(paths):
            problem = "Files of the database in different folders have the same name."
            raise DatabaseError(problem, remedy="Use the database in place.")
        return [_facts(path) for path in paths]


def _facts(path: Path) -> dict[str, str | int]:
    facts = path.stat()
    return {"path": str(path), "size_bytes": facts.st_size, "changed_ns": facts.st_mtime_ns}


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy within the kernel if possible, which on some file systems shares the blocks."""
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        while copied := _copy_some(reader.fileno(), writer.fileno()):
            progress.add(copied)


def _copy_some(source: int, target: int) -> int:
    try:
        return os.copy_file_range(source, target, _CHUNK_BYTES)
    except OSError as error:
        if error.errno not in _NOT_WITHIN_THE_KERNEL:
            raise
    chunk = os.read(source, _CHUNK_BYTES)
    written = 0
    while written < len(chunk):
        written += os.write(target, chunk[written:])
    return written
