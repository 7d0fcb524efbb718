"""A session of a browser may rest on an API token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("token", sa.String(64)))


def downgrade() -> None:
    op.execute("DELETE FROM sessions WHERE token IS NOT NULL")
    op.drop_column("sessions", "token")
