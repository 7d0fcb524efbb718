"""``shardblast serve`` as a separate process, which tests may kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from tests import forked
from tests.forked import SHARDBLAST
from tests.postgres import free_port
from tests.waiting import until

START_WITHIN_S = 300.0
END_WITHIN_S = 300.0
OVER = ("completed", "failed", "cancelled")
get, post = partial(httpx.get, timeout=END_WITHIN_S), partial(httpx.post, timeout=END_WITHIN_S)
"""Ask a server without a client: as patient as those of our servers, since the machine may be busy."""


class Server:
    """A service with its own home."""

    def __init__(self, home: Path, *options: str, variables: dict[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "SHARDBLAST_HOME": str(home),
            "SHARDBLAST_SERVER": self.url,
            **(variables or {}),
        }
        self._options = options
        self._process: forked.Process | None = None
        self.http = self.client()

    def client(self) -> httpx.Client:
        """Return a new client: one that more than 20 threads share may close a connection that another has just got
        (https://github.com/encode/httpcore/issues/1110)."""
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=END_WITHIN_S)

    def run(self, *words: str, sent: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shardblast command with the service's home and address, and optionally with standard input."""
        done = forked.run([*SHARDBLAST, *words], self.environment, None if sent is None else sent.encode(), timeout=300)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def add_database(self, name: str, path: Path | str) -> None:
        added = self.run("db", "add", name, str(path))
        assert added.returncode == 0, added.stderr

    def start(self) -> None:
        argv = [*SHARDBLAST, "serve", "--port", str(self.port), *self._options]
        with (self.home.parent / f"{self.home.name}.log").open("ab") as log:
            self._process = forked.start(argv, self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            try:
                if httpx.get(f"{self.url}/health").is_success:
                    return
            except httpx.TransportError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.05)

    @property
    def log(self) -> str:
        return (self.home.parent / f"{self.home.name}.log").read_text()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The complete lines of the log, which may appear a little after the events."""
        return [json.loads(line) for line in self.log.split("\n")[:-1]]

    def logged(self, meant: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait for a line of the log; return the first."""
        until(lambda: any(map(meant, self.records)), lambda: self.log)
        return next(filter(meant, self.records))

    def keeps(self, secret: str) -> bool:
        """Return whether a file in the home contains this text; files of a running search may disappear meanwhile."""
        for folder, _, names in os.walk(self.home):
            for file in (Path(folder, name) for name in names):
                with suppress(FileNotFoundError):
                    if file.is_file() and secret.encode() in file.read_bytes():
                        return True
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(timeout=START_WITHIN_S)
        self._process = None
        return status

    def close(self) -> None:
        self.http.close()
        if self._process is not None:
            self.stop()

    def submit(self, program: str, database: str, query: str, options: object = "", **more: Any) -> dict[str, Any]:
        headers = more.pop("headers", {})
        http = more.pop("http", self.http)
        body = {"program": program, "database": database, "query": query, "options": options, **more}
        answer = http.post("/searches", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"] == f"/api/v1/searches/{answer.json()['id']}"
        found: dict[str, Any] = answer.json()
        return found

    def search(self, search_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/searches/{search_id}").json()
        return found

    def events(self, search_id: str, last: str | None = None) -> Iterator[ServerSentEvent]:
        headers = {} if last is None else {"Last-Event-ID": last}
        yield from self._events(f"/searches/{search_id}/events", headers)

    def task_events(self, task_id: str) -> Iterator[ServerSentEvent]:
        yield from self._events(f"/tasks/{task_id}/events", {})

    def _events(self, path: str, headers: dict[str, str]) -> Iterator[ServerSentEvent]:
        with connect_sse(self.http, "GET", path, headers=headers, timeout=END_WITHIN_S) as source:
            yield from (event for event in source.iter_sse() if event.event != "message")  # but signs of life

    def ended(self, search_id: str) -> dict[str, Any]:
        """Wait for the end of a search by its events; return it."""
        for _ in self.events(search_id):
            pass
        found = self.search(search_id)
        assert found["state"] in OVER
        return found

    def result(self, search_id: str, outfmt: str, **more: Any) -> bytes:
        answer = self.http.get(f"/searches/{search_id}/results", params={"outfmt": outfmt, **more})
        assert answer.status_code == 200, answer.text
        return answer.content
