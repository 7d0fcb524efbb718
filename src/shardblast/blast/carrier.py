"""What carries hits from the pieces to the merge: archives, or tabular rows where these say enough.

Rows are smaller by a factor of twenty and need no ``blast_formatter``, but they print E-values rounded and name
subjects by their ids. So they serve where the raw score alone orders the hits and where ids are unique, and where
one shard is the whole database and nothing is merged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from shardblast.blast.hits import (
    Hit,
    QueryHits,
    TabularLayout,
    alignments_by_subject,
    layout_for,
    merge_hits,
    merge_rows,
    parse_rows,
    read_archive_hits,
    read_tabular_hits,
)
from shardblast.blast.seqalign import ordinal_id, with_oid, with_query_number
from shardblast.core.options import SearchOptions
from shardblast.core.program import Program

_FREE_TEXT = frozenset({"stitle", "salltitles", "ssciname", "scomname", "sblastname", "sskingdom"}) | frozenset(
    {"sscinames", "scomnames", "sblastnames", "sskingdoms"}
)


@dataclass(frozen=True, slots=True)
class Merged:
    """One query's hits of all shards, in the unsharded run's order."""

    texts: list[bytes]
    """Alignments or rows."""
    subjects: Collection[bytes]
    """The subjects' ids, as ``Carrier.subjects`` spells them, but with OIDs of the whole database; may hold more."""


class Carrier(Protocol):
    """How pieces write hits and how these are read."""

    @property
    def outfmt(self) -> str:
        """The value of a piece's ``-outfmt``."""
        ...

    def read(self, path: Path, queries: int) -> Iterator[QueryHits]:
        """Yield the queries of a piece's file in order, at least those with hits.

        Raises:
            EngineError: The file is not the whole result of so many queries.
        """
        ...

    def count(self, found: QueryHits) -> int:
        """Return the number of subjects."""
        ...

    def subjects(self, found: QueryHits) -> Sequence[bytes]:
        """Return the subjects' ids, as the file spells them."""
        ...

    def merge(self, shards: Sequence[QueryHits], first_oids: Sequence[int], max_target_seqs: int) -> Merged:
        """Return the unsharded run's hits; ``first_oids`` are the shards' first OIDs."""
        ...

    def renumbered(self, texts: Sequence[bytes], shift: int) -> list[bytes]:
        """Return texts of one query whose number in its file is larger by ``shift``."""
        ...


@dataclass(frozen=True, slots=True)
class ArchiveCarrier:
    """Archives: every digit, every format."""

    outfmt: str = "11"

    def read(self, path: Path, queries: int) -> Iterator[QueryHits]:
        return read_archive_hits(path, queries)

    def count(self, found: QueryHits) -> int:
        return len(alignments_by_subject(found.texts))

    def subjects(self, found: QueryHits) -> Sequence[bytes]:
        return [hit.subject for hit in alignments_by_subject(found.texts)]

    def merge(self, shards: Sequence[QueryHits], first_oids: Sequence[int], max_target_seqs: int) -> Merged:
        merged = merge_hits([alignments_by_subject(found.texts) for found in shards], max_target_seqs)
        hits = [_shifted(hit, first_oids[shard]) for shard, hit in merged]
        return Merged([text for hit in hits for text in hit.texts], [hit.subject for hit in hits])

    def renumbered(self, texts: Sequence[bytes], shift: int) -> list[bytes]:
        return [with_query_number(text, shift) for text in texts]


@dataclass(frozen=True, slots=True)
class TabularCarrier:
    """Rows with comment lines."""

    layout: TabularLayout

    @property
    def outfmt(self) -> str:
        return self.layout.outfmt

    def read(self, path: Path, queries: int) -> Iterator[QueryHits]:
        return read_tabular_hits(path, queries)

    def count(self, found: QueryHits) -> int:
        return len(parse_rows(found.texts, self.layout).scores)

    def subjects(self, found: QueryHits) -> Sequence[bytes]:
        return [subject.rstrip(b"\n") for subject in parse_rows(found.texts, self.layout).subjects]

    def merge(self, shards: Sequence[QueryHits], first_oids: Sequence[int], max_target_seqs: int) -> Merged:
        rows = [parse_rows(found.texts, self.layout) for found in shards]
        return Merged(
            merge_rows(rows, max_target_seqs), {subject.rstrip(b"\n") for one in rows for subject in one.subjects}
        )

    def renumbered(self, texts: Sequence[bytes], shift: int) -> list[bytes]:
        return list(texts)  # a row names its query by its title


def choose_carrier(options: SearchOptions, *, shards: int, unique_ids: bool) -> ArchiveCarrier | TabularCarrier:
    """Return the cheapest carrier that loses nothing.

    Args:
        options: The search.
        shards: Number of shards.
        unique_ids: Whether each sequence of the database has an id of its own.
    """
    outfmt = options.outfmt
    if not outfmt.is_tabular or not outfmt.columns or options.has("html"):
        return ArchiveCarrier()
    if outfmt.delimiter != "\t" and _FREE_TEXT & set(outfmt.columns):
        return ArchiveCarrier()
    if shards > 1 and not (unique_ids and _score_orders(options)):
        return ArchiveCarrier()
    return TabularCarrier(layout_for(outfmt.columns))


def _shifted(hit: Hit, first_oid: int) -> Hit:
    """Return a hit with the OID that its subject has in the whole database, if it has no other id."""
    ordinal = ordinal_id(hit.subject) if first_oid else None
    if ordinal is None:
        return hit
    subject, *texts = (with_oid(text, ordinal + first_oid) for text in (hit.subject, *hit.texts))
    return replace(hit, subject=subject, texts=texts)


def _score_orders(options: SearchOptions) -> bool:
    """Whether E-value and raw score order hits alike: no composition-based statistics, no sum statistics."""
    return options.program is Program.BLASTN and not (options.has("ungapped") or options.has("sum_stats"))
