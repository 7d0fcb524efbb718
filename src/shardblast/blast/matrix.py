"""Which pairs of amino acids a matrix scores above 0, as the installed BLAST+ itself marks them.

A query of all pairs' first letters is aligned with a subject of their second ones, between letters that are alike and
hold the alignment together; the midline then tells of each pair.
"""

from __future__ import annotations

import re
from contextlib import closing
from itertools import product
from mmap import ACCESS_READ, mmap
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from shardblast.blast.installation import Installation
from shardblast.blast.process import checked, run
from shardblast.core.errors import EngineError

DEFAULT_MATRIX = "BLOSUM62"
"""What archives do not name."""
LETTERS = "ARNDCQEGHILKMFPSTWYVBJZXUO*"
_HOLDING = "WCHPYFM"
"""Letters that score high with themselves in each matrix."""
_HELD = 8
_MIDLINE = re.compile(rb"<Hsp_midline>(.*)</Hsp_midline>")
_NAME = re.compile(rb'name "MatrixName",\n +value string "(\w+)"')


def matrix_name(archive: Path) -> str | None:
    """Return the matrix that a search used, as its archive names it; None if it used none."""
    if not archive.stat().st_size:
        return None
    with archive.open("rb") as file, closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as text:
        found = _NAME.search(text)
        return found[1].decode() if found else None


def positive_pairs(installation: Installation, matrix: str) -> frozenset[str]:
    """Return pairs of different letters that a matrix scores above 0, each in both orders where both do.

    Raises:
        EngineError: BLAST+ does not align what it should.
    """
    pairs = list(product(LETTERS, repeat=2))
    draw = Random(1)
    held = ["".join(draw.choices(_HOLDING, k=_HELD)) for _ in range(len(pairs) + 1)]
    rows = [
        "".join(between + pair[side] for between, pair in zip(held, pairs, strict=False)) + held[-1] for side in (0, 1)
    ]
    with TemporaryDirectory() as folder:
        for name, row in zip(("query", "subject"), rows, strict=True):
            Path(folder, name).write_text(f">{name}\n{row}\n")
        argv = [installation.program("blastp"), "-query", "query", "-subject", "subject", "-matrix", matrix]
        argv += ["-outfmt", "5", "-ungapped", "-xdrop_ungap", "1000", "-comp_based_stats", "0", "-seg", "no"]
        told = checked(run([*argv, "-max_hsps", "1"], folder=Path(folder)), f"the look at matrix {matrix}")
    found = _MIDLINE.search(told.stdout)
    if found is None or len(found[1]) != len(rows[0]):
        raise EngineError(f"BLAST+ does not tell what {matrix} scores.", remedy="Use another version of BLAST+.")
    marks = found[1][_HELD :: _HELD + 1]
    return frozenset(one + other for (one, other), mark in zip(pairs, marks, strict=True) if mark == ord("+"))
