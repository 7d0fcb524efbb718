"""Every kind of storage, with a new place for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from shardblast.storage.objects import Objects
from tests.postgres import free_port
from tests.storage.proxy import Proxy, proxied
from tests.storage.servers import Place, azure, azurite, google, moto, s3


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as endpoint:
        yield endpoint


@pytest.fixture
def proxy(s3_server: str) -> Iterator[Proxy]:
    """A proxy before the S3 server."""
    with proxied(s3_server, free_port()) as one:
        yield one


@pytest.fixture(params=["folder", "s3", "azure", "google"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where there is nothing yet. Of Google there is the client alone: its XML API is spoken to moto's S3 server."""
    prefix = uuid4().hex
    if request.param == "folder":
        return Place((tmp_path / "a störe%20").as_uri(), {})
    if request.param == "s3":
        found = s3(request.getfixturevalue("s3_server"), prefix)
    elif request.param == "azure":
        found = azure(request.getfixturevalue("azure_server"), prefix)
    else:
        found = google(request.getfixturevalue("proxy").url, prefix)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def objects(place: Place) -> Objects:
    return Objects(place.url)


@pytest.fixture
def spoiled(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Objects of the S3 server behind the proxy."""
    found = s3(proxy.url, uuid4().hex)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return Objects(found.url)
