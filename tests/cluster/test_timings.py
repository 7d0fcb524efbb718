"""Time limits of a cluster, which the environment can change."""

from __future__ import annotations

import pytest

from shardblast.cluster.connection import Timings
from shardblast.core.errors import UsageError


def test_timings_that_are_not_named_keep_their_defaults() -> None:
    assert Timings.of("grace_s=5  late_s=0.5") == Timings(grace_s=5, late_s=0.5)
    assert Timings.of("") == Timings()


@pytest.mark.parametrize("text", ["grace=5", "grace_s", "grace_s=", "grace_s=soon", "grace_s=0", "late_s=1 x_s=2"])
def test_invalid_timings_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a limit of a cluster"):
        Timings.of(text)
