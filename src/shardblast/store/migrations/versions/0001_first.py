"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
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
        sa.UniqueConstraint("owner", "idempotency_key", name="one_search_for_a_key"),
    )
    op.create_index("searches_by_age", "searches", ["created", "id"])
    op.create_index("searches_of_owner", "searches", ["owner", "created", "id"])
    op.create_index("searches_in_state", "searches", ["state", "created", "id"])
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
    )
    op.create_index("ix_pieces_search_id", "pieces", ["search_id"])
    op.create_table(
        "events",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("search_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_search", "events", ["search_id", "id"])
    op.create_table(
        "databases",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("molecule", sa.String(16), nullable=False),
        sa.Column("generation", sa.String(200), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("num_seqs", sa.BigInteger, nullable=False),
        sa.Column("letters", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("added", sa.Double, nullable=False),
    )
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


def downgrade() -> None:
    for table in ("tokens", "databases", "events", "pieces", "searches"):
        op.drop_table(table)
