"""The candidates of saturated queries: which OIDs they have, and the small database made of them.

Any further sequence of the whole database does no harm, since the search of the candidates makes the same cut as a
search of all; a missing one would. So ids that name several sequences bring all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.alias import write_alias
from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.naming import Naming
from shardblast.blast.process import Finished, Processes
from shardblast.blast.seqalign import ordinal_id
from shardblast.blast.volume import Volume, VolumeWriter
from shardblast.core.program import Molecule

_STUB = {Molecule.NUCLEOTIDE: "A", Molecule.PROTEIN: "M"}


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
