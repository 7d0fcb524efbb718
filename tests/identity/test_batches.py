"""One shard that is the whole database: queries are dealt to the cores, and nothing is merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import DATABASE_TYPE, assert_identical_here
from tests.sequences import real, write_fasta


@pytest.mark.parametrize("outfmt", ["6", "7", "10", "5"])
@pytest.mark.parametrize(("program", "kind"), [("blastp", "proteins"), ("blastn", "16s")])
def test_dealt_queries_keep_the_order_that_blast_gives_their_hits(
    program: str, kind: str, outfmt: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.cutting.BATCH_QUERIES", 3)
    database = databases.of(f"dealt-{kind}", DATABASE_TYPE[program], real(kind)[::8])
    query = tmp_path / "query.fa"
    write_fasta(query, real(kind)[:200:16])

    assert_identical_here(program, ["-db", database, "-query", str(query), "-outfmt", outfmt], shards=(1,))
