"""What has been brought whole into a folder, so that a source which is asked again goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORK = ".source"
"""Folder in the database's own, for what is not whole yet and for the ledger."""


class Ledger:
    """Takes files into a folder when they are whole, and remembers that through a crash.

    An item is what is brought at once: a file, or an archive of several. Files get their names when they are on the
    disk, and are written down after that; so whatever else is in the folder is not whole, and is removed.
    """

    def __init__(self, folder: Path, generation: str) -> None:
        """Open the ledger of a folder that is ours alone; what it holds of another generation goes."""
        self._folder = folder
        self.work = folder / WORK
        self._path = self.work / "ledger.jsonl"
        self._sizes: dict[str, int] = {}
        self._ranks: dict[str, int] = {}
        self._items: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self.work.mkdir(parents=True, exist_ok=True)
        if not self._read(generation):
            shutil.rmtree(self.work)
            self.work.mkdir()
            self._append({"generation": generation})
        for entry in folder.iterdir():
            if entry != self.work and entry.name not in self._sizes:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def is_whole(self, item: str) -> bool:
        """Tell whether an item has been brought, and its files still have the sizes they had."""
        return item in self._items and all(
            _size_of(self._folder / name) == self._sizes[name] for name in self._items[item]
        )

    @property
    def size_bytes(self) -> int:
        """Of all files that have been brought, and of what is there of others."""
        return sum(self._sizes.values()) + sum(file.stat().st_size for file in self.work.glob("*.partial"))

    def keep(self, item: str, files: Sequence[Path], rank: int = 0) -> None:
        """Take an item's files, which lie in ``work``, into the folder.

        Args:
            item: Its name.
            files: Each becomes a file of the folder, of the same name but for ``.partial``.
            rank: Of files of the same name in several items the one of the lowest rank stays.
        """
        for file in files:
            _sync(file)
        with self._lock:
            kept = {}
            for file in files:
                name = file.name.removesuffix(".partial")
                kept[name] = file.stat().st_size
                if rank <= self._ranks.get(name, rank):
                    file.replace(self._folder / name)
                    self._ranks[name], self._sizes[name] = rank, kept[name]
            _sync(self._folder)
            self._items[item] = list(kept)
            self._append({"item": item, "files": {name: self._sizes[name] for name in kept}, "rank": rank})

    def forget(self) -> None:
        """Take nothing for whole any more: what was brought is no database."""
        self._path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what was left of what is whole."""
        for entry in self.work.iterdir():
            if entry != self._path:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, generation: str) -> bool:
        """Read what is written, but for a line that a crash cut short; tell whether it is of this generation."""
        if not self._path.exists():
            return False
        whole = self._path.read_bytes().rpartition(b"\n")[0]
        os.truncate(self._path, len(whole) + 1 if whole else 0)
        entries = [json.loads(line) for line in whole.splitlines()]
        if not entries or entries[0].get("generation") != generation:
            return False
        for entry in entries[1:]:
            self._items[entry["item"]] = list(entry["files"])
            for name, size in entry["files"].items():
                self._sizes[name] = size
                self._ranks[name] = min(entry["rank"], self._ranks.get(name, entry["rank"]))
        return True


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _sync(path: Path) -> None:
    """Have a file or a folder written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
