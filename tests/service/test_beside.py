"""``shardblast db`` beside a running service, which executes the commands."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from shardblast.core.errors import ConflictError
from shardblast.service.folders import Claim, Folders
from tests.databases import make_database
from tests.sequences import real
from tests.service.server import Server


def test_commands_go_through_the_service_however_callers_are_known(tmp_path: Path, stocked: Path) -> None:
    source = make_database(tmp_path / "more", "prot", real("proteins")[:50])
    server = Server(Path(shutil.copytree(stocked, tmp_path / "home")), "--auth", "token")
    made = server.run("token", "create", "reader", "--owner", "ada", "--scope", "admin")
    server.start()
    try:
        done = [
            server.run("db", *words)
            for words in (
                ("add", "more", str(source), "--copy"),
                ("add", "here", str(source)),
                ("update", "more"),
                ("warm", "more"),
                ("remove", "here"),
                ("remove", "absent"),
            )
        ]
        shown = asked(server, made.stdout.split()[-1], "/tasks")
        names = [one["name"] for one in asked(server, made.stdout.split()[-1], "/databases")]
    finally:
        server.close()

    assert [one.returncode for one in done] == [0, 0, 0, 0, 0, 1], [one.stderr for one in done]
    assert done[0].stdout.startswith("more: ")
    assert "50 sequences" in done[0].stdout
    assert done[1].stdout.startswith("here: ")
    assert done[2].stdout == "more: up to date\n"
    assert done[3].stdout.startswith("more: ")
    assert "There is no database 'absent'" in done[5].stderr
    assert sorted((one["kind"], one["owner"], one["state"]) for one in shown) == [
        ("add", "operator", "completed"),
        ("update", "operator", "completed"),
        ("warm", "operator", "completed"),
    ]
    assert names == ["16s", "more", "proteins"]


def test_commands_do_the_work_themselves_when_the_service_was_killed(
    own_server: Server, served: dict[str, Path]
) -> None:
    own_server.add_database("spare", served["16s"])
    own_server.kill()

    removed = own_server.run("db", "remove", "spare")

    assert (removed.returncode, removed.stderr) == (0, "")
    assert own_server.run("db", "show", "spare").returncode == 1
    own_server.start()


def test_only_its_user_can_read_in_a_home_how_to_reach_the_running_service(tmp_path: Path) -> None:
    folders, claim = Folders(tmp_path / "home"), Claim("http://127.0.0.1:1", "secret")
    assert folders.claimed() is None
    script = (
        "from shardblast.service.folders import *; Folders(Path({!r})).claim(Claim('http://127.0.0.1:1', 'of before'))"
    )
    subprocess.run([sys.executable, "-c", script.format(str(folders.home))], check=True)
    assert folders.claimed() is None  # that service is gone

    folders.claim(claim)

    assert folders.claimed() == claim
    assert stat.S_IMODE((folders.home / "serve.lock").stat().st_mode) == 0o600
    with pytest.raises(ConflictError, match="Another service uses the folder"):
        folders.claim(claim)


def asked(server: Server, token: str, path: str) -> list[dict[str, Any]]:
    """Return what a service answers to the holder of a token."""
    answer = httpx.get(f"{server.url}/api/v1{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    found: list[dict[str, Any]] = answer.json()
    return found


def test_one_caller_at_a_time_prepares_a_database_and_leaves_no_lock(tmp_path: Path) -> None:
    folders, inside, most, refused = Folders(tmp_path), [0], [0], [0]

    def prepare(_: int) -> None:
        try:
            with folders.adding("16s") as folder:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                (folder / "file").touch()
                (folder / "file").unlink()
                inside[0] -= 1
        except ConflictError:
            refused[0] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(prepare, range(2000)))
    with folders.adding("16s"), folders.adding("16s.lock"), pytest.raises(ConflictError), folders.adding("16s"):
        pass

    assert most == [1]
    assert refused[0] < 2000
    assert list((tmp_path / "adding").iterdir()) == []
