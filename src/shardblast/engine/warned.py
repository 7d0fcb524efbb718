"""What BLAST+ warns of: it is asked with the user's own options and format, since both decide what it says.

Pieces and the probe run with other options, and blast_formatter says nothing of queries.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import Future

from shardblast.blast.fasta import Batch
from shardblast.blast.process import Finished
from shardblast.core.groups import FILTER_OPTIONS
from shardblast.core.outfmt import MANY_FILES
from shardblast.engine.work import Purpose, Work

_ONE_FILE = {13: "15", 14: "16"}
"""Formats of one file that warn of the same."""
_NOT_ASKED = FILTER_OPTIONS | {"query", "db", "out", "outfmt", "mt_mode"}
"""What lists leave is told when they are read; shards do not cut queries for threads, which -mt_mode warns of."""
_OF_A_QUERY = re.compile(rb"^([^\[\n]*\[\w+\] Query_)(\d+)", re.M)
_OF_A_LINE = re.compile(rb"^((?:CFastaReader|FASTA-Reader): [^\n]*? line )(\d+)|(, On line )(\d+)", re.M)
_OF_TAXONOMY = b"taxdb"


class WarnedBatch:
    """A batch in the probe's database, whose output nobody reads."""

    def __init__(self, work: Work, batch: Batch, database: str) -> None:
        options = work.options
        number = options.outfmt.number
        outfmt = _ONE_FILE[number] if number in MANY_FILES else options.outfmt.text
        place = ["-query", str(batch.path), "-db", database, "-outfmt", outfmt, "-out", os.devnull]
        self._batch = batch
        self._told: Future[Finished] = work.start(
            [*options.argv(drop=_NOT_ASKED), *place],
            Purpose("probe", batch.index, None),
            f"the warnings of batch {batch.index + 1}",
            (0, batch.index),
        )

    def text(self) -> bytes:
        """Return what BLAST+ warns of, with queries and lines numbered as in the user's file."""
        batch = self._batch
        text = _OF_A_QUERY.sub(lambda match: b"%s%d" % (match[1], int(match[2]) + batch.first_query), self.stderr)
        return _OF_A_LINE.sub(lambda match: _shifted(match, batch.first_line), text)

    @property
    def stderr(self) -> bytes:
        return self._told.result().stderr


def _shifted(match: re.Match[bytes], lines: int) -> bytes:
    before, number = (match[1], match[2]) if match[1] is not None else (match[3], match[4])
    return b"%s%d" % (before, int(number) + lines)


def of_taxonomy(text: bytes) -> bytes:
    """Return what a process that found hits says of names that it could not look up."""
    return b"".join(line for line in text.splitlines(keepends=True) if _OF_TAXONOMY in line)
