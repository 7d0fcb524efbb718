"""The five programs."""

from __future__ import annotations

import shutil

import pytest

from shardblast.core.program import Molecule, Program

N, P = Molecule.NUCLEOTIDE, Molecule.PROTEIN


@pytest.mark.parametrize(
    ("name", "query", "database"),
    [("blastn", N, N), ("blastp", P, P), ("blastx", N, P), ("tblastn", P, N), ("tblastx", N, N)],
)
def test_program_compares_the_molecules_of_its_definition(name: str, query: Molecule, database: Molecule) -> None:
    program = Program(name)

    assert (program.query_molecule, program.database_molecule) == (query, database)


@pytest.mark.parametrize(("molecule", "suffix", "dbtype", "letter"), [(N, "nal", "nucl", "n"), (P, "pal", "prot", "p")])
def test_molecule_names_files_as_blast_does(molecule: Molecule, suffix: str, dbtype: str, letter: str) -> None:
    assert (molecule.alias_suffix, molecule.dbtype, molecule.letter) == (suffix, dbtype, letter)


@pytest.mark.parametrize("program", Program)
def test_program_is_named_like_its_executable(program: Program) -> None:
    assert shutil.which(program)
