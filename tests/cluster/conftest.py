"""A storage with real databases of several volumes, and nodes that stage them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from shardblast.core.database import Generation
from shardblast.disk.staging import Stager
from tests.cluster.source import LoggedObjects, stored
from tests.databases import Databases
from tests.storage.servers import moto, s3

KIND = "v5-volumes-ids"


@pytest.fixture(scope="session")
def original(databases: Databases) -> Path:
    """A database of a dozen volumes, with files that they share."""
    return Path(databases(KIND, "nucl"))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of an S3 server, or, on request, a folder, whose files are staged as hard links."""
    if getattr(request, "param", "") == "folder":
        return (tmp_path / "storage").as_uri()
    place = s3(request.getfixturevalue("s3_server"), uuid4().hex)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place.url


@pytest.fixture
def generation(url: str, original: Path) -> Generation:
    """That database in the storage."""
    return stored(url, "genes", original)


@pytest.fixture
def source(url: str, tmp_path: Path) -> LoggedObjects:
    return LoggedObjects(url, tmp_path / "fetched.log")


@pytest.fixture
def node(tmp_path: Path, source: LoggedObjects) -> Iterator[Callable[..., Stager]]:
    """Makes stagers, by default for one cache."""
    made = []

    def make(budget_bytes: int | None = None, cache: Path | None = None, source: LoggedObjects = source) -> Stager:
        made.append(Stager(source, cache or tmp_path / "cache", budget_bytes))
        return made[-1]

    yield make
    for one in made:
        one.close()
