"""What tests on the real BLAST+ share."""

from __future__ import annotations

import os
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


OF_SEVERAL_PROCESSES = ("cluster", "k8s", "page", "service", "sources", "storage")
"""Folders of tests in which servers, nodes and browsers run side by side on a machine that others use as well."""
OTHER_BYTES = r"assert b['\"]"
"""The failure that may never happen, not even once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try tests of several processes once more where they fail; what failed is printed."""
    again = pytest.mark.flaky(reruns=1, rerun_except=[OTHER_BYTES])
    for item in items:
        if item.path.relative_to(HERE).parts[0] in OF_SEVERAL_PROCESSES:
            item.add_marker(again)


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
