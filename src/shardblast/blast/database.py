"""A BLAST database: its volumes, its totals, its files, and the sequences that a filter leaves.

With a user's list SeqDB ignores the sizes in an alias and adds up the listed sequences of the present volumes. A mask
of OIDs in the alias has no such effect, so a shard can have the totals of the listed sequences of the whole database.

Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbimpl.cpp (the constructor and x_ScanTotals), seqdboidlist.cpp
(x_GetOidMask) and seqdbalias.cpp (CSeqDB_MinLengthWalker). Which files belong to a volume and which to the database was
observed with makeblastdb 2.12 and 2.16 and each of its options; tests verify it with both versions.
"""

import glob
import os
import re
import shlex
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, takewhile
from pathlib import Path

from shardblast.blast.installation import Installation
from shardblast.blast.process import run
from shardblast.blast.volume import LMDB_VERSION, Volume, read_volume
from shardblast.core.database import DatabaseFile, Generation, VolumeMetadata
from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule

_TITLE = re.compile(r"^Database: (.*)")
_DATE = re.compile(r"^Date: (.*?)\t", re.M)
_TOTALS = re.compile(r"^\s+([\d,]+) sequences; ([\d,]+) total (?:bases|residues)", re.M)
_SAFE_ALIAS_KEYS = frozenset({"TITLE", "DBLIST", "NSEQ", "LENGTH"})
_SEARCH_PATH_SEPARATOR = ":"

SHARED_SUFFIXES = ("db", "js", "os", "ot", "tf", "to")
"""Endings, after the molecule's letter, of files that all volumes of a database share."""
TAXONOMY = ("taxdb.btd", "taxdb.bti", "taxonomy4blast.sqlite3")
"""Names and parents of taxids; BLAST+ looks for these files beside the database."""
NUMBER = re.compile(r"\.\d\d+$")
"""Number of a volume at the end of its name."""
_MASK = re.compile(r"^(\d+)\s+(\S+)", re.M)
_ERRORS = re.compile(r"^Total errors: (\d+)", re.M)
_TAXID = re.compile(r"^(\d+)\t", re.M)
_ORDINAL_DB = "BL_ORD_ID"
_INTEGER = re.compile(rb"0|[1-9]\d{0,8}")
"""Text that BLAST+ stores as a number; it stores some numbers of ten digits as a word."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sizes of the sequences that a search sees."""

    num_seqs: int
    letters: int
    min_length: int | None = None
    """Length of the shortest sequence; None without a filter, because BLAST+ does not determine it then."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The sequences of a database that a search sees."""

    kept: tuple[bytes, ...]
    """For each volume a byte per OID: 1 if the search sees it, otherwise 0; empty if only the count is known."""
    counts: tuple[int, ...]
    """Number of visible sequences of each volume."""
    totals: Totals
    line: str | None = None
    """Alias line that also filters ids and titles; needed if a visible sequence has unlisted ids or titles."""
    taxids: tuple[int, ...] = ()
    """Taxids of the visible sequences, if the filter lists taxids."""

    @property
    def hides_titles(self) -> bool:
        """Whether some ids and titles of visible sequences are hidden."""
        return self.line is not None

    def kept_in(self, volumes: Iterable[int], oids: range | None = None) -> int:
        """Return the number of visible sequences of these volumes, or of these OIDs of a single volume."""
        if oids is None:
            return sum(self.counts[index] for index in volumes)
        return sum(self.kept[index].count(1, oids.start, oids.stop) for index in volumes)

    def mask(self, volume: int, oids: range | None = None, spread: int = 1) -> bytes:
        """Return a volume's mask file: the last OID, then a bit per OID, with the first OID in the highest bit.

        Sequences are at every ``spread``-th OID, see ``View``.
        """
        kept = self.kept[volume]
        if oids is not None:
            kept = bytes(oids.start) + kept[oids.start : oids.stop] + bytes(len(kept) - oids.stop)
        if spread > 1:
            wider = bytearray(spread * len(kept))
            wider[::spread] = kept
            kept = bytes(wider)
        padded = kept + bytes(-len(kept) % 32)
        bits = int(padded.translate(bytes.maketrans(b"\0\1", b"01")), 2).to_bytes(len(padded) // 8, "big")
        return struct.pack(">I", len(kept) - 1) + bits


@dataclass(frozen=True)
class Database:
    """One or several BLAST databases that are searched as one."""

    name: str
    """The value of ``-db``."""
    molecule: Molecule
    num_seqs: int
    letters: int
    volumes: tuple[Volume, ...]
    """The volumes in OID order."""
    obstacle: str | None
    """Why the database can't be split into shards, or None."""
    title: str = ""
    date: str = ""
    """Date of the newest volume, as printed by formats 0 to 4."""
    search_path: str | None = None
    """Folders in which BLAST+ finds the database, as in ``BLASTDB``; None: the value of that variable."""
    size_bytes: int = 0
    """Size of indexes and sequences, which a search maps into memory."""
    filter: Filter | None = None
    """The sequences that a search sees; None: all."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which BLAST+ finds the database."""
        return _variables(self.search_path)

    @property
    def mapped_files(self) -> list[Path]:
        """The index and the sequences of each volume, which a search maps into memory."""
        return [file for volume in self.volumes for file in volume.mapped_files]

    @property
    def searched(self) -> Totals:
        """Totals of the sequences that a search sees, on which its statistics are based."""
        return Totals(self.num_seqs, self.letters) if self.filter is None else self.filter.totals

    @cached_property
    def first_oids(self) -> tuple[int, ...]:
        """The OID of each volume's first sequence, followed by the number of sequences."""
        return (0, *accumulate(volume.num_seqs for volume in self.volumes))

    @property
    def unique_ids(self) -> bool:
        """Whether every sequence has a unique id: the database was made at once with ``-parse_seqids``."""
        indices = {volume.id_index for volume in self.volumes}
        return len(indices) == 1 and None not in indices

    @property
    def has_ids(self) -> bool:
        """Whether any sequence has an id, because its volume was made with ``-parse_seqids``."""
        return any(volume.id_index is not None for volume in self.volumes)

    @property
    def searched_bytes(self) -> int:
        """Approximate number of bytes of the volumes that a search reads."""
        return self.size_bytes * self.searched.letters // max(self.letters, 1)


def open_database(
    installation: Installation, name: str, molecule: Molecule, search_path: str | None = None
) -> Database:
    """Find the volumes of a ``-db`` value as BLAST+ does, in folders as in ``BLASTDB`` (None: those of the variable).

    Raises DatabaseError if BLAST+ can't find or read the database; the problem is BLAST+'s own message.
    """
    argv = [installation.program("blastdbcmd"), "-db", name, "-dbtype", molecule.dbtype, "-info", "-exact_length"]
    result = run(argv, environment=_variables(search_path))
    text = result.stdout.decode(errors="replace")
    match = _TOTALS.search(text)
    if result.status or match is None:
        message = result.stderr.decode(errors="replace").strip()
        raise DatabaseError(message, remedy="Check the value of -db and the variable BLASTDB.")
    num_seqs, letters = (int(number.replace(",", "")) for number in match.groups())
    listed = result.stdout.decode(errors="surrogateescape").partition("\nVolumes:\n")[2]
    try:
        lines = (Path(line.strip("\t")) for line in listed.splitlines() if line.strip())
        # SeqDB sorts volumes by name, then by folder (seqdbalias.cpp, SeqDB_CompareVolume).
        paths = sorted({os.path.normpath(path) for path in _volumes(lines)}, key=lambda path: (Path(path).name, path))
        volumes = tuple(read_volume(Path(path), molecule) for path in paths)
        folders = os.environ.get("BLASTDB", "") if search_path is None else search_path
        searched = ["", *folders.split(_SEARCH_PATH_SEPARATOR)]
        obstacle = _obstacle(name, molecule, volumes, (num_seqs, letters), searched)
    except (DatabaseError, ValueError, OSError) as error:
        volumes, obstacle = (), f"its volumes can't be read ({error})"
    title, date = _TITLE.search(text), _DATE.search(text)
    return Database(
        name=name,
        molecule=molecule,
        num_seqs=num_seqs,
        letters=letters,
        volumes=volumes,
        obstacle=obstacle,
        title=title[1] if title else "",
        date=date[1] if date else "",
        search_path=search_path,
        size_bytes=sum(volume.size_bytes for volume in volumes),
    )


def database_of(generation: Generation, folder: Path, present: Collection[str], others: Path | None = None) -> Database:
    """Return a generation as a database with the totals and OIDs of all its volumes.

    ``present`` names the volumes in the folder; the index of other volumes can't be read. ``others`` is a further
    folder for BLAST+ to search, for example for names of taxids.
    """
    volumes = tuple(
        read_volume(folder / volume.name, generation.molecule)
        if volume.name in present
        else _described(generation, volume, folder)
        for volume in generation.volumes
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
        search_path=os.pathsep.join(filter(None, map(str, folders))),
        size_bytes=generation.mapped_bytes,
    )


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Facts of a database that are known without reading its sequences."""

    database: Database
    shared: tuple[Path, ...]
    """Files that all volumes share."""
    has_taxids: bool
    """Whether sequences can be searched by taxid: the format is version 5 and a sequence has a taxid."""
    masks: tuple[str, ...]
    """Names of masking algorithms."""

    @property
    def version(self) -> int:
        """Version of the format, 4 or 5."""
        return max(volume.version for volume in self.database.volumes)

    @property
    def max_length(self) -> int:
        """Length of the longest sequence."""
        return max(volume.max_length for volume in self.database.volumes)

    @property
    def files(self) -> Iterator[Path]:
        """All files, volume by volume, followed by the shared ones."""
        for volume in self.database.volumes:
            yield from files_of(volume)
        yield from self.shared

    def generation(
        self, database: str, name: str, source: str, source_version: str, known: Callable[[Path], DatabaseFile]
    ) -> Generation:
        """Describe the database as a generation; ``known`` returns the facts of a file, including its checksum."""
        volumes = tuple(
            VolumeMetadata(
                name=volume.path.name,
                num_seqs=volume.num_seqs,
                letters=volume.letters,
                max_length=volume.max_length,
                mapped_bytes=volume.size_bytes,
                files=tuple(map(known, files_of(volume))),
            )
            for volume in self.database.volumes
        )
        return Generation(
            database=database,
            name=name,
            molecule=self.database.molecule,
            title=self.database.title,
            date=self.database.date,
            version=self.version,
            volumes=volumes,
            shared=tuple(map(known, self.shared)),
            has_ids=self.database.unique_ids,
            has_taxids=self.has_taxids,
            masks=self.masks,
            source=source,
            source_version=source_version,
        )


def read_facts(installation: Installation, database: Database) -> DatabaseFacts:
    """Read a database's facts. Raises DatabaseError if a volume can't be read alone, or two have the same name."""
    if database.obstacle is not None:
        raise DatabaseError(f"The database is not supported: {database.obstacle}.", remedy="Use another database.")
    names = [volume.path.name for volume in database.volumes]
    if len(set(names)) < len(names):
        raise DatabaseError("Two volumes of the database have the same name.", remedy="Rename one, or rebuild it.")
    argv = [installation.program("blastdbcmd"), "-db", database.name, "-dbtype", database.molecule.dbtype]
    info = run([*argv, "-info"], environment=database.environment).stdout.decode(errors="replace")
    algorithms = info.partition("Algorithm ID")[2].partition("\nVolumes:")[0]
    masks = tuple(match[2] for match in _MASK.finditer(algorithms))
    taxids = _TAXID.findall(run([*argv, "-tax_info"], environment=database.environment).stdout.decode(errors="replace"))
    has_taxids = any(taxid != "0" for taxid in taxids)
    return DatabaseFacts(database, tuple(_shared(database)), has_taxids, masks)


def files_of(volume: Volume) -> list[Path]:
    """Return the files that belong to a volume alone, sorted by name."""
    letter = volume.molecule.letter
    files = volume.path.parent.glob(f"{glob.escape(volume.path.name)}.{letter}??")
    return sorted(file for file in files if file.suffix[2:] not in (*SHARED_SUFFIXES, "al"))


def check_database(installation: Installation, database: Database) -> str | None:
    """Check a database with ``blastdbcheck``; return its complaints, except missing names of taxids, or None."""
    argv = [installation.program("blastdbcheck"), "-db", database.name, "-dbtype", database.molecule.dbtype]
    result = run([*argv, "-full", "-verbosity", "4"], environment=database.environment)
    text = (result.stdout + result.stderr).decode(errors="replace").strip()
    errors = _ERRORS.search(text)
    return None if errors is not None and int(errors[1]) <= text.count("GetTaxInfo()") else text


def _variables(search_path: str | None) -> dict[str, str]:
    """Return the variables that make BLAST+ search these folders, whatever its working directory."""
    if search_path is None:
        return {}
    folders = filter(None, search_path.split(_SEARCH_PATH_SEPARATOR))
    return {"BLASTDB": _SEARCH_PATH_SEPARATOR.join(map(os.path.abspath, folders))}


def _volumes(listed: Iterator[Path]) -> Iterator[Path]:
    """Replace the nested aliases that ``blastdbcmd -info`` lists among the volumes with their volumes."""
    for path in listed:
        if path.suffix in (".nal", ".pal"):
            for name in _alias_lines(path).get("DBLIST", []):
                nested = path.parent / name
                alias = nested.with_name(nested.name + path.suffix)
                yield from _volumes(iter([alias if alias.exists() and alias != path else nested]))
        else:
            yield path


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
        return "its path has characters that aliases or archives can't contain"
    endings = (molecule.alias_suffix, f"{molecule.letter}in")
    files = ([Path(folder, f"{path}.{ending}") for folder in folders for ending in endings] for path in names)
    if not all(any(map(Path.is_file, found)) for found in files):
        return "BLAST+ finds it through its own configuration file"
    if len({os.path.realpath(path) for path in names}) < len(names):
        return "a database is named twice"
    for alias in alias_files(name, molecule, folders):
        if keys := set(_alias_lines(alias)) - _SAFE_ALIAS_KEYS:
            return f"the alias {alias.name} does more than list volumes ({', '.join(sorted(keys))})"
    if (sum(v.num_seqs for v in volumes), sum(v.letters for v in volumes)) != totals:
        return "its totals differ from those of its volumes, so an alias filters or overrides them"
    if not totals[0]:
        return "it has no sequences"
    if any(map(_has_words_for_oids, volumes[1:])):
        return f"a title has an id {_ORDINAL_DB}:WORD, at which BLAST+ ends with an exception"
    return None


def _has_words_for_oids(volume: Volume) -> bool:
    """Return whether a title has the id ``gnl|BL_ORD_ID|WORD``.

    In all volumes but the first, BLAST+ adds an OID to the last part of such an id. It ends with an exception if that
    is no number, but only when it has a hit; a shard may begin with the volume and then has no exception.

    Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbvol.cpp (CSeqDBVol::x_GetHdrAsn1).
    """
    prefix = f"{_ORDINAL_DB}:" if volume.version == LMDB_VERSION else f"gnl|{_ORDINAL_DB.lower()}|"
    first = prefix.encode()
    ids = takewhile(lambda name: name.startswith(first), volume.ids_from(first))
    return any(not _INTEGER.fullmatch(name.removeprefix(first)) for name in ids)


def alias_files(name: str, molecule: Molecule, folders: Sequence[str] = ("",)) -> Iterator[Path]:
    """Yield the alias files, including nested ones, that a ``-db`` value refers to."""
    for stem in shlex.split(name):
        candidates = (Path(folder, f"{stem}.{molecule.alias_suffix}") for folder in folders)
        path = next(filter(Path.is_file, candidates), None)
        if path is None:
            continue
        yield path
        for inner in _alias_lines(path).get("DBLIST", []):
            if inner != path.stem:  # an alias that lists its own name refers to the volume of that name
                yield from alias_files(shlex.quote(str(path.parent / inner)), molecule, folders)


def _described(generation: Generation, volume: VolumeMetadata, folder: Path) -> Volume:
    """Return a volume from its metadata, without its index."""
    letter = generation.molecule.letter
    shared = [folder / file.name for file in generation.shared if file.name.endswith(f".{letter}os")]
    own = [folder / file.name for file in volume.files if file.name.endswith(f".{letter}sd")]
    return Volume(
        path=folder / volume.name,
        molecule=generation.molecule,
        version=generation.version,
        num_seqs=volume.num_seqs,
        letters=volume.letters,
        max_length=volume.max_length,
        arrays_at=0,
        id_index=next(iter([*shared, *own]), None),
    )


def _shared(database: Database) -> Iterator[Path]:
    volumes, letter = {volume.path for volume in database.volumes}, database.molecule.letter
    stems = sorted(volumes | {path.with_name(NUMBER.sub("", path.name)) for path in volumes})
    files = [stem.with_name(f"{stem.name}.{letter}{suffix}") for stem in stems for suffix in SHARED_SUFFIXES]
    files += [folder / name for folder in sorted({path.parent for path in volumes}) for name in TAXONOMY]
    return filter(Path.exists, files)
