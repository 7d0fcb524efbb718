"""Bring a database from a source, and nothing else: ``python -m bench.adding SOURCE FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from shardblast.blast.installation import find_installation
from shardblast.sources import source_of
from shardblast.sources.source import SourceSettings


def main(text: str, folder: str) -> None:
    source = source_of(text, find_installation(), SourceSettings())
    source.bring(source.offer(), Path(folder), lambda done, total: None, lambda: False)


if __name__ == "__main__":
    main(*sys.argv[1:])
