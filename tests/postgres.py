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
    port = free_port()
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    _control(folder, "init", "-o", "-A trust -U tester")
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"port = {port}\nunix_socket_directories = '{folder}'\n")
        settings.write("listen_addresses = '127.0.0.1'\nfsync = off\n")
    _control(folder, "start", "-l", str(folder / "log"))
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        _control(folder, "stop", "-m", "immediate")


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """Stop the server in this folder, without notice, until the context ends."""
    _control(folder, "stop", "-m", "immediate")
    try:
        yield
    finally:
        _control(folder, "start", "-l", str(folder / "log"))


def _control(folder: Path, *words: str) -> None:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert programs, "PostgreSQL is missing: apt-get install postgresql"
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    argv = [*as_user, str(programs[-1] / "pg_ctl"), "-D", str(folder / "data"), "-w", "-t", "120", *words]
    subprocess.run(argv, check=True, cwd=folder, stdout=subprocess.DEVNULL)


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
