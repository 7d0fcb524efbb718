"""The five BLAST+ programs and what they compare."""

from __future__ import annotations

from enum import StrEnum


class Molecule(StrEnum):
    """What a query or a database is made of."""

    NUCLEOTIDE = "nucleotide"
    PROTEIN = "protein"

    @property
    def alias_suffix(self) -> str:
        """Suffix, without the dot, of the alias files of databases of this molecule."""
        return f"{self.letter}al"

    @property
    def dbtype(self) -> str:
        """``-dbtype`` of makeblastdb and blastdbcmd."""
        return self.value[:4]

    @property
    def letter(self) -> str:
        """First letter of the suffixes of all files of databases of this molecule."""
        return self.value[0]


class Program(StrEnum):
    """A BLAST+ program, by the name of its executable."""

    BLASTN = "blastn"
    BLASTP = "blastp"
    BLASTX = "blastx"
    TBLASTN = "tblastn"
    TBLASTX = "tblastx"

    @property
    def query_molecule(self) -> Molecule:
        """What the queries are before any translation."""
        return Molecule.PROTEIN if self in _PROTEIN_QUERY else Molecule.NUCLEOTIDE

    @property
    def database_molecule(self) -> Molecule:
        """What the database is before any translation."""
        return Molecule.PROTEIN if self in _PROTEIN_DATABASE else Molecule.NUCLEOTIDE

    def objection(self, database: str, molecule: Molecule) -> str | None:
        """Return why it can't search a database of this name and molecule; None if it can."""
        wanted = self.database_molecule
        return None if molecule is wanted else f"{self} searches a {wanted} database, and {database} is {molecule}."


_PROTEIN_QUERY = frozenset({Program.BLASTP, Program.TBLASTN})
_PROTEIN_DATABASE = frozenset({Program.BLASTP, Program.BLASTX})
