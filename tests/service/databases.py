"""Databases that tests add to a service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.databases import make_database
from tests.sequences import Sequence, real, write_fasta
from tests.service.server import OVER, Server


def many(path: Path) -> Path:
    """Write enough proteins to keep a task busy."""
    copies = [(copy, number, one) for copy in range(40) for number, one in enumerate(real("proteins")[:2000])]
    return write_fasta(path, (Sequence(f"p{copy}_{number}", one.letters) for copy, number, one in copies))


def add(server: Server, name: str, source: Path | str, **more: Any) -> dict[str, Any]:
    """Add a database over HTTP; return the task, or the database if it was registered in place."""
    answer = server.http.post("/databases", json={"name": name, "source": str(source), **more})
    assert answer.status_code in (201, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


def add_cut(server: Server, name: str) -> None:
    """Add a database of proteins in place whose searches fail in BLAST+, because its titles are cut off."""
    path = make_database(server.home.parent / name / name, "prot", real("proteins")[:50])
    os.truncate(path.with_suffix(".phr"), 100)
    server.add_database(name, path)


def task_ended(server: Server, task_id: str) -> dict[str, Any]:
    """Wait for the end of a task by its events; return it."""
    for _ in server.task_events(task_id):
        pass
    found: dict[str, Any] = server.http.get(f"/tasks/{task_id}").json()
    assert found["state"] in OVER
    return found


def database(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.http.get(f"/databases/{name}").json()
    return found


def stored(server: Server, name: str) -> set[str]:
    """Return the names of the generations whose files are in the storage."""
    folder = server.home / "storage" / "databases" / name
    return {path.name for path in folder.glob("*") if path.is_dir()}
