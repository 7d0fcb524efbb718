"""Generations of databases, and tasks.

Databases of before are forgotten: what was known of them is not enough to describe a generation. They are registered
again in a moment, and their files are not touched.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    op.drop_table("databases")
    op.create_table(
        "databases",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("generation", sa.String(200), nullable=False),
        sa.Column("source", sa.JSON, nullable=False),
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
    op.create_index("searches_of_generation", "searches", ["database", "generation", "state"])


def downgrade() -> None:
    op.drop_index("searches_of_generation", "searches")
    for table in ("tasks", "generations", "databases"):
        op.drop_table(table)
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
