"""Descendants of taxids."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from shardblast.blast.taxonomy import find_taxonomy, with_descendants
from shardblast.core.errors import DatabaseError
from tests.taxonomy import write_taxonomy


def test_a_taxid_stands_for_itself_and_all_below_it(tmp_path: Path) -> None:
    taxonomy = write_taxonomy(tmp_path)

    assert with_descendants(taxonomy, [562]) == [562, 83333, 511145]
    assert with_descendants(taxonomy, [2759, 9606, 562]) == [562, 2759, 9606, 10090, 83333, 511145]
    assert with_descendants(taxonomy, [1])[:2] == [1, 2]


def test_a_taxid_that_is_not_in_the_taxonomy_stands_for_itself(tmp_path: Path) -> None:
    assert with_descendants(write_taxonomy(tmp_path), [4242]) == [4242]


def test_the_first_folder_that_has_a_taxonomy_counts(tmp_path: Path) -> None:
    first, second = write_taxonomy(tmp_path / "first"), write_taxonomy(tmp_path / "second")

    assert find_taxonomy([tmp_path, first.parent, second.parent]) == first
    assert find_taxonomy([tmp_path, tmp_path / "absent"]) is None


def test_a_damaged_taxonomy_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "taxonomy4blast.sqlite3"
    damaged.write_bytes(b"this is no database" * 100)

    with pytest.raises(DatabaseError, match="taxonomy can't be read"):
        with_descendants(damaged, [1])


def test_another_table_is_not_a_taxonomy(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy4blast.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE Other (taxid INTEGER)")
    connection.close()

    with pytest.raises(DatabaseError):
        with_descendants(path, [1])
