"""Searches of every program, format, kind of database, option, number of shards and batches equal those of BLAST+.

Every two of these meet in a case, except that an option meets the formats with its values in turn. In the tests marked
``full``, every two meet with each program in each format.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import DATABASE_TYPE, PROGRAMS, QUERY_TYPE, assert_identical_here
from tests.identity.matrix import FORMATS, Searched, searches
from tests.sequences import nucleotide_queries, nucleotides, other_strand, protein_queries, write_fasta

LONGEST = 300
"""Letters of the longest query."""


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Query files by type, without queries that can't be searched, which keep some searches from being cut.

    They are few and short, because lookup tables of long words (blastx-fast) take time in proportion to their lengths.
    A copy of a subject on each strand is found whatever the options.
    """
    folder = tmp_path_factory.mktemp("searchable")
    exact = replace(nucleotides()[40], title="exact")
    ribosomal, _, unlike, coding, *_ = nucleotide_queries()
    relative, contained, unlike_protein, *_, biased = protein_queries()
    found = {
        "nucl": [ribosomal, unlike, coding, exact, other_strand(exact)],
        "prot": [relative, contained, unlike_protein, biased],
    }
    return {
        kind: write_fasta(
            folder / kind,
            [replace(one, letters=one.letters[:LONGEST]) for one in some],
        )
        for kind, some in found.items()
    }


@pytest.mark.parametrize("searched", searches(), ids=str)
def test_search_is_identical(
    searched: Searched, databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_search_is_identical(searched, databases, queries, monkeypatch)


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("program", "outfmt"),
    [(program, outfmt) for program in PROGRAMS for outfmt in FORMATS if program == "blastn" or outfmt[:2] != "17"],
)
def test_every_two_factors_are_identical_with_each_program_and_format(
    program: str, outfmt: str, databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for searched in searches(program, outfmt):
        try:
            assert_search_is_identical(searched, databases, queries, monkeypatch)
        except AssertionError as error:
            raise AssertionError(str(searched)) from error


def assert_search_is_identical(
    searched: Searched, databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", searched.batch_queries)
    program = searched.program
    words = ["-db", databases(searched.kind, DATABASE_TYPE[program]), "-query", str(queries[QUERY_TYPE[program]])]

    sharded = None if searched.may_be_uncut else True
    assert_identical_here(program, [*words, *searched.words], shards=[searched.shards], sharded=sharded)
