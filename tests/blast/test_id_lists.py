"""Lists of ids, also when the programs that read them are killed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.id_lists import read_listing
from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.probe import Inquiry
from shardblast.blast.process import Processes
from shardblast.bootstrap import known_arguments
from shardblast.core.errors import OutOfMemory
from shardblast.core.options import parse
from shardblast.core.program import Molecule, Program
from tests.databases import Databases
from tests.sequences import nucleotides

KILLED = {
    "blastdbcmd": 'case "$*" in *"-entry all"*) {real} "$@" | head -n 3; kill -9 $$;; esac; exec {real} "$@"',
    "blastdb_aliastool": "kill -9 $$",
    "blastn": "kill -9 $$",
}


@pytest.mark.parametrize("program", KILLED)
def test_a_killed_program_does_not_count_as_an_answer(program: str, databases: Databases, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text("".join(f"{one.title.split()[0]}\n" for one in nucleotides()[::3]))
    installed = find_installation()
    database = open_database(installed, databases("v5-volumes-ids", "nucl"), Molecule.NUCLEOTIDE)
    words = ["-db", database.name, "-seqidlist", str(ids)]
    options = parse(Program.BLASTN, words, known_arguments(installed, Program.BLASTN))
    (folder := tmp_path / "programs").mkdir()
    for name in KILLED:
        (folder / name).symlink_to(shutil.which(name) or "")
    (folder / program).unlink()
    (folder / program).write_text("#!/bin/sh\n" + KILLED[program].format(real=shutil.which(program)) + "\n")
    (folder / program).chmod(0o755)

    search = Inquiry(installed, Processes(), database, options, tmp_path)
    assert read_listing(search).filter
    with pytest.raises(OutOfMemory):
        read_listing(replace(search, installation=Installation(folder)))
