"""A database in another shardblast storage, with its stored checksums."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.errors import DatabaseError, InputError, NotFoundError, SourceChanged, StorageError, file_errors
from shardblast.core.units import split_address
from shardblast.sources.source import (
    Ledger,
    Offer,
    Progress,
    SourceSettings,
    checked_file_name,
    generation_of,
    require_room,
    side_by_side,
    write_alias,
)
from shardblast.storage.objects import CHECK_STORAGE, METADATA, Objects, current_key, fetch_file, generation_key, shown

FILES_AT_ONCE = 2
"""Files fetched at once, each in several parallel parts."""
_ADDRESS = re.compile(
    r"((?:file|s3|gs|az)://.*)/databases/([A-Za-z0-9][A-Za-z0-9._-]{0,99})(?:/([A-Za-z0-9-]{1,64}))?/?"
)
_GENERATION = re.compile(r"[A-Za-z0-9-]{1,64}")


class ShardblastSource:
    """``s3://BUCKET/PREFIX/databases/NAME``, optionally with ``/GENERATION``; also for ``gs``, ``az`` and ``file``."""

    def __init__(self, text: str, settings: SourceSettings) -> None:
        match = _ADDRESS.fullmatch(text)
        if match is None:
            problem = f"{text} is not the address of a database in a storage."
            raise InputError(problem, remedy="Use s3://BUCKET/PREFIX/databases/NAME, or the same with gs, az or file.")
        self.text = text
        self._url, self._name, self._generation = match.groups()
        self._settings = settings
        split_address(self._url, "address of the storage")

    def offer(self) -> Offer:
        """Return the generation in the address, or the current one."""
        with _blamed_on(self._url):
            objects = self._objects()
            name = self._generation or _current(objects, self._name)
            generation = self._read(objects, name)
        return Offer(
            _name_of(generation), generation.source_version or name, generation.size_bytes, {"generation": name}
        )

    @file_errors()
    def bring(self, offer: Offer, folder: Path, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Fetch the files of an offer in parallel and verify each; see ``Source.bring``."""
        with _blamed_on(self._url):
            objects = self._objects()
            generation = self._offered(objects, offer)
        ledger = Ledger(folder, offer.generation)
        progress = Progress(offer.size_bytes, report, stopped)
        missing = [file for file in generation.files if not ledger.is_whole(file.name)]
        progress.add(offer.size_bytes - sum(file.size_bytes for file in missing))
        require_room(folder, sum(file.size_bytes for file in missing))

        def bring_one(file: DatabaseFile) -> None:
            path = ledger.work / file.name
            key = generation_key(self._name, generation.name, file.name)
            with _blamed_on(self._url):
                fetch_file(objects, key, file, path, progress.add, progress.halted.is_set)
            ledger.keep(file.name, [path])

        side_by_side(bring_one, missing, FILES_AT_ONCE, progress)
        volumes = [volume.name for volume in generation.volumes]
        write_alias(folder / self._name, generation.title, volumes, generation.molecule)
        ledger.tidy()
        progress.flush()
        return self._name

    def _objects(self) -> Objects:
        if self._url.startswith("file:") and not Path(unquote(urlsplit(self._url).path)).is_dir():
            raise NotFoundError(f"There is no folder {self._url}.", remedy="Check the address.")
        return Objects(self._url, is_known=True)

    def _read(self, objects: Objects, name: str) -> Generation:
        key = generation_key(self._name, name, METADATA)
        try:
            generation = Generation.of(dict(json.loads(objects.read(key))))
        except (ValueError, TypeError, RecursionError) as error:
            problem = f"{self._url}/{key} does not describe a database: {error}."
            raise DatabaseError(problem, remedy="Use another database.") from error
        for file in generation.files:
            checked_file_name(file.name, key)
            if not isinstance(file.size_bytes, int) or file.size_bytes < 0:
                raise DatabaseError(f"{key} has no valid size for {file.name}.", remedy="Use another database.")
        for volume in generation.volumes:
            checked_file_name(f"{volume.name}.nin", key)
        return generation

    def _offered(self, objects: Objects, offer: Offer) -> Generation:
        try:
            generation = self._read(objects, offer.details["generation"])
        except NotFoundError as error:
            raise SourceChanged(self.text, "it has been removed") from error
        if _name_of(generation) != offer.generation:
            raise SourceChanged(self.text, "its files have changed")
        return generation


@contextmanager
def _blamed_on(url: str) -> Iterator[None]:
    """Name the source in errors of its storage, whose remedy concerns the service's own storage."""
    try:
        yield
    except StorageError as error:
        if error.remedy != CHECK_STORAGE:
            raise
        problem = f"The source {shown(url)} can't be read. {error.problem}"
        blamed = StorageError(problem, remedy="Check its address, the credentials for it, and the network.")
        blamed.retry_elsewhere = False
        raise blamed from error


def _current(objects: Objects, name: str) -> str:
    named = objects.find(current_key(name))
    if named is None:
        problem = f"There is no database {name} in that storage."
        raise NotFoundError(problem, remedy="Check the address, or add a generation to it.")
    generation = named.decode(errors="replace").strip()
    if _GENERATION.fullmatch(generation) is None:
        problem = f"The current generation of {name} has no valid name."
        raise DatabaseError(problem, remedy="Add a generation to the address.")
    return generation


def _name_of(generation: Generation) -> str:
    return generation_of((file.name, file.size_bytes, file.sha256) for file in generation.files)
