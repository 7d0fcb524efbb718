"""How a database comes from its source into the storage, as a new generation that searches then take."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from shardblast.blast.database import DatabaseFacts
from shardblast.blast.installation import Installation
from shardblast.core.database import CataloguedDatabase, DatabaseFile, Generation
from shardblast.core.errors import ConflictError, DatabaseError, InputError, Interrupted, NotFoundError, SourceChanged
from shardblast.core.program import Molecule
from shardblast.core.task import Step
from shardblast.service.catalogue import Catalogue, Generations, described
from shardblast.service.folders import Folders
from shardblast.service.tasks import Watch
from shardblast.sources import Source, source_of
from shardblast.sources.base import Offer, SourceSettings
from shardblast.storage.objects import METADATA, Objects, generation_key
from shardblast.storage.transfer import sha256_of

HASHED_AT_ONCE = 2
OFFER = "offer.json"
"""In the folder of a database that is being brought: what its source has offered."""
BEGUN = "begun.json"
"""In the storage, as long as a generation is being stored: what its metadata will be."""


class Acquisition:
    """Brings databases; each step may be repeated, and what an earlier try finished is not done again."""

    def __init__(
        self,
        generations: Generations,
        catalogue: Catalogue,
        objects: Objects,
        installation: Installation,
        folders: Folders,
    ) -> None:
        self._generations = generations
        self._catalogue = catalogue
        self._objects = objects
        self._installation = installation
        self._folders = folders

    def source(self, wanted: Mapping[str, Any]) -> Source:
        """Return the source that a database was or is to be added from.

        Args:
            wanted: ``text``, as given to ``db add``, ``settings``, and ``replace`` if another source may be replaced.

        Raises:
            InputError: The text is none.
        """
        values = dict(wanted.get("settings", {}))
        if values.get("molecule"):
            values["molecule"] = Molecule(values["molecule"])
        if values.get("taxid_map"):
            values["taxid_map"] = Path(values["taxid_map"])
        return source_of(wanted["text"], self._installation, SourceSettings(**values))

    def acquire(self, name: str, wanted: Mapping[str, Any], watch: Watch, *, is_new: bool) -> CataloguedDatabase | None:
        """Bring what the source has now; None if that is the current generation already.

        Args:
            name: Of the database.
            wanted: As of ``source``.
            watch: Is told, and asked whether to stop.
            is_new: Whether it is to be added, and not to be updated.

        Raises:
            Interrupted: It is to stop; what was brought stays for the next try.
            ConflictError: Another process brings or removes this database, or the one to be added would replace
                another one, or one of the other molecule.
            NotFoundError: One to be updated is not there any more.
            ShardblastError: It can't be brought.
        """
        self._folders.check_space()
        with self._folders.adding(name) as folder, self._generations.alone(name):
            self.check(name, wanted, is_new=is_new)
            try:
                if watch.stopped():
                    raise Interrupted
                added = self._acquire(name, wanted, folder, watch)
            except SourceChanged:
                (folder / OFFER).unlink()  # the next try asks for a new one, and keeps what both have in common
                raise
            except Interrupted:
                if watch.is_cancelled():
                    self._give_up(name, folder)
                raise
            except (InputError, DatabaseError, ConflictError):  # there is nothing to go on with
                self._give_up(name, folder)
                raise
            shutil.rmtree(folder)
            return added

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep others, on this machine and on other servers, from bringing or removing a database.

        Raises:
            ConflictError: Another process does.
        """
        with self._folders.adding(name) as folder, self._generations.alone(name):
            yield
        with suppress(OSError):
            folder.rmdir()  # unless something was brought there that may be gone on with

    def register(self, name: str, path: str, *, replace: bool) -> CataloguedDatabase:
        """Make a BLAST database current where it lies.

        Args:
            name: Of the database.
            path: As ``-db`` names it.
            replace: Whether it may replace a database from another source.

        Raises:
            InputError: The path can't be used.
            ConflictError: It would replace another database, or another process changes the one of this name.
            DatabaseError: BLAST+ can't open it, or it can't be cut into shards.
        """
        if not path.isprintable():
            raise InputError("The path holds letters that can't be printed.", remedy="Name a BLAST database.")
        whole = Path(path).absolute()
        wanted = {"text": str(whole), "in_place": True}
        with self.alone(name):
            self.check(name, {**wanted, "replace": replace}, is_new=True)
            generation = self._catalogue.in_place_generation(name, whole)
            self._check_molecule(generation)
            return self._generations.switch(generation, str(whole), wanted)

    def check(self, name: str, wanted: Mapping[str, Any], *, is_new: bool) -> None:
        """Refuse to replace a database from another source, and to update one that is not there.

        Raises:
            ConflictError: There is one from another source.
            NotFoundError: It is not there.
        """
        try:
            known = self._generations.source(name)
        except NotFoundError:
            if not is_new:
                raise
            return
        if known != _as_source(wanted) and not wanted.get("replace"):
            raise ConflictError(
                f"There is already a database {name!r}, from another source.",
                remedy="Use another name, or ask to replace it (--replace).",
            )

    def _check_molecule(self, generation: Generation) -> None:
        """Refuse to replace a database by one of the other molecule, whose searches would all fail."""
        name = generation.database
        with suppress(NotFoundError):
            current = self._generations.get(name)
            if current.molecule is not generation.molecule:
                raise ConflictError(
                    f"The database {name!r} holds {current.molecule} sequences, "
                    f"and {generation.source} holds {generation.molecule} sequences.",
                    remedy="Use another name, or remove that database first.",
                )

    def _acquire(self, name: str, wanted: Mapping[str, Any], folder: Path, watch: Watch) -> CataloguedDatabase | None:
        source = self.source(wanted)
        offer = _offer(source, wanted, folder)
        known = {one.generation: one for one in self._generations.known(name)}.get(offer.generation)
        if known is not None and known.path is None:
            return None if self._is_current(known) else self._switch(known.facts, wanted, watch)
        files = folder / offer.generation
        files.mkdir(exist_ok=True)
        stem = source.bring(offer, files, lambda done, total: watch.tell(Step.BRINGING, done, total), watch.stopped)
        facts = described(self._installation, files / stem)
        _check_place(facts, files)
        if wanted.get("settings", {}).get("taxid_map") and not facts.has_taxids:
            raise InputError("The taxid map names none of the sequences.", remedy="Check its ids, or leave it out.")
        checked = _checksums(list(facts.files), watch)
        generation = facts.generation(name, offer.generation, source.text, offer.version, checked.__getitem__)
        self._check_molecule(generation)
        self._publish(generation, {file.name: file for file in facts.files}, watch)
        return self._switch(generation, wanted, watch)

    def _switch(self, generation: Generation, wanted: Mapping[str, Any], watch: Watch) -> CataloguedDatabase:
        watch.settle()
        return self._generations.switch(generation, None, _as_source(wanted))

    def _is_current(self, known: CataloguedDatabase) -> bool:
        try:
            return self._generations.get(known.name).generation == known.generation
        except (NotFoundError, DatabaseError):  # an earlier try ended just before it was made current
            return False

    def _give_up(self, name: str, folder: Path) -> None:
        """Remove what was brought of a database whose task was cancelled, also from the storage."""
        known = {one.generation for one in self._generations.known(name)}
        for brought in folder.iterdir():
            if brought.is_dir() and brought.name not in known:
                self._objects.delete(generation_key(name, brought.name))
        shutil.rmtree(folder)

    def _publish(self, generation: Generation, files: Mapping[str, Path], watch: Watch) -> None:
        """Write the files to the storage, and last what says that they are all there.

        What lies there of an earlier try is taken for the same only if that try was to store the same bytes.
        """
        key_of = partial(generation_key, generation.database, generation.name)
        document = json.dumps(generation.document(), indent=1).encode()
        if self._read(key_of(BEGUN)) != document:
            self._objects.delete(key_of())
            self._objects.put(key_of(BEGUN), document)
        told = watch.begin(Step.STORING, generation.size_bytes)
        for file in generation.files:
            if watch.stopped():
                raise Interrupted
            key = key_of(file.name)
            if self._size(key) == file.size_bytes:
                told(file.size_bytes)
            else:
                self._objects.keep(key, files[file.name], told)
        told.close()
        self._objects.put(key_of(METADATA), document)
        self._objects.delete(key_of(BEGUN))

    def _read(self, key: str) -> bytes | None:
        try:
            return self._objects.read(key)
        except NotFoundError:
            return None

    def _size(self, key: str) -> int | None:
        try:
            return self._objects.size(key)
        except NotFoundError:
            return None


def _as_source(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of how a database was added: all that its updates need."""
    return {key: value for key, value in wanted.items() if key != "replace"}


def _check_place(facts: DatabaseFacts, folder: Path) -> None:
    """Refuse a database whose aliases lead to files that were not brought.

    Raises:
        DatabaseError: It is such a one.
    """
    if any(file.resolve().parent != folder.resolve() for file in facts.files):
        raise DatabaseError("The database leads to files outside of itself.", remedy="Use another source.")


def _offer(source: Source, wanted: Mapping[str, Any], folder: Path) -> Offer:
    """Return what is to be brought: what an interrupted try began with, so that it goes on, else what there is now."""
    noted = folder / OFFER
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        told = json.loads(noted.read_text())
        if told["wanted"] == wanted:
            return Offer(**told["offer"])
        _clear(folder, keep="")  # what was brought in another way, such as under another title
    offer = source.offer()
    _clear(folder, keep=offer.generation)
    values = {name: getattr(offer, name) for name in Offer.__slots__}
    partial = noted.with_name(f"{OFFER}.partial")
    partial.write_text(json.dumps({"wanted": wanted, "offer": {**values, "details": dict(offer.details)}}))
    os.replace(partial, noted)
    return offer


def _clear(folder: Path, *, keep: str) -> None:
    for left in folder.iterdir():
        if left.is_dir() and left.name != keep:
            shutil.rmtree(left)


def _checksums(files: list[Path], watch: Watch) -> dict[Path, DatabaseFile]:
    told = watch.begin(Step.CHECKING, sum(file.stat().st_size for file in files))

    def known(file: Path) -> tuple[Path, DatabaseFile]:
        return file, DatabaseFile(file.name, file.stat().st_size, sha256_of(file, told, watch.stopped))

    with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
        found = dict(pool.map(known, files))
    told.close()
    return found
