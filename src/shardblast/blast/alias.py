"""Alias files, through which BLAST+ sees a shard with the statistics of the whole database.

Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbalias.cpp. ``STATS_*`` set the effective search space of
every query, ``NSEQ`` and ``LENGTH`` the printed totals and the average sequence length, ``MIN_SEQ_LENGTH`` the length
for the preliminary E-value cutoff.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from shardblast.blast.database import Database, Filter, Totals
from shardblast.blast.volume import View, write_view


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
    """Write an alias with the totals that a search of the whole database sees; return the quoted path for ``-db``.

    ``folder`` is never that of the user's database. ``volumes`` without folder are relative to the alias. ``printed``
    are totals to print, if they differ from those for statistics; ``totals`` says whether the alias has any.
    """
    text = [f"TITLE {title}", "DBLIST " + " ".join(f'"{path}"' for path in volumes), *lines]
    if totals:
        statistics, shown = database.searched, printed or database.searched
        text += [f"NSEQ {shown.num_seqs}", f"LENGTH {shown.letters}"]
        text += [f"STATS_NSEQ {statistics.num_seqs}", f"STATS_TOTLEN {statistics.letters}"]
        text += [] if statistics.min_length is None else [f"MIN_SEQ_LENGTH {statistics.min_length}"]
    path = folder / f"{name}.{database.molecule.alias_suffix}"
    path.write_text("\n".join(text) + "\n", errors="surrogateescape")
    return quoted(folder / name)


def write_part(
    folder: Path,
    name: str,
    database: Database,
    volumes: Sequence[int],
    oids: range | None = None,
    view: View | None = None,
) -> str:
    """Write the alias of the volumes with these indices, or of their views, restricted by the database's filter.

    ``oids`` are 0-based and select from a single volume; None: all. The views are written to the folder, too.
    """
    selection = database.filter
    if view is not None:
        every = tuple(
            b"\1" * volume.num_seqs if place in volumes else b"" for place, volume in enumerate(database.volumes)
        )
        selection = selection or Filter(every, (), Totals(0, 0))
        for place in volumes:
            path = folder / _view_of(place, view)
            if not path.with_name(f"{path.name}.{database.molecule.letter}in").exists():
                write_view(database.volumes[place], path, view)
    if selection is not None and (selection.line is None or view is not None):
        return write_alias(folder, name, database, _masked(folder, name, database, selection, volumes, oids, view))
    lines = [] if oids is None else [f"FIRST_OID {oids.start + 1}", f"LAST_OID {oids.stop}"]
    lines += [selection.line] if selection and selection.line else []
    return write_alias(folder, name, database, [database.volumes[index].path for index in volumes], lines)


def write_masked(folder: Path, name: str, database: Database, kept: Mapping[int, bytes]) -> str:
    """Write the alias of some sequences of some volumes, without totals; return the path for ``-db``.

    ``kept`` has, by volume index, one byte per OID: 1 if the sequence is visible, otherwise 0.
    """
    visible = tuple(kept.get(index, b"") for index in range(len(database.volumes)))
    paths = _masked(folder, name, database, Filter(visible, (), Totals(0, 0)), sorted(kept), None)
    return write_alias(folder, name, database, paths, totals=False)


def quoted(path: Path) -> str:
    """Return a path for ``-db``, where blanks separate databases unless they are within double quotes."""
    return f'"{path}"' if " " in str(path) else str(path)


def _view_of(index: int, view: View) -> Path:
    """Return a name by which BLAST+, which sorts volumes by their names, leaves views in the order of the volumes."""
    return Path(f"view{view.value}.{index:06d}")


def _masked(
    folder: Path,
    name: str,
    database: Database,
    selection: Filter,
    volumes: Sequence[int],
    oids: range | None,
    view: View | None = None,
) -> list[Path]:
    """Write an alias per volume, or per view, because a mask applies to one volume; return their names."""
    names = []
    for index in volumes:
        mask = folder / f"{name}.{index}.msk"
        mask.write_bytes(selection.mask(index, oids, view.spread if view else 1))
        paths = [_view_of(index, view) if view else database.volumes[index].path]
        write_alias(folder, f"{name}.{index}", database, paths, [f"OIDLIST {mask.name}"], totals=False)
        names.append(Path(f"{name}.{index}"))
    return names
