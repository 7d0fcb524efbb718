"""The hits of a query as one piece found them, and their merge in BLAST's order.

Both ways to carry hits, archives and tabular rows, come down to the same few facts: who the subject is, what decides
its place, and the text to pass on.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from operator import ne
from pathlib import Path

from shardblast.blast.comments import Comments, check_count, read_commented
from shardblast.blast.condensed import read_alignments
from shardblast.blast.seqalign import alignment_ids, evalue, raw_score
from shardblast.core.errors import EngineError
from shardblast.core.ordering import hit_key


@dataclass(slots=True)
class Hit:
    """One subject with its HSPs."""

    evalue: float
    """Of the best HSP; 0 where the raw score alone decides the order."""
    raw_score: int
    """Of the first HSP."""
    subject: bytes
    """The subject's id, as the source spells it."""
    texts: list[bytes]
    """Alignments or rows, in BLAST's order."""


@dataclass(slots=True)
class QueryHits:
    """One query's hits in one piece."""

    ordinal: int
    """0-based position of the query in its batch."""
    texts: list[bytes]
    """Alignments or rows, in BLAST's order."""
    comments: Comments | None = None
    """Of tabular output: what is printed over the rows."""
    subjects: Collection[bytes] = ()
    """Of merged hits: the subjects' ids."""


def read_archive_hits(path: Path, queries: int) -> Iterator[QueryHits]:
    """Yield the queries of an archive, or of one that was cut down to its alignments, that have hits, in order.

    Args:
        path: The file.
        queries: How many were searched.

    Raises:
        ArchiveError: The file ends early, or holds another number of queries.
    """
    for alignments in read_alignments(path, queries):
        yield QueryHits(alignments.ordinal, alignments.blocks)


def alignments_by_subject(blocks: list[bytes]) -> list[Hit]:
    """Return the hits that these alignments of one query belong to."""
    hits: list[Hit] = []
    current = b""
    for block in blocks:
        subject = alignment_ids(block).subject
        value = evalue(block)
        if subject == current:
            hit = hits[-1]
            hit.texts.append(block)
            hit.evalue = min(hit.evalue, value)
        else:
            hits.append(Hit(value, raw_score(block), subject, [block]))
            current = subject
    return hits


@dataclass(frozen=True, slots=True)
class TabularLayout:
    """The columns a piece prints, tab separated, under comment lines (``-outfmt 7``)."""

    columns: tuple[str, ...]
    """The user's columns, then those of ``score`` and ``sseqid`` that the user did not ask for."""
    shown: int
    """How many of them the user sees."""

    @property
    def outfmt(self) -> str:
        return "7 " + " ".join(self.columns)


def layout_for(columns: Sequence[str]) -> TabularLayout:
    """Return the layout that shows these columns and carries what merging needs."""
    needed = [name for name in ("score", "sseqid") if name not in columns]
    return TabularLayout((*columns, *needed), len(columns))


def read_tabular_hits(path: Path, queries: int) -> Iterator[QueryHits]:
    """Yield every query of a file of tabular output with comments, hits or not, in order.

    Args:
        path: The file.
        queries: How many were searched.

    Raises:
        EngineError: The file ends early, or holds another number of queries.
    """
    count = 0
    with path.open("rb") as stream:
        for found in read_commented(stream):
            yield QueryHits(count, found.rows, found.comments)
            count += 1
    check_count(count, queries)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one query in one piece, column by column."""

    texts: Sequence[bytes]
    """What the user sees of each row, without the line end."""
    scores: Sequence[int]
    """Raw score of each hit's first row."""
    subjects: Sequence[bytes]
    """Id of each hit's subject."""
    starts: Sequence[int]
    """Where each hit's rows begin, and at the end their number."""


def parse_rows(rows: list[bytes], layout: TabularLayout) -> Rows:
    """Take the columns apart that merging needs.

    There can be millions of rows, so nothing here is done by a statement per row.
    """
    if not rows:
        return Rows([], [], [], [0])
    texts, scores, subjects = _columns(rows, layout)
    changes = map(ne, subjects[1:], subjects)
    starts = [0, *compress(range(1, len(rows)), changes)]
    firsts = [*map(scores.__getitem__, starts)]
    return Rows(texts, [*map(int, firsts)], [*map(subjects.__getitem__, starts)], [*starts, len(rows)])


def _columns(rows: list[bytes], layout: TabularLayout) -> tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]:
    """Return the rows without the added columns, the scores and the subjects."""
    if len(layout.columns) - layout.shown == 2 and layout.shown:
        texts, scores, subjects = zip(*[row.rsplit(b"\t", 2) for row in rows], strict=True)
        return texts, scores, subjects
    fields = [row[:-1].split(b"\t") for row in rows]
    score, subject = layout.columns.index("score"), layout.columns.index("sseqid")
    shown = [b"\t".join(row[: layout.shown]) for row in fields]
    return shown, [row[score] for row in fields], [row[subject] for row in fields]


def merge_rows(shards: Sequence[Rows], max_target_seqs: int) -> list[bytes]:
    """Merge the rows of all shards, in shard order, into the unsharded run's.

    The raw score must order the hits, unless a single shard has any: these keep the order that BLAST gave them.
    """
    found = [rows for rows in shards if rows.scores]
    if len(found) == 1:
        (rows,) = found
        return [*rows.texts[: rows.starts[min(max_target_seqs, len(rows.scores))]]]
    texts: list[bytes] = []
    scores: list[int] = []
    starts: list[int] = []
    for rows in reversed(shards):
        starts += [start + len(texts) for start in rows.starts[:-1]]
        scores += rows.scores
        texts += rows.texts
    ends = [*starts[1:], len(texts)]
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:max_target_seqs]
    if len(starts) == len(texts):
        return [*map(texts.__getitem__, order)]
    return [text for hit in order for text in texts[starts[hit] : ends[hit]]]


def merge_hits(shards: Sequence[list[Hit]], max_target_seqs: int) -> list[tuple[int, Hit]]:
    """Merge the hits of all shards into the unsharded run's list; each comes with the place of its shard."""
    found = [(index, hits) for index, hits in enumerate(shards) if hits]
    if len(found) == 1:
        index, hits = found[0]
        return [(index, hit) for hit in hits[:max_target_seqs]]
    keyed = (
        [(hit_key(hit.evalue, hit.raw_score, index, place), index, hit) for place, hit in enumerate(hits)]
        for index, hits in found
    )
    merged = heapq.merge(*keyed, key=lambda entry: entry[0])
    return [(index, hit) for _, index, hit in islice(merged, max_target_seqs)]


def by_query(readers: Sequence[Iterator[QueryHits]], queries: int) -> Iterator[list[QueryHits]]:
    """Yield for each query what every piece found, in the order of the pieces; a piece may leave queries out."""
    waiting = [next(reader, None) for reader in readers]
    for ordinal in range(queries):
        found = []
        for place, head in enumerate(waiting):
            if head is not None and head.ordinal == ordinal:
                found.append(head)
                waiting[place] = next(readers[place], None)
            else:
                found.append(QueryHits(ordinal, []))
        yield found
    if any(head is not None for head in waiting):
        raise EngineError("BLAST+'s results hold more queries than were searched.", remedy="Use '--shards off'.")
