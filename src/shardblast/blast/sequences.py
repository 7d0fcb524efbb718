"""Sequences of a database: looked up by id, copied into small databases, printed as FASTA.

Any further sequence of the whole database does no harm, since the search of the candidates makes the same cut as a
search of all; a missing one would. So ids that name several sequences bring all of them.

BLAST+ prints what it finds by a subject's id, first among the queries and then in the database. It names queries
``Query_N``, whatever the case of letters, and a sequence without an id by its OID, ``gnl|BL_ORD_ID|N``. In a database
made with ``-parse_seqids`` a sequence can have such an id of its own. What is printed of it depends on the queries that
are searched together and on the part of the database that is searched, so BLAST+ alone prints what it prints.

Source:
    NCBI C++ Toolkit, objects/seqloc/seqloc.asn (Seq-id).
    NCBI C++ Toolkit, algo/blast/blastinput/blast_fasta_input.cpp (ids of queries), objects/seqloc/seqloc.asn (Seq-id).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from shardblast.blast.alias import quoted, write_alias
from shardblast.blast.archive import ArchiveReader
from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, Processes, checked, run
from shardblast.blast.seqalign import alignment_ids, ordinal_id
from shardblast.blast.volume import Volume, VolumeWriter
from shardblast.core.errors import LeftToBlast
from shardblast.core.program import Molecule

_STUB = {Molecule.NUCLEOTIDE: "A", Molecule.PROTEIN: "M"}

BLOCK_BYTES = 1 << 20
_UNNAMED = re.compile(rb"\A>:(\S+) (\S+)")
"""How ``blastdbcmd`` begins the region of a sequence without an id: the first word of the title stands for that."""

Key = str | int
"""Of a sequence: its id, as ``sseqid`` prints it, or its OID in the whole database."""

_WORD = re.compile(rb"^(?:local|gi) (?:str \"((?:[^\"]|\"\")*)\"|id (\d+)|(\d+))$")
_GENERAL = re.compile(rb'^general \{\s+db "((?:[^"]|"")*)",\s+tag (?:str "((?:[^"]|"")*)"|id (\d+))\s+\}$')
_PDB = re.compile(rb'^pdb \{\s+mol "(\w+)".*?(?:chain-id "(\w+)")?\s+\}$', re.S)
_CHAIN = re.compile(rb"\n\s+chain (\d+)")
_ACCESSION = re.compile(rb'accession "([^"]+)"')
_VERSION = re.compile(rb"version (\d+)")
_NAMED = re.compile(rb'^(pir|prf) \{\s+name "([^"]+)"')

_LIKE_A_QUERY = re.compile(rb'(?:local str ")?query_([1-9]\d*)"?', re.IGNORECASE)
_LIKE_AN_OID = re.compile(rb'general \{\s+db "BL_ORD_ID",\s+tag (?:id (\d+)|str .*)\s+\}', re.IGNORECASE | re.DOTALL)
_NOT_FOUND = b"Unknown"
"""What BLAST+ prints in a table for the id of a subject that it does not find."""
_FOUND_AGAIN = frozenset(
    b"local gi genbank embl ddbj tpg tpe tpd other gpipe swissprot pir prf pdb patent general".split()
)
"""Kinds of ids by which ``blast_formatter`` finds a sequence; measured for all kinds that makeblastdb takes."""


@dataclass(frozen=True, slots=True)
class CandidateDatabase:
    """A database of some sequences, in the order they have in the whole one, with its totals."""

    name: str
    """For ``-db``."""
    oids: tuple[int, ...]
    """The OID in the whole database of each sequence."""


def ids_by_oid(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[bytes], ids_file: Path
) -> dict[int, list[str]] | None:
    """Return the OIDs of the sequences with these ids (as ``sseqid`` prints them), with all ids, as FASTA spells them.

    None if an id is not found.
    """
    unique = sorted(set(ids))
    if not unique:
        return {}
    looked_up = _look_up(installation, processes, database, unique, ids_file)
    lines = looked_up.stdout.decode().splitlines()
    return None if looked_up.status or len(lines) < len(unique) else _by_oid(lines)


def known_ids_by_oid(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[bytes], ids_file: Path
) -> dict[int, list[str]]:
    """Return the same of those ids that are found."""
    return _by_oid(_look_up(installation, processes, database, sorted(set(ids)), ids_file).stdout.decode().splitlines())


def oid_of(subject: bytes, first_oid: int, naming: Naming) -> int | None:
    """Return the OID in the whole database of a subject without an id of its own, as an archive of a shard names it."""
    ordinal = ordinal_id(subject)
    return None if ordinal is None or not naming.is_numbered(ordinal + first_oid) else ordinal + first_oid


def write_candidates(
    installation: Installation,
    processes: Processes,
    folder: Path,
    name: str,
    database: Database,
    ids: Mapping[int, Sequence[str]],
    sources: Iterable[tuple[Volume, Sequence[int]]],
) -> CandidateDatabase | None:
    """Copy sequences into a database of their own behind an alias with the whole database's totals.

    Args:
        installation: Of BLAST+.
        processes: Their ``stop`` ends the copying.
        folder: Where it goes.
        name: File name without suffix.
        database: The whole one.
        ids: Of each OID to copy, all ids; none for a sequence that has none.
        sources: Where these sequences are, in the order of their OIDs.

    Returns:
        The database, or None if its ids can't be indexed.
    """
    ordered = tuple(sorted(ids))
    path = folder / f"{name}.volume"
    if any(ids.values()) and not write_id_index(installation, processes, path, database.molecule, ids):
        return None
    VolumeWriter(path, database.molecule).write((volume, processes.over(oids)) for volume, oids in sources)
    return CandidateDatabase(write_alias(folder, name, database, [path]), ordered)


def write_id_index(
    installation: Installation,
    processes: Processes,
    path: Path,
    molecule: Molecule,
    ids: Mapping[int, Sequence[str]],
) -> bool:
    """Write the files in which the ids of a volume are looked up; those of its sequences are to be replaced.

    Without them BLAST+ prints subjects that have ids as unknown, or fails.
    """
    stubs = "".join(f">{chr(1).join(ids[oid])}\n{_STUB[molecule]}\n" for oid in sorted(ids))
    argv = [installation.program("makeblastdb"), "-dbtype", molecule.dbtype, "-parse_seqids", "-in", "-"]
    argv += ["-blastdb_version", "4", "-title", path.name, "-out", path.name]
    return processes.run(argv, stdin=stubs.encode(), folder=path.parent).status == 0


def by_volume(database: Database, oids: Iterable[int]) -> Iterator[tuple[Volume, Sequence[int]]]:
    """Yield the volumes that hold these ascending OIDs, with the OIDs counted from the first of each volume."""
    found: dict[int, list[int]] = {}
    for oid in oids:
        place = bisect_right(database.first_oids, oid) - 1
        found.setdefault(place, []).append(oid - database.first_oids[place])
    for place, own in found.items():
        yield database.volumes[place], own


def letters_of(database: Database, oids: Iterable[int]) -> int:
    """Return about how many letters these sequences have."""
    total = 0
    for oid in oids:
        place = bisect_right(database.first_oids, oid) - 1
        own = oid - database.first_oids[place]
        total += database.volumes[place].letters_of(own, own + 1)
    return total


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a sequence, on one of its strands; 1-based, both ends inclusive."""

    start: int
    end: int
    is_minus: bool = False


def write_subjects(
    installation: Installation,
    database: Database,
    keys: Sequence[Key],
    region: Region | None,
    scratch: Path,
    target: Path,
) -> None:
    """Write sequences in the order in which they are asked for.

    Args:
        installation: Of BLAST+.
        database: The one that holds them.
        keys: Which; BLAST+ finds those alone by an id that have one.
        region: The part to write of each; None for all of it.
        scratch: An empty folder.
        target: Gets the FASTA.

    Raises:
        ShardblastError: ``blastdbcmd`` does not find one.
    """
    with target.open("wb") as whole:
        for number, (kind, group) in enumerate(groupby(keys, type)):
            part, wanted = scratch / f"part{number}", list(group)
            if kind is int:
                words, environment = _fasta_by_oid(
                    database, [key for key in wanted if isinstance(key, int)], region, part
                )
            else:
                words, environment = _fasta_by_id(database, [str(key) for key in wanted], region, part)
            argv = [installation.program("blastdbcmd"), *words, "-dbtype", database.molecule.dbtype]
            argv += ["-outfmt", "%f", "-out", str(part)]
            checked(run(argv, environment=environment), "the reading of subjects")
            with part.open("rb") as source:
                whole.write(_UNNAMED.sub(rb">\2:\1", source.read(BLOCK_BYTES), count=1))
                while block := source.read(BLOCK_BYTES):
                    whole.write(block)
            part.unlink()


def subject_names(archive: Path) -> Iterator[bytes | int | None]:
    """Yield for each subject in an archive its id, or its OID if it has none, or None for an id of unknown kind."""
    last = b""
    with archive.open("rb") as stream:
        for found in ArchiveReader(stream, archive.name).alignments():
            for block in found.blocks:
                subject = alignment_ids(block).subject
                if subject != last:
                    last, ordinal = subject, ordinal_id(subject)
                    yield id_of(subject) if ordinal is None else ordinal


def id_of(subject: bytes) -> bytes | None:
    """Return the id that this text of a Seq-id means; None if it is of a kind that we don't know."""
    if word := _WORD.match(subject):
        return _unquoted(word[1]) if word[1] is not None else word[2] or word[3]
    if general := _GENERAL.match(subject):
        tag = general[3] if general[2] is None else _unquoted(general[2])
        return b"gnl|" + _unquoted(general[1]) + b"|" + tag
    if pdb := _PDB.match(subject):
        numbered = _CHAIN.search(subject)
        chain = pdb[2] or (bytes([int(numbered[1])]) if numbered else b"")
        return pdb[1] + b"_" + chain if chain else pdb[1]
    if accession := _ACCESSION.search(subject):
        version = _VERSION.search(subject)
        return accession[1] + b"." + version[1] if version else accession[1]
    named = _NAMED.match(subject)
    return named[1] + b"||" + named[2] if named else None


@dataclass(frozen=True, slots=True)
class Naming:
    """The names in one database."""

    first_oids: tuple[int, ...]
    """The OID of each volume's first sequence, and at the end the number of sequences."""
    with_ids: tuple[bool, ...]
    """For each volume whether its sequences have ids of their own."""

    @classmethod
    def of(cls, database: Database) -> Naming:
        """Return that of a database."""
        return cls(database.first_oids, tuple(volume.id_index is not None for volume in database.volumes))

    def is_numbered(self, oid: int) -> bool:
        """Tell whether a sequence has no id, so that its OID stands for one."""
        volume = bisect_right(self.first_oids, oid) - 1
        return 0 <= volume < len(self.with_ids) and not self.with_ids[volume]

    def check(self, subjects: Iterable[bytes], last_query: int) -> None:
        """Check that each subject is printed as itself.

        Args:
            subjects: Their ids, as archives spell them with OIDs of the whole database, or as ``sseqid`` prints them.
            last_query: The number of the last query that may be searched together with theirs, 1-based.

        Raises:
            LeftToBlast: One is not.
        """
        if any(self.with_ids):
            for subject in subjects:
                self._check(subject, last_query)

    def _check(self, subject: bytes, last_query: int) -> None:
        if (query := _LIKE_A_QUERY.fullmatch(subject)) and int(query[1]) <= last_query:
            raise LeftToBlast("a sequence of the database has the name that BLAST+ gives to a query")
        if (ordinal := _LIKE_AN_OID.fullmatch(subject)) and not (ordinal[1] and self.is_numbered(int(ordinal[1]))):
            raise LeftToBlast("a sequence of the database has an id that stands for the number of another")
        kind, blank, _ = subject.partition(b" ")
        if subject == _NOT_FOUND or (blank and kind not in _FOUND_AGAIN):
            raise LeftToBlast("a sequence of the database has an id by which BLAST+ does not find it")


def _by_oid(lines: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line in lines:
        oid, gi, one = line.split("\t", 2)
        words = found.setdefault(int(oid), [])
        name = one if gi in ("N/A", "0") else f"gi|{gi}|{one}"
        if name not in words:
            words.append(name)
    return found


def _look_up(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[bytes], ids_file: Path
) -> Finished:
    ids_file.write_bytes(b"\n".join(ids) + b"\n")
    argv = [installation.program("blastdbcmd"), "-db", database.name, "-dbtype", database.molecule.dbtype]
    words = [*argv, "-entry_batch", str(ids_file), "-outfmt", "%o\t%g\t%i", "-get_dups"]
    return processes.run(words, environment=database.environment)


def _fasta_by_id(
    database: Database, ids: Sequence[str], region: Region | None, part: Path
) -> tuple[list[str], dict[str, str]]:
    file = part.with_suffix(".ids")
    place = "" if region is None else f" {region.start}-{region.end} {'minus' if region.is_minus else 'plus'}"
    file.write_text("".join(f"{one}{place}\n" for one in ids))
    return ["-db", database.name, "-entry_batch", str(file)], database.environment


def _fasta_by_oid(
    database: Database, oids: Sequence[int], region: Region | None, part: Path
) -> tuple[list[str], dict[str, str]]:
    """Copy the sequences into a database of their own, of which all is written: ``blastdbcmd`` takes no OIDs."""
    copy = part.with_suffix(".copy")
    sources = (source for oid in oids for source in by_volume(database, [oid]))
    VolumeWriter(copy, database.molecule).write(sources)
    words = ["-db", quoted(copy), "-entry", "all"]
    if region is not None:
        words += ["-range", f"{region.start}-{region.end}"]
        words += ["-strand", "minus"] if region.is_minus else []
    return words, {}


def _unquoted(text: bytes) -> bytes:
    return text.replace(b'""', b'"')
