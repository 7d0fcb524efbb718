"""Sequences of a database: looked up by id, copied into small databases, written as FASTA.

A candidate database may contain extra sequences of the whole database, because the search of the candidates applies the
same cutoff, but none may be missing. Therefore an id that several sequences share selects all of them.

BLAST+ prints the sequence that it finds by a subject's id, first among the queries and then in the database. It names
queries ``Query_N`` (ignoring case), and a sequence without an id by its OID, ``gnl|BL_ORD_ID|N``. In a database made
with ``-parse_seqids`` a sequence can have such an id of its own. What BLAST+ prints then depends on the queries that
are searched together and on the part of the database, so such searches are left to BLAST+ itself.

Source: NCBI C++ Toolkit, algo/blast/blastinput/blast_fasta_input.cpp (ids of queries), objects/seqloc/seqloc.asn
(Seq-id).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from shardblast.blast.alias import quoted, write_alias
from shardblast.blast.archive import BLOCK_BYTES, read_alignments
from shardblast.blast.database import Database
from shardblast.blast.id_lists import kind_of
from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, Over, Processes, checked, run
from shardblast.blast.seqalign import alignment_ids, ordinal_id
from shardblast.blast.volume import Volume, VolumeWriter
from shardblast.core.errors import LeftToBlast
from shardblast.core.program import Molecule

_STUB = {Molecule.NUCLEOTIDE: "A", Molecule.PROTEIN: "M"}

_UNNAMED = re.compile(rb"\A>:(\S+) (\S+)")
"""Start of a region that ``blastdbcmd`` prints for a sequence without an id, which it names by its title's first word.
"""

Key = str | int
"""A sequence's id, as printed by ``sseqid``, or its OID in the whole database."""

_WORD = re.compile(rb"^(?:local|gi) (?:str \"((?:[^\"]|\"\")*)\"|id (\d+)|(\d+))$")
_GENERAL = re.compile(rb'^general \{\s+db "((?:[^"]|"")*)",\s+tag (?:str "((?:[^"]|"")*)"|id (\d+))\s+\}$')
_PDB = re.compile(rb'^pdb \{\s+mol "(\w+)".*?(?:chain-id "(\w+)")?\s+\}$', re.S)
_CHAIN = re.compile(rb"\n\s+chain (\d+)")
_ACCESSION = re.compile(rb'accession "((?:[^"]|"")+)"')
_VERSION = re.compile(rb"version (\d+)")
_NAMED = re.compile(rb'^(pir|prf) \{\s+name "((?:[^"]|"")+)"')

_LIKE_A_QUERY = re.compile(rb'(?:local str ")?query_([1-9]\d*)"?', re.IGNORECASE)
_LIKE_AN_OID = re.compile(rb'general \{\s+db "BL_ORD_ID",\s+tag (?:id (\d+)|str .*)\s+\}', re.IGNORECASE | re.DOTALL)
_IDS = "%o\t%g\t%i"
"""Format in which ``blastdbcmd`` prints the OID and the ids of a sequence, a line for each title."""
_NOT_FOUND = b"Unknown"
"""Printed by BLAST+ in tables instead of the id of a subject that it does not find."""
_FOUND_AGAIN = frozenset(
    b"local gi genbank embl ddbj tpg tpe tpd other gpipe swissprot pir prf pdb patent general".split()
)
"""Kinds of ids by which ``blast_formatter`` finds a sequence; tested with all kinds that makeblastdb accepts."""


@dataclass(frozen=True, slots=True)
class CandidateDatabase:
    """A database of some sequences of another one, in the same order and with its totals."""

    name: str
    """The value of ``-db``."""
    oids: tuple[int, ...]
    """The OID of each sequence in the whole database."""
    volume: Path
    """Its files without their suffixes."""


def ids_by_oid(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[bytes], ids_file: Path
) -> dict[int, list[str]] | None:
    """Return, by OID, all FASTA ids of the sequences with these ``sseqid``; None if one of these is not found."""
    unique = sorted(set(ids))
    if not unique:
        return {}
    looked_up = _look_up(installation, processes, database, unique, ids_file)
    lines = looked_up.stdout.decode().splitlines()
    return None if looked_up.status or len(lines) < len(unique) else _by_oid(lines)


def known_ids_by_oid(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[bytes], ids_file: Path
) -> dict[int, list[str]]:
    """Return the same as ``ids_by_oid``, ignoring ids that are not found."""
    return _by_oid(_look_up(installation, processes, database, sorted(set(ids)), ids_file).stdout.decode().splitlines())


def recorded_ids(
    installation: Installation, processes: Processes, database: Database, subjects: Collection[bytes], ids_file: Path
) -> dict[bytes, list[str]]:
    """Return, by subject, the ids that BLAST+ records in its alignments because a list of ids or taxids names them.

    The database is behind an alias that hides what the list does not name; ``subjects`` are ids as in archives.

    Source: NCBI C++ Toolkit, algo/blast/api/blast_seqinfosrc_aux.cpp (GetFilteredRedundantSeqids).
    """
    names = {subject: name.decode() for subject in subjects if (name := id_of(subject)) is not None}
    unique = sorted(name.encode() for name in names.values())
    found = _look_up(installation, processes, database, unique, ids_file, "%o\t%g\t%a\t%i").stdout.decode()
    by_oid: dict[str, dict[str, list[str]]] = {}
    oids: dict[str, str] = {}
    for line in found.splitlines():
        oid, gi, accession, title_id = line.split("\t", 3)
        oids |= dict.fromkeys((gi, accession, title_id), oid)
        recorded = by_oid.setdefault(oid, {"gi": [], "accession": [], "": []})
        recorded["gi"] += [f"gi:{gi}"] if gi.isdigit() else []
        recorded[kind_of(title_id)].append(f"seqid:{accession}")
    return {
        subject: by_oid[oids[name]]["gi" if subject.startswith(b"gi ") else "accession"]
        for subject, name in names.items()
        if name in oids
    }


def write_candidates(
    installation: Installation,
    processes: Processes,
    folder: Path,
    name: str,
    database: Database,
    oids: Collection[int],
    sources: Iterable[tuple[Volume, Sequence[int]]],
) -> CandidateDatabase | None:
    """Copy sequences into a separate database, behind an alias with the whole database's totals.

    ``sources`` are in the order of the OIDs. Returns None if the ids can't be indexed.
    """
    ordered = tuple(sorted(oids))
    copy, path = folder / f"{name}.copy", folder / f"{name}.volume"
    VolumeWriter(copy, database.molecule).write((volume, processes.over(own)) for volume, own in sources)
    naming = Naming.of(database)
    if any(naming.with_ids):
        found = _ids_in(installation, processes, copy, database.molecule)
        ids = {place: [] if naming.is_numbered(oid) else found[place] for place, oid in enumerate(ordered)}
        if not write_id_index(installation, processes, path, database.molecule, ids):
            return None
    for file in copy.parent.glob(f"{copy.name}.*"):
        file.replace(path.with_name(f"{path.name}{file.suffix}"))
    return CandidateDatabase(write_alias(folder, name, database, [path]), ordered, path)


def _ids_in(installation: Installation, processes: Processes, volume: Path, molecule: Molecule) -> dict[int, list[str]]:
    """Return all FASTA ids of each sequence of a volume, which needs no index of ids, by OID."""
    argv = [installation.program("blastdbcmd"), "-db", quoted(volume), "-dbtype", molecule.dbtype]
    finished = processes.run([*argv, "-entry", "all", "-outfmt", _IDS], environment={})
    return _by_oid(checked(finished, "the retrieval of ids").stdout.decode().splitlines())


def write_id_index(
    installation: Installation, processes: Processes, path: Path, molecule: Molecule, ids: Mapping[int, Sequence[str]]
) -> bool:
    """Write a volume's index of ids, without which BLAST+ can't print its subjects; return whether it succeeded."""
    stubs = "".join(f">{chr(1).join(ids[oid])}\n{_STUB[molecule]}\n" for oid in sorted(ids))
    argv = [installation.program("makeblastdb"), "-dbtype", molecule.dbtype, "-parse_seqids", "-in", "-"]
    argv += ["-blastdb_version", "4", "-title", path.name, "-out", path.name]
    return processes.run(argv, stdin=stubs.encode(), folder=path.parent).status == 0


def by_volume(database: Database, oids: Iterable[int]) -> Iterator[tuple[Volume, Sequence[int]]]:
    """Yield the volumes of these OIDs, with the OIDs relative to each volume."""
    grouped: dict[int, list[int]] = {}
    for oid in oids:
        index = bisect_right(database.first_oids, oid) - 1
        grouped.setdefault(index, []).append(oid - database.first_oids[index])
    for index, own in grouped.items():
        yield database.volumes[index], own


def letters_of(database: Database, oids: Iterable[int]) -> int:
    """Return the approximate number of bases or residues of these sequences."""
    return sum(volume.letters_of(oid, oid + 1) for volume, own in by_volume(database, oids) for oid in own)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a sequence, on one of its strands; 1-based, with inclusive ends."""

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
    """Write sequences, or a region of each, as FASTA in the order of their keys; ``scratch`` is an empty folder.

    BLAST+ finds a sequence that has an id only by the id.

    Raises ShardblastError if ``blastdbcmd`` does not find a sequence.
    """
    with target.open("wb") as whole:
        for number, (kind, group) in enumerate(groupby(keys, type)):
            part = scratch / f"part{number}"
            if kind is int:
                oids = [key for key in group if isinstance(key, int)]
                words, environment = _fasta_by_oid(database, oids, region, part)
            else:
                words, environment = _fasta_by_id(database, [str(key) for key in group], region, part)
            argv = [installation.program("blastdbcmd"), *words, "-dbtype", database.molecule.dbtype]
            argv += ["-outfmt", "%f", "-out", str(part)]
            checked(run(argv, environment=environment), "the retrieval of subject sequences")
            with part.open("rb") as source:
                whole.write(_UNNAMED.sub(rb">\2:\1", source.read(BLOCK_BYTES), count=1))
                while block := source.read(BLOCK_BYTES):
                    whole.write(block)
            part.unlink()


def subject_names(archive: Path, over: Over = iter) -> Iterator[bytes | int | None]:
    """Yield each subject's id in an archive, its OID if it has no id, or None for an id of unknown kind."""
    last = b""
    for query in read_alignments(archive, over=over):
        for block in over(query.blocks):
            subject = alignment_ids(block).subject
            if subject != last:
                last, ordinal = subject, ordinal_id(subject)
                yield id_of(subject) if ordinal is None else ordinal


def id_of(subject: bytes) -> bytes | None:
    """Return the id in the text of a Seq-id; None if its kind is unknown."""
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
        name = _unquoted(accession[1])
        return name + b"." + version[1] if version else name
    named = _NAMED.match(subject)
    return named[1] + b"||" + _unquoted(named[2]) if named else None


@dataclass(frozen=True, slots=True)
class Naming:
    """The naming of sequences in one database."""

    first_oids: tuple[int, ...]
    """The OID of each volume's first sequence, followed by the number of sequences."""
    with_ids: tuple[bool, ...]
    """For each volume, whether its sequences have ids."""

    @classmethod
    def of(cls, database: Database) -> Naming:
        return cls(database.first_oids, tuple(volume.id_index is not None for volume in database.volumes))

    def is_numbered(self, oid: int) -> bool:
        """Return whether a sequence has no id and is therefore named by its OID."""
        volume = bisect_right(self.first_oids, oid) - 1
        return 0 <= volume < len(self.with_ids) and not self.with_ids[volume]

    def check(self, subjects: Iterable[bytes], last_query: int) -> None:
        """Raise LeftToBlast if BLAST+ may confuse a subject with another sequence, and print that.

        The ids are as in archives with OIDs of the whole database, or as printed by ``sseqid``; ``last_query`` is the
        1-based number of the last query that may be searched together with theirs.
        """
        if any(self.with_ids):
            for subject in subjects:
                self._check(subject, last_query)

    def _check(self, subject: bytes, last_query: int) -> None:
        if (query := _LIKE_A_QUERY.fullmatch(subject)) and int(query[1]) <= last_query:
            raise LeftToBlast("a sequence of the database has an id that BLAST+ gives to a query")
        if (ordinal := _LIKE_AN_OID.fullmatch(subject)) and not (ordinal[1] and self.is_numbered(int(ordinal[1]))):
            raise LeftToBlast("a sequence of the database has an id that BLAST+ derives from an OID")
        kind, blank, _ = subject.partition(b" ")
        if subject == _NOT_FOUND or (blank and kind not in _FOUND_AGAIN):
            raise LeftToBlast("a sequence of the database has an id by which BLAST+ does not find it")


def _by_oid(lines: Iterable[str]) -> dict[int, list[str]]:
    ids: dict[int, list[str]] = {}
    for line in lines:
        oid, gi, text = line.split("\t", 2)
        names = ids.setdefault(int(oid), [])
        name = text if gi in ("N/A", "0") else f"gi|{gi}|{text}"
        if name not in names:
            names.append(name)
    return ids


def _look_up(
    installation: Installation,
    processes: Processes,
    database: Database,
    ids: Iterable[bytes],
    ids_file: Path,
    outfmt: str = _IDS,
) -> Finished:
    ids_file.write_bytes(b"\n".join(ids) + b"\n")
    argv = [installation.program("blastdbcmd"), "-db", database.name, "-dbtype", database.molecule.dbtype]
    words = [*argv, "-entry_batch", str(ids_file), "-outfmt", outfmt, "-get_dups"]
    return processes.run(words, environment=database.environment)


def _fasta_by_id(
    database: Database, ids: Sequence[str], region: Region | None, part: Path
) -> tuple[list[str], dict[str, str]]:
    file = part.with_suffix(".ids")
    suffix = "" if region is None else f" {region.start}-{region.end} {'minus' if region.is_minus else 'plus'}"
    file.write_text("".join(f"{name}{suffix}\n" for name in ids))
    return ["-db", database.name, "-entry_batch", str(file)], database.environment


def _fasta_by_oid(
    database: Database, oids: Sequence[int], region: Region | None, part: Path
) -> tuple[list[str], dict[str, str]]:
    """Copy the sequences into a separate database and dump it, since ``blastdbcmd`` does not accept OIDs."""
    copy = part.with_suffix(".copy")
    sources = (source for oid in oids for source in by_volume(database, [oid]))
    VolumeWriter(copy, database.molecule).write(sources)
    words = ["-db", quoted(copy), "-entry", "all"]
    if region is not None:
        words += ["-range", f"{region.start}-{region.end}"]
        words += ["-strand", "minus"] if region.is_minus else []
    return words, {}


def _unquoted(text: bytes) -> bytes:
    return text.replace(b"\n", b"").replace(b'""', b'"')
