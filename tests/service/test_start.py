"""How a service starts: where it listens, and its messages if it can't."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import forked
from tests.service.server import END_WITHIN_S, Server, get


def test_a_port_in_use_is_reported_and_no_file_is_changed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        argv = [sys.executable, "-m", "shardblast", "serve", "--home", str(tmp_path / "home"), "--port", str(port)]
        tried = subprocess.run(argv, capture_output=True, text=True, timeout=300)

    assert tried.returncode != 0
    assert f"127.0.0.1, port {port}" in tried.stderr
    assert "--port" in tried.stderr
    assert "listens on" not in tried.stderr
    assert "Traceback" not in tried.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--storage", "nonsense://bucket"),
        ("--storage", "s3://user:password@bucket"),
        ("--database-url", "mysql://host/db"),
        ("--scheduler", "tcp://127.0.0.1:8786"),
    ],
)
def test_a_service_that_can_not_start_leaves_nothing_of_its_home(tmp_path: Path, option: str, value: str) -> None:
    new, used = tmp_path / "new" / "home", tmp_path / "used"
    used.mkdir()
    (used / "notes.txt").write_text("mine")

    for home in (new, used):
        words = ["serve", "--home", str(home), "--port", "0", option, value]
        tried = forked.run([*forked.SHARDBLAST, *words], dict(os.environ), timeout=300)
        assert tried.returncode not in (0, None)
        assert b"Traceback" not in tried.stderr

    assert list(tmp_path.iterdir()) == [used]
    assert [file.name for file in used.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_port_0_selects_a_free_port_and_prints_it(tmp_path: Path, form: str) -> None:
    argv = [sys.executable, "-m", "shardblast", "serve", "--home", str(tmp_path / "home"), "--port", "0"]
    with subprocess.Popen([*argv, "--log-format", form], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "shardblast listens" in line)
        url = line.split()[-1] if form == "text" else json.loads(line)["url"]

        answer = get(f"{url}/health")

        process.terminate()
        process.stderr.read()
    assert answer.is_success
    assert process.returncode == 0


def test_an_idle_connection_is_kept_for_longer_than_clients_keep_theirs(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=END_WITHIN_S)
    for _ in range(2):
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:1]) == (200, b"{")
        time.sleep(6)  # httpx gives up its own after 5
    connection.close()
