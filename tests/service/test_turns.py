"""Turns at the files of a search."""

from __future__ import annotations

import threading

from shardblast.core.search import SearchId
from shardblast.service.runner import Turns

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
