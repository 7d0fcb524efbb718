"""Fetch objects as a node does, and say how long that took: ``python -m bench.fetch FOLDER KEY ...``.

The time is that of the fetches: a node has long started when it stages.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.nginx import BUCKET
from bench.peak import peak_bytes
from shardblast.storage.objects import Objects

AT_ONCE = 2


def main(folder: Path, keys: list[str]) -> None:
    objects = Objects(f"s3://{BUCKET}")
    started = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        digests = list(pool.map(lambda key: objects.fetch(key, folder / key), keys))
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes(), "sha256": digests}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
