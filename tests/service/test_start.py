"""How a service begins: where it listens, and what it says when it can't."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest


def test_a_port_in_use_is_said_so_and_nothing_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        argv = [sys.executable, "-m", "shardblast", "serve", "--home", str(tmp_path / "home"), "--port", str(port)]
        tried = subprocess.run(argv, capture_output=True, text=True, timeout=120)

    assert tried.returncode != 0
    assert f"127.0.0.1, port {port}" in tried.stderr
    assert "--port" in tried.stderr
    assert "listens on" not in tried.stderr
    assert "Traceback" not in tried.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("form", ["text", "json"])
def test_port_0_takes_a_free_port_and_says_which(tmp_path: Path, form: str) -> None:
    argv = [sys.executable, "-m", "shardblast", "serve", "--home", str(tmp_path / "home"), "--port", "0"]
    with subprocess.Popen([*argv, "--log-format", form], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "shardblast listens" in line)
        url = line.split()[-1] if form == "text" else json.loads(line)["url"]

        answer = httpx.get(f"{url}/health")

        process.terminate()
        process.stderr.read()
    assert answer.is_success
    assert process.returncode == 0
