"""A search that is cancelled while it is queued: its files are removed before anybody can run it again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos import DBOS

from shardblast.bootstrap.databases import settings_of
from shardblast.bootstrap.service import Service
from shardblast.core.errors import ConflictError
from shardblast.core.search import Search, SearchId, State, cancelled
from shardblast.service.backends import LocalSearching
from shardblast.service.preflight import Wanted
from tests.sequences import real
from tests.waiting import until


@pytest.fixture
def service(tmp_path: Path, stocked: Path) -> Iterator[Service]:
    """A service that runs what is begun, and begins nothing by itself."""
    DBOS.destroy()  # that of another test
    one = Service(settings_of(home=Path(shutil.copytree(stocked, tmp_path / "home"))))
    one.queue.launch(lambda: None)
    yield one
    one.queue.close()
    DBOS.destroy()


@pytest.fixture
def queued(service: Service, tmp_path: Path) -> Search:
    """A search with a file of an earlier stint."""
    query = tmp_path / "query.fa"
    query.write_text(real("16s-queries")[0].fasta)
    search = service.searches.submit(Wanted("blastn", "16s", "", query), "ada", None)
    (service.folders.work(search.id) / "earlier").write_text("")
    return search


def test_a_retry_before_the_files_are_removed_loses_none(
    service: Service, queued: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, kept = service.folders.work(queued.id), []

    def retry_before(self: LocalSearching, search_id: SearchId) -> None:
        try:
            service.searches.retry(service.store.get(search_id))
        except ConflictError:
            kept.append(folder)
        else:
            (folder / "later").write_text("")
            kept.append(folder / "later")

    monkeypatch.setattr(LocalSearching, "tidy", retry_before)
    over = service.searches.cancel(queued)

    (path,) = kept
    assert path.exists()
    assert over.state is State.CANCELLED
    assert over.started is None
    assert not (folder / "earlier").exists()
    assert service.searches.cancel(over) == over
    assert service.searches.retry(over).state is State.QUEUED


def test_a_search_whose_server_died_while_it_was_cancelled_is_cancelled_by_the_next(
    service: Service, queued: Search
) -> None:
    service.store.change(queued.id, lambda search: cancelled(search, 9.0))

    service.admission.look()

    until(lambda: service.store.get(queued.id).state is State.CANCELLED)
    assert not (service.folders.work(queued.id) / "earlier").exists()
