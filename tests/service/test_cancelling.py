"""A cancelled search ends at once, whatever it is doing, and leaves only its queries."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sequences import real
from tests.service.leftovers import check_nothing_is_left, children, queued
from tests.service.server import OVER, Server

LETTERS = random.Random(1)
GENES = "".join(one.fasta for one in real("16s-queries")[:10])
HITLESS = "".join(f">none{number}\n{''.join(LETTERS.choices('ACGT', k=300))}\n" for number in range(1500))
MANY = GENES + HITLESS


def by_http(server: Server, search: str) -> None:
    assert server.http.post(f"/searches/{search}/cancel").json()["state"] in ("cancelling", "cancelled")


def by_command(server: Server, search: str) -> None:
    assert server.run("cancel", search).stdout == "cancelled\n"


def by_removal(server: Server, search: str) -> None:
    removed = server.run("db", "remove", "spare", "--force")
    assert (removed.returncode, removed.stderr) == (0, "")
    assert server.http.get("/databases/spare").status_code == 404


@pytest.mark.parametrize(
    ("phase", "cancel"),
    [
        ("preparing", by_http),
        ("searching", by_command),
        ("searching", by_removal),
        ("merging", by_http),
        ("merging", by_removal),
        ("publishing", by_http),
        ("publishing", by_command),
    ],
)
def test_nothing_is_left_of_a_search_that_is_cancelled(
    server: Server, served: dict[str, Path], phase: str, cancel: Callable[[Server, str], None]
) -> None:
    if cancel is by_removal:
        server.add_database("spare", served["16s"])
    search = server.submit("blastn", "spare" if cancel is by_removal else "16s", MANY)["id"]
    seen = reached(server, search, phase)

    cancel(server, search)

    states = [seen, *(answer["state"] for answer in changes(server, search))]
    assert states[-1] == "cancelled"
    check_nothing_is_left(server, search)
    log = [one["text"] for one in server.http.get(f"/searches/{search}/log").json()]
    assert log.index("It is being cancelled.") < log.index("It was cancelled.")


def test_a_search_that_was_cancelling_when_its_service_was_killed_is_cancelled_when_that_starts_again(
    own_server: Server,
) -> None:
    search = own_server.submit("blastn", "16s", MANY)["id"]
    reached(own_server, search, "merging")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(own_server.http.post, f"/searches/{search}/cancel")
        next(answer for answer in changes(own_server, search) if answer["state"] in ("cancelling", "cancelled"))
        own_server.kill()

    own_server.start()

    assert own_server.ended(search)["state"] == "cancelled"
    check_nothing_is_left(own_server, search)


def test_a_search_that_is_cancelled_while_it_waits_leaves_the_queue(narrow_server: Server) -> None:
    busy = [narrow_server.submit("blastn", "16s", MANY, {"evalue": 9 + number})["id"] for number in range(2)]
    waiting = narrow_server.submit("blastn", "16s", MANY * 2)["id"]

    assert narrow_server.http.post(f"/searches/{waiting}/cancel").json()["state"] == "cancelled"

    assert queued(narrow_server, waiting) == []
    assert any(narrow_server.search(one)["state"] not in OVER for one in busy)
    for one in busy:
        narrow_server.http.post(f"/searches/{one}/cancel")
    for one in busy:
        narrow_server.ended(one)
    check_nothing_is_left(narrow_server, waiting)
    assert narrow_server.http.post(f"/searches/{waiting}/retry").status_code == 202


@pytest.mark.parametrize("runs", [10, pytest.param(200, marks=pytest.mark.full)])
def test_nothing_is_left_of_searches_that_are_cancelled_at_any_moment(server: Server, runs: int) -> None:
    few, moments = GENES + HITLESS[:100_000], random.Random(runs)
    began = time.monotonic()
    assert server.ended(server.submit("blastn", "16s", few)["id"])["state"] == "completed"
    whole_s = time.monotonic() - began
    states = set()

    for _ in range(runs):
        search = server.submit("blastn", "16s", few)["id"]
        time.sleep(moments.uniform(0, whole_s))
        server.http.post(f"/searches/{search}/cancel")
        states.add(server.ended(search)["state"])
        if server.search(search)["state"] == "cancelled":
            check_nothing_is_left(server, search)
        assert children(server) == []

    assert "cancelled" in states <= {"cancelled", "completed"}


def reached(server: Server, search: str, phase: str) -> str:
    """Wait until a search is in a phase; return its state."""
    return next(str(answer["state"]) for answer in changes(server, search) if answer["phase"] == phase)


def changes(server: Server, search: str) -> Iterator[dict[str, object]]:
    """Yield a search now and after every change, until its end."""
    for event in server.events(search):
        if event.event in ("snapshot", "search"):
            yield json.loads(event.data)
