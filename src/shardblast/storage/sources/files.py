"""Files of BLAST databases in a folder of ours: which names they may have, and how BLAST+ finds them there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shardblast.blast.alias import quoted
from shardblast.blast.database import Database, open_database
from shardblast.blast.installation import Installation
from shardblast.blast.metadata import TAXONOMY
from shardblast.core.errors import DatabaseError, DiskFull, file_error
from shardblast.core.program import Molecule

_VOLUME_NUMBER = re.compile(r"\.\d{2,}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}\.[np][a-z0-9]{2}")


def is_database_file(name: str) -> bool:
    """Tell whether a file of a BLAST database, or of the taxonomy beside it, may have such a name."""
    return name in TAXONOMY or _NAME.fullmatch(name) is not None


def checked_file_name(name: str, where: str) -> str:
    """Return a name that is one of a database's file, and no path.

    Raises:
        DatabaseError: It is none.
    """
    if not is_database_file(name):
        raise DatabaseError(
            f"{where} names {name[:200]!r}, which is no name of a database's file.",
            remedy="Nothing was brought; use another source.",
        )
    return name


def find_database(installation: Installation, path: Path) -> Database:
    """Open the database at a path, as ``-db`` names it, of whichever molecule its files are.

    Where there is one of each, it is the nucleotide database.

    Raises:
        DatabaseError: There is none, or BLAST+ can't open it.
    """
    molecule = next(_molecules(path), None)
    if molecule is None:
        raise _no_database(path)
    try:
        return open_database(installation, quoted(path.absolute()), molecule, os.environ.get("BLASTDB", ""))
    except DatabaseError as error:
        raise DatabaseError(
            f"BLAST+ can't read the database {path}: {error.problem}", remedy="Make it again, or name another one."
        ) from error


def has_database(path: Path) -> bool:
    """Tell whether an index or an alias is there, by the path as ``-db`` names it."""
    return next(_molecules(path), None) is not None


def _molecules(path: Path) -> Iterator[Molecule]:
    """Yield the molecules of which there is an index or an alias, nucleotides first."""
    for molecule in Molecule if path.name else ():
        names = [f"{path.name}.{molecule.letter}{last}" for last in ("in", "al")]
        if any(os.path.isfile(path.with_name(name)) for name in names):  # False where Path.is_file() raises
            yield molecule


def _no_database(path: Path) -> DatabaseError:
    """Return what says that there is no database, with the path that was probably meant."""
    if is_database_file(path.name) and path.name not in TAXONOMY:
        volume = path.with_suffix("")
        whole = _VOLUME_NUMBER.sub("", volume.name)
        for meant in (path.with_name(whole or volume.name), volume):
            if has_database(meant):
                return DatabaseError(f"{path} is one file of a BLAST database.", remedy=f"Did you mean {meant}?")
    return DatabaseError(
        f"There is no BLAST database at {path}: there is no file {path}.n* or {path}.p*.",
        remedy="Name the path of a BLAST database without its suffix (.nin, .pal), or a FASTA file.",
    )


def write_alias(path: Path, title: str, volumes: Iterable[str], molecule: Molecule) -> None:
    """Let BLAST+ find volumes under one name, unless it does already.

    Args:
        path: The name, without suffix.
        title: Of the database.
        volumes: Names of volumes in the same folder, in OID order.
        molecule: Of the database.
    """
    names = list(volumes)
    if names == [path.name]:
        return
    listed = " ".join(f'"{name}"' for name in names)
    alias = path.with_name(f"{path.name}.{molecule.alias_suffix}")
    partial = alias.with_name(f"{alias.name}.partial")
    line = " ".join(title.splitlines())
    partial.write_text(f"TITLE {line}\nDBLIST {listed}\n", errors="surrogateescape")
    partial.replace(alias)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Translate what writing files raises."""
    try:
        yield
    except OSError as error:
        raise file_error(error) from error


def require_room(folder: Path, size_bytes: int) -> None:
    """See that a disk has so much space.

    Raises:
        DiskFull: It has not.
    """
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise DiskFull(f"The database needs {size_bytes:,} bytes more, and the disk has {free:,}.")
