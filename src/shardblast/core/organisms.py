"""The organisms of hits as a tree: who descends from whom, and how many hits are at or below each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

ROOT = 1
"""The taxid above all others, which tells nothing."""


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


@dataclass(slots=True)
class _Node:
    hits: int = 0
    own_hits: int = 0
    bit_score: float = 0.0
    evalue: float = float("inf")
    below: list[int] = field(default_factory=list)


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
