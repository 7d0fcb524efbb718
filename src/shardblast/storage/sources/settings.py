"""What a source may be told besides its text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shardblast.core.program import Molecule

NCBI = "ncbi:"
"""What the text of a source begins with that NCBI, or a mirror, publishes."""
NCBI_BASE = "https://ncbi-blast-databases.s3.amazonaws.com"


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Settings of all kinds of sources; each kind reads those that concern it."""

    ncbi_base: str = NCBI_BASE
    """Of ``ncbi:NAME``: where the databases are published, NCBI's FTP site or a mirror of either layout, over HTTP."""
    molecule: Molecule | None = None
    """Of a FASTA file; None: as its first sequences look."""
    title: str = ""
    """Of a database made from FASTA; default: the file's name."""
    parse_seqids: bool | None = None
    """Of a FASTA file: whether its sequences can be looked up by id; None: if makeblastdb can parse the ids."""
    taxid_map: Path | None = None
    """Of a FASTA file: a file with an id and a taxid on each line, as ``-taxid_map`` of makeblastdb takes it."""
    volume_bytes: int = 1 << 29
    """Of a database made from FASTA: how large a file of a volume may grow."""
    parallel: int = 4
    """Files that are fetched at once."""
    timeout_s: float = 30.0
    """How long a server may be silent."""
    retry_s: float = 1.0
    """How long to wait after a server's first failure; twice as long after the next, and so on."""
