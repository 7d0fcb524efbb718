"""A stopped search reads no further alignments, however many its query has."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shardblast.blast import archive, hits
from shardblast.blast.database import open_database
from shardblast.blast.process import Processes
from shardblast.core.errors import Interrupted
from shardblast.core.events import ignore
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Molecule, Program
from shardblast.engine import printing
from shardblast.engine.stored import StoredEngine, StoredSearch
from shardblast.engine.workspace import Pool
from tests.databases import make_database
from tests.identity.comparison import AMPLE, arguments, installation
from tests.sequences import Sequence, invented

COPIES = 600
STOPPED_AT = 100
THREADS = 2
"""The size of the pool; each thread may be at an alignment when the search is stopped."""


@pytest.fixture
def engine() -> Iterator[StoredEngine]:
    with closing(Pool(THREADS)) as pool:
        yield StoredEngine(installation(), AMPLE, pool)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of copies of a query, beside the file of that query."""
    folder = tmp_path_factory.mktemp("copies")
    query = invented("nucl", 100, 1, "query")
    (folder / "query.fa").write_text(query.fasta)
    return make_database(
        folder / "db", "nucl", [Sequence(f"c{n}", query.letters) for n in range(COPIES)], "-parse_seqids"
    )


def options(copies: Path, outfmt: str) -> SearchOptions:
    words = ["-db", str(copies), "-query", str(copies.with_name("query.fa")), "-outfmt", outfmt]
    return parse(Program.BLASTN, [*words, "-max_target_seqs", "1000", "--shards", "2"], arguments("blastn"))


@pytest.mark.parametrize(
    ("module", "name"),
    [(archive, "alignment_ids"), (hits, "alignment_ids"), (hits, "_shifted"), (printing, "with_query_number")],
    ids=["condensing", "reading hits", "merging", "printing"],
)
def test_a_search_that_is_stopped_looks_at_no_more_alignments_of_its_query(
    module: Any, name: str, engine: StoredEngine, copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = Processes()
    database = open_database(engine.installation, str(copies), Molecule.NUCLEOTIDE)
    (tmp_path / "query.fa").write_bytes(copies.with_name("query.fa").read_bytes())
    plan = engine.plan(options(copies, "11"), database, tmp_path, processes)
    looked_at, real = 0, getattr(module, name)

    def look(*given: Any) -> Any:
        nonlocal looked_at
        looked_at += 1
        if looked_at == STOPPED_AT:
            processes.stop()
        return real(*given)

    def search_and_print() -> None:
        engine.search(StoredSearch(options(copies, "11"), plan, tmp_path), database, ignore, processes)
        (tmp_path / "print").mkdir()
        search = StoredSearch(options(copies, "8"), plan, tmp_path)
        engine.print(search, database, io.BytesIO(), tmp_path / "print", processes)

    monkeypatch.setattr(module, name, look)
    with pytest.raises(Interrupted):
        search_and_print()

    assert STOPPED_AT <= looked_at < STOPPED_AT + THREADS
