"""The life of a search."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict

import pytest

from shardblast.core.errors import ConflictError
from shardblast.core.progress import NO_PROGRESS, Phase, PhaseStatus, begin
from shardblast.core.search import (
    TRANSITIONS,
    Failure,
    Search,
    SearchId,
    State,
    again,
    cancelled,
    document,
    moved,
    search_of,
)


def a_search() -> Search:
    return Search(SearchId("s"), "ada", "t", "blastn", "16s", "g", ("-evalue", "1"), "identical", 1.0, 3, 300)


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(State, State)))
def test_only_the_transitions_of_the_table_happen(current: State, wanted: State) -> None:
    search = search_of({**asdict(a_search()), "state": current})

    if wanted in TRANSITIONS[current]:
        assert moved(search, wanted, 5.0).state is wanted
    else:
        with pytest.raises(ConflictError):
            moved(search, wanted, 5.0)


def test_a_final_state_is_left_by_a_retry_alone() -> None:
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
def test_no_phase_of_a_search_that_is_over_runs(state: State, status: PhaseStatus) -> None:
    running = moved(a_search(), State.RUNNING, 1.0)
    running = cancelled(running, 1.0) if state is State.CANCELLED else running
    running = search_of(
        {**asdict(running), "progress": [asdict(one) for one in begin(NO_PROGRESS, Phase.SEARCHING, 1.0, 8)]}
    )

    over = moved(running, state, 2.0)

    assert over.phase is None
    assert next(one.status for one in over.progress if one.phase is Phase.SEARCHING) is status
    assert {one.status for one in over.progress if one.phase is not Phase.SEARCHING} == {PhaseStatus.SKIPPED}


def test_a_retry_begins_anew_and_only_once() -> None:
    failed = moved(moved(a_search(), State.RUNNING, 1.0), State.FAILED, 2.0, failure=Failure("c", "p", "r"))

    retried = again(failed, 2, 3.0)

    assert (retried.state, retried.attempt, retried.failure, retried.progress) == (State.QUEUED, 2, None, NO_PROGRESS)
    assert again(retried, 2, 4.0) is retried
    stopped = moved(retried, State.CANCELLED, 5.0)
    assert again(stopped, 2, 6.0) is stopped


def test_what_runs_is_cancelling_before_it_is_cancelled_and_what_waits_is_cancelled_at_once() -> None:
    queued = a_search()
    cancelling = cancelled(moved(queued, State.RUNNING, 1.0), 2.0)

    assert cancelled(queued, 2.0).state is State.CANCELLED
    assert (cancelling.state, cancelling.finished) == (State.CANCELLING, None)
    assert cancelled(cancelling, 3.0) is cancelling
    assert not cancelling.runs(1)
    over = moved(cancelling, State.CANCELLED, 3.0)
    assert cancelled(over, 4.0) is over
    with pytest.raises(ConflictError):
        moved(cancelling, State.COMPLETED, 3.0)
    with pytest.raises(ConflictError):
        cancelled(moved(moved(queued, State.RUNNING, 1.0), State.COMPLETED, 2.0), 3.0)


def test_a_search_survives_json() -> None:
    search = moved(a_search(), State.RUNNING, 1.0)

    assert search_of(json.loads(json.dumps(asdict(search)))) == search


def test_a_document_names_the_phases_in_order() -> None:
    told = json.loads(json.dumps(document(a_search())))

    assert [one["name"] for one in told["phases"]] == [phase.value for phase in Phase]
    assert told["phase"] is None
