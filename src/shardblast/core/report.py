"""The report of a search: the verdict on each query, how and why it was cut, and the cost of each piece."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Verdict(StrEnum):
    """The guarantee for a query's result."""

    MERGED = "merged"
    """Unsaturated: the merged hits of the shards are provably those of the unsharded run."""
    RESEARCHED = "researched"
    """Saturated: the candidates of all shards were searched again, with the unsharded run's preliminary cutoff."""
    UNSHARDED = "unsharded"
    """Searched in the whole database by BLAST+ itself."""
    COMPLETE = "complete"
    """Saturated: the best of all hits that any shard kept, which are more than BLAST+ reports."""


@dataclass(frozen=True, slots=True)
class PieceReport:
    """One BLAST+ process; also the event that it succeeded."""

    purpose: str
    """``search``, ``probe``, ``sample``, ``pilot``, ``candidates``, ``research`` or ``verify``."""
    batch: int
    """0-based."""
    shard: int | None
    """0-based; None for the whole database or the candidates."""
    seconds: float
    """Wall-clock time."""
    peak_memory_bytes: int
    """The largest resident memory, including mapped parts of the database."""
    node: str = ""
    """The node of a cluster; empty on a single machine."""
    is_doubled: bool = False
    """Whether a second node ran it as well, because the first took much longer than others; ``node`` was faster."""


@dataclass(slots=True)
class Report:
    """The content of ``--report``."""

    program: str
    """``blastn``, ``blastp``, ``blastx``, ``tblastn`` or ``tblastx``."""
    blast_version: str
    """The version of the installed BLAST+."""
    database: str
    """The value of ``-db``."""
    num_seqs: int
    """Sequences in the whole database; 0 if only BLAST+ opened it."""
    letters: int
    """Letters in the whole database; 0 if only BLAST+ opened it."""
    shards: int
    """0 if BLAST+ alone searched; 1 if the queries were split among the cores and the database was not cut."""
    why: str
    """Why it was cut this way, or not at all."""
    command: list[str]
    """The equivalent BLAST+ command."""
    queries: int = 0
    """The number of printed queries."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    """The number of queries with each verdict."""
    not_merged: dict[Verdict, list[str]] = field(default_factory=dict)
    """Ids of the queries with each verdict except ``merged``."""
    bound_reached: list[str] = field(default_factory=list)
    """With ``--exactness complete``: queries for which a shard's list was still full at the largest limit."""
    verified: dict[str, dict[str, Any]] = field(default_factory=dict)
    """With ``--verify``: for each chosen query, whether its hits are ``identical`` without shards (null if that could
    not be checked), and a ``detail``: the first difference, or why it could not be checked."""
    pieces: list[PieceReport] = field(default_factory=list)
    """The BLAST+ processes, in the order in which they ended."""
    seconds: float = 0.0
    """Wall-clock time of the whole search."""
    incidents: list[str] = field(default_factory=list)
    """On a cluster: what cost the search time, such as lost nodes and work that ran again, as sentences."""

    @classmethod
    def of(
        cls, command: list[str], database: str, version: Sequence[int], totals: tuple[int, int], shards: int, why: str
    ) -> Self:
        """Return the report of a search before it begins; ``totals`` are the sequences and letters of its database."""
        program, blast_version = command[0], ".".join(map(str, version))
        return cls(program, blast_version, database, *totals, shards=shards, why=why, command=command)

    def verify(self, query_id: str, is_identical: bool | None, detail: str) -> None:
        """Record a check; of several queries with one id, the worst result counts."""
        before = self.verified.get(query_id, {"identical": True})["identical"]
        if before is True or is_identical is False:
            self.verified[query_id] = {"identical": is_identical, "detail": detail}

    def judge(self, query_id: str, verdict: Verdict, bound_reached: str | None = None) -> None:
        """Record a query's verdict; for ``bound_reached`` see ``QueryJudged``."""
        self.queries += 1
        if bound_reached is not None:
            self.bound_reached.append(bound_reached)
        self.verdicts[verdict] += 1
        if verdict is not Verdict.MERGED:
            self.not_merged.setdefault(verdict, []).append(query_id)

    def document(self) -> dict[str, Any]:
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
            "verified": self.verified,
            "pieces": [asdict(piece) | {"seconds": round(piece.seconds, 3)} for piece in self.pieces],
            "seconds": round(self.seconds, 3),
            "incidents": self.incidents,
        }
