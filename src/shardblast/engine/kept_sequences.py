"""Copies the parts of a database that printing a stored search needs: the hit sequences and the list of ids.

``blast_formatter`` reads the aligned part of a subject, its titles, its length and its taxids from the database. It can
read all of these from a copy of the subjects, behind an alias with the name, title and totals of the whole database.
Subjects without ids keep their OIDs in the copy. Subjects with ids are found through an index made for these ids.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbvol.cpp (CSeqDBVol::SeqidToOids).
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from shardblast.blast.alias import write_alias
from shardblast.blast.compression import pack, unpack
from shardblast.blast.database import Database, Filter, Totals
from shardblast.blast.installation import Installation
from shardblast.blast.process import Processes
from shardblast.blast.seqalign import ordinal_ids
from shardblast.blast.sequences import by_volume, ids_by_oid, write_id_index
from shardblast.blast.volume import Oids, Volume, VolumeWriter, read_volume
from shardblast.core.program import Molecule

KEPT = "hits"
"""The folder of the copy in a search's folder: zstd-compressed files, and facts about the database."""
FACTS = "database.json"
VOLUME = "volume"
SHORT_AMONG = 1000
"""The number of first sequences of a database; the shortest of them is copied for a search without hits."""

FILTER_FACTS = "merged/filter"
LIST = "merged/listed"
"""A copy of the list of ids, which is kept if sequences also have titles that the list does not name."""


@dataclass(frozen=True, slots=True)
class HitSequences:
    """The copied sequences of a stored search."""

    folder: Path
    """The search's folder."""

    @property
    def are_kept(self) -> bool:
        """Whether the result can be printed without its database."""
        return (self.folder / KEPT / FACTS).exists()

    def keep(
        self,
        installation: Installation,
        processes: Processes,
        database: Database,
        ids: Iterable[str],
        scratch: Path,
        most_bytes: int,
    ) -> bool:
        """Copy the sequences; return whether that was possible.

        It is impossible if an id names several sequences, which only the whole database can distinguish, if a filter
        hides titles that the copy would show, or if the copy would be larger than ``most_bytes`` before compression.

        ``ids`` are the ``sseqid`` of all subjects, ``scratch`` is an empty folder.
        """
        if StoredFilter(self.folder).hides_titles:
            return False
        if self.are_kept:
            return True
        if all(volume.id_index for volume in database.volumes):
            oids = _with_ids(installation, processes, database, ids, scratch)
        else:
            oids = _without_ids(database, self.folder)
        if oids is None:
            return False
        sources = by_volume(database, sorted(oids) or [_short(database)])
        return self.write(installation, processes, database, oids, sources, scratch, most_bytes)

    def write(
        self,
        installation: Installation,
        processes: Processes,
        database: Database,
        found: Mapping[int, Sequence[str]],
        sources: Iterable[tuple[Volume, Sequence[int]]],
        scratch: Path,
        most_bytes: int,
    ) -> bool:
        """Copy sequences; return whether they are small enough. See ``keep``.

        ``found`` has the ids of each OID to copy. If it is empty, ``sources``, in OID order, holds any one sequence.
        """
        copied = list(sources)
        by_id = all(volume.id_index for volume in database.volumes)
        if _size(copied, 0 if by_id else database.num_seqs) > most_bytes:
            return False
        if by_id and found and not write_id_index(installation, processes, scratch / VOLUME, database.molecule, found):
            return False
        kept = None if by_id else Oids(sorted(found) or [0], database.num_seqs)
        stoppable = ((volume, processes.over(own)) for volume, own in copied)
        VolumeWriter(scratch / VOLUME, database.molecule, database.date, kept).write(stoppable)
        facts = {name: getattr(database, name) for name in ("name", "molecule", "title", "num_seqs", "letters")}
        self._pack(scratch, facts, processes)
        return True

    def open(self, scratch: Path) -> Database:
        """Unpack the sequences into an empty folder, where BLAST+ finds them as a database of the original name."""
        kept = self.folder / KEPT
        facts: dict[str, Any] = json.loads((kept / FACTS).read_text())
        volumes = scratch / "volumes"
        volumes.mkdir()
        for packed in kept.glob("*.zst"):
            unpack(packed, volumes / packed.stem)
        molecule = Molecule(facts["molecule"])
        database = Database(
            name=facts["name"],
            molecule=molecule,
            num_seqs=facts["num_seqs"],
            letters=facts["letters"],
            volumes=(read_volume(volumes / VOLUME, molecule),),
            obstacle=None,
            title=facts["title"],
            search_path=os.pathsep.join([str(scratch), os.environ.get("BLASTDB", "")]),
        )
        write_alias(scratch, database.name, database, [volumes / VOLUME], title=database.title)
        return database

    def _pack(self, scratch: Path, facts: dict[str, object], processes: Processes) -> None:
        partial = self.folder / f"{KEPT}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for file in scratch.glob(f"{VOLUME}.*"):
            pack(file, partial / f"{file.name}.zst", processes.check)
        (partial / FACTS).write_text(json.dumps(facts))
        os.replace(partial, self.folder / KEPT)


@dataclass(frozen=True, slots=True)
class StoredFilter:
    folder: Path
    """The search's folder."""

    def keep(self, chosen: Filter) -> None:
        """Store the parts of a filter that printing needs."""
        if chosen.line is not None:
            shutil.copyfile(self.folder / chosen.line.split()[1], self.folder / LIST)
        facts = {"totals": asdict(chosen.totals), "kind": chosen.line and chosen.line.split()[0]}
        partial = self.folder / "filter.partial"
        partial.write_text(json.dumps(facts))
        partial.replace(self.folder / FILTER_FACTS)

    @property
    def hides_titles(self) -> bool:
        """Whether the search shows only some titles of a sequence."""
        facts = self._facts()
        return facts is not None and facts["kind"] is not None

    def applied(self, database: Database, scratch: Path) -> Database:
        """Return the whole database with the search's filter, for its statistics and titles.

        The folder ``scratch`` gets an alias of the same name, which hides the titles that the list does not name.
        """
        facts = self._facts()
        if facts is None:
            return database
        seen = replace(database, filter=Filter((), (), Totals(**facts["totals"])))
        if facts["kind"] is None:
            return seen
        folder = scratch / "listed"
        folder.mkdir()
        shutil.copyfile(self.folder / LIST, folder / "list")
        volumes = [volume.path for volume in database.volumes]
        totals = Totals(database.num_seqs, database.letters)
        lines = [f"{facts['kind']} list"]
        write_alias(
            folder, database.name, replace(database, filter=None), volumes, lines, database.title, printed=totals
        )
        found_in = os.pathsep.join([str(folder), database.search_path or os.environ.get("BLASTDB", "")])
        return replace(seen, search_path=found_in)

    def _facts(self) -> dict[str, Any] | None:
        path = self.folder / FILTER_FACTS
        return json.loads(path.read_text()) if path.exists() else None


def _with_ids(
    installation: Installation, processes: Processes, database: Database, ids: Iterable[str], scratch: Path
) -> dict[int, list[str]] | None:
    """Return the OIDs of these ids with all ids of each sequence; None if an id is not found or names several."""
    unique = {subject_id.encode() for subject_id in ids}
    oids = ids_by_oid(installation, processes, database, unique, scratch / "ids")
    return oids if oids is not None and len(oids) == len(unique) else None


def _without_ids(database: Database, folder: Path) -> dict[int, list[str]] | None:
    """Return the OIDs of all subjects; None if any sequences of the database have ids."""
    if database.has_ids:
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


def _size(sources: Iterable[tuple[Volume, Sequence[int]]], indexed: int) -> int:
    """Return the size of a copy: its sequences, and its index if that keeps the OIDs of ``indexed`` sequences."""
    return (
        sum(volume.offset(1, oid + 1) - volume.offset(1, oid) for volume, own in sources for oid in own) + 12 * indexed
    )
