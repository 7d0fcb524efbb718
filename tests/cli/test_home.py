"""Which commands create the home of a service, and errors about folders that are not a home."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from shardblast.cli.main import main
from shardblast.service.settings import TABLES
from tests.forked import SHARDBLAST


@pytest.mark.parametrize(
    "words",
    [
        ("db", "list"),
        ("db", "show", "16s"),
        ("db", "update", "16s"),
        ("db", "check-updates", "16s"),
        ("db", "plan", "16s", "--nodes", "2", "--memory", "1GB"),
        ("db", "warm", "16s"),
        ("db", "check", "16s"),
        ("db", "remove", "16s"),
        ("token", "list"),
        ("token", "revoke", "t1"),
    ],
)
def test_a_folder_that_is_not_a_home_is_reported_and_not_made(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typo = tmp_path / "typo"

    status = main([*words, "--home", str(typo)])

    assert status == 1
    assert f"There are no databases in '{typo}': this folder is not the home of a service." in capsys.readouterr().err
    assert not typo.exists()


def test_adding_a_database_makes_a_home(small: tuple[Path, Path], tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "new")]

    added = main(["db", "add", "genes", str(small[0]), *home])
    listed = main(["db", "list", *home])

    assert (added, listed) == (0, 0)


@pytest.mark.parametrize("home", ["/etc/passwd", "/proc/x"])
def test_a_path_that_cannot_be_a_home_is_refused_without_a_traceback(
    home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    added = main(["db", "add", "genes", "/nowhere", "--home", home])
    served = subprocess.run(
        [*SHARDBLAST, "serve", "--port", "0", "--home", home], capture_output=True, text=True, timeout=300
    )

    for status, answer in ((added, capsys.readouterr().err), (served.returncode, served.stderr)):
        assert status == 1
        assert f"The folder '{home}' can't be the home of a service" in answer
        assert "Traceback" not in answer


@pytest.mark.parametrize("home", ["new/deep", "there"])
@pytest.mark.parametrize(
    "words",
    [
        ("db", "add", "genes", "/nowhere/genes.fa"),
        ("db", "add", "genes", "EMPTY"),
        ("db", "add", "genes", "s3://bucket"),
        ("db", "add", "not a name", "SMALL"),
        ("db", "add", "genes", "SMALL", "--taxid-map", "/nowhere"),
    ],
)
def test_a_command_that_fails_in_a_new_home_leaves_nothing_of_it(
    words: tuple[str, ...], home: str, small: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes").write_text("mine")
    (tmp_path / "empty.fa").write_text("")
    values = {"EMPTY": str(tmp_path / "empty.fa"), "SMALL": str(small[1])}
    before = sorted(tmp_path.rglob("*"))

    status = main([*(values.get(word, word) for word in words), "--home", str(tmp_path / home)])

    assert status
    assert sorted(tmp_path.rglob("*")) == before


def test_a_command_that_fails_leaves_a_home_that_is_used(small: tuple[Path, Path], tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert main(["db", "add", "genes", str(small[0]), *home]) == 0

    failed = main(["db", "add", "others", "/nowhere", *home])

    assert failed
    assert main(["db", "show", "genes", *home]) == 0
    assert list((tmp_path / "home" / "adding").iterdir()) == []


def test_the_details_of_a_database_are_shown_in_words(
    small: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert main(["db", "add", "genes", str(small[0]), *home]) == 0
    capsys.readouterr()

    assert main(["db", "show", "genes", *home]) == 0

    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert not {"None", "True", "False", ""} & set(shown.values())
    words = {name: shown[name] for name in ("num_seqs", "problem", "has_ids", "masks", "in_place", "source_version")}
    assert words == {
        "num_seqs": "400",
        "problem": "none",
        "has_ids": "no",
        "masks": "none",
        "in_place": "yes",
        "source_version": "none",
    }


def test_a_home_of_an_unknown_version_is_reported_without_a_traceback(
    small: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert main(["db", "add", "genes", str(small[0]), *home]) == 0
    with closing(sqlite3.connect(tmp_path / "home" / TABLES)) as tables, tables:
        tables.execute("UPDATE alembic_version SET version_num = '9999'")

    status = main(["db", "list", *home])

    assert status == 6
    assert "does not know the tables of revision 9999" in capsys.readouterr().err
