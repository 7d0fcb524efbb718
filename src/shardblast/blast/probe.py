"""What BLAST+ says of queries in a database of this size, whatever the hits: searched in one short sequence.

The probe's alias has the whole database's totals and a single sequence that nothing matches, so BLAST+ itself computes
each query's masks, statistical parameters, length adjustment and effective search space. With its own batches cut
to one query each, it writes one archive per query: the template into which the merged alignments go.

Source:
    NCBI C++ Toolkit, algo/blast/blastinput/blast_input_aux.cpp (GetQueryBatchSize reads BATCH_SIZE).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.alias import write_alias
from shardblast.blast.database import Database
from shardblast.blast.filter import Totals
from shardblast.blast.installation import Installation
from shardblast.blast.process import Processes, checked, run
from shardblast.core.groups import FILTER_OPTIONS
from shardblast.core.options import SearchOptions
from shardblast.core.program import Molecule, Program

ONE_QUERY_PER_ARCHIVE = {"BATCH_SIZE": "1"}
STRANDS_DIFFER = "for these scores BLAST+ computes E-values strand by strand, to digits that archives do not hold"
VOLUME = "one"
TABULATED_DIGITS = 6
"""A parameter from a table has few digits, a computed one all fifteen."""

_NOT_ASKED = frozenset({"query", "db", "outfmt", "out", "html", "show_gis", "line_length", "sorthits", "sorthsps"}) | {
    "num_descriptions",
    "num_alignments",
    "max_target_seqs",
    *FILTER_OPTIONS,
}
_GAPPED_LAMBDA = re.compile(rb"lambda \{ (\d+), 10, -?\d+ \},\n[^}]*\},\n[^}]*\},\n +gapped TRUE")
_UNLIKE_ANYTHING = {Molecule.NUCLEOTIDE: b"ACGTACGTAC", Molecule.PROTEIN: b"MX"}


def write_probe(installation: Installation, folder: Path, database: Database) -> str:
    """Make the probe's database; return the path to give to ``-db``."""
    for name, content in _volume(installation, database.molecule).items():
        (folder / name).write_bytes(content)
    whole = Totals(database.num_seqs, database.letters)
    return write_alias(folder, "probe", database, [folder / VOLUME], printed=whole)


@cache
def _volume(installation: Installation, molecule: Molecule) -> Mapping[str, bytes]:
    """Return the files of a database of one sequence; they are the same for every search."""
    argv = [installation.program("makeblastdb"), "-dbtype", molecule.dbtype]
    argv += ["-title", VOLUME, "-in", "-", "-out", VOLUME]
    fasta = b">one\n" + _UNLIKE_ANYTHING[molecule] + b"\n"
    with TemporaryDirectory() as folder:
        checked(run(argv, stdin=fasta, folder=Path(folder)), "making the probe")
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def strands_are_alike(
    installation: Installation, processes: Processes, folder: Path, database: Database, options: SearchOptions
) -> bool:
    """Tell whether equal raw scores mean equal E-values, to the last digit, on both strands of a blastn query.

    They do where the parameters for gapped alignments come from a table. Where it has none for the gap costs, BLAST+
    computes them for each strand, and the results differ in the fifteenth digit or after it, where no archive tells
    them apart; that decides the order of equal hits. Other programs have no strands in this sense.

    Raises:
        ShardblastError: BLAST+ refuses the options.
    """
    if options.program is not Program.BLASTN:
        return True
    probe = write_probe(installation, folder, database)
    query = folder / "strands.fa"
    query.write_bytes(b">strands\nGATTACAGGCTCCTAGTCAAGCGTATTCGGACCTTGAGCATCGTTAACCGGATAC\n")
    argv = [installation.program(options.program.value), *options.argv(drop=_NOT_ASKED)]
    place = ["-query", str(query), "-db", probe, "-outfmt", "11"]
    told = checked(processes.run([*argv, *place]), "the look at the scores").stdout
    match = _GAPPED_LAMBDA.search(told)  # nothing where the search is ungapped
    return match is not None and len(match[1]) <= TABULATED_DIGITS
