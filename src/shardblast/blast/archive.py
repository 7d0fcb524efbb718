"""BLAST archives (``-outfmt 11``): read as a stream, split into one archive per query, condensed to their alignments.

A file holds one or more archives (``Blast4-archive``). Each contains the queries of one of BLAST+'s own batches, their
alignments in query order, masks and search statistics. The NCBI serializer indents ASN.1 text in a fixed way, and
alignments contain no free text (ids have no blanks), so they are split at line patterns. The rest is parsed with regard
to strings, since a query's title may contain any text.

A condensed archive has a line for each query with alignments, which gives its 0-based position in the file and the size
of the text that follows: its alignments, separated as in the archive. A final line marks the end.

Source: NCBI C++ Toolkit, objects/blast/blast.asn (Blast4-archive).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from shardblast.blast.output import check_count
from shardblast.blast.process import Over
from shardblast.blast.seqalign import NEXT_ALIGNMENT, alignment_ids, written_string
from shardblast.core.errors import ArchiveError

BLOCK_BYTES = 1 << 20

_START = b"Blast4-archive ::= {\n"
_ALIGNMENTS_LINE = b"\n    alignments {\n"

STRING = rb'"(?:[^"]|"")*"'

_ALIGNMENTS = re.compile(STRING + rb"|" + re.escape(_ALIGNMENTS_LINE))
_LAST_ALIGNMENT = b"\n      }\n    },\n"
_NO_ALIGNMENTS = b"    },\n"
_END = b"\n  }\n}\n"

_SEQ_SET = re.compile(STRING + rb"|\n +seq-set \{\n")
_SEQ_ID = re.compile(STRING + rb"|\n +id \{\n")
_SUBJECT = b"\n      subject database "
_DATABASE = re.compile(STRING + rb"|" + _SUBJECT + rb"\s*" + STRING)
_PROGRAM_OPTIONS = re.compile(STRING + rb"|\n      program-options \{\n")
_END_OF_OPTIONS = re.compile(STRING + rb"|\n    \}\n  \},\n  results \{\n")
_MASKS = re.compile(STRING + rb"|\n?    masks \{\n")
_ID_END = re.compile(STRING + rb"|[{}]|,\n|\n")
_UNGAPPED_ONLY = re.compile(
    rb"(ka-blocks \{\n      \{\n)"
    rb"(        lambda \{ (?!-1,)[^{}]*\},\n        k \{[^{}]*\},\n        h \{[^{}]*\},\n)"
    rb"(        gapped FALSE\n      \},\n      \{\n)"
    rb"        lambda \{ -1, 10, 0 \},\n        k \{[^{}]*\},\n        h \{[^{}]*\},\n"
    rb"(        gapped TRUE\n)"
)
_OPTIONS = re.compile(STRING + rb"|\n      algorithm-options \{\n")
_SEARCH_SPACE = b'name "EffectiveSearchSpace"'
_NUMBERED = re.compile(rb'local str "Query_(\d+)"')
"""Ids of queries, the only ids in an archive without alignments; no string matches, since quotes are doubled there."""

CONDENSED = b"shardblast alignments 1\n"
"""The first line of a condensed archive."""
END_OF_CONDENSED = b"end\n"

_TOKEN = re.compile(STRING + rb"|'[^']*'|[{}]")


@dataclass(frozen=True, slots=True)
class Alignments:
    """The alignments of one query, in BLAST's order."""

    ordinal: int
    """0-based position of the query in the file."""
    blocks: list[bytes]
    """Texts of the ``Seq-align``s, without the enclosing braces."""

    def condensed(self) -> bytes:
        """Return the query's part of a condensed archive."""
        text = NEXT_ALIGNMENT.join(self.blocks)
        return b"%d %d\n%b" % (self.ordinal, len(text), text)


class ArchiveReader:
    """Reads a file's archives, holding one query's alignments and one block. Raises ArchiveError if it is truncated."""

    def __init__(self, stream: BinaryIO, name: str, over: Over = iter) -> None:
        """``over`` yields the alignments, and ends the reading once it is no longer wanted."""
        self._stream = stream
        self._over = over
        self._name = name
        self._buffer = b""
        self.queries = 0
        """Number of queries read so far, including those without alignments."""

    def alignments(self) -> Iterator[Alignments]:
        """Yield every query that has alignments, in the order of the file."""
        while (before := self._read_before()) is not None:
            ids = [_ids(query) for query in _list(_SEQ_SET, before)[1]]
            numbered = enumerate(ids)
            for query, blocks in self._by_query():
                wanted = squeezed(query)
                ordinal = next((ordinal for ordinal, names in numbered if wanted in names), None)
                if ordinal is None:
                    raise ArchiveError("An alignment refers to a query that is not in the archive.")
                yield Alignments(self.queries + ordinal, blocks)
            self.queries += len(ids)
            self._read_after()

    def templates(self) -> Iterator[QueryArchive]:
        """Yield an archive without alignments for every query, in the order of the file."""
        while (before := self._read_before()) is not None:
            for _ in self._read_blocks():
                pass
            yield from split_archive(before, _NO_ALIGNMENTS + self._read_after())

    def numbered(self) -> Iterator[Alignments]:
        """Yield the queries with alignments of one process, named ``Query_N``; much faster than ``alignments``."""
        while (before := self._read_before()) is not None:
            for query, blocks in self._by_query():
                match = _NUMBERED.search(query)
                if match is None:
                    raise ArchiveError("An alignment in the archive has an unexpected query id.")
                yield Alignments(int(match[1]) - 1, blocks)
            # Masks of earlier queries follow the queries, so the last id need not have the highest number.
            self.queries = max((int(match[1]) for match in _NUMBERED.finditer(before)), default=0)
            self._read_after()

    def _by_query(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield the id and the texts of each query that has alignments."""
        blocks: list[bytes] = []
        current = b""
        for block in self._over(self._read_blocks()):
            query = alignment_ids(block).query
            if query != current:
                if blocks:
                    yield current, blocks
                current, blocks = query, []
            blocks.append(block)
        if blocks:
            yield current, blocks

    def _fill(self) -> None:
        block = self._stream.read(BLOCK_BYTES)
        if not block:
            raise ArchiveError(f"The archive {self._name} is truncated or damaged.")
        self._buffer += block

    def _read_before(self) -> bytes | None:
        """Return the text up to and including ``alignments {``, or None at the end of the file."""
        if not self._buffer:
            self._buffer = self._stream.read(BLOCK_BYTES)
            if not self._buffer:
                return None
        # The first test is much faster than matching strings.
        while _ALIGNMENTS_LINE not in self._buffer or not (at := outside_strings(_ALIGNMENTS, self._buffer)):
            if not _START.startswith(self._buffer[: len(_START)]):
                raise ArchiveError(f"{self._name} is not an archive.")
            self._fill()
        before, self._buffer = self._buffer[: at.end()], self._buffer[at.end() :]
        if not before.startswith(_START):
            raise ArchiveError(f"{self._name} is not an archive.")
        return before

    def _read_blocks(self) -> Iterator[bytes]:
        """Yield the alignments' texts; stop behind the brace that closes the list."""
        while len(self._buffer) < len(b"      {\n"):
            self._fill()
        if self._buffer.startswith(_NO_ALIGNMENTS):
            self._buffer = self._buffer[len(_NO_ALIGNMENTS) :]
            return
        if not self._buffer.startswith(b"      {\n"):
            raise ArchiveError(f"The archive {self._name} is damaged at the start of its alignments.")
        self._buffer = self._buffer[len(b"      {\n") :]
        while (end := self._buffer.find(_LAST_ALIGNMENT)) < 0:
            *blocks, self._buffer = self._buffer.split(NEXT_ALIGNMENT)
            yield from blocks
            self._fill()
        blocks = self._buffer[:end].split(NEXT_ALIGNMENT)
        self._buffer = self._buffer[end + len(_LAST_ALIGNMENT) :]
        yield from blocks

    def _read_after(self) -> bytes:
        """Return the text after the alignments: masks, Karlin-Altschul parameters, statistics."""
        while (end := self._buffer.find(_END)) < 0:
            self._fill()
        end += len(_END)
        after, self._buffer = self._buffer[:end], self._buffer[end:]
        return after


@dataclass(frozen=True, slots=True)
class QueryArchive:
    """A query's archive without its alignments: query, options, masks, statistics."""

    before: bytes
    """The text up to and including the line ``alignments {``."""
    after: bytes
    """The text from the brace that closes the alignments to the end."""

    def with_alignments(self, blocks: list[bytes]) -> bytes:
        if not blocks:
            return self.before + self.after
        return b"".join((self.before, b"      {\n", NEXT_ALIGNMENT.join(blocks), b"\n      }\n", self.after))

    def with_gapped_parameters(self) -> QueryArchive:
        """Return a copy whose missing gapped parameters are the ungapped ones, as BLAST+ prints them."""
        return QueryArchive(self.before, _UNGAPPED_ONLY.sub(rb"\1\2\3\2\4", self.after))

    def joined(self, others: Sequence[QueryArchive]) -> QueryArchive:
        """Return an archive of this and other queries, for fast printing in formats without statistics and masks."""
        begin, queries, end = _list(_SEQ_SET, self.before)
        for other in others:
            queries += _list(_SEQ_SET, other.before)[1]
        listed = b",\n".join(b"          " + query for query in queries)
        return QueryArchive(self.before[:begin] + listed + b"\n        " + self.before[end:], self.after)

    def on_database(self, name: str) -> QueryArchive:
        """Return a copy for a database of another name."""
        at = _required(_DATABASE, self.before, "An archive does not name its database.")
        named = _SUBJECT + written_string(name.encode(errors="surrogateescape"), len(_SUBJECT) - 1)
        return QueryArchive(self.before[: at.start()] + named + self.before[at.end() :], self.after)

    def with_options_of(self, other: QueryArchive) -> QueryArchive:
        """Return a copy with the options of another search, except for the search space, which depends on the query."""
        begin, own, end = _list(_OPTIONS, self.before)
        space = [option for option in own if _SEARCH_SPACE in option]
        options = (space if _SEARCH_SPACE in option else [option] for option in _list(_OPTIONS, other.before)[1])
        listed = b",\n".join(b"        " + option for option in chain.from_iterable(options))
        return QueryArchive(b"%s%s\n      %s" % (self.before[:begin], listed, self.before[end:]), self.after)

    def with_taxids(self, taxids: Sequence[int]) -> QueryArchive:
        """Return a copy for a search restricted to these taxids, so that titles of other taxids are hidden."""
        listed = b",\n".join(b"            %d" % taxid for taxid in taxids)
        item = b'        {\n          name "TaxidList",\n          value integer-list {\n%s\n          }\n        }'
        item %= listed
        if at := outside_strings(_PROGRAM_OPTIONS, self.before):
            return QueryArchive(self.before[: at.end()] + item + b",\n" + self.before[at.end() :], self.after)
        at = _required(_END_OF_OPTIONS, self.before, "An archive has no options.")
        begin, end = self.before[: at.start()], self.before[at.start() :]
        return QueryArchive(b"%s,\n      program-options {\n%s\n      }%s" % (begin, item, end), self.after)

    def renumbered(self, shift: int) -> QueryArchive:
        """Return a copy with ``shift`` added to the number in the query's id ``Query_N``."""
        if not shift:
            return self
        texts = (self.before, self.after)
        later = (_NUMBERED.sub(lambda match: b'local str "Query_%d"' % (int(match[1]) + shift), text) for text in texts)
        return QueryArchive(*later)


def split_archive(before: bytes, after: bytes) -> Iterator[QueryArchive]:
    """Split an archive without alignments into one archive per query.

    BLAST+ puts an empty query into the batch of the next query, and only the last query of a batch can have masks.
    """
    begin, queries, end = _list(_SEQ_SET, before)
    if len(queries) == 1:
        yield QueryArchive(before, after)
        return
    unmasked = _without_masks(after)
    for number, query in enumerate(queries, 1):
        head = before[:begin] + b"          " + query + b"\n        " + before[end:]
        yield QueryArchive(head, after if number == len(queries) else unmasked)


def condense(path: Path, queries: int, over: Over = iter) -> None:
    """Replace an archive that one process wrote for ``queries`` queries by its condensed form."""
    condensed = path.with_name(f"{path.name}.condensed")
    try:
        with path.open("rb") as stream, condensed.open("wb") as out:
            out.write(CONDENSED)
            reader = ArchiveReader(stream, path.name, over)
            for query in reader.numbered():
                out.write(query.condensed())
            check_count(reader.queries, queries)
            out.write(END_OF_CONDENSED)
        os.replace(condensed, path)
    finally:
        condensed.unlink(missing_ok=True)


def read_alignments(path: Path, queries: int | None = None, over: Over = iter) -> Iterator[Alignments]:
    """Yield every query with alignments of an archive, condensed or not, in its order.

    Raises EngineError if ``queries`` is not None and an archive that is not condensed has another number of queries.
    """
    with path.open("rb") as stream:
        if stream.read(len(CONDENSED)) != CONDENSED:
            stream.seek(0)
            reader = ArchiveReader(stream, path.name, over)
            yield from reader.alignments()
            if queries is not None:
                check_count(reader.queries, queries)
            return
        while (line := stream.readline()) != END_OF_CONDENSED:
            if not line.endswith(b"\n"):
                raise ArchiveError(f"The file {path.name} is truncated.")
            ordinal, size = (int(word) for word in line.split())
            text = stream.read(size)
            yield Alignments(ordinal, text.split(NEXT_ALIGNMENT))


def outside_strings(pattern: re.Pattern[bytes], text: bytes) -> re.Match[bytes] | None:
    """Return the first match that is not a string; the pattern must match strings as well."""
    return next((match for match in pattern.finditer(text) if not match[0].startswith(b'"')), None)


def _required(pattern: re.Pattern[bytes], text: bytes, problem: str) -> re.Match[bytes]:
    """Return the first match outside strings; raise ArchiveError if there is none."""
    match = outside_strings(pattern, text)
    if match is None:
        raise ArchiveError(problem)
    return match


def elements_of(text: bytes, start: int) -> tuple[list[bytes], int]:
    """Return the elements of a list in braces and the index of its closing brace; ``start`` follows the opening one."""
    elements: list[bytes] = []
    depth = 0
    begin = start
    for match in _TOKEN.finditer(text, start):
        if match[0] == b"{":
            depth += 1
        elif match[0] == b"}":
            if depth == 0:
                return elements, match.start()
            depth -= 1
            if depth == 0:
                elements.append(text[begin : match.end()].lstrip(b", \n"))
                begin = match.end()
    raise ArchiveError("A list in the archive does not end.")


def squeezed(text: bytes) -> bytes:
    """Return a text without white space, for comparison of texts with different layouts."""
    return b"".join(text.split())


def _without_masks(after: bytes) -> bytes:
    begin, _, end = _list(_MASKS, after)
    return after[:begin] + b"    " + after[end:]


def _list(start: re.Pattern[bytes], text: bytes) -> tuple[int, list[bytes], int]:
    """Return where a list begins, its elements, and where it ends; raise ArchiveError if there is none."""
    begin = _required(start, text, "A list is missing in the archive.").end()
    elements, end = elements_of(text, begin)
    return begin, elements, end


def _ids(query: bytes) -> list[bytes]:
    """Return a query's ids, without white space."""
    at = _required(_SEQ_ID, query, "A query in the archive has no id.")
    ids: list[bytes] = []
    depth = 0
    begin = at.end()
    for match in _ID_END.finditer(query, at.end()):
        token = match[0]
        if token == b"}" and depth == 0:
            return ids
        depth += (token == b"{") - (token == b"}")
        if depth == 0 and token in (b",\n", b"\n"):
            ids.append(squeezed(query[begin : match.start()]))
            begin = match.end()
    raise ArchiveError("A query's ids in the archive do not end.")
