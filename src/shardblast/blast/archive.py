"""BLAST archives (``-outfmt 11``): read as a stream, cut into one archive per query, condensed to their alignments.

A ``Blast4-archive`` holds the queries of one of BLAST+'s own batches, their alignments in query order, masks and
search statistics; a file holds one or more. The NCBI serializer lays ASN.1 text out with fixed indents, and
alignments hold no free text (ids have no blanks), so these are cut at line patterns; the rest is scanned with strings
in mind, since a query's title may hold anything.

Only what stands outside of strings is looked at, since a query's title may hold anything.

Each query that has alignments is a line with its 0-based position in the file and the bytes that follow: the texts of
its alignments, parted as in the archive. A last line says that this is all.

Source:
    NCBI C++ Toolkit, objects/blast/blast.asn (Blast4-archive).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shardblast.blast.output import check_count
from shardblast.blast.seqalign import NEXT_ALIGNMENT, alignment_ids
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
_DATABASE = re.compile(STRING + rb"|\n      subject database (?=\")")
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
_NUMBERED = re.compile(rb'local str "Query_(\d+)"')
"""Without alignments an archive holds no other ids than those of queries; in a string quotes are doubled."""

_MAGIC = b"shardblast alignments 1\n"
_END_OF_CONDENSED = b"end\n"

_TOKEN = re.compile(STRING + rb"|'[^']*'|[{}]")


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
        return b"".join((self.before, b"      {\n", NEXT_ALIGNMENT.join(blocks), b"\n      }\n", self.after))

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
        at = outside_strings(_DATABASE, self.before)
        if at is None:
            raise ArchiveError("An archive names no database.")
        end = string_end(self.before, at.end())
        quoted = name.replace('"', '""').encode(errors="surrogateescape")
        return QueryArchive(b'%s"%s"%s' % (self.before[: at.end()], quoted, self.before[end:]), self.after)

    def with_taxids(self, taxids: Sequence[int]) -> QueryArchive:
        """Return the same for a search restricted to these taxids, which hide titles of others."""
        listed = b",\n".join(b"            %d" % taxid for taxid in taxids)
        item = (
            b'        {\n          name "TaxidList",\n          value integer-list {\n%s\n          }\n        }'
            % listed
        )
        at = outside_strings(_PROGRAM_OPTIONS, self.before)
        if at is not None:
            return QueryArchive(self.before[: at.end()] + item + b",\n" + self.before[at.end() :], self.after)
        at = outside_strings(_END_OF_OPTIONS, self.before)
        if at is None:
            raise ArchiveError("An archive has no options.")
        begin, end = self.before[: at.start()], self.before[at.start() :]
        return QueryArchive(b"%s,\n      program-options {\n%s\n      }%s" % (begin, item, end), self.after)

    def renumbered(self, shift: int) -> QueryArchive:
        """Return the same with ``shift`` added to the number in the id ``Query_N`` that BLAST+ gives a query."""
        if not shift:
            return self
        before, after = (
            _NUMBERED.sub(lambda match: b'local str "Query_%d"' % (int(match[1]) + shift), text)
            for text in (self.before, self.after)
        )
        return QueryArchive(before, after)


def query_number(query: bytes) -> int:
    """Return the number that BLAST+ named a query by, 1-based in what one process was given.

    Raises:
        ArchiveError: It named it otherwise.
    """
    found = _NUMBERED.search(query)
    if found is None:
        raise ArchiveError("An alignment in the archive names a query otherwise than BLAST+ does.")
    return int(found[1])


def last_number(before: bytes) -> int:
    """Return the number by which BLAST+ named the last query of an archive, 1-based in what one process was given.

    Masks of earlier queries follow the queries. No title can hold such an id, since quotes are doubled in strings.
    """
    return max((int(match[1]) for match in _NUMBERED.finditer(before)), default=0)


def query_ids(before: bytes) -> list[list[bytes]]:
    """Return each query's ids, without white space.

    Raises:
        ArchiveError: A query has none, or the text is damaged.
    """
    return [_ids(query) for query in _queries(before)[1]]


def split_archive(before: bytes, after: bytes) -> Iterator[QueryArchive]:
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


def condense(path: Path, queries: int) -> None:
    """Replace an archive that one process wrote, of so many queries that BLAST+ named, by its alignments.

    Raises:
        ArchiveError: The archive ends early.
        EngineError: It holds another number of queries.
    """
    condensed = path.with_name(f"{path.name}.condensed")
    try:
        with path.open("rb") as stream, condensed.open("wb") as out:
            out.write(_MAGIC)
            reader = ArchiveReader(stream, path.name)
            for found in reader.numbered():
                text = NEXT_ALIGNMENT.join(found.blocks)
                out.write(b"%d %d\n" % (found.ordinal, len(text)))
                out.write(text)
            check_count(reader.queries, queries)
            out.write(_END_OF_CONDENSED)
        os.replace(condensed, path)
    finally:
        condensed.unlink(missing_ok=True)


def read_alignments(path: Path, queries: int) -> Iterator[Alignments]:
    """Yield every query that has alignments, in the order of the file, be it an archive or cut down.

    Args:
        path: The file.
        queries: How many were searched; of a file that was cut down this was looked at then.

    Raises:
        ArchiveError: The file ends early or is damaged.
        EngineError: It holds another number of queries.
    """
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            stream.seek(0)
            reader = ArchiveReader(stream, path.name)
            yield from reader.alignments()
            check_count(reader.queries, queries)
            return
        while (line := stream.readline()) != _END_OF_CONDENSED:
            if not line.endswith(b"\n"):
                raise ArchiveError(f"The file {path.name} ends early.")
            ordinal, size = (int(word) for word in line.split())
            text = stream.read(size)
            yield Alignments(ordinal, text.split(NEXT_ALIGNMENT))


def outside_strings(pattern: re.Pattern[bytes], text: bytes) -> re.Match[bytes] | None:
    """Return the pattern's first match that is not one of its strings."""
    return next((match for match in pattern.finditer(text) if not match[0].startswith(b'"')), None)


def string_end(text: bytes, start: int) -> int:
    """Return where the string that begins at ``start`` ends, behind its closing quote.

    Raises:
        ArchiveError: It does not end.
    """
    match = re.compile(STRING).match(text, start)
    if match is None:
        raise ArchiveError("A string in the archive does not end.")
    return match.end()


def elements_of(text: bytes, start: int) -> tuple[list[bytes], int]:
    """Return the elements of a list in braces, whose opening one ends before ``start``, and where it is closed.

    Raises:
        ArchiveError: It is not closed.
    """
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
    """Return a text without its white space, by which the same is laid out otherwise in other places."""
    return b"".join(text.split())


def _find(ids: list[list[bytes]], wanted: bytes, start: int) -> int:
    for index in range(start, len(ids)):
        if wanted in ids[index]:
            return index
    raise ArchiveError("An alignment in the archive names a query that the archive does not hold.")


def _without_masks(after: bytes) -> bytes:
    at = outside_strings(_MASKS, after)
    if at is None:
        raise ArchiveError("An archive holds no list of masks.")
    _, end = elements_of(after, at.end())
    return after[: at.end()] + b"    " + after[end:]


def _queries(before: bytes) -> tuple[int, list[bytes], int]:
    """Return where the list of queries begins, the queries, and where it ends."""
    at = outside_strings(_SEQ_SET, before)
    if at is None:
        raise ArchiveError("An archive holds no queries.")
    queries, end = elements_of(before, at.end())
    return at.end(), queries, end


def _ids(query: bytes) -> list[bytes]:
    at = outside_strings(_SEQ_ID, query)
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
            ids.append(squeezed(query[begin : match.start()]))
            begin = match.end()
    raise ArchiveError("A query's ids in the archive do not end.")
