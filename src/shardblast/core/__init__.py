"""The domain model of searches, databases and nodes, without any input or output."""

from __future__ import annotations

__version__ = "0.1.0"
