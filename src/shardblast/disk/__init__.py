"""The databases that a node holds on its disk and in memory, and how they get there."""
