"""A scheduler and nodes as separate processes on loopback, which tests may kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import forked
from tests.forked import SHARDBLAST
from tests.postgres import free_port
from tests.waiting import until

START_WITHIN_S = 300.0
TIMINGS = "rejoin_s=0.2 report_s=0.5"
"""Limits of test clusters. None is so short that a busy machine reaches it; a test that waits for one changes it."""


@dataclass
class Part:
    """A process of the cluster."""

    argv: list[str]
    environment: dict[str, str]
    log: Path
    _process: forked.Process | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = forked.start(self.argv, self.environment, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def records(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []  # the last may not be whole yet
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, message: str, times: int = 1) -> None:
        """Wait until the log has a message so many times."""
        until(lambda: sum(one["message"] == message for one in self.records) >= times, self.log.read_text)
        assert self._process is not None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until it has ended; return its status."""
        assert self._process is not None
        status = self._process.wait(timeout=START_WITHIN_S)
        self._process = None
        return status

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """End it at once, whatever it does."""
        if self._process is not None:
            self.signal(signal.SIGINT)
            self.wait()


@dataclass
class LocalCluster:
    """A scheduler with its nodes."""

    folder: Path
    storage: str
    options: tuple[str, ...] = ()
    protocol: str = "tcp"
    variables: dict[str, str] = field(default_factory=dict)
    timings: str = ""
    """Limits to change, such as ``grace_s=5``."""
    port: int = field(default_factory=free_port)
    nodes: dict[str, Part] = field(default_factory=dict)
    commands: list[forked.Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        place = ("--host", self.host_of("scheduler"), "--port", str(self.port))
        self.scheduler = self._part("scheduler", "scheduler", *place, *self.options)

    def host_of(self, place: str) -> str:
        """Return the address of one of its places."""
        return "127.0.0.1"

    def argv(self, place: str, *words: str) -> list[str]:
        """Return a shardblast command as it runs in one of its places: ``scheduler``, ``driver``, or that of a node."""
        return [*SHARDBLAST, *words]

    def _part(self, place: str, *words: str) -> Part:
        return Part(self.argv(place, *words, "--log-format", "json"), self.environment, self.folder / f"{place}.log")

    @property
    def address(self) -> str:
        return f"{self.protocol}://{self.host_of('scheduler')}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        own = {"SHARDBLAST_STORAGE": self.storage, "SHARDBLAST_HOME": str(self.folder / "home")}
        own["SHARDBLAST_TIMINGS"] = f"{TIMINGS} {self.timings}"
        return {**os.environ, **own, **self.variables}

    def start(self, *names: str) -> None:
        self.scheduler.start()
        self.scheduler.wait_for("the scheduler listens")
        for name in names:
            self.add(name)
        for name in names:
            self.nodes[name].wait_for("the node is connected")

    def add(self, name: str, *options: str) -> Part:
        home = self.folder / name
        words = ("node", "--scheduler", self.address, "--name", name, "--home", str(home), "--cores", "1")
        self.nodes[name] = self._part(name, *words, *options, *self.options)
        self.nodes[name].start()
        return self.nodes[name]

    def run(self, *words: str, sent: bytes | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run a shardblast command."""
        return forked.run(self.argv("driver", *words), {**self.environment, **variables}, sent)

    def search(self, program: str, *words: str, sent: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Search on the cluster."""
        return self.run(program, *words, "--engine", "dask", "--scheduler", self.address, sent=sent)

    def add_database(self, name: str, path: Path | str) -> None:
        added = self.run("db", "add", name, str(path), "--copy", "--quiet")
        assert added.returncode == 0, added.stderr

    def volumes_of(self, node: str, database: str) -> set[str]:
        """Return the names of the volumes that a node has on its disk."""
        found = (self.folder / node / "staged" / database).glob("*/*.json")
        return {one.stem for one in found if not one.name.startswith(".")}

    def begin(self, argv: list[str], folder: Path, **variables: str) -> forked.Process:
        """Start a command whose output goes into the files ``out`` and ``err`` of a folder."""
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = forked.start(argv, {**self.environment, **variables}, stdout=out, stderr=err)
        self.commands.append(process)
        return process

    def close(self) -> None:
        for command in self.commands:
            command.kill()
            command.wait(timeout=START_WITHIN_S)
        for part in (*self.nodes.values(), self.scheduler):
            part.stop()


def stopped(running: Callable[[], list[int]]) -> int:
    """Stop one of some processes where it is, as soon as there is one; return its id."""
    found: list[int] = []

    def stop_one() -> bool:
        found.extend(filter(is_stopped, running()[:1]))
        return bool(found)

    until(stop_one)
    return found[0]


def stopped_piece(node: Path) -> tuple[int, int, int]:
    """Stop a process that searches a piece on a node; return its id, and the piece's batch and shard."""
    pid = stopped(
        lambda: [one for one in blast_pids(node / "work", "/result") if b"/shard" in b" ".join(words_of(one))]
    )
    words = b" ".join(words_of(pid)).decode()
    batch, shard = re.search(r"/batches/(\d+)\.fa", words), re.search(r"/shard(\d+)\b", words)
    assert batch, words
    assert shard, words
    return pid, int(batch[1]), int(shard[1])


def is_stopped(pid: int) -> bool:
    """Stop a process; return whether it was still running."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: state_of(pid) in "TZX")
    return state_of(pid) == "T"


def state_of(pid: int) -> str:
    """Return the letter that the kernel has for a process's state; Z if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def blast_pids(folder: Path, what: str = "") -> list[int]:
    """Return the processes of BLAST+ that write below a folder, to files of such a name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        words = words_of(int(process.name))
        if b"/blast" in words[0] and any(str(folder).encode() in one and what.encode() in one for one in words):
            found.append(int(process.name))
    return found


def words_of(pid: int) -> list[bytes]:
    """Return the command line of a process; one empty word if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]
