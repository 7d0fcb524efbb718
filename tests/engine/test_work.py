"""What is left of a search when it ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import InputError, Interrupted
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from shardblast.core.report import Report
from shardblast.engine.pool import Pool
from shardblast.engine.work import Purpose, Silent, Work
from tests.databases import make_database
from tests.sequences import real


def test_when_a_search_fails_its_other_pieces_stop_and_those_that_wait_never_start(tmp_path: Path) -> None:
    installation, pool = find_installation(), Pool(2)
    path = make_database(tmp_path / "db", "prot", real("proteins")[:3000])
    query = tmp_path / "many.fa"
    query.write_text("".join(one.fasta for one in real("proteins")[:2000]))
    options = parse(
        Program.BLASTP, ["-db", str(path), "-query", str(query)], known_arguments(installation, Program.BLASTP)
    )
    database = open_database(installation, str(path), Molecule.PROTEIN)
    report = Report("blastp", "", str(path), 0, 0, 2, "", [])
    work = Work(installation, options, database, tmp_path, pool, Processes(), report, Silent(), resumes=True)
    argv = ["-query", str(query), "-db", str(path)]
    started = []

    def fail() -> None:
        with work:
            for n in range(6):
                purpose = Purpose("search", 0, n)
                started.append(work.start_piece(argv, tmp_path / f"piece.{n}", purpose, f"piece {n}", (1,)))
            while not work.processes._running:
                time.sleep(0.001)
            raise InputError("a piece failed", remedy="none")

    with pytest.raises(InputError):
        fail()

    ended = [future for future in started if not future.cancelled()]
    assert all(isinstance(future.exception(), Interrupted) for future in ended)
    assert len(ended) < len(started)
    assert all(future.done() for future in started)
    assert list(tmp_path.glob("piece.*")) == []
    assert not work.processes._running
    pool.close()
