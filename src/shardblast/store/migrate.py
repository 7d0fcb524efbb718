"""Brings the tables to this version's form, one server at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from shardblast.store.connection import Database

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x5BA57
"""Of PostgreSQL; SQLite's own write lock does for it."""


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the tables to a revision; waits while another server does.

    Raises:
        StoreError: The database can't be reached or written.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config.attributes["connection"] = connection
        if revision == "head":
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)
