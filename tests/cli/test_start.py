"""How the command starts: with what it needs, and nothing of the service."""

from __future__ import annotations

import subprocess
import sys

import pytest

OF_THE_SERVICE = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "dbos", "obstore", "joserfc"}
OF_TABLES = {"rich", "pygments"}
COMMAND = """
import sys
from shardblast.cli.main import main
status = main(sys.argv[1:])
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize("command", ["status", "wait", "results", "report", "retry", "delete", "share"])
def test_a_client_imports_nothing_of_the_service(command: str) -> None:
    argv = [sys.executable, "-c", COMMAND, command, "0" * 32, "--server", "http://127.0.0.1:1"]

    done = subprocess.run(argv, capture_output=True, text=True)

    assert done.returncode == 5
    assert "The service can't be reached" in done.stderr
    imported = set(done.stderr.splitlines()[-1].split())
    assert "httpx" in imported
    assert not imported & (OF_THE_SERVICE | OF_TABLES)
