"""What a service says of a database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shardblast.core.errors import InputError
from shardblast.core.generation import Generation
from shardblast.core.program import Molecule

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class CataloguedDatabase:
    """A generation of a database that searches can name."""

    facts: Generation
    path: str | None
    """Where BLAST+ finds it, without suffix; None if it lies in the storage."""
    added: float
    """When this generation was added, in seconds since 1970."""

    @property
    def name(self) -> str:
        """Of the database."""
        return self.facts.database

    @property
    def generation(self) -> str:
        """Its name among the database's generations."""
        return self.facts.name

    @property
    def molecule(self) -> Molecule:
        """Of its sequences."""
        return self.facts.molecule

    @property
    def title(self) -> str:
        """As BLAST+ prints it."""
        return self.facts.title

    @property
    def num_seqs(self) -> int:
        """Sequences of all volumes."""
        return self.facts.num_seqs

    @property
    def letters(self) -> int:
        """Letters of all volumes."""
        return self.facts.letters

    @property
    def size_bytes(self) -> int:
        """What a search maps into memory."""
        return self.facts.mapped_bytes


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
