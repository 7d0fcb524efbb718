"""A service that searches some queries also without shards, and compares their hits."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from dbos import DBOS

from shardblast.api.metrics import Metrics
from shardblast.bootstrap import service as composed
from shardblast.bootstrap.databases import settings_of
from shardblast.bootstrap.service import Service
from shardblast.core.events import LOGGED, Level, log_of
from shardblast.core.search import Search, State
from shardblast.engine.workspace import Machine
from shardblast.service.preflight import Wanted
from tests.cli.conftest import installation
from tests.sequences import real
from tests.waiting import until

WRONG_SCORES = """#!/bin/sh
for word; do test "$last" = -out && out=$word; last=$word; done
case "$*" in *shard1*) {real} "$@"; sed -i '/str "score"/{{n;s/int [0-9]*/int 77/}}' "$out"; exit;; esac
exec {real} "$@"
"""
"""A blastn that finds wrong scores in one of the shards."""

Serve = Callable[[float], Service]


@pytest.fixture
def serve(tmp_path: Path, stocked: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a service that verifies a percentage of its searches, where no database fits in memory."""
    monkeypatch.setattr(composed, "this_machine", lambda: Machine(cores=2, memory_bytes=1 << 20))

    @contextmanager
    def started(percent: float) -> Iterator[Service]:
        DBOS.destroy()  # that of another test
        home = Path(shutil.copytree(stocked, tmp_path / "home"))
        one = Service(settings_of(home=home, verify_percent=percent))
        one.queue.launch(lambda: None)
        yield one
        one.queue.close()
        DBOS.destroy()

    with ExitStack() as stack:
        yield lambda percent: stack.enter_context(started(percent))


def searched(service: Service, folder: Path) -> tuple[Search, dict[str, int]]:
    """Search, and return the search with the numbers of queries that were verified and that are different."""
    metrics = Metrics(service.workload, service.broadcast, service.members, service.health)
    service.listeners.append(metrics)
    query = folder / "query.fa"
    query.write_text(real("16s-queries")[0].fasta)
    search = service.searches.submit(Wanted("blastn", "16s", "", query), "ada", None)
    service.queue.begin(search)
    until(lambda: service.store.get(search.id).state.is_final)
    lines = dict(
        line.split() for line in metrics.text().decode().splitlines() if "_queries_" in line and line[0] != "#"
    )
    counted = {name: int(float(lines[f"shardblast_queries_{name}_total"])) for name in ("verified", "different")}
    return service.store.get(search.id), counted


def test_a_percentage_of_searches_is_verified(serve: Serve, tmp_path: Path) -> None:
    service = serve(100)

    search, counted = searched(service, tmp_path)

    assert search.state is State.COMPLETED
    assert search.shards is not None
    assert search.shards > 1
    assert counted == {"verified": 1, "different": 0}
    log = [(entry.level, entry.text) for entry in log_of(service.store.events(search.id, LOGGED))]
    name = real("16s-queries")[0].title.split()[0]
    assert (Level.NOTE, f"Without shards, BLAST+ finds the same hits of {name}.") in log
    assert Level.PROBLEM not in dict(log)


def test_no_search_is_verified_by_default(serve: Serve, tmp_path: Path) -> None:
    search, counted = searched(serve(0), tmp_path)

    assert search.state is State.COMPLETED
    assert counted == {"verified": 0, "different": 0}


def test_a_query_with_other_hits_is_a_problem_in_the_logs_and_counted(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blastn, wrapped = shutil.which("blastn"), installation(tmp_path / "bin")
    (wrapped / "blastn").unlink()
    (wrapped / "blastn").write_text(WRONG_SCORES.format(real=blastn))
    (wrapped / "blastn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapped}:{os.environ['PATH']}")
    service = serve(100)

    search, counted = searched(service, tmp_path)

    assert search.state is State.COMPLETED
    assert counted == {"verified": 1, "different": 1}
    problems = [entry.text for entry in log_of(service.store.events(search.id, LOGGED)) if entry.level is Level.PROBLEM]
    name = real("16s-queries")[0].title.split()[0]
    assert [text.startswith(f"Without shards, BLAST+ finds other hits of {name}. ") for text in problems] == [True]
    found = "a query has other hits without shards"
    errors = [one for one in caplog.records if one.getMessage() == found and one.levelno == logging.ERROR]
    assert [vars(one)["search_id"] for one in errors] == [search.id]
