"""A process that stages a generation: ``python -m tests.cluster.stage URL LOG CACHE METADATA [KEY]``.

At a key that ends with KEY it prints ``holding`` in the middle of the file, and continues when its input ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shardblast.core.database import Generation
from shardblast.disk.staging import Stager
from tests.cluster.source import LoggedObjects


def main(url: str, log: str, cache: str, metadata: str, hold_at: str = "") -> None:
    def meanwhile(key: str) -> None:
        if hold_at and key.endswith(hold_at):
            sys.stdout.write("holding\n")
            sys.stdout.flush()
            sys.stdin.read()

    generation = Generation.of(json.loads(Path(metadata).read_text()))
    stager = Stager(LoggedObjects(url, Path(log), meanwhile), Path(cache), parallel=1)
    stager.start()
    reported: list[int] = []
    stager.stage(generation, None, reported.append)
    stager.close()
    sys.stdout.write(f"{sum(reported)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
