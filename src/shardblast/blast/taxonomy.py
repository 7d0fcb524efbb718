"""The taxonomy: names and descendants of taxids, and the tree of the organisms of hits.

BLAST+ 2.15 and later read the same file, if they find it, and replace a taxid by the leaves below it; earlier versions
use taxids literally. Here a taxid always includes all its descendants.

The expansion of a search's taxids is stored with the search, so that it does not depend on later changes of the
taxonomy or on a server's version of BLAST+.

Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/tax4blastsqlite.cpp: the table TaxidInfo (taxid, parent);
seqdbtax.cpp: ``taxdb.bti`` contains a magic number, the number of taxids, four unused numbers, then each taxid with the
offset of its names in ``taxdb.btd``; the scientific name comes first.
"""

import sqlite3
import struct
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
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
"""Maximum length of the names of a taxid."""

_BELOW = """
WITH RECURSIVE below(taxid) AS (
    VALUES (?) UNION SELECT TaxidInfo.taxid FROM TaxidInfo JOIN below ON TaxidInfo.parent = below.taxid
)
SELECT taxid FROM below
"""

EXPANSION = "taxids.txt"
NO_EXPANSION = "-no_taxid_expansion"

ROOT = 1
"""The taxid above all others, which carries no information."""


def find_taxonomy(folders: Iterable[Path]) -> Path | None:
    """Return the taxonomy file of the first of these folders that has one."""
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def with_descendants(taxonomy: Path, taxids: Iterable[int]) -> list[int]:
    """Return taxids and all their descendants, ascending, without duplicates."""
    expanded: set[int] = set()
    with _opened(taxonomy) as connection:
        for taxid in taxids:
            if taxid not in expanded:
                expanded.update(row[0] for row in connection.execute(_BELOW, (taxid,)))
    return sorted(expanded)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The taxonomy in some folders; the first file of each kind is used."""

    folders: Sequence[Path]

    @property
    def has_lineages(self) -> bool:
        """Whether the parents of taxids are known."""
        return find_taxonomy(self.folders) is not None

    def parents(self, taxids: Iterable[int]) -> dict[int, int]:
        """Return the parent of each of these taxids and of all taxids above them, as far as they are known."""
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
        """Return the scientific names of the taxids that have one."""
        for folder in self.folders:
            if (folder / NAMES).is_file() and (folder / NAMES_INDEX).is_file():
                return _names(folder, taxids)
        return {}


def write_expansion(words: Sequence[str], folder: Path, taxonomy: Path | None) -> None:
    """Write all taxids that a search's options (with paths of lists) select to its folder, if there is a taxonomy."""
    name, value = _filter(words)
    if taxonomy is None or name is None or NO_EXPANSION in words:
        return
    text = Path(value).read_text() if name.endswith("taxidlist") else value.replace(",", "\n")
    taxids = with_descendants(taxonomy, map(int, text.split()))
    partial = folder / f"{EXPANSION}.partial"
    partial.write_text("".join(f"{taxid}\n" for taxid in taxids))
    partial.replace(folder / EXPANSION)


def filter_words(words: Sequence[str], folder: Path, *, known: bool) -> list[str]:
    """Return options with the expanded taxids of the folder. ``known``: BLAST+ has ``-no_taxid_expansion``."""
    name, value = _filter(words)
    if name is None:
        return list(words)
    index = list(words).index(f"-{name}")
    rest = [word for word in (*words[:index], *words[index + 2 :]) if word != NO_EXPANSION]
    if (folder / EXPANSION).exists():
        name, value = ("negative_" if name.startswith("negative") else "") + "taxidlist", str(folder / EXPANSION)
    return [*rest, f"-{name}", value, *([NO_EXPANSION] if known else [])]


def expansion_report(words: Sequence[str], folder: Path) -> dict[str, Any] | None:
    """Return how a search's taxids were expanded, for its report; None if it has none."""
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
    """The highest bit score."""
    evalue: float
    """The lowest E-value."""


@dataclass(frozen=True, slots=True)
class Organism:
    """A taxid that hits have, or a common ancestor of several such taxids."""

    taxid: int
    parent: int | None
    """The next listed taxid above it."""
    via: tuple[int, ...]
    """Unlisted taxids between the two, at which nothing branches; the highest first."""
    level: int
    """Number of listed taxids above it."""
    hits: int
    """Hits at or below it; a hit with several taxids counts once."""
    own_hits: int
    bit_score: float
    evalue: float


def tree_of(found: Sequence[Found], parents: Mapping[int, int]) -> list[Organism]:
    """Return the organisms, each after its parent, most hits first; a flat list without the parents of taxids."""
    nodes: defaultdict[int, _Node] = defaultdict(_Node)
    for group in found:
        lines = [line_of(taxid, parents) for taxid in group.taxids]
        for taxid in {taxid for line in lines for taxid in line}:
            node = nodes[taxid]
            node.hits += group.hits
            node.own_hits += group.hits if taxid in group.taxids else 0
            node.bit_score = max(node.bit_score, group.bit_score)
            node.evalue = min(node.evalue, group.evalue)
    tops: list[int] = []
    for taxid in nodes:
        above = parents.get(taxid, ROOT)
        (nodes[above].below if above in nodes and above != taxid else tops).append(taxid)
    return list(_listed(nodes, tops))


def line_of(taxid: int, parents: Mapping[int, int]) -> list[int]:
    """Return a taxid and all taxids above it, except the root."""
    line = [taxid]
    while (taxid := parents.get(taxid, ROOT)) != ROOT and taxid not in line:
        line.append(taxid)
    return line


def _names(folder: Path, taxids: Iterable[int]) -> dict[int, str]:
    if not (folder / NAMES_INDEX).stat().st_size:
        return {}
    scientific: dict[int, str] = {}
    with (
        (folder / NAMES).open("rb") as names,
        (folder / NAMES_INDEX).open("rb") as file,
        closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as index,
    ):
        if len(index) < _HEAD_BYTES or struct.unpack_from(">I", index)[0] != _MAGIC:
            return {}
        entries = range(_HEAD_BYTES, len(index) - _ENTRY_BYTES + 1, _ENTRY_BYTES)
        for taxid in taxids:
            place = bisect_left(entries, taxid, key=lambda at: int(struct.unpack_from(">I", index, at)[0]))
            known, offset = struct.unpack_from(">2I", index, entries[place]) if place < len(entries) else (None, 0)
            if known == taxid:
                names.seek(offset)
                scientific[taxid] = names.read(_LONGEST_BYTES).partition(b"\t")[0].decode(errors="replace")
    return scientific


@contextmanager
def _opened(taxonomy: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{taxonomy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise DatabaseError(f"The taxonomy can't be read: {error}.", remedy=f"Download {FILE} again.") from error


def _filter(words: Sequence[str]) -> tuple[str | None, str]:
    """Return the option that selects taxids, and its value."""
    for word, value in pairwise(words):
        if word.startswith("-") and word[1:] in TAXID_FILTERS:
            return word[1:], value
    return None, ""


@dataclass(slots=True)
class _Node:
    hits: int = 0
    own_hits: int = 0
    bit_score: float = 0.0
    evalue: float = float("inf")
    below: list[int] = field(default_factory=list)


def _listed(nodes: Mapping[int, _Node], tops: Sequence[int]) -> Iterator[Organism]:
    """Yield the tree from the top, without recursion, since lineages are long."""
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
        yield Organism(taxid, parent, via, level, node.hits, node.own_hits, node.bit_score, node.evalue)
        wait(node.below, taxid, (), level + 1)
