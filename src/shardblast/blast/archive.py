"""BLAST archives (``-outfmt 11``): read as a stream, cut into one archive per query.

A ``Blast4-archive`` holds the queries of one of BLAST+'s own batches, their alignments in query order, masks and
search statistics; a file holds one or more. The NCBI serializer lays ASN.1 text out with fixed indents, and
alignments hold no free text (ids have no blanks), so these are cut at line patterns; the rest is scanned with strings
in mind, since a query's title may hold anything.

Source:
    NCBI C++ Toolkit, objects/blast/blast.asn (Blast4-archive).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shardblast.blast.asn import STRING, outside_strings, squeezed
from shardblast.blast.query_archive import QueryArchive, last_number, query_ids, query_number, split_archive
from shardblast.blast.seqalign import NEXT_ALIGNMENT, alignment_ids
from shardblast.core.errors import ArchiveError

BLOCK_BYTES = 1 << 20

_START = b"Blast4-archive ::= {\n"
_ALIGNMENTS_LINE = b"\n    alignments {\n"
_ALIGNMENTS = re.compile(STRING + rb"|" + re.escape(_ALIGNMENTS_LINE))
_LAST_ALIGNMENT = b"\n      }\n    },\n"
_NO_ALIGNMENTS = b"    },\n"
_END = b"\n  }\n}\n"


@dataclass(frozen=True, slots=True)
class Alignments:
    """What a file says of one query: its place and its alignments' texts, in BLAST's order."""

    ordinal: int
    """0-based position of the query in the file."""
    blocks: list[bytes]
    """Each ``Seq-align`` without the braces around it."""


class ArchiveReader:
    """Reads a file's archives one after the other; of the alignments it holds one query's and one block.

    Raises:
        ArchiveError: The file ends early or is no archive.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._buffer = b""
        self.queries = 0
        """How many queries were read so far, those without alignments included."""

    def alignments(self) -> Iterator[Alignments]:
        """Yield every query that has alignments, in the order of the file."""
        while (before := self._read_before()) is not None:
            ids = query_ids(before)
            ordinal = 0
            for query, blocks in self._by_query():
                ordinal = _find(ids, squeezed(query), ordinal)
                yield Alignments(self.queries + ordinal, blocks)
                ordinal += 1
            self.queries += len(ids)
            self._read_after()

    def templates(self) -> Iterator[QueryArchive]:
        """Yield an archive without alignments for every query, in the order of the file."""
        while (before := self._read_before()) is not None:
            for _ in self._read_blocks():
                pass
            yield from split_archive(before, _NO_ALIGNMENTS + self._read_after())

    def numbered(self) -> Iterator[Alignments]:
        """Yield the same, of a file that one process wrote, whose queries BLAST+ named: ``Query_1`` and so on.

        Much faster for a file of many queries, since they need not be looked at.
        """
        while (before := self._read_before()) is not None:
            for query, blocks in self._by_query():
                yield Alignments(query_number(query) - 1, blocks)
            self.queries = last_number(before)
            self._read_after()

    def _by_query(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield the id of each query that has alignments, with their texts."""
        blocks: list[bytes] = []
        current = b""
        for block in self._read_blocks():
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
            raise ArchiveError(f"The archive {self._name} ends early or is damaged.")
        self._buffer += block

    def _read_before(self) -> bytes | None:
        """Return the text up to and including ``alignments {``, or None at the end of the file."""
        if not self._buffer:
            self._buffer = self._stream.read(BLOCK_BYTES)
            if not self._buffer:
                return None
        while (at := self._alignments_line()) is None:
            if not _START.startswith(self._buffer[: len(_START)]):
                raise ArchiveError(f"{self._name} is not an archive.")
            self._fill()
        before, self._buffer = self._buffer[: at.end()], self._buffer[at.end() :]
        if not before.startswith(_START):
            raise ArchiveError(f"{self._name} is not an archive.")
        return before

    def _alignments_line(self) -> re.Match[bytes] | None:
        if _ALIGNMENTS_LINE not in self._buffer:
            return None  # which is found far sooner than strings are
        return outside_strings(_ALIGNMENTS, self._buffer)

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
            *blocks, self._buffer = self._buffer.split(NEXT_ALIGNMENT)
            yield from blocks
            self._fill()
        blocks = self._buffer[:end].split(NEXT_ALIGNMENT)
        self._buffer = self._buffer[end + len(_LAST_ALIGNMENT) :]
        yield from blocks

    def _read_after(self) -> bytes:
        """Return the text behind the alignments: masks, Karlin-Altschul parameters, statistics."""
        while (end := self._buffer.find(_END)) < 0:
            self._fill()
        end += len(_END)
        after, self._buffer = self._buffer[:end], self._buffer[end:]
        return after


def _find(ids: list[list[bytes]], wanted: bytes, start: int) -> int:
    for index in range(start, len(ids)):
        if wanted in ids[index]:
            return index
    raise ArchiveError("An alignment in the archive names a query that the archive does not hold.")
