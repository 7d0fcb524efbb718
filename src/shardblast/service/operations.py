"""Whether the service can work: its database, its storage, BLAST+, its disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from shardblast.blast.installation import Installation
from shardblast.core.errors import ShardblastError
from shardblast.storage.objects import Objects
from shardblast.store.searches import SearchStore

LEAST_FREE_BYTES = 256 << 20


class Operations:
    """Checks what searches need."""

    def __init__(self, store: SearchStore, objects: Objects, installation: Installation, home: Path) -> None:
        self._store = store
        self._objects = objects
        self._installation = installation
        self._home = home

    def checks(self) -> dict[str, str]:
        """Return ``ok`` or what is wrong, for each thing that is needed."""
        return {
            "database": _told(self._store.check),
            "storage": _told(self._objects.check),
            "blast": _told(lambda: self._installation.program("blastn")),
            "disk": self._disk(),
        }

    def _disk(self) -> str:
        free = shutil.disk_usage(self._home).free
        return "ok" if free >= LEAST_FREE_BYTES else f"only {free / 2**20:,.0f} MiB are free in the home folder"


def _told(check: Callable[[], object]) -> str:
    try:
        check()
    except ShardblastError as error:
        return error.problem
    return "ok"
