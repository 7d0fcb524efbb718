"""Hits: read from archives or tabular rows of pieces, and merged in BLAST+'s order.

Rows are 20 times smaller and need no ``blast_formatter``, but their E-values are rounded and their subjects are named
by ids. Therefore they are used only if the raw score alone orders the hits and ids are unique, or if one shard is the
whole database and nothing is merged.

Source: NCBI C++ Toolkit, algo/blast/core/blast_hits.c (s_EvalueCompareHSPLists): E-value of the best HSP ascending, raw
score of the first HSP descending, OID descending.
"""

import heapq
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import compress, groupby, islice
from mmap import ACCESS_READ, mmap
from operator import ne
from pathlib import Path

from shardblast.blast.archive import read_alignments
from shardblast.blast.output import Comments, check_count, read_commented
from shardblast.blast.process import Over
from shardblast.blast.seqalign import (
    alignment_ids,
    evalue,
    ordinal_id,
    raw_score,
    with_oid,
    with_query_number,
)
from shardblast.core.errors import EngineError

EVALUE_FLOOR = 1e-180
"""BLAST regards two E-values below this as equal."""

FREE_TEXT = frozenset({"stitle", "salltitles", "ssciname", "scomname", "sblastname", "sskingdom"}) | frozenset(
    {"sscinames", "scomnames", "sblastnames", "sskingdoms"}
)

_INTEGER = rb"(\x01.|\x02..|\x03...|\x04....|\x05.....)"
_NAMES = re.compile(rb"\x1a.Query_(\d+)\0.*?BL_ORD_ID\0\0\xa1\x80\xa0\x80\x02" + _INTEGER, re.S)
_SCORE = re.compile(rb"\x1a\x05score\0\0\0\0\xa1\x80\xa1\x80\x02" + _INTEGER, re.S)
_EVALUE = re.compile(rb"\x1a(?:\x07e_value|\x05sum_e)\0\0\0\0\xa1\x80\xa0\x80\x09.\0([^\0]*)", re.S)
"""The ids and scores of an alignment, the BER of a Seq-align."""
_END = 12
"""Fewer zeros than mark the end of all alignments, and more than occur elsewhere."""


def hit_key(evalue: float, raw_score: int, shard: int, place: int) -> tuple[float, int, int, int]:
    """Return the key that sorts the hits of all shards as the unsharded run orders them.

    Shards are in OID order and each lists equal hits by descending OID, so the later shard comes first. The E-value is
    that of the best HSP, the raw score that of the first; ``place`` is the hit's position in the shard's list.
    """
    return (0.0 if evalue < EVALUE_FLOOR else evalue, -raw_score, -shard, place)


@dataclass(slots=True)
class PieceHit:
    """A subject with its HSPs."""

    evalue: float
    """E-value of the best HSP; 0 if the raw score alone decides the order."""
    raw_score: int
    """Score of the first HSP."""
    subject: bytes
    """The subject's id, as the source spells it."""
    texts: list[bytes]
    """Alignments or rows, in BLAST's order."""


@dataclass(slots=True)
class QueryHits:
    """A query's hits in one piece."""

    ordinal: int
    """0-based position of the query in its batch."""
    texts: list[bytes]
    """Alignments or rows, in BLAST's order."""
    comments: Comments | None = None
    """Comment lines above the rows of tabular output."""
    subjects: Collection[bytes] = ()
    """Ids of the subjects; only of merged hits."""


def alignments_by_subject(blocks: Iterable[bytes]) -> list[PieceHit]:
    """Return the hits that consist of these alignments of one query."""
    hits: list[PieceHit] = []
    current = b""
    for block in blocks:
        subject = alignment_ids(block).subject
        value = evalue(block)
        if subject == current:
            hit = hits[-1]
            hit.texts.append(block)
            hit.evalue = min(hit.evalue, value)
        else:
            hits.append(PieceHit(value, raw_score(block), subject, [block]))
            current = subject
    return hits


@dataclass(frozen=True, slots=True)
class TabularLayout:
    """The tab-separated columns that a piece prints with comment lines (``-outfmt 7``)."""

    columns: tuple[str, ...]
    """The user's columns, followed by ``score`` and ``sseqid`` unless the user requested them."""
    shown: int
    """Number of columns that the user sees."""

    @property
    def outfmt(self) -> str:
        return "7 " + " ".join(self.columns)


def layout_for(columns: Sequence[str]) -> TabularLayout:
    """Return the layout for a user's columns, including those needed for merging."""
    needed = [name for name in ("score", "sseqid") if name not in columns]
    return TabularLayout((*columns, *needed), len(columns))


@dataclass(frozen=True, slots=True)
class TabularRows:
    """The rows of one query in one piece, column by column."""

    texts: Sequence[bytes]
    """The columns that the user sees, without the line end."""
    scores: Sequence[int]
    """Raw score of each hit's first row."""
    subjects: Sequence[bytes]
    """Id of each hit's subject."""
    starts: Sequence[int]
    """Index of each hit's first row, followed by the number of rows."""


def parse_rows(rows: list[bytes], layout: TabularLayout) -> TabularRows:
    """Split rows into the columns that merging needs, without a statement per row, since there can be millions."""
    if not rows:
        return TabularRows([], [], [], [0])
    texts, scores, subjects = _columns(rows, layout)
    changes = map(ne, subjects[1:], subjects)
    starts = [0, *compress(range(1, len(rows)), changes)]
    firsts = [*map(scores.__getitem__, starts)]
    return TabularRows(texts, [*map(int, firsts)], [*map(subjects.__getitem__, starts)], [*starts, len(rows)])


def merge_rows(shards: Sequence[TabularRows], max_target_seqs: int) -> list[bytes]:
    """Merge the rows of all shards, in shard order, into the unsharded run's rows.

    The raw score must determine the order of hits, unless only one shard has hits, which keep BLAST's order.
    """
    nonempty = [rows for rows in shards if rows.scores]
    if len(nonempty) == 1:
        (rows,) = nonempty
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


def merge_hits(shards: Sequence[list[PieceHit]], max_target_seqs: int) -> list[tuple[int, PieceHit]]:
    """Merge the hits of all shards into the unsharded run's list; return them with the indices of their shards."""
    nonempty = [(index, hits) for index, hits in enumerate(shards) if hits]
    if len(nonempty) == 1:
        index, hits = nonempty[0]
        return [(index, hit) for hit in hits[:max_target_seqs]]
    keyed = (
        [(hit_key(hit.evalue, hit.raw_score, index, place), index, hit) for place, hit in enumerate(hits)]
        for index, hits in nonempty
    )
    merged = heapq.merge(*keyed, key=lambda entry: entry[0])
    return [(index, hit) for _, index, hit in islice(merged, max_target_seqs)]


def by_query(readers: Sequence[Iterator[QueryHits]], queries: int) -> Iterator[list[QueryHits]]:
    """Yield each query's hits of every piece, in the order of the pieces; a piece may omit queries."""
    heads = [next(reader, None) for reader in readers]
    for ordinal in range(queries):
        row = []
        for piece, head in enumerate(heads):
            if head is not None and head.ordinal == ordinal:
                row.append(head)
                heads[piece] = next(readers[piece], None)
            else:
                row.append(QueryHits(ordinal, []))
        yield row
    if any(head is not None for head in heads):
        raise EngineError("BLAST+ returned results for more queries than it was given.", remedy="Use '--shards off'.")


@dataclass(frozen=True, slots=True)
class Merged:
    """A query's hits in all shards, in the unsharded run's order."""

    texts: list[bytes]
    """Alignments or rows."""
    subjects: Collection[bytes]
    """The subjects' ids as in a carrier's ``subjects``, but with OIDs of the whole database; may include more."""


@dataclass(frozen=True, slots=True)
class ArchiveCarrier:
    """Pieces write archives, which keep every digit and suit every format."""

    over: Over = iter
    """Yields the alignments of a query, of which there can be millions, until they are no longer wanted."""
    outfmt: str = "11"
    """The value of a piece's ``-outfmt``."""

    def read(self, path: Path, queries: int) -> Iterator[QueryHits]:
        """Yield the queries of a piece, at least those with hits. Raises EngineError if the file lacks some."""
        for alignments in read_alignments(path, queries, self.over):
            yield QueryHits(alignments.ordinal, alignments.blocks)

    def hits(self, query: QueryHits) -> list[PieceHit]:
        """Return the hits, best first."""
        return alignments_by_subject(self.over(query.texts))

    def count(self, query: QueryHits) -> int:
        """Return the number of subjects."""
        return len(self.hits(query))

    def scores(self, query: QueryHits) -> Sequence[int]:
        """Return the raw score of each subject's first HSP."""
        return [hit.raw_score for hit in self.hits(query)]

    def subjects(self, query: QueryHits) -> Sequence[bytes]:
        """Return the subjects' ids, as the file spells them."""
        return [hit.subject for hit in self.hits(query)]

    def merge(self, shards: Sequence[QueryHits], first_oids: Sequence[int], max_target_seqs: int) -> Merged:
        """Return the unsharded run's hits; ``first_oids`` are the shards' first OIDs."""
        merged = merge_hits([self.hits(query) for query in shards], max_target_seqs)
        hits = [_shifted(hit, first_oids[shard]) for shard, hit in self.over(merged)]
        return Merged([text for hit in hits for text in hit.texts], [hit.subject for hit in hits])

    def renumbered(self, texts: Sequence[bytes], shift: int) -> list[bytes]:
        """Return texts of a query with its number increased by ``shift``."""
        return [with_query_number(text, shift) for text in texts]


@dataclass(frozen=True, slots=True)
class TabularCarrier:
    """Pieces write rows with comment lines; see ``ArchiveCarrier`` for the methods."""

    layout: TabularLayout

    @property
    def outfmt(self) -> str:
        return self.layout.outfmt

    def read(self, path: Path, queries: int) -> Iterator[QueryHits]:
        count = 0
        with path.open("rb") as stream:
            for query in read_commented(stream):
                yield QueryHits(count, query.rows, query.comments)
                count += 1
        check_count(count, queries)

    def count(self, query: QueryHits) -> int:
        return len(parse_rows(query.texts, self.layout).scores)

    def scores(self, query: QueryHits) -> Sequence[int]:
        return parse_rows(query.texts, self.layout).scores

    def hits(self, query: QueryHits) -> list[PieceHit]:
        """Return the same. The layout must begin with ``evalue``, and each subject has one row."""
        evalues = (float(row[: row.index(b"\t")]) for row in query.texts)
        found = zip(evalues, self.scores(query), self.subjects(query), strict=True)
        return [PieceHit(evalue, score, subject, []) for evalue, score, subject in found]

    def subjects(self, query: QueryHits) -> Sequence[bytes]:
        return [subject.rstrip(b"\n") for subject in parse_rows(query.texts, self.layout).subjects]

    def merge(self, shards: Sequence[QueryHits], first_oids: Sequence[int], max_target_seqs: int) -> Merged:
        rows = [parse_rows(query.texts, self.layout) for query in shards]
        return Merged(
            merge_rows(rows, max_target_seqs), {subject.rstrip(b"\n") for each in rows for subject in each.subjects}
        )

    def renumbered(self, texts: Sequence[bytes], shift: int) -> list[bytes]:
        return list(texts)  # a row names its query by its title


class ListCarrier(TabularCarrier):
    """Pieces write binary alignments of sequences without ids, with one HSP for each subject.

    They are 2 to 5 times smaller than archives, and read 6 times as fast. Tables are much smaller, but BLAST+ needs
    30 us for a row, because it looks up the subject.
    """

    def __init__(self) -> None:
        super().__init__(layout_for(("evalue",)))

    @property
    def outfmt(self) -> str:
        return "9"

    def read(self, path: Path, queries: int) -> Iterator[QueryHits]:
        """Yield the queries with hits. Raises EngineError if the file is incomplete."""
        if not path.stat().st_size:
            return
        with path.open("rb") as file, closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as text:
            names = dict.fromkeys(_NAMES.findall(text))  # an alignment of translated sequences repeats them
            scores, evalues = _SCORE.findall(text), _EVALUE.findall(text)
            if not len(names) == len(scores) == len(evalues) or text[-_END:].strip(b"\0"):
                raise EngineError("BLAST+ wrote an incomplete list of subjects.", remedy="Use '--shards off'.")
        rows = zip(names, scores, evalues, strict=True)
        for query, found in groupby(rows, key=lambda row: row[0][0]):
            texts = [b"%b\t%d\t%d\n" % (evalue, _number(score), _number(oid)) for (_, oid), score, evalue in found]
            yield QueryHits(int(query) - 1, texts)


def _number(integer: bytes) -> int:
    return int.from_bytes(integer[1:], "big", signed=True)


Carrier = ArchiveCarrier | TabularCarrier
"""The format in which pieces write hits, and its reader."""


def _columns(rows: list[bytes], layout: TabularLayout) -> tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]:
    """Return the rows without the added columns, the scores and the subjects."""
    if len(layout.columns) - layout.shown == 2 and layout.shown:
        texts, scores, subjects = zip(*[row.rsplit(b"\t", 2) for row in rows], strict=True)
        return texts, scores, subjects
    fields = [row[:-1].split(b"\t") for row in rows]
    score, subject = layout.columns.index("score"), layout.columns.index("sseqid")
    shown = [b"\t".join(row[: layout.shown]) for row in fields]
    return shown, [row[score] for row in fields], [row[subject] for row in fields]


def _shifted(hit: PieceHit, first_oid: int) -> PieceHit:
    """Return a hit whose subject, if it has no id, is named by its OID in the whole database."""
    ordinal = ordinal_id(hit.subject) if first_oid else None
    if ordinal is None:
        return hit
    subject, *texts = (with_oid(text, ordinal + first_oid) for text in (hit.subject, *hit.texts))
    return replace(hit, subject=subject, texts=texts)
