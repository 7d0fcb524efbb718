"""Which taxid is below which, as NCBI's ``taxonomy4blast.sqlite3`` has it, and their names, as ``taxdb`` has them.

BLAST+ from 2.15 on reads the same file, where it finds it, and takes the leaves below a taxid; earlier versions take
taxids as they stand. Here a taxid stands for itself and everything below it, whatever the version.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/tax4blastsqlite.cpp: the table TaxidInfo (taxid, parent);
    seqdbtax.cpp: ``taxdb.bti`` holds a magic number, the number of taxids, four unused numbers, then each taxid with
    the place of its names in ``taxdb.btd``; the scientific name comes first.
"""

from __future__ import annotations

import sqlite3
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from shardblast.core.errors import DatabaseError

FILE = "taxonomy4blast.sqlite3"
NAMES, NAMES_INDEX = "taxdb.btd", "taxdb.bti"
_MAGIC = 0x8739
_HEAD_BYTES, _ENTRY_BYTES = 24, 8
_LONGEST_BYTES = 4096
"""Of the names of a taxid."""

_BELOW = """
WITH RECURSIVE below(taxid) AS (
    VALUES (?) UNION SELECT TaxidInfo.taxid FROM TaxidInfo JOIN below ON TaxidInfo.parent = below.taxid
)
SELECT taxid FROM below
"""


def find_taxonomy(folders: Iterable[Path]) -> Path | None:
    """Return the taxonomy file in the first of these folders that has one."""
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def with_descendants(taxonomy: Path, taxids: Iterable[int]) -> list[int]:
    """Return taxids and all that descend from them, ascending, each once.

    Raises:
        DatabaseError: The file is not what NCBI makes.
    """
    found: set[int] = set()
    with _opened(taxonomy) as connection:
        for taxid in taxids:
            if taxid not in found:
                found.update(row[0] for row in connection.execute(_BELOW, (taxid,)))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What some folders hold of taxids: of either kind of file the first one counts."""

    folders: Sequence[Path]

    @property
    def has_lineages(self) -> bool:
        """Whether it is known what is above what."""
        return find_taxonomy(self.folders) is not None

    def parents(self, taxids: Iterable[int]) -> dict[int, int]:
        """Return the next taxid above each of these and of all above them, as far as they are known.

        Raises:
            DatabaseError: The file is not what NCBI makes.
        """
        tree = find_taxonomy(self.folders)
        parents: dict[int, int] = {}
        if tree is None:
            return parents
        with _opened(tree) as connection:
            for taxid in taxids:
                while taxid not in parents:
                    row = connection.execute("SELECT parent FROM TaxidInfo WHERE taxid = ?", (taxid,)).fetchone()
                    if row is None:
                        break
                    parents[taxid] = int(row[0])
                    taxid = parents[taxid]
        return parents

    def names(self, taxids: Iterable[int]) -> dict[int, str]:
        """Return the scientific names of those taxids that have one."""
        for folder in self.folders:
            if (folder / NAMES).is_file() and (folder / NAMES_INDEX).is_file():
                return _names(folder, taxids)
        return {}


def _names(folder: Path, taxids: Iterable[int]) -> dict[int, str]:
    if not (folder / NAMES_INDEX).stat().st_size:
        return {}
    found: dict[int, str] = {}
    with (
        (folder / NAMES).open("rb") as names,
        (folder / NAMES_INDEX).open("rb") as file,
        closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as index,
    ):
        if len(index) < _HEAD_BYTES or struct.unpack_from(">I", index)[0] != _MAGIC:
            return {}
        places = range((len(index) - _HEAD_BYTES) // _ENTRY_BYTES)
        for taxid in taxids:
            place = bisect_left(places, taxid, key=lambda at: _entry(index, at)[0])
            if place < len(places) and _entry(index, place)[0] == taxid:
                names.seek(_entry(index, place)[1])
                found[taxid] = names.read(_LONGEST_BYTES).partition(b"\t")[0].decode(errors="replace")
    return found


def _entry(index: mmap, place: int) -> tuple[int, int]:
    """Return a taxid of the index, and where its names are."""
    taxid, at = struct.unpack_from(">2I", index, _HEAD_BYTES + _ENTRY_BYTES * place)
    return taxid, at


@contextmanager
def _opened(taxonomy: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{taxonomy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise DatabaseError(f"The taxonomy can't be read: {error}.", remedy=f"Fetch {FILE} again.") from error
