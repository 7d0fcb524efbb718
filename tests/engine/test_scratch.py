"""Folders of running searches and of killed ones."""

from __future__ import annotations

import os
from pathlib import Path

from shardblast.engine.workspace import scratch


def test_a_folder_is_gone_when_it_is_no_longer_needed(tmp_path: Path) -> None:
    with scratch(tmp_path / "cache") as folder:
        (folder / "piece").write_text("rows")

    assert list((tmp_path / "cache").iterdir()) == []


def test_the_files_of_a_killed_search_are_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "search-left"
    left.mkdir()
    (left / "piece").write_text("rows")
    os.utime(left, (0, 0))

    with scratch(tmp_path):
        assert not left.exists()


def test_the_folder_of_a_running_search_is_not_removed(tmp_path: Path) -> None:
    with scratch(tmp_path) as running:
        os.utime(running, (0, 0))
        with scratch(tmp_path):
            assert running.exists()


def test_a_folder_that_is_being_created_is_not_removed(tmp_path: Path) -> None:
    young = tmp_path / "search-young"
    young.mkdir()

    with scratch(tmp_path):
        assert young.exists()
