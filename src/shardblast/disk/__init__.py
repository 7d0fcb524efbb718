"""What a node holds on its own disk and in its memory, and how it gets there."""
