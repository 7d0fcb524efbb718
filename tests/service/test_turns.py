"""Locks on the files of a search, and stints of one search."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from shardblast.core.search import Search, SearchId, State, moved
from shardblast.service.runner import Runner, Turns
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.searches import SearchStore

ONE, OTHER = SearchId("one"), SearchId("other")


def test_a_turn_waits_for_the_one_before_it() -> None:
    turns = Turns()
    order: list[str] = []

    def take() -> None:
        with turns.of(ONE):
            order.append("second")

    with turns.of(ONE):
        waiting = threading.Thread(target=take)
        waiting.start()
        with turns.of(ONE):
            order.append("first")
    waiting.join()

    assert order == ["first", "second"]


def test_searches_do_not_wait_for_each_other() -> None:
    turns = Turns()
    taken = threading.Event()

    def take() -> None:
        with turns.of(OTHER):
            taken.set()

    with turns.of(ONE):
        other = threading.Thread(target=take)
        other.start()
        assert taken.wait(60)
    other.join()


def test_turns_that_are_over_are_forgotten() -> None:
    turns = Turns()
    with turns.of(ONE), turns.of(ONE), turns.of(OTHER):
        pass

    assert turns._locks == {}


def test_a_search_that_was_read_before_its_retry_does_not_stop_the_next_attempt(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'test.sqlite'}")
    migrate(database)
    store, unused = (
        SearchStore(database, lambda event: None),
        dict[str, Any].fromkeys(("objects", "catalogue", "searching", "folders", "arguments", "notify")),
    )
    runner = Runner(store=store, **unused)
    queued = Search(ONE, "ada", "title", "blastn", "16s", "g1", (), "identical", 1.0, 1, 100)
    cancelled = moved(queued, State.CANCELLED, 2.0)
    again = moved(moved(cancelled, State.QUEUED, 3.0), State.RUNNING, 4.0)
    store.add(again, "f")

    with runner._stoppable(ONE, again.stint) as processes:
        runner.stop(cancelled)
        runner.stop(again)
        assert not processes.is_stopped()
        runner.stop(moved(again, State.CANCELLING, 5.0))
        assert processes.is_stopped()
    database.close()
