"""``shardblast doctor``: its findings and the suggested fixes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.cli.doctor import FindingState, _machine, _size
from shardblast.core.program import Molecule
from shardblast.engine.workspace import Machine
from tests.cli.conftest import Finished, Place, installation

Findings = dict[str, dict[str, Any]]


def doctor(place: Place, *words: str) -> tuple[int, Findings]:
    finished = place.shardblast("doctor", "--json", *words)
    assert finished.stderr == b""
    return finished.returncode, {finding["subject"]: finding for finding in json.loads(finished.stdout)}


def text(place: Place, *words: str) -> Finished:
    return place.shardblast("doctor", *words)


def test_doctor_finds_no_problem_here(place: Place) -> None:
    status, findings = doctor(place)

    assert status == 0
    assert {finding["state"] for finding in findings.values()} == {"ok"}
    assert set(findings) == {"BLAST+ version", "cores", "memory", "page cache", "cache folder"}
    assert findings["cores"]["message"].startswith(f"{len(os.sched_getaffinity(0))} ")


def test_doctor_prints_a_line_for_each_finding(place: Place) -> None:
    lines = text(place).stdout.decode().splitlines()

    assert [line.split()[0] for line in lines] == ["ok"] * 5


def test_doctor_says_how_to_install_blast(place: Place, tmp_path: Path) -> None:
    place.variables["PATH"] = str(tmp_path)

    status, findings = doctor(place, "-db", str(place.database))

    assert status == 1
    assert findings["BLAST+"]["state"] == "problem"
    assert "apt install ncbi-blast+" in findings["BLAST+"]["remedy"]


def test_doctor_names_programs_that_are_missing(place: Place, tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin")
    (folder / "blast_formatter").unlink()
    (folder / "blastdbcmd").unlink()
    place.variables["PATH"] = f"{folder}:{os.environ['PATH']}"

    status, findings = doctor(place)

    assert status == 1
    assert findings["BLAST+"]["message"].endswith("bin lacks blast_formatter, blastdbcmd.")


@pytest.mark.parametrize(
    ("programs", "printed", "state", "status"),
    [
        (None, "2.11.0", "warning", 0),
        (None, "2.17.0", "ok", 0),
        (None, "2.18.0", "warning", 0),
        (["blast_formatter"], "2.16.0", "problem", 1),
    ],
    ids=["too old", "newest tested", "too new", "of two versions"],
)
def test_doctor_checks_the_version(
    place: Place, tmp_path: Path, programs: list[str] | None, printed: str, state: str, status: int
) -> None:
    folder = installation(tmp_path / "bin")
    for name in programs or [path.name for path in folder.iterdir()]:
        (folder / name).unlink()
        (folder / name).write_text(f"#!/bin/sh\necho '{name}: {printed}+'\n")
        (folder / name).chmod(0o755)
    place.variables["PATH"] = f"{folder}:{os.environ['PATH']}"

    actual, findings = doctor(place)

    assert (actual, findings["BLAST+ version"]["state"]) == (status, state)
    assert printed in findings["BLAST+ version"]["message"]
    assert bool(findings["BLAST+ version"]["remedy"]) == (state != "ok")


def test_doctor_names_a_program_that_does_not_run(place: Place, tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin")
    (folder / "tblastx").unlink()
    (folder / "tblastx").write_text("#!/nonexistent/shell\n")
    (folder / "tblastx").chmod(0o755)
    place.variables["PATH"] = f"{folder}:{os.environ['PATH']}"

    status, findings = doctor(place)

    assert status == 1
    assert "tblastx" in findings["BLAST+"]["message"]


def test_doctor_finds_a_cache_folder_that_cannot_be_written(place: Place) -> None:
    place.home.write_text("a file")

    status, findings = doctor(place)

    assert (status, findings["cache folder"]["state"]) == (1, "problem")
    assert "SHARDBLAST_HOME" in findings["cache folder"]["remedy"]


def test_doctor_describes_a_database(place: Place) -> None:
    status, findings = doctor(place, "-db", str(place.database))

    assert status == 0
    described = findings[f"database {place.database}"]["message"]
    assert described.startswith("400 sequences, ")
    assert described.endswith(" letters, nucleotide, 1 volume")
    assert "stays in memory" in findings["size"]["message"]
    assert findings["--shards auto"]["message"].startswith("blastn, few queries: ")


@pytest.mark.parametrize("words", [["-db", "nope"], ["-db", "DB", "--program", "blastp"]], ids=["missing", "molecule"])
def test_doctor_finds_a_database_that_cannot_be_searched(place: Place, words: list[str]) -> None:
    argv = [str(place.database) if word == "DB" else word for word in words]

    status, findings = doctor(place, *argv)

    finding = findings[f"database {argv[1]}"]
    assert (status, finding["state"]) == (1, "problem")
    assert "No alias or index file found" in finding["message"]
    assert "BLASTDB" in finding["remedy"]


def test_doctor_says_that_a_filtered_database_is_not_split(place: Place) -> None:
    alias = place.folder / "some.nal"
    alias.write_text(f'TITLE some\nDBLIST "{place.database}"\nFIRST_OID 1\nLAST_OID 10\n')

    status, findings = doctor(place, "-db", "some")

    assert status == 0
    assert findings["shards"]["state"] == "warning"
    assert "FIRST_OID" in findings["shards"]["message"]


def test_database_larger_than_half_of_memory_is_reported(place: Place) -> None:
    database = open_database(find_installation(), str(place.database), Molecule.NUCLEOTIDE)

    finding = _size(Machine(cores=2, memory_bytes=database.size_bytes), database)

    assert finding.state is FindingState.WARNING
    assert "does not stay there during a search" in finding.message


def test_little_memory_is_reported() -> None:
    (_, finding) = _machine(Machine(cores=2, memory_bytes=1 << 28))

    assert finding.state is FindingState.WARNING
    assert finding.remedy
