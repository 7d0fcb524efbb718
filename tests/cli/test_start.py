"""Commands import only the modules that they need, and nothing of the service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shardblast.blast.installation import find_installation
from shardblast.cli.client import Client
from shardblast.cli.serve import checked
from shardblast.cluster.connection import check_scheduler
from shardblast.core.errors import InputError, NetworkError, ShardblastError, StorageError, StoreError
from shardblast.service.settings import Mode, Settings
from shardblast.sources import SourceSettings, source_of
from shardblast.storage.objects import Objects
from shardblast.store.connection import SqlDatabase

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


def _settings(**given: str | float) -> Settings:
    return checked(Settings(home=Path("/nowhere"), **given))  # type: ignore[arg-type]


def _issuer(address: str) -> Settings:
    return checked(Settings(home=Path("/nowhere"), auth=Mode.OIDC, oidc_issuer=address, oidc_client_id="x"))


def _source(text: str) -> object:
    return source_of(text, find_installation(), SourceSettings())


def _mirror(address: str) -> object:
    return source_of("ncbi:x", find_installation(), SourceSettings(ncbi_base=address))


def _scheduler(address: str) -> None:
    check_scheduler(address, None, insecure=True)


def _listed(server: str, token: str | None = None) -> object:
    return Client(server, token).page(None, 1, None)


READ: list[tuple[type[ShardblastError], Callable[[str], object], list[str]]] = [
    (InputError, lambda text: _settings(public_url=text), ["http://[", "http://a:x", "http://a:99999", "garbage"]),
    (InputError, _issuer, ["http://[", "https://[", "garbage"]),
    (
        InputError,
        _source,
        ["file://[/databases/x", "s3://[x/databases/y", "gs://a:x/databases/y", "az://[::g]/databases/y"],
    ),
    (InputError, _mirror, ["http://[", "https://[x", "http://a:99999", "garbage"]),
    (InputError, _scheduler, ["garbage", "tcp://", "tcp://[", "tcp://a", "tcp://a:x", "tcp://:8786", "tcp://a:99999"]),
    (InputError, lambda text: _listed("http://127.0.0.1:1", text), ["\u00e9", "a\nb", "\udce9", "\u2028"]),
    (InputError, Objects, ["http://[", "s3://[", "s3://a:x", "file://["]),
    (StorageError, Objects, ["garbage", "file:///dev/null", "file:///tmp/%00"]),
    (StoreError, SqlDatabase, ["http://[", "garbage", "postgresql://a:x/y", "sqlite://a/x", "sqlite:////dev/null/x"]),
    (
        NetworkError,
        _listed,
        ["http://[", "http://[::g]", "http://a:x", "http://127.0.0.1:99999", "http://a\x01b", "garbage"],
    ),
]


@pytest.mark.parametrize(("kind", "read", "text"), [(kind, read, text) for kind, read, texts in READ for text in texts])
def test_text_that_is_not_an_address_or_token_is_an_error_with_a_remedy(
    kind: type[ShardblastError], read: Callable[[str], object], text: str
) -> None:
    with pytest.raises(kind) as caught:
        read(text)

    assert caught.value.remedy


@pytest.mark.parametrize("name", ["retention_days", "session_hours", "waiting_hours", "idle_minutes"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300])
def test_times_that_end_on_no_date_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} .* is out of range"):
        _settings(**{name: value})


@pytest.mark.parametrize("address", ["http://[u:secret@x", "s3://u:secret@[/x", "s3://u:secret@a:x"])
def test_an_invalid_address_is_not_quoted_because_it_may_contain_a_password(address: str) -> None:
    with pytest.raises(InputError) as caught:
        Objects(address)

    assert "secret" not in str(caught.value)
