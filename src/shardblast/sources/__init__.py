"""Sources of databases: BLAST databases, FASTA files, NCBI's published databases, other shardblast storages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from shardblast.blast.installation import Installation
from shardblast.core.errors import InputError
from shardblast.sources.base import NCBI, Offer, SourceSettings, has_database, is_database_file
from shardblast.sources.blast import BlastSource
from shardblast.sources.fasta import FastaSource, is_fasta
from shardblast.sources.shardblast import ShardblastSource

__all__ = ["Offer", "Source", "SourceSettings", "source_of"]


class Source(Protocol):
    """A place that publishes a database, from time to time in a new version."""

    text: str
    """The source as given to ``db add``."""

    def offer(self) -> Offer:
        """Return the version that is available now.

        Raises ShardblastError if there is no database, or the source can't be reached.
        """
        ...

    def bring(self, offer: Offer, folder: Path, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Copy or build all files of an offered database.

        Args:
            offer: An offer of this source, or of another one with the same text and settings.
            folder: The destination, which belongs to this call alone. If it holds an interrupted attempt, that is
                resumed: complete and verified files, recorded in ``.source``, are not fetched again.
            report: Called in this thread with bytes done and bytes in total.
            stopped: Called in this thread; stops the work when it returns true.

        Returns the database's name in the folder, as for ``-db``. Raises SourceChanged if the offered version is no
        longer available.
        """
        ...


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
