"""Fixtures for the tests of sources."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import MANY_VOLUMES_BYTES, make_database
from tests.sequences import nucleotides, proteins
from tests.sources.site import Site, serving
from tests.storage.servers import moto


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Databases of several volumes by type, nucl and prot, each in its own folder."""
    folder = tmp_path_factory.mktemp("made")
    return {
        dbtype: make_database(
            folder / dbtype / "core", dbtype, sequences, "-max_file_sz", MANY_VOLUMES_BYTES[dbtype], "-parse_seqids"
        )
        for dbtype, sequences in (("nucl", nucleotides()), ("prot", proteins()))
    }


@pytest.fixture
def original(made: dict[str, Path], tmp_path: Path) -> Path:
    """A nucleotide database of several volumes, alone in its folder, which a test may change."""
    shutil.copytree(made["nucl"].parent, tmp_path / "original")
    return tmp_path / "original" / "core"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A server of an empty folder."""
    root = tmp_path / "site"
    root.mkdir()
    with serving(root) as one:
        yield one


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint
