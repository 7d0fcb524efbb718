"""The organisms of a query's hits: with lineages where they are known, else as a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shardblast.core.organisms import Found, Organism, line_of, tree_of
from shardblast.core.search import SearchId
from shardblast.service.catalogue import Catalogue
from shardblast.service.results import Results


@dataclass(frozen=True, slots=True)
class OrganismReport:
    """What organisms a query has hit."""

    rows: Sequence[Mapping[str, Any]]
    """Organisms with their names, each after the one above it."""
    unknown: int
    """Hits without a taxid."""
    has_lineages: bool
    """Whether it is known what is above what."""


@dataclass(frozen=True, slots=True)
class Organisms:
    """Reads what organisms searches have hit."""

    results: Results
    catalogue: Catalogue

    def report(self, search_id: SearchId, query: int) -> OrganismReport:
        """Return the organisms of a query's hits.

        Args:
            search_id: A completed search.
            query: Its 0-based number.
        """
        search = self.results.completed(search_id)
        with self.results.index(search_id) as index:
            read = index.organisms(query)
        found = [
            Found(_taxids(row["taxids"]), row["hits"], row["bit_score"], row["evalue"])
            for row in read
            if row["taxids"] is not None
        ]
        taxonomy = self.catalogue.names_and_lineages(search.database, search.generation)
        rows = tree_of(found, taxonomy.parents({taxid for one in found for taxid in one.taxids}))
        listed = {taxid for row in rows for taxid in (row.taxid, *row.via)}
        names = _names(read) | taxonomy.names(listed)
        unknown = sum(row["hits"] for row in read if row["taxids"] is None)
        return OrganismReport([_row(row, names) for row in rows], unknown, taxonomy.has_lineages)

    def below(self, search_id: SearchId, query: int, taxid: int) -> frozenset[str]:
        """Return those taxids of a query's hits that are a taxid or descend from it, as far as that is known."""
        search = self.results.completed(search_id)
        with self.results.index(search_id) as index:
            found = {one for row in index.organisms(query) for one in _taxids(row["taxids"] or "")}
        parents = self.catalogue.names_and_lineages(search.database, search.generation).parents(found)
        return frozenset(str(one) for one in found if taxid in line_of(one, parents))


def _row(row: Organism, names: Mapping[int, str]) -> Mapping[str, Any]:
    return asdict(row) | {"name": names.get(row.taxid), "via": [names.get(one, str(one)) for one in row.via]}


def _names(read: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the names that BLAST+ printed, where it is plain which taxid has which."""
    return {
        int(row["taxids"]): row["names"]
        for row in read
        if row["taxids"] is not None and row["names"] is not None and row["taxids"].isdecimal()
    }


def _taxids(text: str) -> list[int]:
    return [int(taxid) for taxid in text.split(";") if taxid]
