"""What a stored search keeps of its database: the sequences that it hit, and its list of ids.

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
"""The folder, in a search's own, of the copy: files packed with zstd, and what is known of the database."""
FACTS = "database.json"
VOLUME = "volume"
SHORT_AMONG = 1000
"""The first sequences of a database, of which the shortest stands for the hits of a search that has none."""

FILTER_FACTS = "merged/filter"
LIST = "merged/listed"
"""The list itself, where sequences have other titles too than those that it names."""


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
        self,
        installation: Installation,
        processes: Processes,
        database: Database,
        ids: Iterable[str],
        scratch: Path,
        most_bytes: int,
    ) -> bool:
        """Copy them; return whether that was possible.

        It is not where ids may name several sequences, which only the whole database tells apart, and where the copy
        would be larger than allowed.

        Args:
            installation: Of BLAST+.
            processes: Their ``stop`` ends the copying.
            database: The one that was searched.
            ids: Of all subjects, as ``sseqid`` prints them.
            scratch: An empty folder.
            most_bytes: Of the copy before it is packed.
        """
        if self.are_kept:
            return True
        by_id = all(volume.id_index for volume in database.volumes)
        found = (
            _with_ids(installation, processes, database, ids, scratch) if by_id else _without_ids(database, self.folder)
        )
        if found is None:
            return False
        sources = by_volume(database, sorted(found) or [_short(database)])
        return self.write(installation, processes, database, found, sources, scratch, most_bytes)

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
        """Copy sequences that were found; return whether they are few enough.

        Args:
            installation: Of BLAST+.
            processes: Their ``stop`` ends the copying.
            database: The one that was searched.
            found: Of each OID to copy, all ids; none for a sequence that has none. If there are none at all, the first
                of ``sources`` is some sequence that stands for them.
            sources: Where the sequences are, in the order of their OIDs.
            scratch: An empty folder.
            most_bytes: Of the copy before it is packed.
        """
        copied = list(sources)
        by_id = all(volume.id_index for volume in database.volumes)
        if _size(copied, 0 if by_id else database.num_seqs) > most_bytes:
            return False
        if by_id and found and not write_id_index(installation, processes, scratch / VOLUME, database.molecule, found):
            return False
        oids = sorted(found) or [0]
        kept = None if by_id else Oids(oids, database.num_seqs)
        stoppable = ((volume, processes.over(own)) for volume, own in copied)
        VolumeWriter(scratch / VOLUME, database.molecule, database.date, kept).write(stoppable)
        facts: dict[str, object] = {"name": database.name, "molecule": database.molecule, "title": database.title}
        facts |= {"num_seqs": database.num_seqs, "letters": database.letters}
        self._pack(scratch, facts, processes)
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
        sizes, search_path = (
            (facts["num_seqs"], facts["letters"]),
            os.pathsep.join([str(scratch), os.environ.get("BLASTDB", "")]),
        )
        copied = (read_volume(volumes / VOLUME, molecule),)
        database = Database(facts["name"], molecule, *sizes, copied, None, facts["title"], search_path=search_path)
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
    """That of one stored search."""

    folder: Path
    """The search's own."""

    def keep(self, chosen: Filter) -> None:
        """Write down what a filter leaves."""
        if chosen.line is not None:
            shutil.copyfile(self.folder / chosen.line.split()[1], self.folder / LIST)
        facts = {"totals": asdict(chosen.totals), "kind": chosen.line and chosen.line.split()[0]}
        partial = self.folder / "filter.partial"
        partial.write_text(json.dumps(facts))
        partial.replace(self.folder / FILTER_FACTS)

    @property
    def hides_titles(self) -> bool:
        """Whether the search shows some titles of a sequence and not others."""
        facts = self._facts()
        return facts is not None and facts["kind"] is not None

    def applied(self, database: Database, scratch: Path) -> Database:
        """Return a database as the search saw it, for its statistics and its titles.

        Args:
            database: The whole one.
            scratch: A folder for an alias of the same name, which hides what the list does not name.
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
    """Return the OIDs of these ids with all ids of each sequence; None if one is not found, or names several."""
    unique = {one.encode() for one in ids}
    found = ids_by_oid(installation, processes, database, unique, scratch / "ids")
    return found if found is not None and len(found) == len(unique) else None


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


def _size(sources: Iterable[tuple[Volume, Sequence[int]]], indexed: int) -> int:
    """Return the bytes of a copy's sequences and, where it keeps the OIDs of so many, of its index."""
    return (
        sum(volume.offset(1, oid + 1) - volume.offset(1, oid) for volume, own in sources for oid in own) + 12 * indexed
    )
