"""A generation of a database of which perhaps only some volumes are on this machine."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from shardblast.blast.database import Database
from shardblast.blast.volume import Volume, read_volume
from shardblast.core.generation import Generation, VolumeMetadata


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


def _described(generation: Generation, one: VolumeMetadata, folder: Path) -> Volume:
    """Return what is known of a volume without its index."""
    letter = generation.molecule.letter
    shared = [folder / file.name for file in generation.shared if file.name.endswith(f".{letter}os")]
    own = [folder / file.name for file in one.files if file.name.endswith(f".{letter}sd")]
    ids = next(iter([*shared, *own]), None)
    return Volume(
        folder / one.name, generation.molecule, generation.version, one.num_seqs, one.letters, one.max_length, 0, ids
    )
