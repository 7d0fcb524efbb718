"""Whether the service can work: its database, its storage, BLAST+, its disk."""

from __future__ import annotations

from collections.abc import Callable

from shardblast.blast.installation import Installation
from shardblast.core.errors import ShardblastError
from shardblast.service.folders import Folders
from shardblast.storage.objects import Objects
from shardblast.store.searches import SearchStore


class Operations:
    """Checks what searches need."""

    def __init__(self, store: SearchStore, objects: Objects, installation: Installation, folders: Folders) -> None:
        self._store = store
        self._objects = objects
        self._installation = installation
        self._folders = folders

    def checks(self) -> dict[str, str]:
        """Return ``ok`` or what is wrong, for each thing that is needed."""
        return {
            "database": _told(self._store.check),
            "storage": _told(self._objects.check),
            "blast": _told(lambda: self._installation.program("blastn")),
            "disk": _told(self._folders.check_space),
        }


def _told(check: Callable[[], object]) -> str:
    try:
        check()
    except ShardblastError as error:
        return error.problem
    return "ok"
