"""Databases of every kind, made by the installed makeblastdb when a test first needs them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.sequences import Sequence, nucleotides, proteins

KINDS = (
    "v5",
    "v4",
    "v5-ids",
    "v4-ids",
    "v5-volumes",
    "v4-volumes",
    "v5-volumes-ids",
    "v4-volumes-ids",
    "nested-aliases",
    "several",
    "several-ids",
    "path with spaces",
)
"""Every kind of database; ``ids`` stands for ``-parse_seqids``."""
MANY_VOLUMES_BYTES = {"nucl": "12000", "prot": "9000"}
"""Makes a dozen volumes of the sequences here."""


@dataclass
class Databases:
    """Databases in one folder, each made once."""

    folder: Path
    _made: dict[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, kind: str, dbtype: str) -> str:
        """Return what to give to ``-db`` for a database of this kind (of KINDS) and type (nucl or prot)."""
        if (kind, dbtype) not in self._made:
            self._made[kind, dbtype] = self._make(kind, dbtype)
        return self._made[kind, dbtype]

    def of(self, name: str, dbtype: str, sequences: Iterable[Sequence], *options: str) -> str:
        """Return a database of these sequences; the name must be used once."""
        key = (name, dbtype)
        if key not in self._made:
            self._made[key] = str(make_database(self.folder / dbtype / name, dbtype, sequences, *options))
        return self._made[key]

    def _make(self, kind: str, dbtype: str) -> str:
        sequences = {"nucl": nucleotides, "prot": proteins}[dbtype]()
        folder = self.folder / dbtype / kind
        match kind:
            case "nested-aliases":
                return self._nested(folder, dbtype, sequences)
            case "several" | "several-ids":
                options = ["-parse_seqids"] if kind.endswith("ids") else []
                return " ".join(str(path) for path in _thirds(folder, dbtype, sequences, *options))
            case "path with spaces":
                made = make_database(folder.with_name("plain") / "data", dbtype, sequences)  # 2.16 makes none there
                made.parent.rename(folder)
                return f'"{folder / "data"}"'
        options = ["-blastdb_version", kind[1]]
        if "volumes" in kind:
            options += ["-max_file_sz", MANY_VOLUMES_BYTES[dbtype]]
        if "ids" in kind:
            options.append("-parse_seqids")
        return str(make_database(folder / "db", dbtype, sequences, *options))

    def _nested(self, folder: Path, dbtype: str, sequences: tuple[Sequence, ...]) -> str:
        first, second, third = _thirds(folder, dbtype, sequences)
        suffix = {"nucl": "nal", "prot": "pal"}[dbtype]
        inner = folder / f"inner.{suffix}"
        inner.write_text(f"TITLE inner alias\nDBLIST {first.name} {second.name}\n")
        outer = folder / f"outer.{suffix}"
        outer.write_text(f"TITLE an alias of aliases\nDBLIST inner {third.name}\n")
        return str(outer.with_suffix(""))


def _thirds(folder: Path, dbtype: str, sequences: tuple[Sequence, ...], *options: str) -> list[Path]:
    third = len(sequences) // 3
    parts = [sequences[:third], sequences[third : 2 * third], sequences[2 * third :]]
    return [make_database(folder / name, dbtype, part, *options) for name, part in zip("abc", parts, strict=True)]


def make_database(path: Path, dbtype: str, sequences: Iterable[Sequence], *options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fasta = "".join(sequence.fasta for sequence in sequences)
    argv = ["makeblastdb", "-in", "-", "-dbtype", dbtype, "-title", f"{path.name} of tests", "-out", path.name]
    made = subprocess.run([*argv, *options], capture_output=True, text=True, input=fasta, cwd=path.parent)
    assert made.returncode == 0, made.stderr
    return path
