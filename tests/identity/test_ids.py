"""Ids and titles that look like those that BLAST+ and shardblast make up themselves."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.identity.comparison import assert_identical_here
from tests.sequences import AMINO_ACIDS, Sequence

BATCH_LETTERS = 100_000
"""Of proteins: a query that is longer ends a batch."""


def letters(number: int, length: int = 120) -> str:
    return "".join(random.Random(number).choices(AMINO_ACIDS, k=length))


@pytest.fixture(scope="module")
def proteins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sequences = [Sequence(f"p{number} Query_{number} title", letters(number)) for number in range(6)]
    return make_database(tmp_path_factory.mktemp("proteins") / "p", "prot", sequences, "-parse_seqids")


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two batches; in the second one some can't be searched, and titles hold numbers."""
    sequences = [
        Sequence("big", letters(9, BATCH_LETTERS + 100)),
        *(Sequence(f"Query_{number} p{number} <query-id>Query_1</query-id>", letters(number)) for number in range(6)),
        Sequence("x Query_1 y", "X" * 14),
        Sequence("Query_2 : Query_1", "X" * 20),
    ]
    path = tmp_path_factory.mktemp("queries") / "queries.fa"
    path.write_text("".join(one.fasta for one in sequences))
    return path


@pytest.mark.parametrize("outfmt", ["0", "5", "13", "14", "15", "16"])
def test_titles_of_later_batches_keep_their_words(outfmt: str, proteins: Path, queries: Path) -> None:
    words = ["-db", str(proteins), "-query", str(queries), "-outfmt", outfmt]

    assert_identical_here("blastp", words, shards=[2])
