"""How a result is printed when nothing else is asked for, the orders of the list of searches, the times of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"

SORTED_BY: dict[str, str | sa.TextClause] = {
    "title": sa.text("lower(substr(title, 1, 100))"),
    "database": "database",
    "state": "state",
    "elapsed": sa.text("coalesce(finished - started, -1.0)"),
    "queries": "queries",
    "hits": sa.text("coalesce(hits, -1)"),
}


def upgrade() -> None:
    op.add_column("searches", sa.Column("output", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("events", sa.Column("at", sa.Double))
    for name, key in SORTED_BY.items():
        filters = [column for column in ("owner", "state") if column != name]
        op.create_index(f"searches_by_{name}", "searches", [key, "created", "id", *filters])
    op.drop_index("searches_in_state", "searches")


def downgrade() -> None:
    op.create_index("searches_in_state", "searches", ["state", "created", "id"])
    for name in SORTED_BY:
        op.drop_index(f"searches_by_{name}", "searches")
    op.drop_column("events", "at")
    op.drop_column("searches", "output")
