"""What the service remembers, in SQLite or PostgreSQL: the one layer that knows SQL."""
