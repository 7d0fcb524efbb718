"""BLAST archives (``-outfmt 11``): read as a stream, cut into one archive per query, written again.

A ``Blast4-archive`` holds the queries of one of BLAST+'s own batches, their alignments in query order, masks and
search statistics; a file holds one or more. The NCBI serializer lays ASN.1 text out with fixed indents, and
alignments hold no free text (ids have no blanks), so these are cut at line patterns; the rest is scanned with strings
in mind, since a query's title may hold anything.

Source:
    NCBI C++ Toolkit, objects/blast/blast.asn (Blast4-archive).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from shardblast.blast.seqalign import alignment_ids
from shardblast.core.errors import ArchiveError

BLOCK_BYTES = 1 << 20

_START = b"Blast4-archive ::= {\n"
_STRING = rb'"(?:[^"]|"")*"'
_ALIGNMENTS = re.compile(_STRING + rb"|\n    alignments \{\n")
_SEQ_SET = re.compile(_STRING + rb"|\n +seq-set \{\n")
_SEQ_ID = re.compile(_STRING + rb"|\n +id \{\n")
_DATABASE = re.compile(_STRING + rb"|\n      subject database (?=\")")
_MASKS = re.compile(_STRING + rb"|\n?    masks \{\n")
_TOKEN = re.compile(_STRING + rb"|'[^']*'|[{}]")
_ID_END = re.compile(_STRING + rb"|[{}]|,\n|\n")
_NEXT_ALIGNMENT = b"\n      },\n      {\n"
_LAST_ALIGNMENT = b"\n      }\n    },\n"
_NO_ALIGNMENTS = b"    },\n"
_END = b"\n  }\n}\n"
_UNGAPPED_ONLY = re.compile(
    rb"(ka-blocks \{\n      \{\n)"
    rb"(        lambda \{ (?!-1,)[^{}]*\},\n        k \{[^{}]*\},\n        h \{[^{}]*\},\n)"
    rb"(        gapped FALSE\n      \},\n      \{\n)"
    rb"        lambda \{ -1, 10, 0 \},\n        k \{[^{}]*\},\n        h \{[^{}]*\},\n"
    rb"(        gapped TRUE\n)"
)
_NUMBERED = re.compile(rb'local str "Query_(\d+)"')


@dataclass(frozen=True, slots=True)
class Alignments:
    """What a file says of one query: its place and its alignments' texts, in BLAST's order."""

    ordinal: int
    """0-based position of the query in the file."""
    blocks: list[bytes]
    """Each ``Seq-align`` without the braces around it."""


@dataclass(frozen=True, slots=True)
class QueryArchive:
    """Everything of one query's archive but its alignments: query, options, masks, statistics."""

    before: bytes
    """Up to and including the line ``alignments {``."""
    after: bytes
    """From the brace that closes the alignments to the end."""

    def with_alignments(self, blocks: list[bytes]) -> bytes:
        """Return the archive that holds these alignments."""
        if not blocks:
            return self.before + self.after
        return b"".join((self.before, b"      {\n", _NEXT_ALIGNMENT.join(blocks), b"\n      }\n", self.after))

    def with_gapped_parameters(self) -> QueryArchive:
        """Return the same with the ungapped parameters also as gapped ones, if it has no gapped ones.

        BLAST+ prints those of an ungapped search where ``blast_formatter`` looks for gapped ones.
        """
        return QueryArchive(self.before, _UNGAPPED_ONLY.sub(rb"\1\2\3\2\4", self.after))

    def joined(self, others: Sequence[QueryArchive]) -> QueryArchive:
        """Return one archive for this query and others, with this one's statistics and without masks of the others.

        What BLAST+ prints of it is right where neither is printed, and costs it a fraction of the time.
        """
        begin, queries, end = _queries(self.before)
        for other in others:
            queries += _queries(other.before)[1]
        listed = b",\n".join(b"          " + query for query in queries)
        return QueryArchive(self.before[:begin] + listed + b"\n        " + self.before[end:], self.after)

    def on_database(self, name: str) -> QueryArchive:
        """Return the same for a database of another name."""
        at = _outside_strings(_DATABASE, self.before)
        if at is None:
            raise ArchiveError("An archive names no database.")
        end = _string_end(self.before, at.end())
        quoted = name.replace('"', '""').encode(errors="surrogateescape")
        return QueryArchive(b'%s"%s"%s' % (self.before[: at.end()], quoted, self.before[end:]), self.after)

    def renumbered(self, shift: int) -> QueryArchive:
        """Return the same with ``shift`` added to the number in the id ``Query_N`` that BLAST+ gives a query."""
        return QueryArchive(renumber(self.before, shift), renumber(self.after, shift))


class ArchiveReader:
    """Reads a file's archives one after the other; of the alignments it holds one query's and one block.

    Raises:
        ArchiveError: The file ends early or is no archive.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._buffer = b""

    def alignments(self) -> Iterator[Alignments]:
        """Yield every query that has alignments, in the order of the file."""
        first = 0
        while (before := self._read_before()) is not None:
            ids = _query_ids(before)
            for alignments in self._by_query(ids):
                yield Alignments(first + alignments.ordinal, alignments.blocks)
            first += len(ids)
            self._read_after()

    def templates(self) -> Iterator[QueryArchive]:
        """Yield an archive without alignments for every query, in the order of the file."""
        while (before := self._read_before()) is not None:
            for _ in self._read_blocks():
                pass
            yield from _split(before, _NO_ALIGNMENTS + self._read_after())

    def _by_query(self, ids: list[list[bytes]]) -> Iterator[Alignments]:
        ordinal = 0
        blocks: list[bytes] = []
        current = b""
        for block in self._read_blocks():
            query = alignment_ids(block).query
            if query != current:
                if blocks:
                    yield Alignments(ordinal, blocks)
                ordinal = _find(ids, _squeeze(query), ordinal + bool(blocks))
                current, blocks = query, []
            blocks.append(block)
        if blocks:
            yield Alignments(ordinal, blocks)

    def _fill(self) -> None:
        block = self._stream.read(BLOCK_BYTES)
        if not block:
            raise ArchiveError(f"The archive {self._name} ends early or is damaged.")
        self._buffer += block

    def _read_before(self) -> bytes | None:
        """Return the text up to and including ``alignments {``, or None at the end of the file."""
        if not self._buffer:
            self._buffer = self._stream.read(BLOCK_BYTES)
            if not self._buffer:
                return None
        while (at := _outside_strings(_ALIGNMENTS, self._buffer)) is None:
            if not _START.startswith(self._buffer[: len(_START)]):
                raise ArchiveError(f"{self._name} is not an archive.")
            self._fill()
        before, self._buffer = self._buffer[: at.end()], self._buffer[at.end() :]
        if not before.startswith(_START):
            raise ArchiveError(f"{self._name} is not an archive.")
        return before

    def _read_blocks(self) -> Iterator[bytes]:
        """Yield the alignments' texts; stops behind the brace that closes the list."""
        while len(self._buffer) < len(b"      {\n"):
            self._fill()
        if self._buffer.startswith(_NO_ALIGNMENTS):
            self._buffer = self._buffer[len(_NO_ALIGNMENTS) :]
            return
        if not self._buffer.startswith(b"      {\n"):
            raise ArchiveError(f"The archive {self._name} is damaged where its alignments start.")
        self._buffer = self._buffer[len(b"      {\n") :]
        while (end := self._buffer.find(_LAST_ALIGNMENT)) < 0:
            *blocks, self._buffer = self._buffer.split(_NEXT_ALIGNMENT)
            yield from blocks
            self._fill()
        blocks = self._buffer[:end].split(_NEXT_ALIGNMENT)
        self._buffer = self._buffer[end + len(_LAST_ALIGNMENT) :]
        yield from blocks

    def _read_after(self) -> bytes:
        """Return the text behind the alignments: masks, Karlin-Altschul parameters, statistics."""
        while (end := self._buffer.find(_END)) < 0:
            self._fill()
        end += len(_END)
        after, self._buffer = self._buffer[:end], self._buffer[end:]
        return after


def renumber(text: bytes, shift: int) -> bytes:
    """Add ``shift`` to the number of every ``Query_N`` id, as BLAST+ would have numbered a later query."""
    if not shift:
        return text
    return _NUMBERED.sub(lambda match: b'local str "Query_%d"' % (int(match[1]) + shift), text)


def _find(ids: list[list[bytes]], wanted: bytes, start: int) -> int:
    for index in range(start, len(ids)):
        if wanted in ids[index]:
            return index
    raise ArchiveError("An alignment in the archive names a query that the archive does not hold.")


def _squeeze(text: bytes) -> bytes:
    return b"".join(text.split())


def _outside_strings(pattern: re.Pattern[bytes], text: bytes, start: int = 0) -> re.Match[bytes] | None:
    """Return the pattern's first match that is not one of its strings."""
    return next((match for match in pattern.finditer(text, start) if not match[0].startswith(b'"')), None)


def _string_end(text: bytes, start: int) -> int:
    match = re.compile(_STRING).match(text, start)
    if match is None:
        raise ArchiveError("A string in the archive does not end.")
    return match.end()


def _elements(text: bytes, start: int) -> tuple[list[bytes], int]:
    """Return the elements of a list in braces, whose opening one ends before ``start``, and where it is closed."""
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


def _queries(before: bytes) -> tuple[int, list[bytes], int]:
    """Return where the list of queries begins, the queries, and where it ends."""
    at = _outside_strings(_SEQ_SET, before)
    if at is None:
        raise ArchiveError("An archive holds no queries.")
    queries, end = _elements(before, at.end())
    return at.end(), queries, end


def _query_ids(before: bytes) -> list[list[bytes]]:
    """Return each query's ids, without white space."""
    return [_ids(query) for query in _queries(before)[1]]


def _ids(query: bytes) -> list[bytes]:
    at = _outside_strings(_SEQ_ID, query)
    if at is None:
        raise ArchiveError("A query in the archive has no id.")
    ids: list[bytes] = []
    depth = 0
    begin = at.end()
    for match in _ID_END.finditer(query, at.end()):
        token = match[0]
        if token == b"}" and depth == 0:
            return ids
        depth += (token == b"{") - (token == b"}")
        if depth == 0 and token in (b",\n", b"\n"):
            ids.append(_squeeze(query[begin : match.start()]))
            begin = match.end()
    raise ArchiveError("A query's ids in the archive do not end.")


def _split(before: bytes, after: bytes) -> Iterator[QueryArchive]:
    """Cut an archive without alignments into one per query.

    BLAST+ puts queries without letters into the batch of the next query, and only of that one there can be masks.
    """
    begin, queries, end = _queries(before)
    if len(queries) == 1:
        yield QueryArchive(before, after)
        return
    for number, query in enumerate(queries, 1):
        head = before[:begin] + b"          " + query + b"\n        " + before[end:]
        yield QueryArchive(head, after if number == len(queries) else _without_masks(after))


def _without_masks(after: bytes) -> bytes:
    at = _outside_strings(_MASKS, after)
    if at is None:
        raise ArchiveError("An archive holds no list of masks.")
    _, end = _elements(after, at.end())
    return after[: at.end()] + b"    " + after[end:]
