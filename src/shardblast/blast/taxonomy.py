"""The taxonomy: names and descendants of taxids, the tree of the organisms of hits.

BLAST+ from 2.15 on reads the same file, where it finds it, and takes the leaves below a taxid; earlier versions take
taxids as they stand. Here a taxid stands for itself and everything below it, whatever the version.

A search keeps the taxids that its user gave; what they stand for is looked up when it is prepared and kept beside it,
so that it stays the same whatever becomes of the taxonomy, and whatever version of BLAST+ a server has.

Source:
    NCBI C++ Toolkit, objtools/blast/seqdb_reader/tax4blastsqlite.cpp: the table TaxidInfo (taxid, parent);
    seqdbtax.cpp: ``taxdb.bti`` holds a magic number, the number of taxids, four unused numbers, then each taxid with
    the place of its names in ``taxdb.btd``; the scientific name comes first.
"""

from __future__ import annotations

import sqlite3
import struct
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from shardblast.core.errors import DatabaseError
from shardblast.core.option_table import TAXID_FILTERS

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

EXPANSION = "taxids.txt"
AS_THEY_STAND = "-no_taxid_expansion"

ROOT = 1
"""The taxid above all others, which tells nothing."""


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


def write_expansion(words: Sequence[str], folder: Path, taxonomy: Path | None) -> None:
    """Write all taxids that a search's words stand for, if it names some and there is a taxonomy.

    Args:
        words: With the lists named where they lie.
        folder: Of the search.
        taxonomy: The file; None if there is none.

    Raises:
        DatabaseError: The file can't be read.
    """
    name, value = _filter(words)
    if taxonomy is None or name is None or AS_THEY_STAND in words:
        return
    text = Path(value).read_text() if name.endswith("taxidlist") else value.replace(",", "\n")
    taxids = with_descendants(taxonomy, map(int, text.split()))
    partial = folder / f"{EXPANSION}.partial"
    partial.write_text("".join(f"{taxid}\n" for taxid in taxids))
    partial.replace(folder / EXPANSION)


def filter_words(words: Sequence[str], folder: Path, *, known: bool) -> list[str]:
    """Return a search's words with its taxids as they were looked up, so that BLAST+ does not look them up itself.

    Args:
        words: With the lists named where they lie.
        folder: Of the search.
        known: Whether BLAST+ has ``-no_taxid_expansion``.
    """
    name, value = _filter(words)
    if name is None:
        return list(words)
    place = list(words).index(f"-{name}")
    rest = [word for word in (*words[:place], *words[place + 2 :]) if word != AS_THEY_STAND]
    if (folder / EXPANSION).exists():
        name, value = ("negative_" if name.startswith("negative") else "") + "taxidlist", str(folder / EXPANSION)
    return [*rest, f"-{name}", value, *([AS_THEY_STAND] if known else [])]


def told(words: Sequence[str], folder: Path) -> dict[str, Any] | None:
    """Return what was made of a search's taxids, for its report; None if it has none."""
    if _filter(words)[0] is None:
        return None
    if not (folder / EXPANSION).exists():
        return {"with_descendants": False, "taxids": None}
    return {"with_descendants": True, "taxids": len((folder / EXPANSION).read_text().split())}


@dataclass(frozen=True, slots=True)
class Found:
    """Hits that have the same taxids."""

    taxids: Sequence[int]
    hits: int
    bit_score: float
    """The highest."""
    evalue: float
    """The lowest."""


@dataclass(frozen=True, slots=True)
class Organism:
    """A taxid that hits have, or below which there are several of them."""

    taxid: int
    parent: int | None
    """The next one above it that is listed."""
    via: tuple[int, ...]
    """Those between the two that are not listed, since nothing branches there; the highest first."""
    level: int
    """How many listed ones are above it."""
    hits: int
    """At it or below it; a hit with several taxids counts once."""
    own_hits: int
    """At it."""
    bit_score: float
    evalue: float


def tree_of(found: Sequence[Found], parents: Mapping[int, int]) -> list[Organism]:
    """Return the organisms, each after the one above it, those with most hits first.

    Args:
        found: The hits.
        parents: Of each taxid that something is known of, the next one above. Without any the organisms are a list.
    """
    nodes: defaultdict[int, _Node] = defaultdict(_Node)
    for one in found:
        lines = [line_of(taxid, parents) for taxid in one.taxids]
        for taxid in {taxid for line in lines for taxid in line}:
            node = nodes[taxid]
            node.hits += one.hits
            node.own_hits += one.hits if taxid in one.taxids else 0
            node.bit_score = max(node.bit_score, one.bit_score)
            node.evalue = min(node.evalue, one.evalue)
    tops: list[int] = []
    for taxid in nodes:
        above = parents.get(taxid, ROOT)
        (nodes[above].below if above in nodes and above != taxid else tops).append(taxid)
    return list(_listed(nodes, tops))


def line_of(taxid: int, parents: Mapping[int, int]) -> list[int]:
    """Return a taxid and all above it but the root."""
    line = [taxid]
    while (taxid := parents.get(taxid, ROOT)) != ROOT and taxid not in line:
        line.append(taxid)
    return line


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


def _filter(words: Sequence[str]) -> tuple[str | None, str]:
    """Return the option that names taxids, and its value."""
    for place, word in enumerate(words[:-1]):
        if word.startswith("-") and word[1:] in TAXID_FILTERS:
            return word[1:], words[place + 1]
    return None, ""


@dataclass(slots=True)
class _Node:
    hits: int = 0
    own_hits: int = 0
    bit_score: float = 0.0
    evalue: float = float("inf")
    below: list[int] = field(default_factory=list)


def _listed(nodes: Mapping[int, _Node], tops: Sequence[int]) -> Iterator[Organism]:
    """Yield the tree from above; lineages are long, but not so long that a stack would be."""
    waiting: list[tuple[int, int | None, tuple[int, ...], int]] = []

    def wait(taxids: Sequence[int], parent: int | None, via: tuple[int, ...], level: int) -> None:
        ordered = sorted(taxids, key=lambda taxid: (nodes[taxid].hits, -taxid))
        waiting.extend((taxid, parent, via, level) for taxid in ordered)

    wait(tops, None, (), 0)
    while waiting:
        taxid, parent, via, level = waiting.pop()
        node = nodes[taxid]
        if not node.own_hits and len(node.below) == 1:
            wait(node.below, parent, (*via, taxid), level)
            continue
        figures = (node.hits, node.own_hits, node.bit_score, node.evalue)
        yield Organism(taxid, parent, via, level, *figures)
        wait(node.below, taxid, (), level + 1)
