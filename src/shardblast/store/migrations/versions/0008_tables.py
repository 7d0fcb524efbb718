"""The tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SORTED_BY: dict[str, str | sa.TextClause] = {
    "title": sa.text("lower(substr(title, 1, 100))"),
    "database": "database",
    "state": "state",
    "elapsed": sa.text("coalesce(finished - started, -1.0)"),
    "queries": "queries",
    "hits": sa.text("coalesce(hits, -1)"),
}


def upgrade() -> None:
    _make_searches()
    _make_databases()
    _make_credentials()


def downgrade() -> None:
    for table in ("shares", "sessions", "tokens", "tasks", "generations", "databases", "events", "pieces", "searches"):
        op.drop_table(table)


def _make_searches() -> None:
    op.create_table(
        "searches",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("program", sa.String(16), nullable=False),
        sa.Column("database", sa.String(200), nullable=False),
        sa.Column("generation", sa.String(200), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("exactness", sa.String(16), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("queries", sa.BigInteger, nullable=False),
        sa.Column("letters", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("progress", sa.JSON, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("shards", sa.Integer),
        sa.Column("why", sa.Text),
        sa.Column("hits", sa.BigInteger),
        sa.Column("verdicts", sa.JSON),
        sa.Column("failure", sa.JSON),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("output", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("stint", sa.Integer, nullable=False, server_default="1"),
        sa.Column("lack", sa.JSON),
        sa.Column("lacks_since", sa.Double),
        sa.Column("lacked_s", sa.Double, nullable=False, server_default="0"),
        sa.UniqueConstraint("owner", "idempotency_key", name="one_search_for_a_key"),
    )
    op.create_index("searches_by_age", "searches", ["created", "id"])
    op.create_index("searches_of_owner", "searches", ["owner", "created", "id"])
    op.create_index("searches_of_generation", "searches", ["database", "generation", "state"])
    for name, key in SORTED_BY.items():
        filters = [column for column in ("owner", "state") if column != name]
        op.create_index(f"searches_by_{name}", "searches", [key, "created", "id", *filters])
    op.create_table(
        "pieces",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("search_id", sa.String(32), sa.ForeignKey("searches.id", ondelete="CASCADE"), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("batch", sa.Integer, nullable=False),
        sa.Column("shard", sa.Integer),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("peak_memory_bytes", sa.BigInteger, nullable=False),
        sa.Column("node", sa.String(200), nullable=False),
        sa.Column("finished", sa.Double, nullable=False),
        sa.Column("is_doubled", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_pieces_search_id", "pieces", ["search_id"])
    op.create_table(
        "events",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("search_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("at", sa.Double),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_search", "events", ["search_id", "id"])


def _make_databases() -> None:
    op.create_table(
        "databases", sa.Column("name", sa.String(200), primary_key=True), sa.Column("source", sa.JSON, nullable=False)
    )
    op.create_table(
        "generations",
        sa.Column("database", sa.String(200), sa.ForeignKey("databases.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("path", sa.Text),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("added", sa.Double, nullable=False),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("database", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("step", sa.String(16)),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("outcome", sa.Text),
        sa.Column("failure", sa.JSON),
    )
    op.create_index("tasks_by_age", "tasks", ["created", "id"])
    op.create_index("tasks_of_database", "tasks", ["database", "created"])


def _make_credentials() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double),
        sa.Column("revoked", sa.Double),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("token", sa.String(64)),
    )
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_table(
        "shares",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("search_id", sa.String(32), sa.ForeignKey("searches.id", ondelete="CASCADE"), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_index("ix_shares_search_id", "shares", ["search_id"])
