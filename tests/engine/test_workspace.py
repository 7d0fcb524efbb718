"""Files and processes that remain when a search ends."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import InputError, Interrupted
from shardblast.core.events import PieceStarted, Purpose, SearchEvent
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from shardblast.core.report import PieceReport
from shardblast.engine.workspace import PieceRun, Pool, Work
from tests.databases import make_database
from tests.sequences import real
from tests.waiting import WITHIN_S, until


def test_when_a_search_fails_its_other_pieces_stop_and_those_that_wait_never_start(tmp_path: Path) -> None:
    installation, pool = find_installation(), Pool(2)
    path = make_database(tmp_path / "db", "prot", real("proteins")[:3000])
    query = tmp_path / "many.fa"
    query.write_text("".join(one.fasta for one in real("proteins")[:2000]))
    options = parse(
        Program.BLASTP, ["-db", str(path), "-query", str(query)], known_arguments(installation, Program.BLASTP)
    )
    database = open_database(installation, str(path), Molecule.PROTEIN)
    events: list[SearchEvent] = []
    work = Work(installation, Processes(), database, options, tmp_path, pool, events.append, resumes=True)
    started = []

    def fail() -> None:
        with work:
            for n in range(6):
                purpose, out = Purpose("search", 0, n), tmp_path / f"piece.{n}"
                started.append(work.start(PieceRun([], query, "6", out, purpose, f"piece {n}", (1,)), str(path)))
            while not work.processes._running:
                time.sleep(0.001)
            raise InputError("a piece failed", remedy="none")

    with pytest.raises(InputError):
        fail()

    assert all(future.done() for future in started)
    assert all(isinstance(future.exception(), Interrupted) for future in started)
    assert 0 < sum(isinstance(event, PieceStarted) for event in events) < len(started)
    assert list(tmp_path.glob("piece.*")) == []
    assert not work.processes._running
    pool.close()


def test_a_search_that_is_stopped_does_not_wait_for_its_turn_behind_others(tmp_path: Path) -> None:
    installation, pool, processes = find_installation(), Pool(1), Processes()
    path = make_database(tmp_path / "db", "prot", real("proteins")[:20])
    query = tmp_path / "one.fa"
    query.write_text(real("proteins")[0].fasta)
    words = ["-db", str(path), "-query", str(query)]
    options = parse(Program.BLASTP, words, known_arguments(installation, Program.BLASTP))
    database = open_database(installation, str(path), Molecule.PROTEIN)
    events: list[SearchEvent] = []
    begun, gate = threading.Event(), threading.Event()

    def busy() -> None:
        begun.set()
        gate.wait(WITHIN_S)

    other = pool.submit(busy, (0,))
    begun.wait(WITHIN_S)
    with Work(installation, processes, database, options, tmp_path, pool, events.append) as work:
        first = PieceRun([], query, "6", tmp_path / "piece", Purpose("search", 0, 0), "piece 1", (1,))
        waiting = work.start(first, str(path))
        processes.stop()
        late = work.start(replace(first, out=tmp_path / "late", purpose=Purpose("search", 0, 1)), str(path))

        for one in (waiting, late):
            with pytest.raises(Interrupted):
                one.result(WITHIN_S)

    assert not other.done()
    assert not pool._tasks
    assert events == []
    gate.set()
    pool.close()


def test_all_work_of_a_small_search_goes_before_the_waiting_work_of_a_large_one(tmp_path: Path) -> None:
    installation, pool, gate = find_installation(), Pool(1), threading.Event()
    path = make_database(tmp_path / "db", "prot", real("proteins")[:3])
    query = tmp_path / "query.fa"
    query.write_text(real("proteins")[0].fasta)
    words = ["-db", str(path), "-query", str(query)]
    options = parse(Program.BLASTP, words, known_arguments(installation, Program.BLASTP))
    events: list[SearchEvent] = []
    database = open_database(installation, str(path), Molecule.PROTEIN)
    large = Work(installation, Processes(), database, options, tmp_path, pool, events.append, rank=30)
    until(pool.submit(lambda: gate.wait(WITHIN_S), (0,)).running)

    with large, replace(large, processes=Processes(), rank=10) as small:
        run = PieceRun([], query, "6", tmp_path / "out", Purpose("research", 0, None), "the candidates", (0, 0))
        candidates = large.start(run, str(path))
        piece = small.start(replace(run, purpose=Purpose("search", 4, 7), priority=(1, 7, 4)), str(path))
        gate.set()
        for one in (candidates, piece):
            one.result(timeout=WITHIN_S)

    assert [event.purpose for event in events if isinstance(event, PieceReport)] == ["search", "research"]
    pool.close()
