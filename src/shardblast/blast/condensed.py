"""A piece's file, once it is cut down to its alignments: an archive also holds its queries, most of them without hits.

Each query that has alignments is a line with its 0-based position in the file and the bytes that follow: the texts of
its alignments, parted as in the archive. A last line says that this is all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from shardblast.blast.archive import Alignments, ArchiveReader
from shardblast.blast.comments import check_count
from shardblast.blast.seqalign import NEXT_ALIGNMENT
from shardblast.core.errors import ArchiveError

_MAGIC = b"shardblast alignments 1\n"
_END = b"end\n"


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
            out.write(_END)
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
        while (line := stream.readline()) != _END:
            if not line.endswith(b"\n"):
                raise ArchiveError(f"The file {path.name} ends early.")
            ordinal, size = (int(word) for word in line.split())
            text = stream.read(size)
            yield Alignments(ordinal, text.split(NEXT_ALIGNMENT))
