"""Archives of databases' files, from wherever: nothing but plain files with such names comes out of them."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

from shardblast.core.errors import DatabaseError
from shardblast.storage.sources.files import checked_file_name

LARGEST_RATIO = 100
"""Of what an archive unpacks to and its own size; sequence data packs by a tenth of that."""
ALLOWED_BYTES = 1 << 26
"""To which any archive may unpack: small databases are mostly zeros."""


def unpack(archive: Path, folder: Path, name: str) -> list[Path]:
    """Unpack a ``.tar.gz`` into a folder.

    Args:
        archive: The file.
        folder: Where its files go.
        name: Of the archive, for messages.

    Raises:
        DatabaseError: It is damaged, or holds anything else than plain files of a database.
    """
    allowed = archive.stat().st_size * LARGEST_RATIO + ALLOWED_BYTES
    files = []
    try:
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                file = checked_file_name(member.name.removeprefix("./"), name)
                allowed -= member.size
                if not member.isreg() or allowed < 0:
                    raise DatabaseError(
                        f"{name} holds {file}, which is no plain file of a size to be expected.",
                        remedy="Nothing of it was brought; use another source.",
                    )
                members.extract(member, folder, filter="data")
                files.append(folder / file)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise DatabaseError(f"{name} is no archive that can be read: {error}.", remedy="Use another source.") from error
    return files
