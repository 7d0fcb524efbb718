"""The tables. A change here needs a migration in ``migrations/versions``."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts by itself only what it calls INTEGER."""
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
    Column("shards", Integer),
    Column("why", Text),
    Column("hits", BigInteger),
    Column("verdicts", JSON),
    Column("failure", JSON),
    Column("idempotency_key", String(200)),
    Column("fingerprint", String(64), nullable=False),
    UniqueConstraint("owner", "idempotency_key", name="one_search_for_a_key"),
    Index("searches_by_age", "created", "id"),
    Index("searches_of_owner", "owner", "created", "id"),
    Index("searches_in_state", "state", "created", "id"),
)

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
)

events = Table(
    "events",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("search_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", JSON, nullable=False),
    Index("events_of_search", "search_id", "id"),
    sqlite_autoincrement=True,
)

databases = Table(
    "databases",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("path", Text, nullable=False),
    Column("molecule", String(16), nullable=False),
    Column("generation", String(200), nullable=False),
    Column("title", Text, nullable=False),
    Column("num_seqs", BigInteger, nullable=False),
    Column("letters", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("added", Double, nullable=False),
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
)

shares = Table(
    "shares",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("search_id", String(32), ForeignKey(_SEARCH, ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created", Double, nullable=False),
)
