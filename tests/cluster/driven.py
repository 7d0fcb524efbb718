"""A search that a test itself drives on a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shardblast.blast.process import Processes
from shardblast.blast.queries import Batch
from shardblast.bootstrap import known_arguments
from shardblast.cluster.searching import ClusterSearching
from shardblast.core.database import CataloguedDatabase
from shardblast.core.events import PieceFinished, SearchEvent, SearchWaits, Warned
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.core.report import PieceReport
from shardblast.core.search import SearchId
from shardblast.engine.stored import OrderedSearch
from shardblast.storage.objects import read_generation
from tests.sequences import nucleotide_queries

SEARCH = "driven"
NO_SEQUENCE = ">nothing to find\n" + "N" * 100 + "\n"


class Heard:
    """Keeps what a driver reports."""

    def __init__(self) -> None:
        self.waited: list[str] = []
        self.pieces: list[PieceReport] = []
        self.warnings = b""

    def __call__(self, event: SearchEvent) -> None:
        match event:
            case SearchWaits(lack) if lack is not None:
                self.waited.append(lack.sentence)
            case PieceFinished(piece) if piece is not None:
                self.pieces.append(piece)
            case Warned(text):
                self.warnings += text


def ordered(searching: ClusterSearching, folder: Path, options: tuple[str, ...]) -> tuple[OrderedSearch, Batch]:
    """Return a search of one batch, and the batch."""
    query = folder / "query.fa"
    query.write_text("".join(one.fasta for one in nucleotide_queries()[:5]) + NO_SEQUENCE)
    arguments = known_arguments(searching.installation, Program.BLASTN)
    parsed = parse(Program.BLASTN, ["-db", "db", "-query", str(query), "-outfmt", "11", *options], arguments)
    objects = searching.means.objects
    current = objects.read("databases/db/current").decode().strip()
    generation = read_generation(objects, "db", current)
    database = CataloguedDatabase(generation, None, 0.0)
    plan = searching.plan(parsed, database, folder, Processes())
    search = OrderedSearch(parsed, plan, folder, SearchId(SEARCH), database)
    (batch,) = search.batches(folder)
    return search, replace(batch, path=Path())
