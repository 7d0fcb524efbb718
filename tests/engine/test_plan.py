"""A service refuses queries that it can't store when it plans a search."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.blast.process import Processes
from shardblast.core.cutting import Choice
from shardblast.core.errors import InputError
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.engine.stored import plan_of
from tests.identity.comparison import arguments

CHOICE = Choice(2, 30, 20, False, "")
OPTIONS = parse(Program.BLASTN, ["-db", "db", "-query", "query.fa"], arguments("blastn"))
REFUSED = {
    "no queries": (b"\n", "no queries"),
    "no letters": (b">a\nACGT\n>b\n\n", "is empty"),
    "no letters of the molecule": (b">a\nACGT\n>b\nEFIL*\n", "is empty"),
    "numbers": (b">a\nACGT\n>b\nAC12\n", "does not look like a sequence"),
    "a comment": (b">a\nACGT\n ;b\n", "comments"),
    "a lone return": (b">a\nACGT\rACGT\n", "single carriage returns"),
    "DEL in a title": (b">a\x7f\nACGT\n", "ASCII"),
    "a control character in front of a title": (b">\x01a\nACGT\n", "ASCII"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_queries_that_blast_would_search_differently_are_refused(text: bytes, message: str, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_bytes(text)

    with pytest.raises(InputError, match=message):
        plan_of(CHOICE, 1, OPTIONS, tmp_path, Processes())


def test_batches_of_a_kept_search_end_by_the_letters_that_blast_reads(tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_text("".join(f">q{number}\n     1 ACGT-ACGT AC 10\n" for number in range(8)))

    plan = plan_of(CHOICE, 1, OPTIONS, tmp_path, Processes())

    assert (plan.batches, plan.queries, plan.letters) == (2, 8, 80)
