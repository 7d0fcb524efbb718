"""The databases of a service and their generations, as described in ``metadata.json``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from shardblast.core.errors import InputError
from shardblast.core.program import Molecule

LAYOUT = 1
"""The version of ``metadata.json``. Other versions are not read."""

TOTALS = ("num_seqs", "letters", "max_length", "mapped_bytes", "size_bytes")
"""Totals over the volumes and files of a generation."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    name: str
    """A file name such as ``core_nt.00.nsq``."""
    size_bytes: int
    sha256: str
    """Hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class VolumeMetadata:
    """A volume, and the files that belong only to it."""

    name: str
    """The name of its files without a suffix, such as ``core_nt.00``."""
    num_seqs: int
    letters: int
    max_length: int
    """Letters in the longest sequence."""
    mapped_bytes: int
    """Bytes that a search maps into memory: the index and the sequences."""
    files: tuple[DatabaseFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def mapped(self) -> tuple[DatabaseFile, ...]:
        """The files that a search maps into memory: the index and the sequences."""
        return tuple(file for file in self.files if file.name.endswith(("in", "sq")))


@dataclass(frozen=True, slots=True)
class Generation:
    """One version of a database; it never changes."""

    database: str
    name: str
    """Its name among the database's generations; equal for equal offers of the same source."""
    molecule: Molecule
    title: str
    date: str
    """The date in BLAST+'s own format."""
    version: int
    """The version of BLAST+'s database format: 4 or 5."""
    volumes: tuple[VolumeMetadata, ...]
    """The volumes in OID order."""
    shared: tuple[DatabaseFile, ...]
    """Files shared by all volumes: aliases and the indices of ids and taxids."""
    has_ids: bool
    """Whether sequences can be looked up by id (``-parse_seqids``)."""
    has_taxids: bool
    masks: tuple[str, ...]
    """Names of the masking algorithms whose masks it holds."""
    source: str
    """The source that was given to ``db add``."""
    source_version: str
    """The source's own name for this version, such as a date; may be empty."""

    @property
    def files(self) -> Iterator[DatabaseFile]:
        """All files, volume by volume; shared files come last."""
        for volume in self.volumes:
            yield from volume.files
        yield from self.shared

    @property
    def num_seqs(self) -> int:
        return sum(volume.num_seqs for volume in self.volumes)

    @property
    def letters(self) -> int:
        return sum(volume.letters for volume in self.volumes)

    @property
    def max_length(self) -> int:
        """Letters in the longest sequence."""
        return max((volume.max_length for volume in self.volumes), default=0)

    @property
    def mapped_bytes(self) -> int:
        """Bytes that a search maps into memory."""
        return sum(volume.mapped_bytes for volume in self.volumes)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def document(self) -> dict[str, Any]:
        """Return the content of ``metadata.json``; its totals are only for people and are never read back."""
        return {"layout": LAYOUT, **asdict(self), "totals": {name: getattr(self, name) for name in TOTALS}}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the generation that a document describes. Raises ValueError if it is invalid or has another layout."""
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
            raise ValueError(f"a field is missing or unknown: {error}") from error


@dataclass(frozen=True, slots=True)
class CataloguedDatabase:
    """A generation of a database that searches can name."""

    facts: Generation
    path: str | None
    """The path that BLAST+ opens, without a suffix; None if the files are in the storage."""
    added: float
    """When this generation was added, in seconds since 1970."""

    @property
    def name(self) -> str:
        return self.facts.database

    @property
    def generation(self) -> str:
        """Its name among the database's generations."""
        return self.facts.name

    @property
    def molecule(self) -> Molecule:
        return self.facts.molecule


def checked_name(name: str) -> str:
    """Return a name that is safe in a path and in a ``-db`` value; raise ``InputError`` otherwise."""
    if _NAME.fullmatch(name) is None:
        problem = f"{name!r} is not a valid database name."
        raise InputError(problem, remedy="Use letters, digits, '.', '_' and '-', and start with a letter or a digit.")
    return name


def _files(documents: list[dict[str, Any]]) -> tuple[DatabaseFile, ...]:
    files = tuple(DatabaseFile(**document) for document in documents)
    if not all(isinstance(file.name, str) and isinstance(file.sha256, str) for file in files):
        raise TypeError("a file's name or checksum is not a string")
    return files
