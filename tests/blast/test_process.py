"""How processes are run."""

from __future__ import annotations

from shardblast.blast.process import run


def test_the_kernel_ends_a_process_of_ours_before_us() -> None:
    ask = "until [ $(cat /proc/self/oom_score_adj) = 1000 ]; do sleep 0.01; done"

    assert run(["sh", "-c", ask]).status == 0
