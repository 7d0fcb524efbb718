"""The tables of the first release. Each later revision changes those of the one before it."""

revision = "0008"
down_revision: str | None = None


def upgrade() -> None:
    """Do nothing, because ``store.connection.migrate`` creates the tables of a new database as they are now."""
