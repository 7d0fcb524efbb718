"""Where databases come from: BLAST databases, FASTA files, NCBI's published databases, other storages of shardblast."""

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
    """Has a database, now and then in a new version."""

    text: str
    """As ``db add`` was told."""

    def offer(self) -> Offer:
        """Return what it has now.

        Raises:
            ShardblastError: It has none, or can't be asked.
        """
        ...

    def bring(self, offer: Offer, folder: Path, told: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Bring all files of an offered database.

        Args:
            offer: What this source, or one of the same text and settings, has offered.
            folder: Where they go; ours alone. With the folder of an attempt that ended anyhow it goes on there: what is
                whole and verified is not brought again. ``.source`` in it remembers that.
            told: Called with bytes done and bytes in total, in this thread.
            stopped: Called in this thread; when it answers yes, all work ends.

        Returns:
            The database's name in the folder, as ``-db`` names it.

        Raises:
            SourceChanged: It no longer has what it offered.
            Interrupted: It was stopped.
            ShardblastError: It fails.
        """
        ...


def source_of(text: str, installation: Installation, settings: SourceSettings) -> Source:
    """Return the source that a text means: ``ncbi:NAME``, another storage's address, or a path.

    Of a FASTA file beside which a database of the same name was made, the database is meant.

    Raises:
        InputError: It means none.
    """
    if not text.strip() or not text.isprintable():
        raise InputError(f"{text!r} is no source of a database.", remedy="Name a path, ncbi:NAME or an address.")
    if text.startswith(NCBI):
        from shardblast.sources.ncbi import NcbiSource  # its client for HTTP is slow to load

        return NcbiSource(text, installation, settings)
    if "://" in text:
        return ShardblastSource(text, settings)
    try:
        return _of_path(text, installation, settings)
    except OSError as error:
        problem = f"{text[:200]} can't be read: {(error.strerror or str(error)).lower()}."
        raise InputError(problem, remedy="Name a database's path or a FASTA file.") from error


def _of_path(text: str, installation: Installation, settings: SourceSettings) -> Source:
    path = Path(text).absolute()
    if has_database(path) or not path.is_file() or is_database_file(path.name):
        source = BlastSource(text, installation)
        source.database()
        return source
    if not is_fasta(path):
        raise InputError(
            f"{text} is neither a BLAST database nor a FASTA file.",
            remedy="Name the path of a BLAST database without its suffix (.nin, .pal), or a FASTA file, packed or not.",
        )
    return FastaSource(text, installation, settings)
