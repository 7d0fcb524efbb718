"""The state that the service keeps in SQLite or PostgreSQL: the only package that uses SQL."""
