"""Shards made by hand, without code of the project, so that the facts about BLAST+ stand alone."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.databases import make_database
from tests.sequences import Sequence


@dataclass(frozen=True)
class Parts:
    """A database made of volumes, with its totals."""

    folder: Path
    dbtype: str
    volumes: tuple[Path, ...]
    sizes: tuple[int, ...]
    """Sequences of each volume."""
    letters: int

    @property
    def num_seqs(self) -> int:
        return sum(self.sizes)

    @property
    def suffix(self) -> str:
        return {"nucl": "nal", "prot": "pal"}[self.dbtype]

    @property
    def whole(self) -> str:
        return self.alias("whole", self.volumes, totals=False)

    def first_oid(self, volume: int) -> int:
        return sum(self.sizes[:volume])

    def shard(self, volume: int, *, totals: bool = True) -> str:
        return self.alias(f"shard{volume}{'' if totals else 'naive'}", [self.volumes[volume]], totals=totals)

    def alias(self, name: str, volumes: Iterable[Path], *more: str, totals: bool = True) -> str:
        lines = ["TITLE whole", "DBLIST " + " ".join(f'"{volume}"' for volume in volumes), *more]
        if totals:
            lines += [f"NSEQ {self.num_seqs}", f"LENGTH {self.letters}"]
            lines += [f"STATS_NSEQ {self.num_seqs}", f"STATS_TOTLEN {self.letters}"]
        path = self.folder / f"{name}.{self.suffix}"
        path.write_text("\n".join(lines) + "\n")
        return str(path.with_suffix(""))


def make_parts(folder: Path, dbtype: str, sequences: list[Sequence], count: int) -> Parts:
    cuts = [len(sequences) * part // count for part in range(count + 1)]
    pieces = [sequences[begin:end] for begin, end in pairwise(cuts)]
    volumes = tuple(make_database(folder / f"v{number}", dbtype, piece) for number, piece in enumerate(pieces))
    letters = sum(len(sequence.letters) for sequence in sequences)
    return Parts(folder, dbtype, volumes, tuple(map(len, pieces)), letters)


def run(
    program: str, db: str, query: Path, outfmt: str, *options: str, environment: Mapping[str, str] | None = None
) -> bytes:
    argv = [program, "-db", db, "-query", str(query), "-outfmt", outfmt, *options]
    return subprocess.run(argv, check=True, capture_output=True, env={**os.environ, **(environment or {})}).stdout


def rows(program: str, db: str, query: Path, columns: str, *options: str) -> list[str]:
    return run(program, db, query, f"6 {columns}", *options).decode().splitlines()


def from_archive(archive: bytes, folder: Path, outfmt: str, *options: str) -> bytes:
    path = folder / "archive.asn"
    path.write_bytes(archive)
    argv = ["blast_formatter", "-archive", str(path), "-outfmt", outfmt, *options]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def search_spaces(xml: bytes) -> list[str]:
    return re.findall(r"<Statistics_(?:hsp-len|eff-space)>([^<]*)<", xml.decode())
