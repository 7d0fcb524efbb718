"""FASTA text: reading it, and making queries out of real sequences."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_CODONS = {
    "A": "GCG", "C": "TGC", "D": "GAT", "E": "GAA", "F": "TTT", "G": "GGC", "H": "CAT", "I": "ATT", "K": "AAA",
    "L": "CTG", "M": "ATG", "N": "AAC", "P": "CCG", "Q": "CAG", "R": "CGT", "S": "AGC", "T": "ACC", "V": "GTG",
    "W": "TGG", "Y": "TAT", "*": "TAA",
}  # fmt: skip
"""The codon that Escherichia coli uses most for each residue; others become NNN."""


@dataclass(frozen=True, slots=True)
class Record:
    title: str
    letters: str


def read(lines: Iterable[str]) -> Iterator[Record]:
    title: str | None = None
    parts: list[str] = []
    for line in lines:
        if line.startswith(">"):
            if title is not None:
                yield Record(title, "".join(parts))
            title, parts = line[1:].rstrip("\n"), []
        else:
            parts.append(line.strip())
    if title is not None:
        yield Record(title, "".join(parts))


def read_packed(path: Path) -> Iterator[Record]:
    with gzip.open(path, "rt") as lines:
        yield from read(lines)


def write(path: Path, records: Iterable[Record]) -> int:
    """Write records; the file gets its name when it is whole. Return how many."""
    partial = path.with_name(f"{path.name}.partial")
    count = 0
    with partial.open("w") as file:
        for record in records:
            file.write(f">{record.title}\n{record.letters}\n")
            count += 1
    partial.rename(path)
    return count


def cut(records: Iterable[Record], length: int) -> Iterator[Record]:
    """Yield one piece of each record that is long enough, from places that differ between records."""
    for number, record in enumerate(records):
        spare = len(record.letters) - length
        if spare > 0:
            start = number * 37 % spare
            yield Record(f"piece{number} of {record.title}", record.letters[start : start + length])


def shuffled(records: list[Record], count: int) -> Iterator[Record]:
    """Yield ``count`` records with the composition of real ones and no relation to them; the same ones every time."""
    source = random.Random(0)
    for number in range(count):
        letters = list(records[number % len(records)].letters)
        source.shuffle(letters)
        yield Record(f"shuffled{number}", "".join(letters))


def mixed(records: list[Record]) -> Iterator[Record]:
    """Yield records with unique ids in random order; the same one every time."""
    random.Random(0).shuffle(records)
    return numbered(iter(records))


def copies(record: Record, count: int, least: float = 0.05, most: float = 0.6) -> Iterator[Record]:
    """Yield copies, each with a share between these of its letters exchanged; the same ones every time."""
    source = random.Random(record.letters)
    residues = record.letters
    for number in range(count):
        letters = list(residues)
        for place in source.choices(range(len(letters)), k=int(len(letters) * source.uniform(least, most))):
            letters[place] = source.choice(residues)
        yield Record(f"copy{number} of {record.title}", "".join(letters))


def coding(record: Record) -> Record:
    """Return a gene that codes for a protein."""
    return Record(record.title, "".join(_CODONS.get(residue, "NNN") for residue in record.letters))


def numbered(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records with plain, unique ids, as ``makeblastdb -parse_seqids`` wants them."""
    for number, record in enumerate(records):
        yield Record(f"s{number} {record.title}", record.letters)


def every(records: Iterable[Record], step: int, first: int = 0) -> Iterator[Record]:
    return islice(records, first, None, step)
