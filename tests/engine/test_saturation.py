"""When the shards' hits prove the result."""

from __future__ import annotations

import pytest

from shardblast.core.report import Verdict
from shardblast.engine.saturation import is_unsaturated


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 0], True),
        ([3, 2], True),
        ([5, 0], True),
        ([3, 3], False),
        ([6, 0], False),
        ([0, 6], False),
        ([], True),
    ],
)
def test_a_query_is_unsaturated_if_all_its_hits_are_at_most_as_many_as_wanted(
    counts: list[int], expected: bool
) -> None:
    assert is_unsaturated(counts, max_target_seqs=5, shard_limit=6) is expected


def test_a_full_list_in_any_shard_is_suspicious_however_few_hits_there_are() -> None:
    assert not is_unsaturated([5, 0], max_target_seqs=5, shard_limit=5)


def test_verdicts_are_written_by_these_words() -> None:
    assert {verdict.value for verdict in Verdict} == {"merged", "researched", "unsharded", "complete"}
