"""The storage alone says which generation of a database is current."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"

NEWEST = """
    UPDATE databases SET generation = (
        SELECT name FROM generations WHERE generations.database = databases.name ORDER BY added DESC LIMIT 1
    )
"""


def upgrade() -> None:
    op.drop_column("databases", "generation")


def downgrade() -> None:
    op.add_column("databases", sa.Column("generation", sa.String(200), nullable=False, server_default=""))
    op.execute(NEWEST)
