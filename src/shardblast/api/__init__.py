"""HTTP: the one layer that knows FastAPI."""
