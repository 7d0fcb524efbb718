"""``submit``, ``status``, ``wait``, ``results``, ``cancel`` and ``list``: a service's searches from a terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from shardblast.core.errors import InputError, NetworkError, UnauthorizedError, error_for_code
from shardblast.core.search import State
from shardblast.engine.output import open_output

TIMEOUT_S = 60.0
QUIET_S = 45.0
"""The service sends something at least every 15 s, so that a longer silence means that it is gone."""
PATIENCE_S = 60.0
"""How long a service that was reached before may be away."""
AGAIN_AFTER_S = 0.5
EXIT_STATUSES = {State.COMPLETED: 0, State.FAILED: 10, State.CANCELLED: 11}
NOT_OVER = 12
"""Exit status of ``status`` for a search that is queued or runs."""


class Client:
    """A service at an address."""

    def __init__(self, server: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{server.rstrip('/')}/api/v1", headers=headers, timeout=TIMEOUT_S)

    def submit(self, fields: dict[str, str], query: Path, key: str | None) -> dict[str, Any]:
        """Queue a search; ``query`` may be packed.

        Raises:
            ShardblastError: The service refuses or can't be reached.
        """
        headers = {"Idempotency-Key": key} if key else {}
        try:
            with query.open("rb") as file:
                files = {"query": (query.name, file, "application/octet-stream")}
                return self._json("POST", "/searches", data=fields, files=files, headers=headers)
        except OSError as error:
            raise InputError(f"{str(query)!r} can't be read: {error.strerror}.", remedy="Check the file.") from error

    def search(self, search_id: str) -> dict[str, Any]:
        """Return a search."""
        return self._json("GET", f"/searches/{search_id}")

    def searches(self, state: str | None, limit: int) -> Sequence[dict[str, Any]]:
        """Return searches, newest first."""
        values = {"limit": limit} | ({"state": state} if state else {})
        found: list[dict[str, Any]] = self._json("GET", "/searches", params=values)["searches"]
        return found

    def cancel(self, search_id: str) -> dict[str, Any]:
        """Stop a search."""
        return self._json("POST", f"/searches/{search_id}/cancel")

    def changes(self, search_id: str) -> Iterator[dict[str, Any]]:
        """Yield the search as it is and after every change, until it is over; waits for a service that starts again."""
        last: str | None = None
        told = time.monotonic()
        with _translated():
            while True:
                try:
                    for event in self._events(search_id, last):
                        last, told = event.id or last, time.monotonic()
                        if event.event in ("snapshot", "search"):
                            search = json.loads(event.data)
                            yield search
                            if State(search["state"]).is_final:
                                return
                except httpx.TransportError:
                    if last is None or time.monotonic() - told > QUIET_S + PATIENCE_S:
                        raise
                    time.sleep(AGAIN_AFTER_S)

    def _events(self, search_id: str, last: str | None) -> Iterator[ServerSentEvent]:
        """Yield what one connection tells."""
        headers = {} if last is None else {"Last-Event-ID": last}
        path = f"/searches/{search_id}/events"
        with connect_sse(self._http, "GET", path, headers=headers, timeout=QUIET_S) as source:
            _check(source.response)
            yield from source.iter_sse()

    def results(self, search_id: str, outfmt: str, out: str | None) -> None:
        """Write a result to a file or to standard output."""
        with (
            open_output(out) as target,
            _translated(),
            self._http.stream("GET", f"/searches/{search_id}/results", params={"outfmt": outfmt}) as response,
        ):
            _check(response)
            for block in response.iter_bytes():
                target.write(block)

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        with _translated():
            response = self._http.request(method, path, **request)
            _check(response)
            told: dict[str, Any] = response.json()
            return told


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise NetworkError(
            f"The service can't be reached: {error}.", remedy="Check --server or SHARDBLAST_SERVER, and that it runs."
        ) from error


def _check(response: httpx.Response) -> None:
    """Raise what the service answered."""
    if response.is_success:
        return
    response.read()
    try:
        told = response.json()
        problem, remedy, code = told["detail"], told["remedy"], told["code"]
    except (ValueError, KeyError):
        answer = f"The service answered {response.status_code}."
        raise NetworkError(answer, remedy="Check that --server is the address of a shardblast service.") from None
    more = [f"{one['field']}: {one['detail']} {one['remedy']}" for one in told.get("problems", [])]
    if code == UnauthorizedError.code:
        remedy = "Set SHARDBLAST_TOKEN to a token of this service (on its machine: shardblast token create)."
    if len(more) > 1:
        problem, remedy = "\n".join(more), "Mend all of these, then submit again."
    raise error_for_code(code)(problem, remedy=remedy)


def show(search: dict[str, Any]) -> None:
    """Print a search for people."""
    sys.stdout.write(f"{search['id']}  {search['state']}  {search['title']}\n")
    for phase in search["phases"]:
        if phase["status"] not in ("pending", "skipped"):
            sys.stdout.write(f"  {phase['name']:<11} {phase['status']:<10} {phase['done']}/{phase['total']}\n")
    if search["failure"]:
        sys.stdout.write(f"  {search['failure']['problem']} {search['failure']['remedy']}\n")


def exit_status(search: dict[str, Any]) -> int:
    """Return what a script is told of a search: 0 completed, 10 failed, 11 cancelled, 12 not over."""
    return EXIT_STATUSES.get(State(search["state"]), NOT_OVER)


def wait(client: Client, search_id: str, *, quiet: bool) -> int:
    """Wait for a search, with its progress on a terminal; return its exit status."""
    if quiet or not sys.stderr.isatty():
        *_, over = client.changes(search_id)
        return exit_status(over)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}
        last: dict[str, Any] = {}
        for last in client.changes(search_id):
            for phase in last["phases"]:
                if phase["status"] in ("pending", "skipped"):
                    continue
                if phase["name"] not in tasks:
                    tasks[phase["name"]] = progress.add_task(phase["name"], total=None)
                progress.update(tasks[phase["name"]], total=max(phase["total"], 1), completed=phase["done"])
    return exit_status(last)
