"""A real storage that records every fetch, whichever thread or process makes it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shardblast.blast.database import open_database, read_facts
from shardblast.blast.installation import find_installation
from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.program import Molecule
from shardblast.storage.objects import Objects


class LoggedObjects(Objects):
    """Objects, and a line in a file for each that is fetched."""

    def __init__(self, url: str, log: Path, meanwhile: Callable[[str], None] = lambda key: None) -> None:
        """Open a storage.

        Args:
            url: The storage's.
            log: The file with the lines.
            meanwhile: Called in the middle of each fetch, when bytes are in a partial file.
        """
        super().__init__(url)
        self._log = log
        self._meanwhile = meanwhile

    def fetch(self, key: str, path: Path, *, report: Callable[[int], None], **more: Any) -> str:
        with self._log.open("a") as log:
            log.write(f"{os.getpid()} {key}\n")

        def report_after(size_bytes: int) -> None:
            self._meanwhile(key)
            report(size_bytes)

        return super().fetch(key, path, report=report_after, **more)

    @property
    def fetched(self) -> Counter[str]:
        """How often each key was fetched."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return Counter(line.partition(" ")[2] for line in lines)


def stored(url: str, database: str, path: Path, name: str = "1") -> Generation:
    """Put a database's files into a storage; return the generation that they are now."""
    objects = Objects(url)
    facts = read_facts(find_installation(), open_database(find_installation(), str(path), Molecule.NUCLEOTIDE))

    def known(file: Path) -> DatabaseFile:
        return DatabaseFile(file.name, file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())

    for file in facts.files:
        objects.put(f"databases/{database}/{name}/{file.name}", file)
    return facts.generation(database, name, "a test", "", known)
