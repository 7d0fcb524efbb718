"""The sequences that a stored search has hit, as a small database: with it a result is printed when its own is gone.

``blast_formatter`` reads the aligned part of a subject, its titles, its length and its taxids from the database. A copy
of the subjects behind an alias with the name, the title and the totals of the whole one gives it all of that. Subjects
that have no id but their OID keep it in the copy; those with an id are found by an index made for their ids alone.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbvol.cpp (CSeqDBVol::SeqidToOids).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from shardblast.blast.alias import write_alias
from shardblast.blast.candidates import by_volume, looked_up
from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import Processes, run
from shardblast.blast.seqalign import ordinal_ids
from shardblast.blast.volume import Oids, VolumeWriter
from shardblast.blast.zstd import pack, unpack
from shardblast.core.program import Molecule

KEPT = "hits"
"""The folder, in a search's own, of the copy: files packed with zstd, and what is known of the database."""
FACTS = "database.json"
VOLUME = "volume"
SHORT_AMONG = 1000
"""The first sequences of a database, of which the shortest stands for the hits of a search that has none."""

_STUB = {Molecule.NUCLEOTIDE: "A", Molecule.PROTEIN: "M"}


@dataclass(frozen=True, slots=True)
class HitSequences:
    """Those of one stored search."""

    folder: Path
    """The search's own."""

    @property
    def are_kept(self) -> bool:
        """Whether the result can be printed without its database."""
        return (self.folder / KEPT / FACTS).exists()

    def keep(
        self, installation: Installation, database: Database, ids: Iterable[str], scratch: Path, most_bytes: int
    ) -> bool:
        """Copy them; return whether that was possible.

        It is not where ids may name several sequences, which only the whole database tells apart, and where the copy
        would be larger than allowed.

        Args:
            installation: Of BLAST+.
            database: The one that was searched.
            ids: Of all subjects, as ``sseqid`` prints them.
            scratch: An empty folder.
            most_bytes: Of the copy before it is packed.
        """
        if self.are_kept:
            return True
        by_id = all(volume.id_index for volume in database.volumes)
        found = _with_ids(installation, database, ids, scratch) if by_id else _without_ids(database, self.folder)
        if found is None:
            return False
        oids = sorted(found) or [_short(database)]
        if _size(database, oids, by_id=by_id) > most_bytes:
            return False
        if by_id and found and not _write_id_index(installation, database, found, scratch):
            return False
        kept = None if by_id else Oids(oids, database.num_seqs)
        VolumeWriter(scratch / VOLUME, database.molecule, database.date, kept).write(by_volume(database, oids))
        facts: dict[str, object] = {"name": database.name, "molecule": database.molecule, "title": database.title}
        facts |= {"num_seqs": database.num_seqs, "letters": database.letters}
        self._pack(scratch, facts)
        return True

    def open(self, scratch: Path) -> Database:
        """Unpack them into an empty folder, in which BLAST+ then finds a database of the searched one's name."""
        kept = self.folder / KEPT
        facts: dict[str, Any] = json.loads((kept / FACTS).read_text())
        volumes = scratch / "volumes"
        volumes.mkdir()
        for packed in kept.glob("*.zst"):
            unpack(packed, volumes / packed.stem)
        molecule = Molecule(facts["molecule"])
        database = Database(facts["name"], molecule, facts["num_seqs"], facts["letters"], (), None, facts["title"])
        write_alias(scratch, database.name, database, [volumes / VOLUME], title=database.title)
        return database

    def _pack(self, scratch: Path, facts: dict[str, object]) -> None:
        partial = self.folder / f"{KEPT}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for file in scratch.glob(f"{VOLUME}.*"):
            pack(file, partial / f"{file.name}.zst")
        (partial / FACTS).write_text(json.dumps(facts))
        os.replace(partial, self.folder / KEPT)


def _with_ids(
    installation: Installation, database: Database, ids: Iterable[str], scratch: Path
) -> dict[int, list[str]] | None:
    """Return the OIDs of these ids with all ids of each sequence, as FASTA spells them.

    None if an id is not found, or names several sequences.
    """
    unique = sorted(one.encode() for one in set(ids))
    if not unique:
        return {}
    lines = looked_up(installation, Processes(), database, unique, scratch / "ids", "%o\t%g\t%i")
    found: dict[int, list[str]] = {}
    for line in lines or ():
        oid, gi, one = line.split("\t", 2)
        words = found.setdefault(int(oid), [])
        name = one if gi in ("N/A", "0") else f"gi|{gi}|{one}"
        if name not in words:
            words.append(name)
    return found if len(found) == len(unique) else None


def _without_ids(database: Database, folder: Path) -> dict[int, list[str]] | None:
    """Return the OIDs of all subjects; None if some sequences of the database have ids."""
    if any(volume.id_index for volume in database.volumes):
        return None
    return {oid: [] for path in (folder / "merged").glob("*.asn") for oid in _ordinals(path) if oid < database.num_seqs}


def _ordinals(path: Path) -> Iterator[int]:
    if path.stat().st_size:
        with path.open("rb") as file, closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as text:
            yield from ordinal_ids(text)


def _short(database: Database) -> int:
    """Return the OID of a short sequence."""
    first = database.volumes[0]
    return min(islice(range(first.num_seqs), SHORT_AMONG), key=lambda oid: first.letters_of(oid, oid + 1))


def _size(database: Database, oids: Iterable[int], *, by_id: bool) -> int:
    """Return the bytes of a copy's sequences and, where it keeps the OIDs, of its index."""
    sequences = sum(
        volume.offset(1, oid + 1) - volume.offset(1, oid) for volume, own in by_volume(database, oids) for oid in own
    )
    return sequences + (0 if by_id else 12 * database.num_seqs)


def _write_id_index(installation: Installation, database: Database, found: dict[int, list[str]], scratch: Path) -> bool:
    """Write the files in which ids are looked up; those of the sequences are to be replaced."""
    letter = _STUB[database.molecule]
    stubs = "".join(f">{chr(1).join(found[oid])}\n{letter}\n" for oid in sorted(found))
    argv = [installation.program("makeblastdb"), "-dbtype", database.molecule.dbtype, "-parse_seqids", "-in", "-"]
    argv += ["-blastdb_version", "4", "-title", VOLUME, "-out", VOLUME]
    return run(argv, stdin=stubs.encode(), folder=scratch).status == 0
