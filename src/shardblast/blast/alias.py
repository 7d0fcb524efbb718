"""Alias files: how a shard is seen by BLAST+ with the statistics of the whole database.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbalias.cpp. ``STATS_*`` set the effective search space of every
    query, ``NSEQ`` and ``LENGTH`` the printed totals and the average length of a sequence.
"""

from __future__ import annotations

from pathlib import Path

from shardblast.blast.database import Database
from shardblast.core.planning import Shard


def write_alias(
    folder: Path, name: str, database: Database, volumes: list[Path], oids: range | None = None, title: str = "shard"
) -> str:
    """Write an alias with the whole database's totals; return the path to give to ``-db``, quoted as BLAST+ wants it.

    Args:
        folder: Where it goes; never the folder of the user's database.
        name: File name without suffix.
        database: The whole database, for its totals.
        volumes: What the alias shows.
        oids: Of a single volume, the OIDs to show, 0-based; None shows all.
        title: As it is printed.
    """
    lines = [f"TITLE {title}", "DBLIST " + " ".join(f'"{path}"' for path in volumes)]
    if oids is not None:
        lines += [f"FIRST_OID {oids.start + 1}", f"LAST_OID {oids.stop}"]
    lines += [f"NSEQ {database.num_seqs}", f"LENGTH {database.letters}"]
    lines += [f"STATS_NSEQ {database.num_seqs}", f"STATS_TOTLEN {database.letters}"]
    path = folder / f"{name}.{database.molecule.alias_suffix}"
    path.write_text("\n".join(lines) + "\n", errors="surrogateescape")
    return quoted(folder / name)


def write_shard(folder: Path, database: Database, shard: Shard) -> str:
    """Write a shard's alias; return the path to give to ``-db``."""
    volumes = [database.volumes[index].path for index in shard.volumes]
    return write_alias(folder, f"shard{shard.index}", database, volumes, shard.oids)


def quoted(path: Path) -> str:
    """Return a path as ``-db`` takes it: blanks separate databases there, unless in double quotes."""
    return f'"{path}"' if " " in str(path) else str(path)
