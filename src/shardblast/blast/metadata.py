"""What a BLAST database's own files say of it, and which files those are.

Source:
    Which files belong to a volume and which to the database was read off what makeblastdb 2.12 and 2.16 write for
    each of its options; tests hold it against both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import run
from shardblast.blast.volume import Volume
from shardblast.core.errors import DatabaseError
from shardblast.core.generation import DatabaseFile, Generation, VolumeMetadata

SHARED_SUFFIXES = ("db", "js", "os", "ot", "tf", "to")
"""After the molecule's letter, of files that all volumes of a database have in common."""
TAXONOMY = ("taxdb.btd", "taxdb.bti", "taxonomy4blast.sqlite3")
"""Names of taxids, and which taxid is below which; BLAST+ looks for them beside the database."""
NUMBER = re.compile(r"\.\d\d+$")
"""Of a volume, at the end of its name."""
_MASK = re.compile(r"^(\d+)\s+(\S+)", re.M)
_ERRORS = re.compile(r"^Total errors: (\d+)", re.M)
_TAXID = re.compile(r"^(\d+)\t", re.M)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What is known of a database without reading its sequences."""

    database: Database
    shared: tuple[Path, ...]
    """Files of all volumes together."""
    has_taxids: bool
    """Whether sequences can be searched by taxid: some have one, in a database of version 5."""
    masks: tuple[str, ...]
    """Names of masking algorithms."""

    @property
    def version(self) -> int:
        """Of the format: 4 or 5."""
        return max(volume.version for volume in self.database.volumes)

    @property
    def max_length(self) -> int:
        """Letters of the longest sequence."""
        return max(volume.max_length for volume in self.database.volumes)

    @property
    def files(self) -> Iterator[Path]:
        """All files, volume by volume, the shared ones last."""
        for volume in self.database.volumes:
            yield from files_of(volume)
        yield from self.shared

    def generation(
        self, database: str, name: str, source: str, source_version: str, known: Callable[[Path], DatabaseFile]
    ) -> Generation:
        """Describe the database as a generation of it.

        Args:
            database: Its name in the catalogue.
            name: The generation's.
            source: Where it came from.
            source_version: What its source calls this version.
            known: Returns what is known of a file, its checksum included.
        """
        return Generation(
            database=database,
            name=name,
            molecule=self.database.molecule,
            title=self.database.title,
            date=self.database.date,
            version=self.version,
            volumes=tuple(_metadata(volume, known) for volume in self.database.volumes),
            shared=tuple(map(known, self.shared)),
            has_ids=self.database.unique_ids,
            has_taxids=self.has_taxids,
            masks=self.masks,
            source=source,
            source_version=source_version,
        )


def read_facts(installation: Installation, database: Database) -> DatabaseFacts:
    """Read what a database's files say.

    Raises:
        DatabaseError: It can't be read volume by volume, or two of its volumes have the same name.
    """
    if database.obstacle is not None:
        raise DatabaseError(f"The database can't be described: {database.obstacle}.", remedy="Use another one.")
    names = [volume.path.name for volume in database.volumes]
    if len(set(names)) < len(names):
        raise DatabaseError("Two volumes of the database have the same name.", remedy="Rename one, or make it anew.")
    words = ["-db", database.name, "-dbtype", database.molecule.dbtype]
    told = run([installation.program("blastdbcmd"), *words, "-info"], environment=database.environment).stdout.decode(
        errors="replace"
    )
    listed = told.partition("Algorithm ID")[2].partition("\nVolumes:")[0]
    masks = tuple(found[2] for found in _MASK.finditer(listed))
    return DatabaseFacts(database, tuple(_shared(database)), _has_taxids(installation, database, words), masks)


def files_of(volume: Volume) -> list[Path]:
    """Return the files that belong to a volume alone, by name."""
    letter = volume.molecule.letter
    found = volume.path.parent.glob(f"{_literal(volume.path.name)}.{letter}??")
    return sorted(file for file in found if file.suffix[2:] not in (*SHARED_SUFFIXES, "al"))


def check_database(installation: Installation, database: Database) -> str | None:
    """Have ``blastdbcheck`` read the whole database; return what it objects to, or None.

    That it finds no names of taxids is no objection: they are in ``taxdb``, which is a database of its own.
    """
    argv = [installation.program("blastdbcheck"), "-db", database.name, "-dbtype", database.molecule.dbtype]
    result = run([*argv, "-full", "-verbosity", "4"], environment=database.environment)
    told = (result.stdout + result.stderr).decode(errors="replace").strip()
    total = _ERRORS.search(told)
    return None if total is not None and int(total[1]) <= told.count("GetTaxInfo()") else told


def _shared(database: Database) -> Iterator[Path]:
    letter = database.molecule.letter
    stems = {volume.path.with_name(NUMBER.sub("", volume.path.name)) for volume in database.volumes}
    stems |= {volume.path for volume in database.volumes}
    for stem in sorted(stems):
        for suffix in SHARED_SUFFIXES:
            file = stem.with_name(f"{stem.name}.{letter}{suffix}")
            if file.exists():
                yield file
    for folder in sorted({volume.path.parent for volume in database.volumes}):
        yield from (folder / name for name in TAXONOMY if (folder / name).exists())


def _has_taxids(installation: Installation, database: Database, words: list[str]) -> bool:
    argv = [installation.program("blastdbcmd"), *words, "-tax_info"]
    result = run(argv, environment=database.environment)
    return any(taxid != "0" for taxid in _TAXID.findall(result.stdout.decode(errors="replace")))


def _metadata(volume: Volume, known: Callable[[Path], DatabaseFile]) -> VolumeMetadata:
    files = tuple(map(known, files_of(volume)))
    sizes = (volume.num_seqs, volume.letters, volume.max_length, volume.size_bytes)
    return VolumeMetadata(volume.path.name, *sizes, files)


def _literal(name: str) -> str:
    """Return a name as a pattern of ``glob`` that matches itself alone."""
    return re.sub(r"([*?[])", r"[\1]", name)
