"""A database that a service knows, and its generations, as ``metadata.json`` describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shardblast.core.errors import InputError
from shardblast.core.program import Molecule

LAYOUT = 1
"""Version of ``metadata.json``; one that is newer than this is not read."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """A file of a BLAST database."""

    name: str
    """Without folders, such as ``core_nt.00.nsq``."""
    size_bytes: int
    sha256: str
    """In hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class VolumeMetadata:
    """A volume, and the files that belong to it alone."""

    name: str
    """As files are called, without suffix, such as ``core_nt.00``."""
    num_seqs: int
    letters: int
    max_length: int
    """Letters of the longest sequence."""
    mapped_bytes: int
    """Of what a search maps into memory: the index and the sequences."""
    files: tuple[DatabaseFile, ...]

    @property
    def mapped(self) -> tuple[DatabaseFile, ...]:
        """The files that a search maps into memory: the index and the sequences."""
        return tuple(file for file in self.files if file.name.endswith(("in", "sq")))


@dataclass(frozen=True, slots=True)
class Generation:
    """One version of a database; it never changes."""

    database: str
    name: str
    """Of this version among the database's: the same for the same offer of the same source."""
    molecule: Molecule
    title: str
    date: str
    """As BLAST+ prints it."""
    version: int
    """Of BLAST+'s format: 4 or 5."""
    volumes: tuple[VolumeMetadata, ...]
    """In OID order."""
    shared: tuple[DatabaseFile, ...]
    """Files of all volumes together: aliases, indices of ids and of taxids."""
    has_ids: bool
    """Whether sequences can be looked up by id (``-parse_seqids``)."""
    has_taxids: bool
    masks: tuple[str, ...]
    """Names of the masking algorithms whose masks it holds."""
    source: str
    """Where it came from, as ``db add`` was told."""
    source_version: str
    """What its source calls this version, such as a date; may be empty."""

    @property
    def files(self) -> Iterator[DatabaseFile]:
        """All files, volume by volume, those of all volumes last."""
        for volume in self.volumes:
            yield from volume.files
        yield from self.shared

    @property
    def num_seqs(self) -> int:
        """Sequences of all volumes."""
        return sum(volume.num_seqs for volume in self.volumes)

    @property
    def letters(self) -> int:
        """Letters of all volumes."""
        return sum(volume.letters for volume in self.volumes)

    @property
    def max_length(self) -> int:
        """Letters of the longest sequence."""
        return max((volume.max_length for volume in self.volumes), default=0)

    @property
    def mapped_bytes(self) -> int:
        """Bytes that a search maps into memory."""
        return sum(volume.mapped_bytes for volume in self.volumes)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    def document(self) -> dict[str, Any]:
        """Return what ``metadata.json`` holds; totals are there for readers, and not read again."""
        totals = ("num_seqs", "letters", "max_length", "mapped_bytes", "size_bytes")
        return {
            "layout": LAYOUT,
            **asdict(self),
            "totals": {name: getattr(self, name) for name in totals},
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Generation:
        """Return the generation of such a document.

        Raises:
            ValueError: It is none, or of a newer layout.
        """
        if document.get("layout") != LAYOUT:
            raise ValueError(f"its layout is {document.get('layout')!r}, not {LAYOUT}")
        try:
            values = {name: document[name] for name in cls.__slots__}
            values["molecule"] = Molecule(values["molecule"])
            values["volumes"] = tuple(
                VolumeMetadata(**{**volume, "files": _files(volume["files"])}) for volume in values["volumes"]
            )
            values["shared"], values["masks"] = _files(values["shared"]), tuple(values["masks"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks or has too much: {error}") from error


@dataclass(frozen=True, slots=True)
class CataloguedDatabase:
    """A generation of a database that searches can name."""

    facts: Generation
    path: str | None
    """Where BLAST+ finds it, without suffix; None if it lies in the storage."""
    added: float
    """When this generation was added, in seconds since 1970."""

    @property
    def name(self) -> str:
        """Of the database."""
        return self.facts.database

    @property
    def generation(self) -> str:
        """Its name among the database's generations."""
        return self.facts.name

    @property
    def molecule(self) -> Molecule:
        """Of its sequences."""
        return self.facts.molecule

    @property
    def title(self) -> str:
        """As BLAST+ prints it."""
        return self.facts.title

    @property
    def num_seqs(self) -> int:
        """Sequences of all volumes."""
        return self.facts.num_seqs

    @property
    def letters(self) -> int:
        """Letters of all volumes."""
        return self.facts.letters

    @property
    def size_bytes(self) -> int:
        """What a search maps into memory."""
        return self.facts.mapped_bytes


def checked_name(name: str) -> str:
    """Return a name that may be part of a path and of a ``-db`` value.

    Raises:
        InputError: It may not.
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"{name!r} is no name for a database.",
            remedy="Use letters, digits, '.', '_' and '-', a letter or digit first.",
        )
    return name


def _files(documents: list[dict[str, Any]]) -> tuple[DatabaseFile, ...]:
    files = tuple(DatabaseFile(**one) for one in documents)
    if not all(isinstance(file.name, str) and isinstance(file.sha256, str) for file in files):
        raise TypeError("a file's name or checksum is no text")
    return files
