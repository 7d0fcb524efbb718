"""The candidates of saturated queries: which OIDs they have, and the small database made of them.

Any further sequence of the whole database does no harm, since the search of the candidates makes the same cut as a
search of all; a missing one would. So ids that name several sequences bring all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.alias import write_alias
from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import Processes
from shardblast.blast.seqalign import ordinal_id
from shardblast.blast.volume import Volume, VolumeWriter


@dataclass(frozen=True, slots=True)
class CandidateDatabase:
    """A database of some sequences, in the order they have in the whole one, with its totals."""

    name: str
    """For ``-db``."""
    oids: tuple[int, ...] | None
    """The OID in the whole database of each sequence; None if this is the whole database."""


def oids_of_ids(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[bytes], ids_file: Path
) -> set[int] | None:
    """Return the OIDs of the sequences with these ids (as ``sseqid`` prints them), or None if one is not found."""
    unique = sorted(set(ids))
    lines = looked_up(installation, processes, database, unique, ids_file, "%o")
    return None if lines is None or len(lines) < len(unique) else {int(line) for line in lines}


def looked_up(
    installation: Installation,
    processes: Processes,
    database: Database,
    ids: Iterable[bytes],
    ids_file: Path,
    columns: str,
) -> list[str] | None:
    """Return a line of ``blastdbcmd`` with these columns for each sequence with one of the ids; None if it fails."""
    ids_file.write_bytes(b"\n".join(ids) + b"\n")
    argv = [installation.program("blastdbcmd"), "-db", database.name, "-dbtype", database.molecule.dbtype]
    finished = processes.run([*argv, "-entry_batch", str(ids_file), "-outfmt", columns, "-get_dups"])
    return None if finished.status else finished.stdout.decode().splitlines()


def oid_of(subject: bytes, first_oid: int) -> int | None:
    """Return the OID in the whole database of a subject without an id of its own, as an archive of a shard names it."""
    ordinal = ordinal_id(subject)
    return None if ordinal is None else ordinal + first_oid


def write_candidates(folder: Path, name: str, database: Database, oids: set[int]) -> CandidateDatabase:
    """Copy these sequences into a database of their own behind an alias with the whole database's totals."""
    ordered = tuple(sorted(oids))
    path = folder / f"{name}.volume"
    VolumeWriter(path, database.molecule).write(by_volume(database, ordered))
    return CandidateDatabase(write_alias(folder, name, database, [path]), ordered)


def by_volume(database: Database, oids: Iterable[int]) -> Iterator[tuple[Volume, Sequence[int]]]:
    """Yield the volumes that hold these ascending OIDs, with the OIDs counted from the first of each volume."""
    found: dict[int, list[int]] = {}
    for oid in oids:
        place = bisect_right(database.first_oids, oid) - 1
        found.setdefault(place, []).append(oid - database.first_oids[place])
    for place, own in found.items():
        yield database.volumes[place], own


def letters_of(database: Database, oids: set[int]) -> int:
    """Return about how many letters these sequences have."""
    total = 0
    for oid in oids:
        place = bisect_right(database.first_oids, oid) - 1
        own = oid - database.first_oids[place]
        total += database.volumes[place].letters_of(own, own + 1)
    return total
