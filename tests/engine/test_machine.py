"""Cores and memory of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shardblast.engine import workspace as module
from shardblast.engine.workspace import this_machine


def test_the_cores_are_those_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert this_machine().cores == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert this_machine().cores == len(allowed)


def test_the_memory_is_at_most_that_of_the_machine() -> None:
    assert 0 < this_machine().memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_a_limit_of_the_container_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("123456789\n")
    monkeypatch.setattr(module, "_CGROUP_LIMITS", (str(limit),))

    assert this_machine().memory_bytes == 123456789


@pytest.mark.parametrize("text", ["max\n", "", "9223372036854771712\n"])
def test_an_absent_limit_is_unlimited(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = this_machine().memory_bytes
    limit = tmp_path / "memory.max"
    limit.write_text(text)
    monkeypatch.setattr(module, "_CGROUP_LIMITS", (str(limit), str(tmp_path / "absent")))

    assert this_machine().memory_bytes == whole
