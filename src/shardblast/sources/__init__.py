"""Sources of databases: BLAST databases, FASTA files, NCBI's published databases, other shardblast storages."""

from pathlib import Path

from shardblast.blast.installation import Installation
from shardblast.core.errors import InputError
from shardblast.sources.blast import BlastSource
from shardblast.sources.fasta import FastaSource, is_fasta
from shardblast.sources.shardblast import ShardblastSource
from shardblast.sources.source import NCBI, Offer, Source, SourceSettings, has_database, is_database_file

__all__ = ["Offer", "Source", "SourceSettings", "source_of"]


def source_of(text: str, installation: Installation, settings: SourceSettings) -> Source:
    """Return the source for a text: ``ncbi:NAME``, the address of another storage, or a path.

    If a database of the same name lies beside a FASTA file, the path means the database.
    """
    if not text.strip() or not text.isprintable():
        raise InputError(f"{text!r} is not a database source.", remedy="Give a path, ncbi:NAME or an address.")
    if text.startswith(NCBI):
        from shardblast.sources.ncbi import NcbiSource  # its HTTP client is slow to import

        return NcbiSource(text, installation, settings)
    if "://" in text:
        return ShardblastSource(text, settings)
    try:
        return _of_path(text, installation, settings)
    except OSError as error:
        problem = f"{text[:200]} can't be read: {(error.strerror or str(error)).lower()}."
        raise InputError(problem, remedy="Give the path of a database or of a FASTA file.") from error


def _of_path(text: str, installation: Installation, settings: SourceSettings) -> Source:
    path = Path(text).absolute()
    if has_database(path) or not path.is_file() or is_database_file(path.name):
        source = BlastSource(text, installation)
        source.database()
        return source
    if not is_fasta(path):
        problem = f"{text} is neither a BLAST database nor a FASTA file."
        remedy = "Give the database path without its extension (.nin, .pal …), or a FASTA file, compressed or not."
        raise InputError(problem, remedy=remedy)
    return FastaSource(text, installation, settings)
