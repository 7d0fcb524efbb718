"""Leftovers of a search: processes of its service, files, entries in the queue."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.service.server import Server
from tests.waiting import until


def children(server: Server) -> list[str]:
    """Return the command lines of the processes that a service has started and that run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == server.pid and state != "Z":
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def files(server: Server, search: str) -> list[str]:
    """Return the files that a search has made."""
    made = [path for folder in ("searches", "storage/searches") for path in (server.home / folder / search).rglob("*")]
    made += (server.home / "scratch").rglob("*")
    sent = ("query.fa", "query.fa.zst")
    return [str(path.relative_to(server.home)) for path in made if path.is_file() and path.name not in sent]


def queued(server: Server, search: str) -> list[str]:
    """Return the attempts of a search that are in the queue, or that count as running."""
    waiting = "SELECT workflow_uuid FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')"
    with closing(sqlite3.connect(server.home / "steps.sqlite")) as connection:
        return [one for (one,) in connection.execute(waiting) if one.startswith(search)]


def check_nothing_is_left(server: Server, search: str) -> None:
    """Check the leftovers of a cancelled search, on a service that is otherwise idle."""
    assert server.search(search)["state"] == "cancelled"
    assert children(server) == []
    assert files(server, search) == []
    until(lambda: not queued(server, search))  # the step in which it ended is noted a moment later
