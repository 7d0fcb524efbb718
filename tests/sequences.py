"""Small sets of sequences: real ones from demo/data, and oddities of public data sets."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent.parent / "demo" / "data"
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def genetic_code(codons: str) -> dict[str, str]:
    """Return a codon for each amino acid, from codons in the order of AMINO_ACIDS."""
    return dict(zip(AMINO_ACIDS, codons.split(), strict=True))


CODONS = genetic_code("GCT TGC GAC GAA TTT GGC CAT ATC AAA CTG ATG AAT CCG CAG CGT TCT ACC GTG TGG TAT")
OTHER_CODONS = genetic_code("GCG TGT GAT GAG TTC GGT CAC ATT AAG TTA ATG AAC CCT CAA AGA AGC ACA GTT TGG TAC")
LETTERS = {"nucl": "ACGT", "prot": "ACDEFGHIKLMNPQRSTVWY"}


@dataclass(frozen=True, slots=True)
class Sequence:
    """A FASTA record."""

    title: str
    letters: str

    @property
    def fasta(self) -> str:
        lines = [self.letters[at : at + 70] for at in range(0, len(self.letters), 70)]
        return "\n".join([f">{self.title}", *lines, ""])


def write_fasta(path: Path, sequences: Iterable[Sequence]) -> Path:
    path.write_text("".join(sequence.fasta for sequence in sequences))
    return path


@cache
def real(name: str) -> tuple[Sequence, ...]:
    """Return the records of a file in demo/data."""
    with gzip.open(DATA / f"{name}.fa.gz", "rt") as lines:
        records = "".join(lines).split(">")[1:]
    return tuple(
        Sequence(title, letters.replace("\n", ""))
        for title, _, letters in (record.partition("\n") for record in records)
    )


@cache
def proteins() -> tuple[Sequence, ...]:
    """Two families and a random choice of proteins, with duplicates, masked and very short and very long ones."""
    everything = real("proteins")
    family = [one for one in everything if "ABC" in one.title and len(one.letters) < 400][:90]
    others = [one for one in everything[::60] if len(one.letters) < 600]
    return tuple(with_oddities([*family, *others], "prot"))


@cache
def nucleotides() -> tuple[Sequence, ...]:
    """16S genes and genes of the proteins, with duplicates, masked and very short and very long ones."""
    ribosomal = real("16s")[::46]
    genes = [gene(one, seed) for seed, one in enumerate(proteins()[:60])]
    return tuple(with_oddities([*ribosomal, *genes], "nucl"))


def fragments(count: int, length: int = 60) -> list[Sequence]:
    """Return many short pieces of proteins, so that many subjects are found of any query."""
    chosen = real("proteins")[:: max(1, len(real("proteins")) // count)][:count]
    return [Sequence(f"piece{number} of {one.title}", one.letters[:length]) for number, one in enumerate(chosen)]


def gene(protein: Sequence, seed: int = 0) -> Sequence:
    """Return a gene of a protein; odd seeds give the other strand."""
    choose = random.Random(seed).choice
    letters = "".join(choose((CODONS, OTHER_CODONS)).get(letter, "NNN") for letter in protein.letters)
    made = Sequence("gene_of_" + protein.title, letters)
    return other_strand(made) if seed % 2 else made


def other_strand(sequence: Sequence) -> Sequence:
    return replace(sequence, letters=sequence.letters[::-1].translate(str.maketrans("ACGTN", "TGCAN")))


def changed(sequence: Sequence, kind: str, *, share: float = 0.1, seed: int = 1, title: str | None = None) -> Sequence:
    """Return a relative: a share of its letters is exchanged, one piece is lost."""
    chance = random.Random(seed)
    letters = [chance.choice(LETTERS[kind]) if chance.random() < share else one for one in sequence.letters]
    middle = len(letters) // 2
    return Sequence(title or f"relative{seed} of {sequence.title}", "".join(letters[:middle] + letters[middle + 9 :]))


def invented(kind: str, length: int, seed: int, title: str) -> Sequence:
    """Return random letters."""
    return Sequence(title, "".join(random.Random(seed).choices(LETTERS[kind], k=length)))


def with_oddities(sequences: list[Sequence], kind: str) -> list[Sequence]:
    """Add exact duplicates, masked, very short and very long sequences, spread among the others."""
    mask = "N" if kind == "nucl" else "X"
    result = list(sequences)
    for number, one in enumerate(sequences[::9]):
        result.insert(number * 7, replace(one, title=f"twin{number} {one.title}"))
    masked = [
        replace(one, title=f"masked{number}", letters=one.letters[:50] + mask * (20 + number) + one.letters[90:])
        for number, one in enumerate(sequences[:6])
    ]
    short = [Sequence(f"short{length}", sequences[2].letters[:length]) for length in (1, 3, 7, 12, 30)]
    long = Sequence("long of many", (mask * 30).join(one.letters for one in sequences[::12]))
    repeat = Sequence("repeat", sequences[0].letters * 4)
    for place, one in zip(
        (3, 11, 20, 31, 45, 61, 2, 40, 41, 42, 90, 0, 77), [*masked, *short, long, repeat], strict=True
    ):
        result.insert(place, one)
    names = [f"s{number}_{one.title.split()[0].replace('|', '_')[:30]}" for number, one in enumerate(result)]
    return [
        replace(one, title=" ".join([name, *one.title.split()[1:]])) for name, one in zip(names, result, strict=True)
    ]


@cache
def protein_queries() -> tuple[Sequence, ...]:
    """Relatives of proteins in the database, one that is in it, one without hits, one masked."""
    database = [one for one in proteins() if len(one.letters) > 100]
    return (
        changed(database[3], "prot", share=0.3, title="q1 a relative"),
        Sequence("q2", database[50].letters),
        invented("prot", 60, 5, "q3_nothing like it"),
        changed(database[120], "prot", share=0.2, seed=2, title="q4 another relative"),
        Sequence("q5", "X" * 40),
        Sequence("q6 biased", "PEPKPEPAPQPEPSPEPTPQ" * 4 + database[60].letters[:80]),
    )


@cache
def nucleotide_queries() -> tuple[Sequence, ...]:
    """Pieces of 16S genes and of genes, one without hits, one masked."""
    ribosomal = real("16s-queries")
    coding = [gene(one, seed) for seed, one in enumerate(protein_queries())]
    return (
        replace(ribosomal[0], title="n1 16S", letters=ribosomal[0].letters[100:700]),
        Sequence("n2", coding[0].letters),
        invented("nucl", 70, 6, "n3_nothing like it"),
        Sequence("n4 | a gene", coding[3].letters),
        Sequence("n5", "N" * 50),
        other_strand(changed(nucleotides()[30], "nucl", share=0.05, title="n6 relative")),
    )


def protein_family(seed: int, name: str, copies: int, letters: int) -> list[Sequence]:
    """Return copies of a protein with substitutions, insertions and gaps; every third is a short part of it."""
    chance = random.Random(seed)
    protein = "".join(chance.choices(AMINO_ACIDS, k=letters))
    found = [Sequence(f"{name}0 the protein", protein)]
    for number in range(1, copies):
        rate = chance.choice((0.1, 0.3, 0.45))
        copy = "".join(
            ""
            if (draw := chance.random()) < rate / 12
            else chance.choice(AMINO_ACIDS) * (1 + (draw < rate / 6))
            if draw < rate
            else residue
            for residue in protein
        )
        start = chance.randrange(letters // 2) if number % 3 == 0 else 0
        part = copy[start : start + 40] if number % 3 == 0 else copy
        found.append(Sequence(f"{name}{number} a copy", part + "".join(chance.choices(AMINO_ACIDS, k=number % 90))))
    return found


def mutants(seed: int, name: str, copies: int, rates: tuple[float, ...]) -> list[Sequence]:
    """Return copies of a protein of 120 residues, in each of which a share of the residues is exchanged."""
    chance = random.Random(seed)
    protein = chance.choices(AMINO_ACIDS, k=120)

    def copy() -> str:
        rate = chance.choice(rates)
        return "".join(chance.choice(AMINO_ACIDS) if chance.random() < rate else residue for residue in protein)

    return [Sequence(f"{name}{number}", copy()) for number in range(copies)]


def unrelated_proteins(count: int) -> list[Sequence]:
    """Return random proteins of 250 residues."""
    chance = random.Random(4)
    return [Sequence(f"o{n}", "".join(chance.choices(AMINO_ACIDS, k=250))) for n in range(count)]


def copies_with_codes(letters: str, with_codes: int, changed: int) -> Iterator[Sequence]:
    """Yield copies of a gene that BLAST+ ranks differently in its preliminary stage and in the end.

    First come copies with two ambiguity codes. The preliminary stage takes a code for the one letter that
    ``makeblastdb`` drew for it, so there some of these copies are better than those with one change, which follow. In
    the end each of them has a lower score.
    """
    rng = random.Random(7)
    codes = {"A": "RWM", "C": "YSM", "G": "RSK", "T": "YWK"}
    margin = len(letters) // 10

    def copy(places: int, other: Callable[[str], str]) -> str:
        found = list(letters)
        for at in rng.sample(range(margin, len(letters) - margin), places):
            found[at] = rng.choice(other(found[at]))
        return "".join(found)

    for number in range(with_codes):
        yield Sequence(f"copy{number}", copy(2, codes.__getitem__))
    for number in range(with_codes, with_codes + changed):
        yield Sequence(f"copy{number}", copy(1, lambda base: LETTERS["nucl"].replace(base, "")))
