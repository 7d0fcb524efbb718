"""A search that a test itself drives on a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shardblast.blast.database import database_of
from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch
from shardblast.bootstrap import known_arguments
from shardblast.cluster.preparation import SilentPhases
from shardblast.cluster.searching import ClusterSearching, Request
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.core.report import PieceReport
from shardblast.core.waiting import Lack
from shardblast.engine.pieces import batches_of
from shardblast.engine.workspace import Silent
from shardblast.storage.objects import read_generation
from tests.sequences import nucleotide_queries

SEARCH = "driven"
NO_SEQUENCE = ">nothing to find\n" + "N" * 100 + "\n"


class Quiet(SilentPhases):
    """Keeps what a search waited for."""

    def __init__(self) -> None:
        self.waited: list[str] = []

    def waiting(self, lack: Lack | None) -> None:
        if lack is not None:
            self.waited.append(lack.sentence)


class Told(Silent):
    """Keeps what a driver hears."""

    def __init__(self) -> None:
        self.pieces: list[PieceReport] = []
        self.warnings = b""

    def piece_finished(self, piece: object) -> None:
        if isinstance(piece, PieceReport):
            self.pieces.append(piece)

    def warned(self, text: bytes) -> None:
        self.warnings += text


def ordered(searching: ClusterSearching, folder: Path, options: tuple[str, ...]) -> tuple[Request, Batch]:
    """Return a search of one batch, and the batch."""
    query = folder / "query.fa"
    query.write_text("".join(one.fasta for one in nucleotide_queries()[:5]) + NO_SEQUENCE)
    arguments = known_arguments(searching.installation, Program.BLASTN)
    parsed = parse(Program.BLASTN, ["-db", "db", "-query", str(query), "-outfmt", "11", *options], arguments)
    objects = searching.means.objects
    current = objects.read("databases/db/current").decode().strip()
    generation = read_generation(objects, "db", current)
    plan = searching.plan(parsed, generation, database_of(generation, folder, ()), query, folder, Processes())
    (batch,) = batches_of(str(query), folder, parsed.program.query_molecule, plan.choice)
    return Request(SEARCH, parsed, generation, plan, folder), replace(batch, path=Path())
