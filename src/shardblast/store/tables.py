"""The tables. Every change requires a migration in ``migrations/versions`` for databases of earlier versions."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    literal_column,
)

metadata = MetaData()

_SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite increments only columns of type INTEGER automatically."""
_SEARCH = "searches.id"

searches = Table(
    "searches",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("title", Text, nullable=False),
    Column("program", String(16), nullable=False),
    Column("database", String(200), nullable=False),
    Column("generation", String(200), nullable=False),
    Column("options", JSON, nullable=False),
    Column("exactness", String(16), nullable=False),
    Column("created", Double, nullable=False),
    Column("queries", BigInteger, nullable=False),
    Column("letters", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", JSON, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("attempt", Integer, nullable=False),
    Column("stint", Integer, nullable=False, server_default="1"),
    Column("lack", JSON(none_as_null=True)),
    Column("lacks_since", Double),
    Column("lacked_s", Double, nullable=False, server_default="0"),
    Column("shards", Integer),
    Column("why", Text),
    Column("hits", BigInteger),
    Column("verdicts", JSON),
    Column("failure", JSON),
    Column("output", JSON, nullable=False, server_default="[]"),
    Column("idempotency_key", String(200)),
    Column("fingerprint", String(64), nullable=False),
    UniqueConstraint("owner", "idempotency_key", name="one_search_for_a_key"),
    Index("searches_by_age", "created", "id"),
    Index("searches_of_owner", "owner", "created", "id"),
    Index("searches_of_generation", "database", "generation", "state"),
)

SORTED_BY: Mapping[str, ColumnElement[Any]] = {
    "title": func.lower(func.substr(searches.c.title, literal_column("1"), literal_column("100"))),
    "database": searches.c.database,
    "state": searches.c.state,
    "elapsed": func.coalesce(searches.c.finished - searches.c.started, literal_column("-1.0")),
    "queries": searches.c.queries,
    "hits": func.coalesce(searches.c.hits, literal_column("-1")),
}
"""Sort keys of searches besides the age. Numbers are literals because no index on an expression would be used
otherwise."""

for _name, _key in SORTED_BY.items():
    _filters = [searches.c[name] for name in ("owner", "state") if name != _name]  # read from the index
    Index(f"searches_by_{_name}", _key, searches.c.created, searches.c.id, *_filters)

pieces = Table(
    "pieces",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("search_id", String(32), ForeignKey(_SEARCH, ondelete="CASCADE"), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("batch", Integer, nullable=False),
    Column("shard", Integer),
    Column("seconds", Double, nullable=False),
    Column("peak_memory_bytes", BigInteger, nullable=False),
    Column("node", String(200), nullable=False),
    Column("finished", Double, nullable=False),
    Column("is_doubled", Boolean, nullable=False, server_default=false()),
)

events = Table(
    "events",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("search_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Double),
    Index("events_of_search", "search_id", "id"),
    sqlite_autoincrement=True,
)

databases = Table(
    "databases", metadata, Column("name", String(200), primary_key=True), Column("source", JSON, nullable=False)
)

generations = Table(
    "generations",
    metadata,
    Column("database", String(200), ForeignKey("databases.name", ondelete="CASCADE"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("path", Text),
    Column("facts", JSON, nullable=False),
    Column("added", Double, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("database", String(200), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("details", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", String(16)),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("outcome", Text),
    Column("failure", JSON),
    Index("tasks_by_age", "created", "id"),
    Index("tasks_of_database", "database", "created"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False, index=True),
    Column("token", String(64)),
)

shares = Table(
    "shares",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("search_id", String(32), ForeignKey(_SEARCH, ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created", Double, nullable=False),
)
