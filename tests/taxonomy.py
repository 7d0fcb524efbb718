"""Taxonomy files of a few taxids, in NCBI's format."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

PARENTS = {1: 1, 2: 1, 562: 2, 511145: 562, 83333: 562, 2759: 1, 9606: 2759, 10090: 2759}
NAMES = {
    562: ("Escherichia coli", "E. coli", "enterobacteria", "B"),
    9606: ("Homo sapiens", "human", "primates", "E"),
    10090: ("Mus musculus", "house mouse", "rodents", "E"),
}
_MAGIC = 0x8739


def write_taxonomy(folder: Path, parents: Mapping[int, int] = PARENTS) -> Path:
    """Write ``taxonomy4blast.sqlite3``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "taxonomy4blast.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE TaxidInfo (taxid INTEGER PRIMARY KEY, parent INTEGER)")
        connection.execute("CREATE INDEX TaxidInfoCompositeIdx_parent ON TaxidInfo(parent, taxid)")
        connection.executemany("INSERT INTO TaxidInfo VALUES (?, ?)", parents.items())
    return path


def write_names(folder: Path, names: Mapping[int, tuple[str, str, str, str]] = NAMES) -> None:
    """Write ``taxdb.bti`` and ``taxdb.btd``.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbtax.cpp: a magic number, the number of taxids, four unused
        numbers, then each taxid with the place of its names; names in order: scientific, common, blast, kingdom.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = struct.pack(">6I", _MAGIC, len(names), 0, 0, 0, 0)
    data = b""
    for taxid in sorted(names):
        index += struct.pack(">2I", taxid, len(data))
        data += "\t".join(names[taxid]).encode()
    (folder / "taxdb.bti").write_bytes(index)
    (folder / "taxdb.btd").write_bytes(data)
