"""Services and commands in a folder that itself holds a database: BLAST+ looks there first for an alias's volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server

QUERY = "".join(one.fasta for one in real("16s")[:2])
SEVERAL_VOLUMES = ("-max_file_sz", "20000")


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    """A database of several volumes."""
    return make_database(tmp_path / "wanted" / "db", "nucl", real("16s")[:100], *SEVERAL_VOLUMES)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another database whose volumes have the same names, and more of them."""
    return make_database(tmp_path / "other" / "db", "nucl", real("16s")[100:400], *SEVERAL_VOLUMES)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "home")
    yield one
    one.close()


def test_a_database_is_added_and_searched_whatever_the_current_folder_contains(
    wanted: Path, other: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {}
    for name in ("copied", "in-place", "beside"):
        (tmp_path / name).mkdir()
        expected[name] = blast("blastn", wanted, name, QUERY, [], "0", tmp_path / name)
    monkeypatch.chdir(wanted.parent)
    added = [server.run("db", "add", "beside", str(wanted), "--copy", "--quiet")]
    monkeypatch.chdir(other.parent)
    added.append(server.run("db", "add", "copied", str(wanted), "--copy", "--quiet"))
    added.append(server.run("db", "add", "in-place", "../wanted/db"))
    assert [(one.returncode, one.stderr) for one in added] == [(0, "")] * 3

    server.start()
    ended = {name: server.ended(server.submit("blastn", name, QUERY)["id"]) for name in expected}

    assert {one["state"] for one in ended.values()} == {"completed"}, ended
    assert {name: server.result(one["id"], "0") for name, one in ended.items()} == expected
