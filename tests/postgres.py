"""A PostgreSQL from Debian's package, in a folder of the tests, on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

FIRST_PORT, LAST_PORT = 10_000, 30_000
"""Below the ports that the kernel assigns by itself, so that a free port stays free until it is used."""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start a server and yield the address of an empty database; stop it by its own pid file."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert programs, "PostgreSQL is missing: apt-get install postgresql"
    port = free_port()
    data = folder / "data"
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    run = [*as_user, str(programs[-1] / "pg_ctl"), "-D", str(data), "-w", "-t", "120"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run([*run, "init", "-o", "-A trust -U tester"], check=True, capture_output=True, cwd=folder)
    subprocess.run(
        [*run, "start", "-l", str(folder / "log"), "-o", options], check=True, cwd=folder, stdout=subprocess.DEVNULL
    )
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*run, "stop", "-m", "immediate"], check=True, capture_output=True, cwd=folder)


def free_port() -> int:
    """Return a port that nobody has, and that no other worker of the tests is given."""
    for port in _PORTS:
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError


def _own_ports() -> list[int]:
    """Return the ports of this worker, from a random one on: several runs may share a machine."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = list(range(FIRST_PORT + worker, LAST_PORT, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
    start = secrets.randbelow(len(own))
    return own[start:] + own[:start]


_PORTS = cycle(_own_ports())
