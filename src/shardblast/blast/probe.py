"""Questions that BLAST+ answers with tiny inputs: statistics of queries, valid options, positive pairs of a matrix.

The probe database is an alias with the whole database's totals and a single sequence that nothing matches. With it
BLAST+ itself computes each query's masks, statistical parameters, length adjustment and effective search space. With a
batch size of one query, it writes one archive per query: the template for the merged alignments.

Only BLAST+ knows which gap costs go with which scores and which options exclude each other; it reports errors before it
searches.

To find the positive pairs of a matrix, a query of all pairs' first letters is aligned with a subject of their second
ones, interspersed with identical letters that keep the alignment together. The midline then shows each pair.

Source: NCBI C++ Toolkit, algo/blast/blastinput/blast_input_aux.cpp (GetQueryBatchSize reads BATCH_SIZE).
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from random import Random
from signal import Signals
from tempfile import TemporaryDirectory

from shardblast.blast.alias import write_alias
from shardblast.blast.database import Database, Totals
from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, Processes, checked, run
from shardblast.core.errors import EngineError, Interrupted
from shardblast.core.option_table import NOT_OF_A_PIECE
from shardblast.core.options import SearchOptions
from shardblast.core.program import Molecule, Program

ONE_QUERY_PER_ARCHIVE = {"BATCH_SIZE": "1"}
SHORT_WORDS = {"word_size": "3"}
"""Replaces long words of proteins in the probe. For each batch, thus for each query, BLAST+ would fill a table of some
hundred megabytes, which takes 0.2 s. Of what an archive holds, only the options depend on it.

Source: NCBI C++ Toolkit, algo/blast/core/blast_aalookup.c (BlastCompressedAaLookupTableNew)."""
STRANDS_DIFFER = "for these scores BLAST+ computes E-values strand by strand, to digits that archives do not hold"
VOLUME = "one"
TABULATED_DIGITS = 6
"""Maximum number of digits of a parameter from a table; a computed parameter has fifteen."""

_GAPPED_LAMBDA = re.compile(rb"lambda \{ (\d+), 10, -?\d+ \},\n[^}]*\},\n[^}]*\},\n +gapped TRUE")
_UNLIKE_ANYTHING = {Molecule.NUCLEOTIDE: b"ACGTACGTAC", Molecule.PROTEIN: b"MX"}

REMEMBERED = 256
"""Number of option sets whose validity is cached."""
LONGEST_S = 2.0
NOT_TRIED = frozenset({"-query_loc", "-taxids", "-negative_taxids"})
"""Options whose values depend on the user's own sequences or on the database."""
FLAGS_NOT_TRIED = frozenset({"-no_taxid_expansion"})

_ERROR = re.compile(r"^(?:BLAST [a-z/]+ error|Error): ", re.M)
"""BLAST+'s message follows the first match; its usage may precede it."""
_MANUAL = re.compile(r"^(?:Please refer to .*|Error: +\(CArgException.*)$", re.M)
ANY_SEQUENCE = {
    Molecule.NUCLEOTIDE: "GATTACAGGCTCCTAGTCAAGCGTATTCGGACCTTGAGCATCGTTAACCGGATACCTGAACTTGGCATCCAGTTAGC" * 2,
    Molecule.PROTEIN: "MKVLAAGIVGLCAKWYEDHNPQRSTFMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ",
}

DEFAULT_MATRIX = "BLOSUM62"
"""The matrix that archives do not name."""
LETTERS = "ARNDCQEGHILKMFPSTWYVBJZXUO*"
_HOLDING = "WCHPYFM"
"""Letters that score high against themselves in each matrix."""
_HELD = 8
_MIDLINE = re.compile(rb"<Hsp_midline>(.*)</Hsp_midline>")
_NAME = re.compile(rb'name "MatrixName",\n +value string "(\w+)"')


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What it takes to ask BLAST+ about a search in a database."""

    installation: Installation
    processes: Processes
    database: Database
    options: SearchOptions
    folder: Path
    """The folder for the search's temporary files."""


def write_probe(search: Inquiry) -> str:
    """Write the probe database; return the path for ``-db``."""
    folder, database = search.folder, search.database
    for name, content in _volume(search.installation, database.molecule).items():
        (folder / name).write_bytes(content)
    whole = Totals(database.num_seqs, database.letters)
    return write_alias(folder, "probe", database, [folder / VOLUME], printed=whole)


def strands_are_alike(search: Inquiry) -> bool:
    """Return whether equal raw scores on both strands of a blastn query mean E-values that are equal to the last digit.

    They do if the gapped parameters come from a table. If there is no entry for the gap costs, BLAST+ computes them per
    strand, and they can differ from the fifteenth digit on, which archives do not contain but which decides the order
    of equal hits. Other programs have no strands in this sense.

    Raises ShardblastError if BLAST+ rejects the options.
    """
    options = search.options
    if options.program is not Program.BLASTN:
        return True
    probe = write_probe(search)
    query = search.folder / "strands.fa"
    query.write_bytes(b">strands\nGATTACAGGCTCCTAGTCAAGCGTATTCGGACCTTGAGCATCGTTAACCGGATAC\n")
    program, words = options.program.value, options.argv(drop=NOT_OF_A_PIECE | {"max_target_seqs"})
    argv = [search.installation.program(program), *words]
    place = ["-query", str(query), "-db", probe, "-outfmt", "11"]
    archive = checked(search.processes.run([*argv, *place]), "the check of the scores").stdout
    match = _GAPPED_LAMBDA.search(archive)  # None if the search is ungapped
    return match is not None and len(match[1]) <= TABULATED_DIGITS


class Trial:
    """Asks BLAST+ whether it accepts options, and caches the answers."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._asked = lru_cache(REMEMBERED)(self._ask)

    def objection(self, program: Program, words: Sequence[str]) -> str | None:
        """Return BLAST+'s objection to options (without database, query and format), or None."""
        return self._asked(program, tuple(_general(words)))

    def _ask(self, program: Program, words: tuple[str, ...]) -> str | None:
        with TemporaryDirectory() as folder:
            argv = [self._installation.program(program.value), *_any_pair(program, Path(folder))]
            finished = _run([*argv, "-outfmt", "6", *words])
        if finished is None or finished.status == 0:
            return None
        message = _ERROR.split(finished.stderr.decode(errors="replace"), maxsplit=1)[-1]
        said = " ".join(_MANUAL.sub("", message).split())
        how = f"with status {finished.status}" if finished.status > 0 else f"by {Signals(-finished.status).name}"
        return said or f"BLAST+ is ended {how} if it is given {' '.join(words)}."


def searched_matrix(installation: Installation, program: Program, words: Sequence[str]) -> str:
    """Return the matrix with which BLAST+ searches if it is given these options."""
    with TemporaryDirectory() as folder:
        argv = [installation.program(program.value), *_any_pair(program, Path(folder)), "-outfmt", "11", *words]
        archive = checked(run(argv), "the search for the name of the matrix").stdout
    match = _NAME.search(archive)
    return match[1].decode() if match else DEFAULT_MATRIX


def positive_pairs(installation: Installation, matrix: str) -> frozenset[str]:
    """Return ordered pairs of different letters that a matrix scores above 0. Raises EngineError if BLAST+ fails."""
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
        finished = checked(run([*argv, "-max_hsps", "1"], folder=Path(folder)), f"the check of matrix {matrix}")
    midline = _MIDLINE.search(finished.stdout)
    if midline is None or len(midline[1]) != len(rows[0]):
        problem = f"BLAST+ did not print the scores of the matrix {matrix}."
        raise EngineError(problem, remedy="Use another version of BLAST+.")
    marks = midline[1][_HELD :: _HELD + 1]
    return frozenset(first + second for (first, second), mark in zip(pairs, marks, strict=True) if mark == ord("+"))


@cache
def _volume(installation: Installation, molecule: Molecule) -> Mapping[str, bytes]:
    """Return the files of a database of one sequence, which are the same for every search."""
    argv = [installation.program("makeblastdb"), "-dbtype", molecule.dbtype]
    argv += ["-title", VOLUME, "-in", "-", "-out", VOLUME]
    fasta = b">one\n" + _UNLIKE_ANYTHING[molecule] + b"\n"
    with TemporaryDirectory() as folder:
        checked(run(argv, stdin=fasta, folder=Path(folder)), "the creation of the probe")
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def _run(argv: list[str]) -> Finished | None:
    """Run BLAST+; return None if it takes so long that it must be searching."""
    processes = Processes()
    timer = threading.Timer(LONGEST_S, processes.stop)
    timer.start()
    try:
        return processes.run(argv)
    except Interrupted:
        return None
    finally:
        timer.cancel()


def _any_pair(program: Program, folder: Path) -> list[str]:
    """Write a query and a subject to a folder; return the options that name them."""
    query, subject = folder / "query.fa", folder / "subject.fa"
    query.write_text(f">q\n{ANY_SEQUENCE[program.query_molecule]}\n")
    subject.write_text(f">s\n{ANY_SEQUENCE[program.database_molecule]}\n")
    return ["-query", str(query), "-subject", str(subject)]


def _general(words: Sequence[str]) -> list[str]:
    """Return the words without the options that can't be tried and their values."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in NOT_TRIED:
            next(rest, None)
        elif word not in FLAGS_NOT_TRIED:
            kept.append(word)
    return kept
