"""What a source has now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of a source's database."""

    generation: str
    """Name of the generation, 16 hexadecimal digits: the same for the same offer of the same source."""
    version: str
    """What the source calls it: the name of a folder, a file's time; may be empty."""
    size_bytes: int
    """To be brought; 0 if that is not known before."""
    details: Mapping[str, Any]
    """JSON: what ``bring`` needs to bring this very offer, whatever the source has by then."""


def generation_of(facts: Iterable[Iterable[str | int | None]]) -> str:
    """Return the name of the generation that these facts tell from all others, in whatever order they come."""
    ordered = sorted(json.dumps(list(fact)) for fact in facts)
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]
