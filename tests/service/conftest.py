"""A running service with two databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.sequences import real
from tests.service.server import Server


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Real databases, by the names that services give them."""
    folder = tmp_path_factory.mktemp("served")
    return {
        "16s": make_database(folder / "rna" / "16s", "nucl", real("16s")[:600]),
        "proteins": make_database(folder / "proteins" / "proteins", "prot", real("proteins")[:3000]),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Iterator[Server]:
    """One service for the tests of a module."""
    one = Server(tmp_path_factory.mktemp("service") / "home")
    for name, path in served.items():
        one.add_database(name, path)
    one.start()
    yield one
    one.close()


@pytest.fixture
def own_server(tmp_path: Path, served: dict[str, Path]) -> Iterator[Server]:
    """A service that a test may kill."""
    one = Server(tmp_path / "home")
    for name, path in served.items():
        one.add_database(name, path)
    one.start()
    yield one
    one.close()
