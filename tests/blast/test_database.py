"""Databases as ``-db`` names them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import Installation, find_installation
from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule
from tests.databases import KINDS, Databases, make_database
from tests.sequences import proteins


@pytest.fixture(scope="module")
def installation() -> Installation:
    return find_installation()


@pytest.mark.parametrize("molecule", Molecule)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "path with spaces"])
def test_every_kind_of_database_is_understood_and_can_be_cut(
    installation: Installation, databases: Databases, kind: str, molecule: Molecule
) -> None:
    database = open_database(installation, databases(kind, molecule.dbtype), molecule)

    assert database.obstacle is None
    assert database.num_seqs == len(titles(database.name, molecule.dbtype))
    assert database.letters == sum(volume.letters for volume in database.volumes)
    assert database.first_oids[-1] == database.num_seqs
    assert (len(database.volumes) > 1) is (kind not in ("v4", "v5", "v4-ids", "v5-ids"))


@pytest.mark.parametrize("kind", ["v5-volumes", "nested-aliases", "several"])
def test_volumes_are_in_the_order_of_oids(installation: Installation, databases: Databases, kind: str) -> None:
    name = databases(kind, "prot")
    database = open_database(installation, name, Molecule.PROTEIN)

    by_volume = [title for volume in database.volumes for title in titles(str(volume.path))]

    assert by_volume == titles(name)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("v5-ids", True), ("v4-ids", True), ("v5", False), ("v5-volumes-ids", True), ("several-ids", False)],
)
def test_ids_are_unique_in_one_database_with_parsed_ids(
    installation: Installation, databases: Databases, kind: str, expected: bool
) -> None:
    assert open_database(installation, databases(kind, "nucl"), Molecule.NUCLEOTIDE).unique_ids is expected


def test_a_database_is_found_in_the_folders_of_blastdb(
    installation: Installation, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(databases("v5", "prot"))
    monkeypatch.setenv("BLASTDB", f"/nowhere:{path.parent}")

    database = open_database(installation, path.name, Molecule.PROTEIN)

    assert [volume.path for volume in database.volumes] == [path]


@pytest.mark.parametrize(
    "line", ["FIRST_OID 3", "LAST_OID 9", "STATS_TOTLEN 1000000", "STATS_NSEQ 500", "MAXOID 7", "SEQIDLIST ids"]
)
def test_an_alias_that_changes_more_than_the_volumes_is_an_obstacle(
    installation: Installation, tmp_path: Path, line: str
) -> None:
    path = make_database(tmp_path / "db", "prot", proteins())
    (tmp_path / "ids").write_text("x\n")
    (tmp_path / "part.pal").write_text(f"TITLE part\nDBLIST {path.name}\n{line}\n")
    try:
        database = open_database(installation, str(tmp_path / "part"), Molecule.PROTEIN)
    except DatabaseError:
        return  # BLAST+ itself does not take the alias

    assert database.obstacle is not None


def test_an_alias_with_other_totals_is_an_obstacle(installation: Installation, tmp_path: Path) -> None:
    path = make_database(tmp_path / "db", "prot", proteins())
    (tmp_path / "more.pal").write_text(f"TITLE more\nDBLIST {path.name}\nNSEQ 5000\nLENGTH 99999999\n")

    database = open_database(installation, str(tmp_path / "more"), Molecule.PROTEIN)

    assert "totals" in (database.obstacle or "")


def test_a_missing_database_is_an_error_in_the_words_of_blast(installation: Installation, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="No alias or index file found"):
        open_database(installation, str(tmp_path / "absent"), Molecule.PROTEIN)


def test_a_database_of_the_other_molecule_is_an_error(installation: Installation, databases: Databases) -> None:
    with pytest.raises(DatabaseError):
        open_database(installation, databases("v5", "prot"), Molecule.NUCLEOTIDE)


def titles(name: str, dbtype: str = "prot") -> list[str]:
    argv = ["blastdbcmd", "-db", name, "-dbtype", dbtype, "-entry", "all", "-outfmt", "%t"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def test_alias_that_only_a_configuration_file_leads_to_is_not_cut(
    installation: Installation, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = databases("v5", "nucl")
    (tmp_path / "elsewhere" / "other.nal").write_text(f"TITLE other\nDBLIST {path}\nSTATS_TOTLEN 99999999\n")
    (tmp_path / ".ncbirc").write_text(f"[BLAST]\nBLASTDB={tmp_path / 'elsewhere'}\n")
    monkeypatch.chdir(tmp_path)

    database = open_database(installation, "other", Molecule.NUCLEOTIDE)

    assert database.obstacle is not None


def test_search_with_a_path_that_archives_do_not_preserve_is_not_split(
    installation: Installation, tmp_path: Path
) -> None:
    path = make_database(tmp_path / "\u00e9" / "db", "prot", proteins()[:5])

    assert open_database(installation, str(path), Molecule.PROTEIN).obstacle is not None
