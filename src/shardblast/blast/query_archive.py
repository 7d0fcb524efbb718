"""One query's archive without its alignments: cut out of BLAST+'s own, changed, and filled with merged alignments.

Only what stands outside of strings is looked at, since a query's title may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shardblast.blast.asn import STRING, elements_of, outside_strings, squeezed, string_end
from shardblast.blast.seqalign import NEXT_ALIGNMENT
from shardblast.core.errors import ArchiveError

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
