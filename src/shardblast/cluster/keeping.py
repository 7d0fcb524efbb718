"""The sequences that a search on a cluster has hit, kept so that its result is printed without its database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from shardblast.blast.database import Database
from shardblast.blast.process import Processes
from shardblast.cluster.hosted import HostedSearch
from shardblast.cluster.order import subjects_key
from shardblast.core.program import Molecule
from shardblast.engine.restriction import FACTS, StoredFilter
from shardblast.engine.sequences import KEPT, HitSequences
from shardblast.storage.layout import search_key

if TYPE_CHECKING:
    from shardblast.cluster.remote import RemoteParts

LETTERS_OF_A_BYTE = {Molecule.NUCLEOTIDE: 4, Molecule.PROTEIN: 1}


def all_subjects(hosted: HostedSearch, batches: int) -> set[str | int] | None:
    """Return the subjects of all batches; None if some have ids that can't be looked up.

    Raises:
        NotFoundError: They are not told any more.
    """
    names: set[str | int] = set()
    for batch in range(batches):
        some = json.loads(hosted.read(subjects_key(batch)))
        if some is None:
            return None
        names.update(some)
    return names


def are_kept(hosted: HostedSearch) -> bool:
    """Tell whether there are kept sequences."""
    return any(True for _ in hosted.host.objects.keys(search_key(hosted.run.search, KEPT)))


def hides_titles(hosted: HostedSearch, folder: Path) -> bool:
    """Tell whether a filter hides titles of sequences, which kept sequences would show."""
    (folder / "merged").mkdir()
    if hosted.has(FACTS):
        hosted.host.objects.fetch(search_key(hosted.run.search, FACTS), folder / FACTS)
    return StoredFilter(folder).hides_titles


def keep_sequences(
    hosted: HostedSearch,
    processes: Processes,
    names: set[str | int],
    database: Database,
    parts: RemoteParts,
    folder: Path,
    most_bytes: int,
) -> bool:
    """Store the sequences of subjects; tell whether they can be found, and are few enough.

    Args:
        hosted: The search.
        processes: Their ``stop`` ends the copying.
        names: The subjects, by ids or, where the database has none, by OIDs.
        database: The whole, of which no volume need be here.
        parts: Reach the nodes that have the volumes.
        folder: For what is stored.
        most_bytes: Of the sequences.
    """
    found = _by_oid(names, database, parts)
    if found is None or parts.letters_of(found) > most_bytes * LETTERS_OF_A_BYTE[database.molecule]:
        return False
    scratch = folder / "copy"
    scratch.mkdir()
    kept = HitSequences(folder)
    sources = parts.sources(sorted(found) or [0])
    if not kept.write(hosted.host.installation, processes, database, found, sources, scratch, most_bytes):
        return False
    for file in sorted((folder / KEPT).iterdir()):
        hosted.put_plain(file, f"{KEPT}/{file.name}")
    return True


def _by_oid(names: set[str | int], database: Database, parts: RemoteParts) -> dict[int, list[str]] | None:
    """Return subjects by their OIDs, with all their ids where the database has some; None if not all are found."""
    with_ids = {volume.id_index is not None for volume in database.volumes}
    if with_ids == {True, False} or (with_ids == {False} and any(isinstance(one, str) for one in names)):
        return None
    if with_ids != {True}:
        return {int(oid): [] for oid in names}
    found = parts.known_ids([str(name).encode() for name in names]) if names else {}
    return found if len(found) == len(names) else None
