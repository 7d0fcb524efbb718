"""Alias files: how a shard is seen by BLAST+ with the statistics of the whole database.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbalias.cpp. ``STATS_*`` set the effective search space of every
    query, ``NSEQ`` and ``LENGTH`` the printed totals and the average length of a sequence, ``MIN_SEQ_LENGTH`` the
    length that the preliminary E-value limit is computed for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from shardblast.blast.database import Database, Filter, Totals
from shardblast.core.cutting import Shard


def write_alias(
    folder: Path,
    name: str,
    database: Database,
    volumes: Sequence[Path],
    lines: Sequence[str] = (),
    title: str = "shard",
    *,
    printed: Totals | None = None,
    totals: bool = True,
) -> str:
    """Write an alias with the totals that a search of the database sees; return what to give to ``-db``, quoted.

    Args:
        folder: Where it goes; never the folder of the user's database.
        name: File name without suffix.
        database: The whole database, for its totals.
        volumes: What the alias shows; a path without a folder is beside the alias.
        lines: What else is to be in it.
        title: As it is printed.
        printed: Totals to print, if others than those of the statistics.
        totals: Whether it is to have any.
    """
    text = [f"TITLE {title}", "DBLIST " + " ".join(f'"{path}"' for path in volumes), *lines]
    if totals:
        text += _totals(database.searched, printed or database.searched)
    path = folder / f"{name}.{database.molecule.alias_suffix}"
    path.write_text("\n".join(text) + "\n", errors="surrogateescape")
    return quoted(folder / name)


def write_part(folder: Path, name: str, database: Database, volumes: Sequence[int], oids: range | None = None) -> str:
    """Write the alias of some volumes, or of some OIDs of one, as far as a search of the database sees them.

    Args:
        folder: Where it goes.
        name: File name without suffix.
        database: The whole database.
        volumes: Places in its list of volumes.
        oids: Of a single volume, the OIDs to show, 0-based; None shows all.
    """
    paths = [database.volumes[place].path for place in volumes]
    chosen = database.filter
    if chosen is not None and chosen.line is None:
        paths = _masked(folder, name, database, chosen, volumes, oids)
        return write_alias(folder, name, database, paths)
    lines = [] if oids is None else [f"FIRST_OID {oids.start + 1}", f"LAST_OID {oids.stop}"]
    lines += [chosen.line] if chosen is not None and chosen.line is not None else []
    return write_alias(folder, name, database, paths, lines)


def write_shard(folder: Path, database: Database, shard: Shard) -> str:
    """Write a shard's alias; return the path to give to ``-db``."""
    return write_part(folder, f"shard{shard.index}", database, shard.volumes, shard.oids)


def write_masked(folder: Path, name: str, database: Database, kept: Mapping[int, bytes]) -> str:
    """Write the alias of some sequences of some volumes, without totals; return the path to give to ``-db``.

    Args:
        folder: Where it goes.
        name: File name without suffix.
        database: The whole database.
        kept: For each of these volumes a byte for each OID: 1 to show it, else 0.
    """
    shown = tuple(kept.get(place, b"") for place in range(len(database.volumes)))
    paths = _masked(folder, name, database, Filter(shown, (), Totals(0, 0)), sorted(kept), None)
    return write_alias(folder, name, database, paths, totals=False)


def quoted(path: Path) -> str:
    """Return a path as ``-db`` takes it: blanks separate databases there, unless in double quotes."""
    return f'"{path}"' if " " in str(path) else str(path)


def _masked(
    folder: Path, name: str, database: Database, chosen: Filter, volumes: Sequence[int], oids: range | None
) -> list[Path]:
    """Write an alias with a mask for each volume, since a mask is for one volume; return their names."""
    names = []
    for place in volumes:
        mask = folder / f"{name}.{place}.msk"
        mask.write_bytes(chosen.mask(place, oids))
        paths = [database.volumes[place].path]
        write_alias(folder, f"{name}.{place}", database, paths, [f"OIDLIST {mask.name}"], totals=False)
        names.append(Path(f"{name}.{place}"))
    return names


def _totals(statistics: Totals, printed: Totals) -> list[str]:
    lines = [f"NSEQ {printed.num_seqs}", f"LENGTH {printed.letters}"]
    lines += [f"STATS_NSEQ {statistics.num_seqs}", f"STATS_TOTLEN {statistics.letters}"]
    return lines if statistics.min_length is None else [*lines, f"MIN_SEQ_LENGTH {statistics.min_length}"]
