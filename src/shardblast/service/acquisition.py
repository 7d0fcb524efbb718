"""How a database gets from its source into the storage as a new generation."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shardblast.blast.installation import Installation
from shardblast.core.database import CataloguedDatabase, DatabaseFile, Generation
from shardblast.core.errors import ConflictError, DatabaseError, InputError, Interrupted, NotFoundError, SourceChanged
from shardblast.core.program import Molecule
from shardblast.core.task import Step
from shardblast.service.catalogue import Catalogue, Generations, described
from shardblast.service.folders import Folders
from shardblast.service.tasks import Watch
from shardblast.sources import Source, source_of
from shardblast.sources.source import Offer, SourceSettings
from shardblast.storage.objects import METADATA, Objects, generation_key
from shardblast.storage.transfer import sha256_of

HASHED_AT_ONCE = 2
OFFER = "offer.json"
"""File in the folder of a database that is being added, with the offer of its source."""
BEGUN = "begun.json"
"""Object that exists while a generation is being stored, with its future metadata."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Adds and updates databases. Each step can be repeated, and resumes an earlier attempt."""

    generations: Generations
    catalogue: Catalogue
    objects: Objects
    installation: Installation
    folders: Folders

    def source(self, wanted: Mapping[str, Any]) -> Source:
        """Return a database's source from its ``text``, as given to ``db add``, and ``settings`` in ``wanted``."""
        values = dict(wanted.get("settings", {}))
        if values.get("molecule"):
            values["molecule"] = Molecule(values["molecule"])
        if values.get("taxid_map"):
            values["taxid_map"] = Path(values["taxid_map"])
        return source_of(wanted["text"], self.installation, SourceSettings(**values))

    def acquire(self, name: str, wanted: Mapping[str, Any], watch: Watch, *, is_new: bool) -> CataloguedDatabase | None:
        """Add the version that the source offers, new or as an update; return None if it is the current generation.

        For ``wanted`` see ``source``. Raises Interrupted if it was stopped, with finished parts kept, and ConflictError
        if another process changes the database, or it exists with another source or molecule.
        """
        self.folders.check_space()
        with self.folders.adding(name) as folder, self.generations.store.alone(name):
            self.check(name, wanted, is_new=is_new)
            try:
                if watch.stopped():
                    raise Interrupted
                added = self._acquire(name, wanted, folder, watch)
            except SourceChanged:
                (folder / OFFER).unlink()  # the next attempt requests a new offer and keeps the common files
                raise
            except Interrupted:
                if watch.is_cancelled():
                    self._give_up(name, folder)
                raise
            except (InputError, DatabaseError, ConflictError):  # a retry could not resume
                self._give_up(name, folder)
                raise
            shutil.rmtree(folder)
            return added

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep other processes, on this machine and on other servers, from adding or removing a database."""
        with self.folders.adding(name), self.generations.store.alone(name):
            yield

    def register(self, name: str, path: str, *, replace: bool) -> CataloguedDatabase:
        """Make a BLAST database in place, at a path as ``-db`` takes it, the current generation.

        ``replace`` allows it to replace a database from another source.
        """
        if not path.isprintable():
            raise InputError("The path contains unprintable characters.", remedy="Give the path of a BLAST database.")
        whole = Path(path).absolute()
        wanted = {"text": str(whole), "in_place": True}
        with self.alone(name):
            self.check(name, {**wanted, "replace": replace}, is_new=True)
            generation = self.catalogue.in_place_generation(name, whole)
            self._check_molecule(generation)
            return self.generations.switch(generation, str(whole), wanted)

    def check(self, name: str, wanted: Mapping[str, Any], *, is_new: bool) -> None:
        """Refuse to replace a database from another source, or to update one that does not exist."""
        try:
            known = self.generations.store.source(name)
        except NotFoundError:
            if not is_new:
                raise
            return
        if known != _as_source(wanted) and not wanted.get("replace"):
            raise ConflictError(
                f"A database {name!r} from another source already exists.",
                remedy="Use another name.",
                allowed_with="replace",
            )

    def _check_molecule(self, generation: Generation) -> None:
        """Refuse to replace a database by one of the other molecule, in which all of its searches would fail."""
        name = generation.database
        with suppress(NotFoundError):
            current = self.generations.get(name)
            if current.molecule is not generation.molecule:
                raise ConflictError(
                    f"The database {name!r} holds {current.molecule} sequences, "
                    f"and {generation.source} holds {generation.molecule} sequences.",
                    remedy="Use another name, or remove that database first.",
                )

    def _acquire(self, name: str, wanted: Mapping[str, Any], folder: Path, watch: Watch) -> CataloguedDatabase | None:
        source = self.source(wanted)
        offer = _offer(source, wanted, folder)
        generations = self.generations.store.generations(name)
        known = next((database for database in generations if database.generation == offer.generation), None)
        if known is not None and known.path is None:
            return None if self._is_current(known) else self._switch(known.facts, wanted, watch)
        files = folder / offer.generation
        files.mkdir(exist_ok=True)
        stem = source.bring(offer, files, lambda done, total: watch.report(Step.BRINGING, done, total), watch.stopped)
        facts = described(self.installation, files / stem)
        if any(file.resolve().parent != files.resolve() for file in facts.files):
            raise DatabaseError("The database refers to files outside its folder.", remedy="Use another source.")
        if wanted.get("settings", {}).get("taxid_map") and not facts.has_taxids:
            raise InputError("The taxid map contains none of the sequences.", remedy="Check its ids, or omit it.")
        checked = _checksums(list(facts.files), watch)
        generation = facts.generation(name, offer.generation, source.text, offer.version, checked.__getitem__)
        self._check_molecule(generation)
        self._publish(generation, {file.name: file for file in facts.files}, watch)
        return self._switch(generation, wanted, watch)

    def _switch(self, generation: Generation, wanted: Mapping[str, Any], watch: Watch) -> CataloguedDatabase:
        watch.settle()
        return self.generations.switch(generation, None, _as_source(wanted))

    def _is_current(self, known: CataloguedDatabase) -> bool:
        try:
            return self.generations.get(known.name).generation == known.generation
        except (NotFoundError, DatabaseError):  # an earlier attempt ended just before the switch
            return False

    def _give_up(self, name: str, folder: Path) -> None:
        """Remove the files of a cancelled or failed attempt, also from the storage."""
        known = {database.generation for database in self.generations.store.generations(name)}
        for attempt in folder.iterdir():
            if attempt.is_dir() and attempt.name not in known:
                self.objects.delete(generation_key(name, attempt.name))
        shutil.rmtree(folder)

    def _publish(self, generation: Generation, files: Mapping[str, Path], watch: Watch) -> None:
        """Store the files, the metadata last, and reuse objects of an earlier attempt to store the same bytes."""
        key_of = partial(generation_key, generation.database, generation.name)
        document = json.dumps(generation.document(), indent=1).encode()
        if self.objects.find(key_of(BEGUN)) != document:
            self.objects.delete(key_of())
            self.objects.put(key_of(BEGUN), document)
        meter = watch.begin(Step.STORING, generation.size_bytes)
        for file in generation.files:
            if watch.stopped():
                raise Interrupted
            key = key_of(file.name)
            if self._size(key) == file.size_bytes:
                meter(file.size_bytes)
            else:
                self.objects.keep(key, files[file.name], meter)
        meter.close()
        self.objects.put(key_of(METADATA), document)
        self.objects.delete(key_of(BEGUN))

    def _size(self, key: str) -> int | None:
        try:
            return self.objects.size(key)
        except NotFoundError:
            return None


def _as_source(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a source that is kept for updates."""
    return {key: value for key, value in wanted.items() if key != "replace"}


def _offer(source: Source, wanted: Mapping[str, Any], folder: Path) -> Offer:
    """Return the offer of an interrupted attempt, so that it resumes, otherwise the current offer of the source."""
    path = folder / OFFER
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        earlier = json.loads(path.read_text())
        if earlier["wanted"] == wanted:
            return Offer(**earlier["offer"])
        _clear(folder, keep="")  # files of different settings, such as another title
    offer = source.offer()
    _clear(folder, keep=offer.generation)
    values = {name: getattr(offer, name) for name in Offer.__slots__}
    partial = path.with_name(f"{OFFER}.partial")
    partial.write_text(json.dumps({"wanted": wanted, "offer": {**values, "details": dict(offer.details)}}))
    os.replace(partial, path)
    return offer


def _clear(folder: Path, *, keep: str) -> None:
    for path in folder.iterdir():
        if path.is_dir() and path.name != keep:
            shutil.rmtree(path)


def _checksums(files: list[Path], watch: Watch) -> dict[Path, DatabaseFile]:
    meter = watch.begin(Step.CHECKING, sum(file.stat().st_size for file in files))

    def known(file: Path) -> tuple[Path, DatabaseFile]:
        return file, DatabaseFile(file.name, file.stat().st_size, sha256_of(file, meter, watch.stopped))

    with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
        checked = dict(pool.map(known, files))
    meter.close()
    return checked
