"""Connections to SQLite or PostgreSQL, and the migrations of their tables."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, InternalError, OperationalError, SQLAlchemyError

from shardblast.core.errors import DiskFull, InputError, StoreError

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one in SQLite."""

FULL = "disk is full"
"""Of SQLite's message; PostgreSQL's is the storage's own."""

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "head"
LOCK = 0x5BA57
"""Of PostgreSQL; SQLite's own write lock does for it."""


class SqlDatabase:
    """Opens transactions."""

    def __init__(self, address: str) -> None:
        """Connect; nothing is read yet.

        Args:
            address: ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/NAME``.

        Raises:
            StoreError: The address is none that we know.
        """
        self.server = secrets.token_hex(8)
        """This process among those that share the database."""
        try:
            parsed = make_url(address)
        except (ArgumentError, ValueError) as error:
            raise StoreError("The database's address is none.", remedy="Check SHARDBLAST_DATABASE_URL.") from error
        match parsed.get_backend_name():
            case "sqlite":
                self.engine = _sqlite(parsed)
            case "postgresql":
                self.engine = create_engine(
                    parsed.set(drivername="postgresql+psycopg"), pool_size=20, pool_pre_ping=True
                )
            case other:
                raise StoreError(f"{other!r} is no database we know.", remedy="Use sqlite:/// or postgresql://.")

    @property
    def is_shared(self) -> bool:
        """Whether other servers may use the database."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed when left without an error.

        Raises:
            StoreError: The database can't be reached or written.
        """
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that sees one state of the database and waits for no writer.

        Raises:
            StoreError: The database can't be reached.
            InputError: It does not take what it is asked with: PostgreSQL takes no NUL.
        """
        with _translated(), self.engine.connect() as connection:
            connection.execution_options(shardblast_reads=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def steps_engine(address: str) -> Engine | None:
    """Return what DBOS is to use for a SQLite file, None for other databases.

    It waits for a locked database, but would lose a search whose step it can't note on a full disk: to it a full disk
    is a lock.
    """
    if not address.startswith("sqlite:"):
        return None
    engine = create_engine(address)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode = WAL", f"busy_timeout = {BUSY_TIMEOUT_S * 1000}", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> BaseException | None:
        full = FULL in str(context.original_exception)
        return DiskFull("There is no space left on the disk, so the database is locked.") if full else None

    return engine


def migrate(database: SqlDatabase, revision: str = HEAD) -> None:
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


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # who writes knows which rule it broke, and why
    except (OperationalError, InternalError) as error:
        if FULL in str(error.orig):
            raise DiskFull from error
        raise StoreError(
            f"The database fails: {error.orig}.", remedy="Check that it runs, may be written and has space."
        ) from error
    except DataError as error:
        raise InputError("The database does not take these letters.", remedy="Leave out NUL.") from error
    except SQLAlchemyError as error:
        raise StoreError(f"The database refuses: {type(error).__name__}.", remedy="The log has more.") from error


def _sqlite(url: URL) -> Engine:
    if url.database:
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"No folder for the database: {error.strerror}."
            raise StoreError(problem, remedy="Check SHARDBLAST_DATABASE_URL or --home.") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("shardblast_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
