"""Brings the tables to this version's form, one server at a time."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from shardblast.store.connection import Database

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "head"
LOCK = 0x5BA57
"""Of PostgreSQL; SQLite's own write lock does for it."""


def migrate(database: Database, revision: str = HEAD) -> None:
    """Bring the tables to a revision; waits while another server does.

    Raises:
        StoreError: The database can't be reached or written.
    """
    with database.reading() as connection:
        if revision == HEAD and _revision(connection) == newest():
            return
    from alembic import command  # slow to load, and hardly ever needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config.attributes["connection"] = connection
        if revision == HEAD:
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)


def newest() -> str:
    """Return the revision of the last migration: the files' names begin with theirs, in their order."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
