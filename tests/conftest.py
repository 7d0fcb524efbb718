"""Fixtures that tests on the real BLAST+ share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.databases import Databases
from tests.sequences import nucleotide_queries, protein_queries, write_fasta

HERE = Path(__file__).parent
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=25, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=int(os.environ.get("SHARDBLAST_EXAMPLES") or 25))
settings.load_profile("search" if "SHARDBLAST_EXAMPLES" in os.environ else "fixed")


SECONDS_A_TEST = {
    "cli": 1.0,
    "cluster": 8.0,
    "facts": 1.0,
    "frozen": 0.8,
    "identity": 1.5,
    "k8s": 30.0,
    "library": 1.0,
    "oddities": 20.0,
    "page": 8.0,
    "service": 3.0,
    "sources": 1.0,
    "storage": 1.0,
}
"""The seconds that a test of a folder takes, roughly. Tests of the other folders take next to nothing."""
TOGETHER = {"identity": 30, "oddities": 1}
"""How many tests of a file a worker takes at once, in folders whose files start nothing; of other folders all."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have a worker run whole files, those that take longest first, so that all workers end at about the same time."""
    tests: Counter[Path] = Counter()
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        part = tests[item.path] // TOGETHER.get(folder, len(items))
        item.add_marker(pytest.mark.xdist_group(f"{item.path.relative_to(HERE)}-{part}"))
        tests[item.path] += 1

    def seconds(path: Path) -> float:
        return tests[path] * SECONDS_A_TEST.get(path.relative_to(HERE).parts[0], 0.02)

    items.sort(key=lambda item: (-seconds(item.path), item.path))


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of our own for what searches keep while they run; nothing is sent to NCBI."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARDBLAST_HOME", str(folder))
        patch.setenv("BLAST_USAGE_REPORT", "false")
        patch.delenv("BLASTDB", raising=False)
        yield folder


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Databases of every kind."""
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def queries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Query files by type, nucl and prot."""
    folder = tmp_path_factory.mktemp("queries")
    return {
        "nucl": write_fasta(folder / "nucl.fa", nucleotide_queries()),
        "prot": write_fasta(folder / "prot.fa", protein_queries()),
    }
