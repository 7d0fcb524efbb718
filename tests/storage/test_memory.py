"""Memory that a large object takes, in a separate process: as much as a small one.

The peak is VmHWM: ``ru_maxrss`` of a process begins with that of the one that started it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.large import LargeServer, large_server
from tests.storage.servers import s3

SIZE = 1 << 30
MOST_BYTES = 300 << 20
SCRIPT = """
import re, sys
from pathlib import Path
from shardblast.storage.objects import Objects
objects, path = Objects("s3://bucket"), Path(sys.argv[2])
if sys.argv[1] == "fetch":
    print(objects.fetch("key", path))
else:
    print(objects.put("key", path))
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.fixture
def server() -> Iterator[LargeServer]:
    with large_server(SIZE) as one:
        yield one


def run(action: str, server: LargeServer, path: Path) -> tuple[str, int]:
    """Return what the action returned and the most memory that the process held, in bytes."""
    argv = [sys.executable, "-c", SCRIPT, action, str(path)]
    environment = {**os.environ, **s3(server.url).environment}
    said, peak = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.split()
    return said, int(peak) << 10


def test_a_fetch_of_a_large_object_takes_little_memory(server: LargeServer, tmp_path: Path) -> None:
    digest, peak = run("fetch", server, tmp_path / "copy")

    with (tmp_path / "copy").open("rb") as copy:
        assert digest == hashlib.file_digest(copy, "sha256").hexdigest()
    assert (tmp_path / "copy").stat().st_size == SIZE
    assert peak < MOST_BYTES


def test_a_put_of_a_large_file_takes_little_memory(server: LargeServer, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(SIZE)

    _, peak = run("put", server, tmp_path / "file")

    assert server.taken == SIZE
    assert peak < MOST_BYTES
