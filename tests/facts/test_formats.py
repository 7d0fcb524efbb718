"""The table of output formats agrees with BLAST+."""

from __future__ import annotations

import re
import subprocess

from shardblast.core.formats import FORMATS


def test_the_table_has_the_numbers_and_names_of_the_help_of_blast() -> None:
    text = subprocess.run(["blastn", "-help"], capture_output=True, text=True, check=True).stdout

    named = re.findall(r"^ +(\d+) = (.*?),?$", text[text.index("*** Formatting options") :], re.M)

    assert {int(number): name for number, name in named[: len(FORMATS)]} == {
        one.number: one.name for one in FORMATS.values()
    }
