"""The command lines that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.place import CORES, SHARDBLAST

MT_MODES = ("0", "1")


@dataclass(frozen=True, slots=True)
class Search:
    """A search as both programs take it, printed as ``-outfmt 6``."""

    program: str
    database: Path
    query: Path
    extra: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        place = ["-db", str(self.database), "-query", str(self.query)]
        return [self.program, *self.extra, *place, "-outfmt", "6", "-num_threads", str(CORES)]

    def blast(self, mt_mode: str) -> list[str]:
        return [*self.arguments(), "-mt_mode", mt_mode]

    def shardblast(self, shards: str, *ours: str) -> list[str]:
        return [str(SHARDBLAST), *self.arguments(), "--shards", shards, "--quiet", *ours]
