"""A BLAST database: its volumes, its totals, its files, and the sequences that a filter leaves.

A user's list makes SeqDB forget what an alias says of sizes and add up what the list leaves in the volumes at hand.
A mask of OIDs in the alias itself does not, so a shard can have the totals that the list leaves in the whole database.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbimpl.cpp (the constructor and x_ScanTotals), seqdboidlist.cpp
    (x_GetOidMask) and seqdbalias.cpp (CSeqDB_MinLengthWalker).
    Which files belong to a volume and which to the database was read off what makeblastdb 2.12 and 2.16 write for
    each of its options; tests hold it against both.
"""

from __future__ import annotations

import os
import re
import shlex
import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from shardblast.blast.installation import Installation
from shardblast.blast.process import run
from shardblast.blast.volume import Volume, read_volume
from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule

_TITLE = re.compile(r"^Database: (.*)")
_DATE = re.compile(r"^Date: (.*?)\t", re.M)
_TOTALS = re.compile(r"^\s+([\d,]+) sequences; ([\d,]+) total (?:bases|residues)", re.M)
_SAFE_ALIAS_KEYS = frozenset({"TITLE", "DBLIST", "NSEQ", "LENGTH"})
_SEARCH_PATH_SEPARATOR = ":"

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
class Totals:
    """Sizes of what a search sees."""

    num_seqs: int
    letters: int
    min_length: int | None = None
    """Letters of the shortest sequence; None without a filter, when BLAST+ does not look for it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sequences of a database a search sees."""

    kept: tuple[bytes, ...]
    """For each volume a byte for each OID: 1 if the search sees it, else 0; empty where only the count is known."""
    counts: tuple[int, ...]
    """How many sequences of each volume the search sees."""
    totals: Totals
    line: str | None = None
    """The line of an alias that filters ids and titles too, where some sequences have others than the listed ones."""
    taxids: tuple[int, ...] = ()
    """Those of sequences that are seen, if the filter lists taxids."""

    @property
    def hides_titles(self) -> bool:
        """Whether the ids and titles that are seen can't be told from the sequences that are."""
        return self.line is not None

    def kept_in(self, volumes: Iterable[int], oids: range | None = None) -> int:
        """Return how many sequences are seen of these volumes, or of these OIDs of one."""
        if oids is None:
            return sum(self.counts[place] for place in volumes)
        return sum(self.kept[place].count(1, oids.start, oids.stop) for place in volumes)

    def mask(self, volume: int, oids: range | None = None) -> bytes:
        """Return a mask file for a volume: the last OID, then a bit for each OID, the first in the highest bit."""
        kept = self.kept[volume]
        if oids is not None:
            kept = bytes(oids.start) + kept[oids.start : oids.stop] + bytes(len(kept) - oids.stop)
        padded = kept + bytes(-len(kept) % 32)
        bits = int(padded.translate(_DIGITS), 2).to_bytes(len(padded) // 8, "big")
        return struct.pack(">I", len(kept) - 1) + bits


@dataclass(frozen=True)
class Database:
    """One or several BLAST databases that are searched as one."""

    name: str
    """As given to ``-db``."""
    molecule: Molecule
    num_seqs: int
    letters: int
    volumes: tuple[Volume, ...]
    """In OID order."""
    obstacle: str | None
    """Why it can't be cut into shards, or None."""
    title: str = ""
    date: str = ""
    """Of the latest volume, as formats 0 to 4 print it."""
    search_path: str | None = None
    """Of the folders where BLAST+ finds it, as in ``BLASTDB``; None for what that variable says."""
    size_bytes: int = 0
    """Of the index and the sequences: what a search maps into memory."""
    filter: Filter | None = None
    """What a search sees of it; None: everything."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which BLAST+'s programs find it."""
        return _variables(self.search_path)

    @property
    def mapped_files(self) -> list[Path]:
        """What a search maps into memory: the index and the sequences of each volume."""
        return [file for volume in self.volumes for file in volume.mapped_files]

    @property
    def searched(self) -> Totals:
        """The totals of what a search sees, which its statistics rest on."""
        return Totals(self.num_seqs, self.letters) if self.filter is None else self.filter.totals

    @cached_property
    def first_oids(self) -> tuple[int, ...]:
        """The OID of each volume's first sequence; one entry more than there are volumes."""
        return (0, *accumulate(volume.num_seqs for volume in self.volumes))

    @property
    def unique_ids(self) -> bool:
        """Whether every sequence has an id of its own: one database that was made with ``-parse_seqids``."""
        indices = {volume.id_index for volume in self.volumes}
        return len(indices) == 1 and None not in indices

    @property
    def searched_bytes(self) -> int:
        """About how many bytes of the volumes a search reads."""
        return self.size_bytes * self.searched.letters // max(self.letters, 1)


def open_database(
    installation: Installation, name: str, molecule: Molecule, search_path: str | None = None
) -> Database:
    """Find a database's volumes the way BLAST+ finds them.

    Args:
        installation: Of BLAST+.
        name: As for ``-db``.
        molecule: Of its sequences.
        search_path: Folders to find it in, as in ``BLASTDB``; None for what that variable says.

    Raises:
        DatabaseError: BLAST+ does not find or can't read it; the problem is BLAST+'s own message.
    """
    argv = [installation.program("blastdbcmd"), "-db", name, "-dbtype", molecule.dbtype, "-info", "-exact_length"]
    result = run(argv, environment=_variables(search_path))
    told = result.stdout.decode(errors="replace")
    match = _TOTALS.search(told)
    if result.status or match is None:
        message = result.stderr.decode(errors="replace").strip()
        raise DatabaseError(message, remedy="Check the name given to -db and the variable BLASTDB.")
    num_seqs, letters = (int(number.replace(",", "")) for number in match.groups())
    listed = result.stdout.decode(errors="surrogateescape").partition("\nVolumes:\n")[2]
    try:
        paths = _in_oid_order(_volumes(Path(line.strip("\t")) for line in listed.splitlines() if line.strip()))
        volumes = tuple(read_volume(path, molecule) for path in paths)
        obstacle = _obstacle(name, molecule, volumes, (num_seqs, letters), _folders(search_path))
    except (DatabaseError, ValueError, OSError) as error:
        volumes, obstacle = (), f"its volumes can't be read ({error})"
    title, date = _TITLE.search(told), _DATE.search(told)
    described = (title[1] if title else "", date[1] if date else "")
    size_bytes = sum(volume.size_bytes for volume in volumes)
    return Database(name, molecule, num_seqs, letters, volumes, obstacle, *described, search_path, size_bytes)


def alias_files(name: str, molecule: Molecule) -> list[Path]:
    """Return the alias files that a ``-db`` value, which is a path, leads to; nested ones included."""
    return list(_aliases(name, molecule, [""]))


def database_of(generation: Generation, folder: Path, present: Collection[str], others: Path | None = None) -> Database:
    """Return a generation as a database whose totals, and whose OIDs, are those of all its volumes.

    Args:
        generation: Which.
        folder: Where its files are.
        present: Names of the volumes that are there; of the others no offset can be read.
        others: A further folder in which BLAST+ may find things, such as names of taxids.

    Raises:
        DatabaseError: A volume can't be read.
    """
    volumes = tuple(
        read_volume(folder / one.name, generation.molecule)
        if one.name in present
        else _described(generation, one, folder)
        for one in generation.volumes
    )
    folders = [folder, *([others] if others else []), os.environ.get("BLASTDB", "")]
    return Database(
        name=generation.database,
        molecule=generation.molecule,
        num_seqs=generation.num_seqs,
        letters=generation.letters,
        volumes=volumes,
        obstacle=None,
        title=generation.title,
        date=generation.date,
        search_path=os.pathsep.join(str(one) for one in folders if str(one)),
        size_bytes=generation.mapped_bytes,
    )


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


_DIGITS = bytes([ord("0"), ord("1"), *range(2, 256)])


def _variables(search_path: str | None) -> dict[str, str]:
    """Return the variables that have BLAST+ look in these folders, wherever it runs."""
    if search_path is None:
        return {}
    folders = filter(None, search_path.split(_SEARCH_PATH_SEPARATOR))
    return {"BLASTDB": _SEARCH_PATH_SEPARATOR.join(map(os.path.abspath, folders))}


def _volumes(listed: Iterator[Path]) -> Iterator[Path]:
    """Replace the nested aliases that ``blastdbcmd -info`` lists among the volumes by their own volumes."""
    for path in listed:
        if path.suffix in (".nal", ".pal"):
            for name in _alias_lines(path).get("DBLIST", []):
                nested = path.parent / name
                alias = nested.with_name(nested.name + path.suffix)
                yield from _volumes(iter([alias if alias.exists() and alias != path else nested]))
        else:
            yield path


def _in_oid_order(paths: Iterator[Path]) -> list[Path]:
    """Sort as SeqDB does: by name, then by folder (seqdbalias.cpp, SeqDB_CompareVolume)."""
    unique = {os.path.normpath(path) for path in paths}
    return [Path(path) for path in sorted(unique, key=lambda path: (os.path.basename(path), path))]


def _alias_lines(path: Path) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for line in path.read_text(errors="surrogateescape").splitlines():
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            lines[key] = shlex.split(value) if key == "DBLIST" else [value.strip()]
    return lines


def _obstacle(
    name: str, molecule: Molecule, volumes: tuple[Volume, ...], totals: tuple[int, int], folders: list[str]
) -> str | None:
    names = shlex.split(name)
    if not all(text.isascii() and text.isprintable() for text in (name, *(str(volume.path) for volume in volumes))):
        return "its path has letters that aliases or archives do not hold"
    if not all(_is_where_we_look(one, molecule, folders) for one in names):
        return "BLAST+ finds it by its own configuration file"
    if len({os.path.realpath(one) for one in names}) < len(names):
        return "a database is named twice"
    for alias in _aliases(name, molecule, folders):
        if keys := set(_alias_lines(alias)) - _SAFE_ALIAS_KEYS:
            return f"the alias {alias.name} changes more than the list of volumes ({', '.join(sorted(keys))})"
    if (sum(v.num_seqs for v in volumes), sum(v.letters for v in volumes)) != totals:
        return "its totals are not those of its volumes, so an alias filters or restates them"
    if not totals[0]:
        return "it holds no sequences"
    return None


def _folders(search_path: str | None) -> list[str]:
    path = os.environ.get("BLASTDB", "") if search_path is None else search_path
    return ["", *path.split(_SEARCH_PATH_SEPARATOR)]


def _is_where_we_look(name: str, molecule: Molecule, folders: list[str]) -> bool:
    suffixes = (molecule.alias_suffix, f"{molecule.alias_suffix[0]}in")
    return any(Path(folder, f"{name}.{suffix}").is_file() for folder in folders for suffix in suffixes)


def _aliases(name: str, molecule: Molecule, folders: list[str]) -> Iterator[Path]:
    """Yield the alias files that a ``-db`` value leads to, nested ones included."""
    for one in shlex.split(name):
        places = (Path(folder, f"{one}.{molecule.alias_suffix}") for folder in folders)
        path = next(filter(Path.is_file, places), None)
        if path is None:
            continue
        yield path
        for inner in _alias_lines(path).get("DBLIST", []):
            if inner != path.stem:  # an alias that names itself means the volume of that name
                yield from _aliases(shlex.quote(str(path.parent / inner)), molecule, folders)


def _described(generation: Generation, one: VolumeMetadata, folder: Path) -> Volume:
    """Return what is known of a volume without its index."""
    letter = generation.molecule.letter
    shared = [folder / file.name for file in generation.shared if file.name.endswith(f".{letter}os")]
    own = [folder / file.name for file in one.files if file.name.endswith(f".{letter}sd")]
    ids = next(iter([*shared, *own]), None)
    return Volume(
        folder / one.name, generation.molecule, generation.version, one.num_seqs, one.letters, one.max_length, 0, ids
    )


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
