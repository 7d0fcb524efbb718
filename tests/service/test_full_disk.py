"""A full disk: refused requests, failed searches, and no partial file that is mistaken for a result."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server, get
from tests.small_disk import fill, small_disk

SIZE_BYTES = 400 << 20
MANY = "".join(one.fasta for one in real("proteins")[:150])
OPTIONS = ["-evalue", "1e-3"]


@pytest.fixture(name="small_disk")
def made_small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "home", SIZE_BYTES) as folder:
        yield folder


@pytest.fixture
def server(small_disk: Path, served: dict[str, Path]) -> Iterator[Server]:
    one = Server(small_disk)
    one.add_database("proteins", served["proteins"])
    one.start()
    yield one
    one.close()


def test_a_search_is_refused_with_a_remedy_when_little_space_is_free(server: Server, small_disk: Path) -> None:
    ballast = fill(small_disk, 100 << 20)

    answer = server.http.post("/searches", json={"program": "blastp", "database": "proteins", "query": MANY})
    ready = get(f"{server.url}/ready")

    assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
    assert answer.json()["remedy"]
    assert (ready.status_code, ready.json()["status"]) == (200, "impaired")
    assert "MiB are free" in ready.json()["checks"]["disk"]
    assert server.http.get("/searches").json()["searches"] == []
    ballast.unlink()
    assert get(f"{server.url}/ready").json()["status"] == "ok"


def test_an_upload_that_finds_no_space_is_a_problem_and_no_bug(server: Server, small_disk: Path) -> None:
    fill(small_disk, 0)

    answer = server.http.post("/searches", json={"program": "blastp", "database": "proteins", "query": MANY})

    assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
    assert list((server.home / "incoming").iterdir()) == []


def test_a_search_that_runs_out_of_space_fails_and_its_retry_gives_the_output_of_blast(
    server: Server, small_disk: Path, served: dict[str, Path], tmp_path: Path
) -> None:
    search = server.submit("blastp", "proteins", MANY, " ".join(OPTIONS))
    for event in server.events(search["id"]):
        if event.event == "search" and json.loads(event.data)["phase"] == "searching":
            break

    os.kill(server.pid, signal.SIGSTOP)  # else it may be quicker than this
    try:
        ballast = fill(small_disk, 0)
    finally:
        os.kill(server.pid, signal.SIGCONT)

    waiting = server.events(search["id"])
    while not list((server.home / "searches" / search["id"] / "merged").glob("*.json")):
        if any('"state": "failed"' in event.data for event in waiting):
            break
    ended = server.ended(search["id"])
    assert (ended["state"], ended["failure"]["code"]) == ("failed", "disk-full"), ended["failure"]
    assert "space" in ended["failure"]["problem"]
    assert ended["failure"]["remedy"]
    assert server.http.get(f"/searches/{search['id']}/results").status_code == 409
    assert get(f"{server.url}/health").is_success
    assert get(f"{server.url}/ready").json()["checks"]["disk"] != "ok"
    assert server.http.post(f"/searches/{search['id']}/retry").status_code == 507

    ballast.unlink()
    assert server.http.post(f"/searches/{search['id']}/retry").status_code == 202
    assert server.ended(search["id"])["state"] == "completed"
    expected = blast("blastp", served["proteins"], "proteins", MANY, OPTIONS, "6", tmp_path)
    assert server.result(search["id"], "6") == expected != b""
