"""A database of either kind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardblast.store.connection import SqlDatabase, migrate
from tests.postgres import postgres


@pytest.fixture(scope="package")
def postgres_address() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with postgres(Path(folder)) as address:
            yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlDatabase]:
    if request.param == "sqlite":
        opened = SqlDatabase(f"sqlite:///{tmp_path / 'a folder' / 'test.sqlite'}")
    else:
        opened = SqlDatabase(request.getfixturevalue("postgres_address"))
    migrate(opened)
    yield opened
    migrate(opened, "base")
    opened.close()
