"""The progress of a search."""

from __future__ import annotations

from shardblast.core.search import NO_PROGRESS, Phase, PhaseStatus, begin, count, end


def test_a_later_phase_closes_the_earlier_ones() -> None:
    progress = begin(begin(NO_PROGRESS, Phase.PREPARING, 1.0, 3), Phase.SEARCHING, 2.0, 8)

    phases = {one.phase: (one.status, one.started, one.finished) for one in progress}

    assert phases[Phase.PREPARING] == (PhaseStatus.COMPLETED, 1.0, 2.0)
    assert phases[Phase.STAGING][0] is phases[Phase.WARMING][0] is PhaseStatus.SKIPPED
    assert phases[Phase.SEARCHING] == (PhaseStatus.RUNNING, 2.0, None)
    assert phases[Phase.MERGING][0] is PhaseStatus.PENDING


def test_counts_belong_to_their_phase_only() -> None:
    progress = count(begin(NO_PROGRESS, Phase.SEARCHING, 1.0, 8), Phase.SEARCHING, 5)

    assert [(one.done, one.total) for one in progress if one.phase is Phase.SEARCHING] == [(5, 8)]
    assert sum(one.done for one in progress) == 5


def test_a_phase_that_is_entered_again_keeps_its_start() -> None:
    once = begin(NO_PROGRESS, Phase.SEARCHING, 1.0, 8)

    (searching,) = [one for one in begin(once, Phase.SEARCHING, 9.0, 8) if one.phase is Phase.SEARCHING]

    assert (searching.status, searching.started) == (PhaseStatus.RUNNING, 1.0)


def test_progress_that_ended_has_nothing_pending() -> None:
    assert {one.status for one in end(NO_PROGRESS, PhaseStatus.COMPLETED, 1.0)} == {PhaseStatus.SKIPPED}
