"""What a service says of a database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shardblast.core.errors import InputError
from shardblast.core.program import Molecule

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class CataloguedDatabase:
    """A database that searches can name."""

    name: str
    path: str
    """Where BLAST+ finds it, without suffix."""
    molecule: Molecule
    generation: str
    """Changes when the files do."""
    title: str
    num_seqs: int
    letters: int
    size_bytes: int
    added: float
    """Seconds since 1970."""


def checked_name(name: str) -> str:
    """Return a name that may be part of a path and of a ``-db`` value.

    Raises:
        InputError: It may not.
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"{name!r} is no name for a database.",
            remedy="Use letters, digits, '.', '_' and '-', a letter or digit first.",
        )
    return name
