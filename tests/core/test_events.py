"""The history of a search: its log, and its running pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shardblast.core.events import Level, log_of, running_of
from shardblast.core.lack import NO_NODE, Lack, LackCode
from shardblast.core.search import (
    Event,
    Failure,
    Phase,
    Search,
    SearchId,
    State,
    begin,
    count,
    gave_back,
    lacks,
    moved,
    progressed,
    retried,
)

ID = SearchId("s1")
NO_SHARD = Lack(LackCode.SHARDS, "a node that holds shard 1 of 8", (("nt.00",),))
NEW = Search(ID, "ada", "one", "blastn", "16s", "g1", (), "identical", 1.0, 3, 1200)


def logged(*events: tuple[str, dict[str, Any]]) -> list[tuple[float | None, str, str]]:
    entries = [Event(at, ID, kind, data, float(at)) for at, (kind, data) in enumerate(events, 1)]
    return [(one.at, one.level.value, one.text) for one in log_of(entries)]


def searches(*states: Search) -> list[tuple[str, dict[str, Any]]]:
    return [("search", one.document()) for one in states]


def test_a_log_contains_each_change_once_with_its_time() -> None:
    running = moved(NEW, State.RUNNING, 2.0)
    searching = progressed(running, begin(running.progress, Phase.SEARCHING, 3.0, 8))
    planned = replace(searching, shards=4, why="4 cores")
    one_done = progressed(planned, count(planned.progress, Phase.SEARCHING, 1))
    all_done = progressed(planned, count(planned.progress, Phase.SEARCHING, 8))
    completed = moved(all_done, State.COMPLETED, 5.5, hits=12, verdicts={"merged": 2, "researched": 1})

    entries = logged(*searches(NEW, running, searching, planned, one_done, all_done, completed))

    assert entries == [
        (1.0, "note", "Submitted: blastn in 16s, 3 queries with 1,200 letters."),
        (2.0, "note", "It starts to run."),
        (3.0, "note", "Searching begins: 8 pieces."),
        (4.0, "note", "The database is cut into 4 shards: 4 cores."),
        (7.0, "note", "Searching is done after 2.5 s: 8 pieces."),
        (7.0, "note", "Completed: 12 hits; queries: 2 merged, 1 researched."),
    ]


def test_a_log_shows_the_lack_of_a_search_its_failure_and_its_retry() -> None:
    running = moved(NEW, State.RUNNING, 2.0)
    searching = progressed(running, begin(running.progress, Phase.SEARCHING, 3.0, 8))
    waiting = lacks(searching, NO_SHARD, 3.1)
    going = lacks(waiting, None, 3.2)
    failed = moved(going, State.FAILED, 4.0, failure=Failure("memory", "There is no memory.", "Add some."))
    queued = retried(failed, 5.0)

    entries = [text for _, _, text in logged(*searches(NEW, running, searching, waiting, going, failed, queued))]

    assert entries[3:] == [
        "The search waits for a node that holds shard 1 of 8.",
        "It no longer waits.",
        "Searching ended before it was done: 0 of 8 pieces.",
        "It failed: There is no memory. Add some.",
        "It will run again: attempt 2.",
    ]


def test_a_log_shows_that_a_search_gives_back_its_place_and_why() -> None:
    running = moved(NEW, State.RUNNING, 2.0)
    searching = progressed(running, begin(running.progress, Phase.SEARCHING, 3.0, 8))
    queued = gave_back(searching, NO_SHARD, 1, 4.0)
    without_nodes = lacks(queued, NO_NODE, 5.0)
    again = moved(lacks(without_nodes, None, 6.0), State.RUNNING, 7.0)

    entries = logged(*searches(NEW, running, searching, queued, without_nodes, again))

    assert entries[3:] == [
        (4.0, "note", "It gives up its place among the running searches."),
        (4.0, "warning", "The search waits for a node that holds shard 1 of 8."),
        (5.0, "warning", "The search waits for a node of the cluster."),
        (6.0, "note", "It starts to run."),
    ]


def test_a_log_contains_warnings_and_pieces_that_were_started_twice() -> None:
    piece = {"purpose": "search", "batch": 0, "shard": 2, "seconds": 4.0, "node": "b", "is_doubled": True}
    usual = {**piece, "is_doubled": False}

    entries = logged(("warning", {"text": "[blastn] short query"}), ("piece", piece), ("piece", usual))

    assert [level for _, level, _ in entries] == [Level.WARNING, Level.WARNING]
    assert entries[0][2] == "BLAST+: [blastn] short query"
    assert entries[1][2].startswith("Batch 1, shard 3 was late")


def test_running_pieces_are_those_that_began_and_have_not_ended() -> None:
    def event(kind: str, batch: int, node: str = "a", **more: object) -> Event:
        piece: dict[str, object] = {"purpose": "search", "batch": batch, "shard": 0, "node": node}
        return Event(1, ID, kind, {} if kind == "searching" else {**piece, **more})

    def running(*events: Event) -> list[tuple[int, str]]:
        return [(one.batch, one.node) for one in running_of(events)]

    first = event("started", 0, started=2.0)
    other = event("started", 0, "b", started=3.0)
    second = event("started", 1, started=1.0)

    assert running(first, second) == [(1, "a"), (0, "a")]
    assert running(first, other) == [(0, "a"), (0, "b")]
    assert running(first, other, event("stopped", 0)) == [(0, "b")]
    assert running(first, other, event("piece", 0, seconds=1.0)) == []
    assert running(first, event("searching", 0), second) == [(1, "a")]
    assert running(event("stopped", 0), event("piece", 1, seconds=1.0)) == []
