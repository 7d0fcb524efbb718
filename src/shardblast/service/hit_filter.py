"""Which hits of a query to list."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class HitFilter:
    """Which hits to list, by what the list shows of them."""

    text: str = ""
    """In the id or the title, whatever the case."""
    evalue: float | None = None
    """At most."""
    identity: float | None = None
    """At least, in percent."""
    coverage: float | None = None
    """At least, in percent."""
    organism: str = ""
    """In a scientific name, whatever the case."""
    taxids: Set[str] | None = None
    """One of the hit's is among these."""

    @property
    def sql(self) -> tuple[str, list[Any]]:
        """The condition that hits meet, and the values in it."""
        conditions: dict[str, Any] = {
            "instr(lower(subject || ' ' || title), lower(?))": self.text or None,
            "evalue <= ?": self.evalue,
            "identity >= ?": self.identity,
            "coverage >= ?": self.coverage,
            "instr(lower(names), lower(?))": self.organism or None,
            "shares_taxid(taxids, ?)": None if self.taxids is None else ";".join(self.taxids),
        }
        given = {sql: value for sql, value in conditions.items() if value is not None}
        return " AND ".join(["query = ?", *given]), list(given.values())


ALL_HITS = HitFilter()


def shares_taxid(taxids: str | None, wanted: str) -> bool:
    """Tell whether two lists of taxids with ``;`` between them have one in common; a function of the SQL."""
    return taxids is not None and not _taxids(wanted).isdisjoint(taxids.split(";"))


@lru_cache(maxsize=8)
def _taxids(text: str) -> frozenset[str]:
    return frozenset(text.split(";"))
