"""What all layers know of searches and databases, without any input or output."""

from __future__ import annotations

__version__ = "0.1.0"
