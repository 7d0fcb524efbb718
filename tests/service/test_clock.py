"""A machine whose clock is changed while searches run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sequences import real
from tests.service.server import Server

MANY = "".join(one.fasta for one in real("proteins")[:300])
RNA = real("16s-queries")[0].fasta


class Clock:
    """The wall clock of a server: libfaketime adds the offset in a file to it; the monotonic clock is not changed."""

    def __init__(self, file: Path) -> None:
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self._file = file
        self.set(0)
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set(self, seconds: int) -> None:
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{seconds:+d}\n")
        partial.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def server(tmp_path: Path, clock: Clock, served: dict[str, Path]) -> Iterator[Server]:
    one = Server(tmp_path / "home", variables=clock.variables)
    for name, path in served.items():
        one.add_database(name, path)
    one.start()
    yield one
    one.close()


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_search_continues_when_the_clock_is_set_while_it_runs(server: Server, clock: Clock, jump: int) -> None:
    before = [server.submit("blastn", "16s", RNA)["id"] for _ in range(2)]
    for one in before:
        server.ended(one)
    search = server.submit("blastp", "proteins", MANY, "-max_target_seqs 5")
    received: list[dict[str, Any]] = []
    ids: list[int] = []
    jumped = False
    for event in server.events(search["id"]):
        ids.append(int(event.id))
        if event.event == "piece" and not jumped:
            clock.set(jump)
            jumped = True
        if event.event == "search":
            received.append(json.loads(event.data))
    after = [server.submit("blastn", "16s", RNA)["id"] for _ in range(2)]

    states = [server.ended(one)["state"] for one in after]

    assert jumped
    assert states == ["completed", "completed"]
    ended = server.search(search["id"])
    assert ended["state"] == "completed"
    assert ids == sorted(ids)
    assert ended["created"] <= ended["started"] <= ended["finished"]
    times = [time for phase in ended["phases"] for time in (phase["started"], phase["finished"]) if time is not None]
    assert times == sorted(times)
    assert all(piece["seconds"] >= 0 for piece in server.http.get(f"/searches/{search['id']}/pieces").json())
    assert server.http.get(f"/searches/{search['id']}/report").json()["seconds"] >= 0
    assert paged(server) == {*before, search["id"], *after}


def paged(server: Server) -> set[str]:
    """Read the list one search at a time; each must come once."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = server.http.get("/searches", params={"limit": 1, **cursor}).json()
        found += [one["id"] for one in page["searches"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert len(found) == len(set(found))
    return set(found)
