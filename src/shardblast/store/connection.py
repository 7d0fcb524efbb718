"""Connections to SQLite or PostgreSQL, and the migration of their tables."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import URL, Connection, Engine, ExceptionContext, Select, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.sql.dml import UpdateBase

from shardblast.core.errors import DiskFull, InputError, StoreError
from shardblast.store.tables import metadata

T = TypeVar("T")

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one in SQLite."""

FULL = "disk is full"
"""Fragment of SQLite's message for a full disk; PostgreSQL passes on the system's message."""

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "head"
LOCK = 0x5BA57
"""Key of the advisory lock for migrations in PostgreSQL; SQLite's write lock has the same effect."""


class SqlDatabase:
    """Opens transactions in a database."""

    def __init__(self, address: str) -> None:
        """Configure connections to ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/NAME``, and open none."""
        self.server = secrets.token_hex(8)
        """Random id of this process among the servers that share the database."""
        try:
            parsed = make_url(address)
            match parsed.get_backend_name():
                case "sqlite":
                    self.engine = _sqlite(parsed)
                case "postgresql":
                    named = parsed.set(drivername="postgresql+psycopg")
                    self.engine = create_engine(named, pool_size=20, pool_pre_ping=True)
                case other:
                    problem = f"{other!r} databases are not supported."
                    raise StoreError(problem, remedy="Use sqlite:/// or postgresql://.")
        except (ArgumentError, ValueError) as error:
            raise StoreError("The database address is invalid.", remedy="Check SHARDBLAST_DATABASE_URL.") from error

    @property
    def is_shared(self) -> bool:
        """Whether other servers may use the database."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed unless an error is raised."""
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one state of the database, never waiting for writers. Raises InputError if it rejects a value."""
        with _translated(), self.engine.connect() as connection:
            connection.execution_options(shardblast_reads=True)
            with connection.begin():
                yield connection

    def rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        with self.reading() as connection:
            return connection.execute(query).all()

    def row(self, query: Select[*tuple[Any, ...]]) -> Any | None:
        """Return the only row of a query, or None."""
        with self.reading() as connection:
            return connection.execute(query).one_or_none()

    def records(self, kind: type[T], query: Select[*tuple[Any, ...]]) -> Sequence[T]:
        """Return the rows of a query as dataclasses whose fields are columns; other columns are ignored."""
        return [record_of(kind, row._mapping) for row in self.rows(query)]

    def scalars(self, query: Select[Any]) -> Sequence[Any]:
        with self.reading() as connection:
            return connection.scalars(query).all()

    def scalar(self, query: Select[Any]) -> Any:
        """Return the first column of the first row of a query, or None."""
        with self.reading() as connection:
            return connection.scalar(query)

    def execute(self, statement: UpdateBase) -> int:
        """Execute a statement in a transaction of its own; return the number of rows that it matched."""
        with self.writing() as connection:
            return connection.execute(statement).rowcount

    def close(self) -> None:
        self.engine.dispose()


def record_of(kind: type[T], values: Mapping[Any, Any]) -> T:
    """Return a dataclass from its ``dataclasses.asdict`` form after a round trip through JSON or a table."""
    hashable: Any = kind  # mypy takes no type for hashable
    record: T = _adapter(hashable).validate_python(dict(values))
    return record


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def steps_engine(address: str) -> Engine | None:
    """Return the engine that DBOS uses for a SQLite file; None for other databases.

    DBOS waits for a locked database, but would lose a search whose step it can't record on a full disk. Therefore a
    full disk is reported to it as a lock.
    """
    if not address.startswith("sqlite:"):
        return None
    engine = create_engine(address)

    _set_up(engine, "IMMEDIATE", f"busy_timeout = {BUSY_TIMEOUT_S * 1000}")

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> BaseException | None:
        full = FULL in str(context.original_exception)
        return DiskFull("There is no space left on the disk, so the database is locked.") if full else None

    return engine


def migrate(database: SqlDatabase) -> None:
    """Create the tables or migrate earlier ones, one server at a time. Raises StoreError for an unknown revision."""
    with database.reading() as connection:
        current = _revision(connection)
    if current == newest():
        return
    if current is not None and not list((MIGRATIONS / "versions").glob(f"{current}_*.py")):
        raise StoreError(
            f"This version of shardblast does not know the tables of revision {current} in the service's database.",
            remedy="Use the version that made them, or another home (--home, SHARDBLAST_HOME) and database.",
        )
    from alembic import command  # slow to import and rarely needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config.attributes["connection"] = connection
        if _revision(connection) is None:
            metadata.create_all(connection)  # the tables as they are now, which need no migration
            command.stamp(config, HEAD)
        else:
            command.upgrade(config, HEAD)


def newest() -> str:
    """Return the newest revision: file names of migrations begin with it and sort in order."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # the caller knows which constraint was violated and why
    except (OperationalError, InternalError) as error:
        if FULL in str(error.orig):
            raise DiskFull from error
        problem = f"The database failed: {error.orig}."
        raise StoreError(problem, remedy="Check that it is running, writable and not full.") from error
    except DataError as error:
        raise InputError("The database rejects a character in the text.", remedy="Remove NUL characters.") from error
    except SQLAlchemyError as error:
        problem = f"The database rejected a statement: {type(error).__name__}."
        raise StoreError(problem, remedy="See the log for details.") from error


def _sqlite(url: URL) -> Engine:
    if url.database:
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"Could not create the database's folder: {error.strerror}."
            raise StoreError(problem, remedy="Check SHARDBLAST_DATABASE_URL or --home.") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    _set_up(engine, None, "synchronous = NORMAL")  # the handler below begins transactions

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("shardblast_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _set_up(engine: Engine, isolation_level: str | None, pragma: str) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        connection.isolation_level = isolation_level
        for statement in ("journal_mode = WAL", pragma, "foreign_keys = ON"):
            connection.execute(f"PRAGMA {statement}")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
