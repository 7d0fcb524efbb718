"""Search as on a machine whose memory holds no shard: ``python -m bench.little_memory PROGRAM ...``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.place import CORES
from shardblast.blast.installation import find_installation
from shardblast.bootstrap import home, known_arguments
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.engine.local import LocalEngine
from shardblast.engine.workspace import Machine

MEMORY_BYTES = 4096


def main(argv: Sequence[str]) -> None:
    """Print what shardblast prints."""
    installation, program = find_installation(), Program(argv[0])
    options = parse(program, argv[1:], known_arguments(installation, program))
    LocalEngine(installation, Machine(CORES, MEMORY_BYTES), home()).search(options, lambda event: None)


if __name__ == "__main__":
    main(sys.argv[1:])
