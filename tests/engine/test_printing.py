"""The output of a search that fails."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from shardblast.blast.hits import layout_for
from shardblast.blast.installation import find_installation
from shardblast.blast.process import Processes
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.engine.printing import ArchivePrinter, TabularPrinter
from tests.identity.comparison import arguments


@pytest.mark.parametrize("carried", ["archives", "rows"])
def test_no_count_of_queries_ends_the_output_of_a_search_that_fails(carried: str, tmp_path: Path) -> None:
    options = parse(Program.BLASTN, ["-db", "d", "-query", "q", "-outfmt", "7"], arguments("blastn"))
    target = io.BytesIO()
    if carried == "archives":
        printer = ArchivePrinter(find_installation(), Processes(), options, tmp_path, target)
    else:
        printer = TabularPrinter(target, options, layout_for(options.outfmt.columns))

    with pytest.raises(ZeroDivisionError), printer:
        raise ZeroDivisionError

    assert target.getvalue() == b""
