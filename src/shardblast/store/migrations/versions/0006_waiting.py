"""What searches wait for, since when, and how often they were queued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    op.add_column("searches", sa.Column("stint", sa.Integer, nullable=False, server_default="1"))
    op.add_column("searches", sa.Column("lack", sa.JSON))
    op.add_column("searches", sa.Column("lacks_since", sa.Double))
    op.add_column("searches", sa.Column("lacked_s", sa.Double, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("lacked_s", "lacks_since", "lack", "stint"):
        op.drop_column("searches", name)
