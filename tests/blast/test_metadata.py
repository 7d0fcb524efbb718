"""Facts about a database, read from its files."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from shardblast.blast.database import Database, DatabaseFacts, check_database, open_database, read_facts
from shardblast.blast.installation import find_installation
from shardblast.core.database import DatabaseFile, Generation
from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule
from tests.databases import MANY_VOLUMES_BYTES, make_database
from tests.sequences import nucleotides, proteins

OPTIONS = {
    "plain": [],
    "ids": ["-parse_seqids"],
    "volumes": ["-max_file_sz", MANY_VOLUMES_BYTES["nucl"]],
    "volumes and ids": ["-max_file_sz", MANY_VOLUMES_BYTES["nucl"], "-parse_seqids"],
    "taxids": ["-parse_seqids", "-taxid", "9606"],
    "version 4": ["-blastdb_version", "4"],
    "version 4, ids and hashes": ["-blastdb_version", "4", "-parse_seqids", "-hash_index"],
}


def opened(path: Path, molecule: Molecule = Molecule.NUCLEOTIDE) -> Database:
    return open_database(find_installation(), str(path), molecule)


def facts_of(path: Path, molecule: Molecule = Molecule.NUCLEOTIDE) -> DatabaseFacts:
    return read_facts(find_installation(), opened(path, molecule))


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_file_of_a_database_is_listed_once(tmp_path: Path, kind: str) -> None:
    path = make_database(tmp_path / "db", "nucl", nucleotides(), *OPTIONS[kind])
    aliases = {"db.nal"}  # which name volumes, and are written again where the volumes are copied

    listed = [file.name for file in facts_of(path).files]

    assert len(set(listed)) == len(listed)
    assert set(listed) == set(os.listdir(tmp_path)) - aliases


def test_files_of_a_neighbour_with_a_longer_name_are_not_listed(tmp_path: Path) -> None:
    path = make_database(tmp_path / "db", "nucl", nucleotides())
    make_database(tmp_path / "db.more", "nucl", nucleotides())
    make_database(tmp_path / "db", "prot", proteins())

    assert all(re.fullmatch(r"db\.n\w\w", file.name) for file in facts_of(path).files)


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_facts_are_those_of_blastdbcmd(tmp_path: Path, kind: str) -> None:
    path = make_database(tmp_path / "db", "nucl", nucleotides(), *OPTIONS[kind])
    argv = ["blastdbcmd", "-db", str(path), "-info", "-exact_length"]
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    facts = facts_of(path)

    assert f"Database: {facts.database.title}\n" in output
    assert f"\t{facts.database.num_seqs:,} sequences; {facts.database.letters:,} total bases" in output
    assert f"Longest sequence: {facts.max_length:,} bases" in output
    assert f"Date: {facts.database.date}\t" in output
    assert f"BLASTDB Version: {facts.version}" in output
    assert facts.has_taxids == (kind == "taxids")
    assert facts.database.unique_ids == ("-parse_seqids" in OPTIONS[kind])


def test_masks_are_named(tmp_path: Path) -> None:
    fasta, mask = tmp_path / "db.fa", tmp_path / "mask.asnb"
    fasta.write_text("".join(one.fasta for one in nucleotides()))
    masker = ["dustmasker", "-in", str(fasta), "-infmt", "fasta", "-parse_seqids"]
    subprocess.run([*masker, "-outfmt", "maskinfo_asn1_bin", "-out", str(mask)], check=True)
    masked = ["-mask_data", str(mask), "-mask_id", "dusty", "-mask_desc", "low complexity"]
    path = make_database(tmp_path / "db", "nucl", nucleotides(), "-parse_seqids", *masked)

    facts = facts_of(path)

    assert facts.masks == ("dusty",)
    assert {"db.naa", "db.nab", "db.nac"} <= {file.name for file in facts.files}


def test_a_generation_survives_its_document(tmp_path: Path) -> None:
    path = make_database(tmp_path / "db", "prot", proteins(), "-max_file_sz", MANY_VOLUMES_BYTES["prot"])
    facts = facts_of(path, Molecule.PROTEIN)

    made = facts.generation("db", "1", "here", "", lambda file: DatabaseFile(file.name, file.stat().st_size, "00"))

    assert Generation.of(made.document()) == made
    assert (made.num_seqs, made.letters) == (facts.database.num_seqs, facts.database.letters)
    assert made.mapped_bytes == facts.database.size_bytes
    assert made.size_bytes == sum(file.stat().st_size for file in facts.files)


def test_a_document_of_a_later_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="layout"):
        Generation.of({"layout": 99})


def test_blastdbcheck_objects_only_to_a_damaged_database(tmp_path: Path) -> None:
    path = make_database(tmp_path / "db", "prot", proteins(), "-parse_seqids")
    database = opened(path, Molecule.PROTEIN)
    assert check_database(find_installation(), database) is None

    headers = path.with_name("db.phr")
    headers.write_bytes(bytes(headers.stat().st_size))

    assert "headers failed" in (check_database(find_installation(), database) or "")


def test_volumes_of_one_name_from_two_folders_are_refused(tmp_path: Path) -> None:
    for folder in "ab":
        make_database(tmp_path / folder / "db", "nucl", nucleotides())
    (tmp_path / "both.nal").write_text("TITLE both\nDBLIST a/db b/db\n")

    with pytest.raises(DatabaseError, match="same name"):
        facts_of(tmp_path / "both")
