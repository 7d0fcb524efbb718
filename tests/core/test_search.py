"""The life of a search."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from shardblast.core.errors import ConflictError
from shardblast.core.lack import NO_NODE, NO_SCHEDULER, Lack, LackCode
from shardblast.core.search import (
    NO_PROGRESS,
    TRANSITIONS,
    Failure,
    Phase,
    PhaseStatus,
    Search,
    SearchId,
    State,
    begin,
    cancelled,
    gave_back,
    in_stint,
    lacks,
    moved,
    retried,
)

NO_SHARD = Lack(LackCode.SHARDS, "a node that holds shard 1 of 2", (("nt.00",),))


def a_search() -> Search:
    return Search(SearchId("s"), "ada", "t", "blastn", "16s", "g", ("-evalue", "1"), "identical", 1.0, 3, 300)


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(State, State)))
def test_only_the_transitions_of_the_table_happen(current: State, wanted: State) -> None:
    search = replace(a_search(), state=current)

    if wanted in TRANSITIONS[current]:
        assert moved(search, wanted, 5.0).state is wanted
    else:
        with pytest.raises(ConflictError):
            moved(search, wanted, 5.0)


def test_only_a_retry_leaves_a_final_state() -> None:
    for state in State:
        assert state.is_final == (TRANSITIONS[state] <= {State.QUEUED})


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.FAILED, PhaseStatus.FAILED),
        (State.CANCELLED, PhaseStatus.FAILED),
        (State.COMPLETED, PhaseStatus.COMPLETED),
    ],
)
def test_an_ended_search_has_no_running_phase(state: State, status: PhaseStatus) -> None:
    running = moved(a_search(), State.RUNNING, 1.0)
    running = cancelled(running, 1.0) if state is State.CANCELLED else running
    running = replace(running, progress=begin(NO_PROGRESS, Phase.SEARCHING, 1.0, 8))

    over = moved(running, state, 2.0)

    assert over.phase is None
    assert next(one.status for one in over.progress if one.phase is Phase.SEARCHING) is status
    assert {one.status for one in over.progress if one.phase is not Phase.SEARCHING} == {PhaseStatus.SKIPPED}


def test_a_retry_begins_anew_and_only_failed_or_cancelled_searches_can_be_retried() -> None:
    running = moved(a_search(), State.RUNNING, 1.0)
    failed = moved(running, State.FAILED, 2.0, failure=Failure("c", "p", "r"))

    again = retried(failed, 3.0)

    assert (again.state, again.attempt, again.failure, again.progress) == (State.QUEUED, 2, None, NO_PROGRESS)
    assert retried(moved(again, State.CANCELLED, 5.0), 6.0).attempt == 3
    for other in (a_search(), running, again, moved(running, State.COMPLETED, 2.0)):
        with pytest.raises(ConflictError):
            retried(other, 4.0)


def test_a_search_is_cancelling_before_it_is_cancelled() -> None:
    queued = a_search()
    cancelling = cancelled(moved(queued, State.RUNNING, 1.0), 2.0)

    assert cancelled(queued, 2.0).state is State.CANCELLING
    assert (cancelling.state, cancelling.finished) == (State.CANCELLING, None)
    assert cancelled(cancelling, 3.0) is cancelling
    assert not cancelling.runs(1)
    over = moved(cancelling, State.CANCELLED, 3.0)
    assert cancelled(over, 4.0) is over
    with pytest.raises(ConflictError):
        moved(cancelling, State.COMPLETED, 3.0)
    with pytest.raises(ConflictError):
        cancelled(moved(moved(queued, State.RUNNING, 1.0), State.COMPLETED, 2.0), 3.0)


def test_a_search_that_gives_back_its_place_is_queued_in_the_same_attempt_with_its_lack() -> None:
    running = moved(a_search(), State.RUNNING, 5.0)

    queued = gave_back(running, NO_SHARD, 1, 20.0)

    assert (queued.state, queued.attempt, queued.stint, queued.started) == (State.QUEUED, 1, 2, None)
    assert queued.progress == NO_PROGRESS
    assert queued.document()["waiting"] == {"code": "shards", "sentence": NO_SHARD.sentence, "since": 20.0}
    assert gave_back(queued, NO_NODE, 1, 21.0) is queued  # said twice, by a step that a crash had repeated
    assert gave_back(moved(queued, State.RUNNING, 22.0), NO_NODE, 1, 23.0).state is State.RUNNING
    with pytest.raises(ConflictError):
        in_stint(queued, 1)
    assert in_stint(queued, 2) is queued


def test_the_time_in_which_a_search_lacks_something_counts_over_all_its_stints_of_an_attempt() -> None:
    running = lacks(moved(a_search(), State.RUNNING, 5.0), NO_SHARD, 10.0)
    queued = lacks(gave_back(running, NO_SHARD, 1, 20.0), NO_NODE, 30.0)

    again = moved(queued, State.RUNNING, 110.0)
    twice = gave_back(again, NO_SHARD, 2, 120.0)
    found = lacks(twice, None, 150.0)

    assert (queued.lacks_since, again.lacks_since, again.lacked_s) == (10.0, None, 100.0)
    assert (twice.lacks_since, found.lacks_since, found.lacked_s) == (120.0, None, 130.0)
    failed = moved(found, State.FAILED, 160.0, failure=Failure("c", "p", "r"))
    assert retried(failed, 170.0).lacked_s == 0.0


def test_a_search_without_a_lack_waits_for_its_turn() -> None:
    queued = a_search()
    running = moved(queued, State.RUNNING, 5.0)

    answer = [one.document()["waiting"] for one in (queued, lacks(queued, NO_SCHEDULER, 2.0), running)]

    assert [one and one["code"] for one in answer] == ["turn", "scheduler", None]
    assert moved(lacks(running, NO_NODE, 6.0), State.COMPLETED, 7.0).document()["waiting"] is None


def test_a_document_names_the_phases_in_order() -> None:
    answer = json.loads(json.dumps(a_search().document()))

    assert [one["name"] for one in answer["phases"]] == [phase.value for phase in Phase]
    assert answer["phase"] is None
