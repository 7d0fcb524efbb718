"""The report of a search: the verdict on each query, how it was cut and why, and what each piece took."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What is guaranteed for a query's result."""

    MERGED = "merged"
    """Unsaturated: the shards' hits in order are provably what the unsharded run prints."""
    RESEARCHED = "researched"
    """Saturated: the candidates of all shards were searched again, with the unsharded run's preliminary cut."""
    UNSHARDED = "unsharded"
    """Searched in the whole database by BLAST+ itself."""
    COMPLETE = "complete"
    """Saturated: the best of all hits that any shard kept; more than BLAST+ reports, so not its bytes."""


@dataclass(frozen=True, slots=True)
class PieceReport:
    """One BLAST+ process."""

    purpose: str
    """``search``, ``probe``, ``sample``, ``pilot``, ``candidates`` or ``research``."""
    batch: int
    """Index of the batch, 0-based."""
    shard: int | None
    """Index of the shard; None for the whole database or the candidates."""
    seconds: float
    """From its start to its end."""
    peak_memory_bytes: int
    """Its largest resident memory, mapped parts of the database included."""
    node: str = ""
    """Of a cluster; empty on one machine."""
    is_doubled: bool = False
    """Whether a second node was given it too, because the first took far longer than others; ``node`` was quicker."""


@dataclass(slots=True)
class Report:
    """What ``--report`` writes."""

    program: str
    """``blastn``, ``blastp``, ``blastx``, ``tblastn`` or ``tblastx``."""
    blast_version: str
    """Of the installed BLAST+."""
    database: str
    """As given to ``-db``."""
    num_seqs: int
    """Sequences of the whole database; 0 if BLAST+ alone opened it."""
    letters: int
    """Letters of the whole database; 0 if BLAST+ alone opened it."""
    shards: int
    """0 if BLAST+ alone searched; 1 if queries were dealt to the cores and the database was not cut."""
    why: str
    """Why it was cut this way, or not at all."""
    command: list[str]
    """The BLAST+ command that prints the same."""
    queries: int = 0
    """Queries that were printed."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    """How many queries have each verdict."""
    not_merged: dict[Verdict, list[str]] = field(default_factory=dict)
    """Ids of the queries of every verdict but ``merged``."""
    bound_reached: list[str] = field(default_factory=list)
    """With ``--exactness complete``: queries of which a shard's list was still full at the largest limit."""
    pieces: list[PieceReport] = field(default_factory=list)
    """The BLAST+ processes, in the order in which they ended."""
    seconds: float = 0.0
    """The whole search."""

    def judge(self, verdict: Verdict, query_id: str) -> None:
        """Note a query's verdict."""
        self.verdicts[verdict] += 1
        if verdict is not Verdict.MERGED:
            self.not_merged.setdefault(verdict, []).append(query_id)

    def document(self) -> dict[str, Any]:
        """Return the report as it is written as JSON."""
        return {
            "program": self.program,
            "blast_version": self.blast_version,
            "database": {"name": self.database, "num_seqs": self.num_seqs, "letters": self.letters},
            "shards": self.shards,
            "why": self.why,
            "command": self.command,
            "queries": self.queries,
            "verdicts": {verdict.value: self.verdicts[verdict] for verdict in Verdict if self.verdicts[verdict]},
            "not_merged": {verdict.value: ids for verdict, ids in self.not_merged.items()},
            "bound_reached": self.bound_reached,
            "pieces": [
                {
                    "purpose": piece.purpose,
                    "batch": piece.batch,
                    "shard": piece.shard,
                    "seconds": round(piece.seconds, 3),
                    "peak_memory_bytes": piece.peak_memory_bytes,
                    "node": piece.node,
                    "is_doubled": piece.is_doubled,
                }
                for piece in self.pieces
            ],
            "seconds": round(self.seconds, 3),
        }
