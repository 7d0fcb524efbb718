"""What BLAST+ itself says of options, asked with one short sequence before a search is queued.

Which gap costs go with which scores, or which options exclude each other, is known to BLAST+ alone; it says so before
it searches.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, Processes
from shardblast.core.errors import Interrupted
from shardblast.core.program import Molecule, Program

REMEMBERED = 256
"""Sets of options whose answer is kept."""
LONGEST_S = 2.0
NOT_TRIED = frozenset({"-query_loc", "-taxids", "-negative_taxids"})
"""Options whose value depends on the user's own sequences, or on the database."""
FLAGS_NOT_TRIED = frozenset({"-no_taxid_expansion"})

_ERROR = re.compile(r"^(?:BLAST [a-z/]+ error|Error): ", re.M)
"""What BLAST+ has to say comes after the first of these; its usage may come before."""
_MANUAL = re.compile(r"^(?:Please refer to .*|Error: +\(CArgException.*)$", re.M)
_SEQUENCES = {
    Molecule.NUCLEOTIDE: "GATTACAGGCTCCTAGTCAAGCGTATTCGGACCTTGAGCATCGTTAACCGGATACCTGAACTTGGCATCCAGTTAGC" * 2,
    Molecule.PROTEIN: "MKVLAAGIVGLCAKWYEDHNPQRSTFMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ",
}


class Trial:
    """Asks BLAST+, each question once."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._asked = lru_cache(REMEMBERED)(self._ask)

    def objection(self, program: Program, words: Sequence[str]) -> str | None:
        """Return what BLAST+ has against these options, or None.

        Args:
            program: The one to run.
            words: Options and values, without database, query and format.
        """
        return self._asked(program, tuple(_general(words)))

    def _ask(self, program: Program, words: tuple[str, ...]) -> str | None:
        with TemporaryDirectory() as folder:
            query, subject = Path(folder, "query.fa"), Path(folder, "subject.fa")
            query.write_text(f">q\n{_SEQUENCES[program.query_molecule]}\n")
            subject.write_text(f">s\n{_SEQUENCES[program.database_molecule]}\n")
            argv = [self._installation.program(program.value), "-query", str(query), "-subject", str(subject)]
            finished = _run([*argv, "-outfmt", "6", *words])
        if finished is None or finished.status == 0:
            return None
        said = _ERROR.split(finished.stderr.decode(errors="replace"), maxsplit=1)[-1]
        words_said = _MANUAL.sub("", said).split()
        return " ".join(words_said) or f"BLAST+ ends with status {finished.status}."


def _run(argv: list[str]) -> Finished | None:
    """Run BLAST+; None if it takes so long that it must be searching."""
    processes = Processes()
    timer = threading.Timer(LONGEST_S, processes.stop)
    timer.start()
    try:
        return processes.run(argv)
    except Interrupted:
        return None
    finally:
        timer.cancel()


def _general(words: Sequence[str]) -> list[str]:
    """Return the words without the options that can't be tried, and their values."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in NOT_TRIED:
            next(rest, None)
        elif word not in FLAGS_NOT_TRIED:
            kept.append(word)
    return kept
