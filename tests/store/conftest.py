"""An SQL database of either kind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.tables import metadata
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
    with opened.writing() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    opened.close()
