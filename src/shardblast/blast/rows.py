"""Rows that ``blast_formatter`` prints of an archive: what an archive itself does not say as BLAST+ prints it.

The printed id of a subject without one is in the database alone, the frame of a translated minus strand needs the
subject's length, and identities and positives are counted by the search on masked queries and adjusted matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shardblast.blast.installation import Installation
from shardblast.blast.process import checked, run
from shardblast.core.errors import EngineError

_COLUMNS = "sseqid score nident positive qframe sframe"


@dataclass(frozen=True, slots=True)
class Row:
    """What BLAST+ prints of an HSP."""

    subject_id: str
    raw_score: int
    identities: int
    positives: int
    query_frame: int
    subject_frame: int


def rows_of(installation: Installation, archive: Path, max_target_seqs: int) -> list[Row]:
    """Return a row for each HSP of an archive, in its order.

    Raises:
        ShardblastError: ``blast_formatter`` can't print it, for example since the database is gone.
    """
    argv = [installation.program("blast_formatter"), "-archive", str(archive), "-outfmt", f"6 {_COLUMNS}"]
    finished = checked(run([*argv, "-max_target_seqs", str(max_target_seqs)]), "the formatting of the result")
    return [_row(line) for line in finished.stdout.decode(errors="replace").split("\n")[:-1]]


def _row(line: str) -> Row:
    subject_id, *numbers = line.rsplit("\t", 5)
    try:
        return Row(subject_id, *(int(number) for number in numbers))
    except (TypeError, ValueError) as error:
        raise EngineError("blast_formatter printed no table.", remedy="Install BLAST+ again.") from error
