"""A running service with two databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.sequences import real, write_fasta
from tests.service.server import Server


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Real databases, by the names that services give them."""
    folder = tmp_path_factory.mktemp("served")
    return {
        "16s": make_database(folder / "rna" / "16s", "nucl", real("16s")[:600]),
        "proteins": make_database(folder / "proteins" / "proteins", "prot", real("proteins")[:3000]),
    }


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Path:
    """The home of a service that has the databases but was never started: for copies."""
    one = Server(tmp_path_factory.mktemp("stocked") / "home")
    for name, path in served.items():
        one.add_database(name, path)
    one.close()
    return one.home


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, stocked: Path) -> Iterator[Server]:
    """One service for the tests of a module."""
    yield from _started(stocked, tmp_path_factory.mktemp("service") / "home")


@pytest.fixture
def own_server(tmp_path: Path, stocked: Path) -> Iterator[Server]:
    """A service that a test may kill."""
    yield from _started(stocked, tmp_path / "home")


@pytest.fixture
def narrow_server(tmp_path: Path, stocked: Path) -> Iterator[Server]:
    """A service that runs two searches at once, and that a test may kill."""
    yield from _started(stocked, tmp_path / "home", "--running", "2")


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    return write_fasta(tmp_path / "some proteins.fa", real("proteins")[:1500])


def _started(stocked: Path, home: Path, *options: str) -> Iterator[Server]:
    one = Server(Path(shutil.copytree(stocked, home)), *options)
    one.start()
    yield one
    one.close()
