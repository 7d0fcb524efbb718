"""Sequences of a database as FASTA, as ``blastdbcmd`` writes them: whole, or a region of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from shardblast.blast.alias import quoted
from shardblast.blast.candidates import by_volume
from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import checked, run
from shardblast.blast.volume import VolumeWriter

BLOCK_BYTES = 1 << 20
_UNNAMED = re.compile(rb"\A>:(\S+) (\S+)")
"""How ``blastdbcmd`` begins the region of a sequence without an id: the first word of the title stands for that."""

Key = str | int
"""Of a sequence: its id, as ``sseqid`` prints it, or its OID in the whole database."""


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
                words, environment = _by_oid(database, [key for key in wanted if isinstance(key, int)], region, part)
            else:
                words, environment = _by_id(database, [str(key) for key in wanted], region, part)
            argv = [installation.program("blastdbcmd"), *words, "-dbtype", database.molecule.dbtype]
            argv += ["-outfmt", "%f", "-out", str(part)]
            checked(run(argv, environment=environment), "the reading of subjects")
            with part.open("rb") as source:
                whole.write(_UNNAMED.sub(rb">\2:\1", source.read(BLOCK_BYTES), count=1))
                while block := source.read(BLOCK_BYTES):
                    whole.write(block)
            part.unlink()


def _by_id(
    database: Database, ids: Sequence[str], region: Region | None, part: Path
) -> tuple[list[str], dict[str, str]]:
    file = part.with_suffix(".ids")
    place = "" if region is None else f" {region.start}-{region.end} {'minus' if region.is_minus else 'plus'}"
    file.write_text("".join(f"{one}{place}\n" for one in ids))
    return ["-db", database.name, "-entry_batch", str(file)], database.environment


def _by_oid(
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
