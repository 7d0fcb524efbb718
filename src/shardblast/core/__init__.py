"""The domain model of searches, databases and nodes, without any input or output."""

__version__ = "0.1.0"
