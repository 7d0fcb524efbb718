"""A node: what it holds on its own disk and in its memory, and how that gets there."""
