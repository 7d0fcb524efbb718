"""Random searches, and the answers of BLAST+."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.databases import make_database
from tests.sequences import Sequence as Record
from tests.sequences import gene, nucleotide_queries, protein_queries, real
from tests.service.processes import blast

MOLECULES = {"blastn": "nucl", "blastp": "prot", "blastx": "prot", "tblastn": "nucl"}
FORMATS = ("0", "5", "6", "7", "10", "15", "6 std qlen slen stitle")
OF_ALL = (
    (),
    (),
    ("-evalue", "1e-6"),
    ("-evalue", "1000"),
    ("-max_target_seqs", "5"),
    ("-max_target_seqs", "50", "-evalue", "1"),
    ("-max_hsps", "1"),
    ("-culling_limit", "1"),
)
OWN: dict[str, tuple[tuple[str, ...], ...]] = {
    "blastn": ((), ("-task", "megablast"), ("-task", "dc-megablast"), ("-strand", "plus"), ("-perc_identity", "90")),
    "blastp": ((), ("-task", "blastp-fast"), ("-comp_based_stats", "0"), ("-matrix", "BLOSUM45"), ("-seg", "yes")),
    "blastx": ((), ("-query_gencode", "11"), ("-comp_based_stats", "0")),
    "tblastn": ((), ("-db_gencode", "11"), ("-comp_based_stats", "0")),
}
MOST_QUERIES = {"blastn": 60, "blastp": 150, "blastx": 20, "tblastn": 12}


@dataclass(frozen=True)
class Question:
    """A search."""

    program: str
    database: str
    query: str
    options: tuple[str, ...]
    outfmt: str

    def words(self, query: Path) -> list[str]:
        """Return its command line."""
        return [self.program, "-db", self.database, "-query", str(query), *self.options, "-outfmt", self.outfmt]

    def __str__(self) -> str:
        count = self.query.count(">")
        return " ".join([self.program, self.database, f"{count} queries", *self.options, f"-outfmt '{self.outfmt}'"])


@dataclass
class Questions:
    """Databases, and random searches of them."""

    folder: Path

    def __post_init__(self) -> None:
        proteins, ribosomal = real("proteins")[:3000], real("16s")[:800]
        genes = [gene(one, seed) for seed, one in enumerate(real("proteins")[:600])]
        self.databases = {
            "prot": make_database(self.folder / "prot" / "db-prot", "prot", proteins, "-max_file_sz", "140000"),
            "nucl": make_database(
                self.folder / "nucl" / "db-nucl",
                "nucl",
                _named_apart([*ribosomal, *genes]),
                "-max_file_sz",
                "60000",
                "-parse_seqids",
            ),
        }

    def any(self, chance: Random) -> Question:
        """Return a random search."""
        program = chance.choice(list(MOLECULES))
        records = {"blastn": _nucleotides, "blastx": _nucleotides}.get(program, _proteins)()
        chosen = chance.sample(records, chance.randint(1, MOST_QUERIES[program]))
        query = "".join(one.fasta for one in _named_apart(chosen))
        options = (*chance.choice(OWN[program]), *chance.choice(OF_ALL))
        return Question(program, f"db-{MOLECULES[program]}", query, options, chance.choice(FORMATS))

    def answer(self, question: Question, folder: Path) -> bytes:
        """Return what BLAST+ prints; the folder has the queries then."""
        path = self.databases[MOLECULES[question.program]]
        options = list(question.options)
        return blast(question.program, path, path.name, question.query, options, question.outfmt, folder)


def _proteins() -> list[Record]:
    return [*real("proteins")[:2000:7], *protein_queries()]


def _nucleotides() -> list[Record]:
    genes = [gene(one, seed) for seed, one in enumerate(real("proteins")[:100])]
    return [*real("16s-queries"), *genes, *nucleotide_queries()]


def _named_apart(records: Sequence[Record]) -> list[Record]:
    return [Record(f"s{number} {one.title}", one.letters) for number, one in enumerate(records)]
