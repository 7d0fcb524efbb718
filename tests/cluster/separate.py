"""Simulated machines: each has its own network, mounts and memory limit (Linux, root).

Each lives as long as a process that holds its namespaces, and that ends with us, however we end: the kernel takes
networks and mounts away with it.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.cgroup import Cgroup, limited_memory
from shardblast.blast.process import mortal
from tests.cluster.parts import LocalCluster, Part, stopped, words_of
from tests.waiting import until

MEMORY_BYTES = 2 << 30
LEFT_BYTES = 16 << 20
"""A limit that exhausts memory: enough for Python to continue, too little for BLAST+."""
BRIDGE = "bridge"
"""Where the cables end."""


class Namespaces:
    """Those of one machine."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._holder = subprocess.Popen(["unshare", "--net", "--mount", "cat"], **pipes)  # type: ignore[call-overload]
        self._holder.stdin.write(b"!")
        self._holder.stdin.flush()
        self._holder.stdout.read(1)  # it is ``cat`` by now
        self.run("ip", "link", "set", "dev", "lo", "up")

    @property
    def pid(self) -> int:
        """The id of a process in these namespaces."""
        return int(self._holder.pid)

    def argv(self, *command: str) -> list[str]:
        """Return a command that enters them and becomes the given one; it keeps its process id."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--", *command]

    def run(self, *command: str) -> str:
        """Run a short command in them; return what it prints."""
        return subprocess.run(self.argv(*command), check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout

    def close(self) -> None:
        """Let them go with the last process that is in them."""
        self._holder.communicate(timeout=60)


@dataclass
class Machine:
    """A simulated machine, with a cable to the others."""

    name: str
    host: str
    namespaces: Namespaces
    memory: Cgroup

    def argv(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs there, and ends with us."""
        return self.memory.argv(mortal(self.namespaces.argv(*command)))

    def small_disk(self, folder: Path, size_bytes: int) -> None:
        """Let a folder be a disk of that size; only this machine sees what it holds."""
        folder.mkdir(parents=True, exist_ok=True)
        self.namespaces.run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))

    def fill(self, folder: Path) -> Path:
        """Take all that is left of a disk; return the file that does."""
        file = folder / f"{uuid.uuid4().hex}.fill"
        self.namespaces.run("sh", "-c", 'cat /dev/zero >"$1" 2>/dev/null || true', "sh", str(file))
        return self.seen(file)

    def blast_pids(self) -> list[int]:
        """Return the processes of BLAST+ that search there."""
        words = {pid: words_of(pid) for pid in self._pids}
        return [pid for pid, some in words.items() if b"/blast" in some[0] and b"-db" in some]

    def stop_blast(self) -> int:
        """Stop a process of BLAST+ where it is, as soon as one searches a shard there; return its id."""
        return stopped(lambda: [pid for pid in self.blast_pids() if b"/shard" in b" ".join(words_of(pid))])

    def squeeze(self, node: int) -> None:
        """Leave this machine hardly more memory than its node, a process, has in use; what BLAST+ has, it loses."""
        os.kill(node, signal.SIGSTOP)
        try:
            for pid in self.blast_pids():
                os.kill(pid, signal.SIGKILL)
            until(lambda: not self.blast_pids())
            until(lambda: self._limited(_anonymous_bytes(node) + self._small_disks_bytes + LEFT_BYTES))
        finally:
            os.kill(node, signal.SIGCONT)

    @property
    def _small_disks_bytes(self) -> int:
        """How much of its memory is files of disks that are memory."""
        lines = (self.memory.folder / "memory.stat").read_text().splitlines()
        return int(dict(line.split() for line in lines)["shmem"])

    def _limited(self, limit_bytes: int) -> bool:
        try:
            self.memory.limit(limit_bytes)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
        return True

    def clear(self) -> None:
        """End whatever still runs there."""

        def is_empty() -> bool:
            pids = self._pids
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        until(is_empty)

    @property
    def _pids(self) -> list[int]:
        return [int(pid) for pid in (self.memory.folder / "cgroup.procs").read_text().split()]

    @property
    def killed(self) -> int:
        """How many processes the kernel has ended there for want of memory."""
        first = self.memory.folder / "memory.oom_control"
        text = (first if first.exists() else self.memory.folder / "memory.events").read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def seen(self, path: Path) -> Path:
        """Return a path of this machine as others can open it."""
        return Path(f"/proc/{self.namespaces.pid}/root{path}")


@dataclass
class Network:
    """Machines, and a switch that their cables lead to."""

    memory_bytes: int = MEMORY_BYTES
    machines: dict[str, Machine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self._switch = self._namespaces()
        self._name = f"shardblast-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._switch.run("ip", "link", "add", "name", BRIDGE, "type", "bridge")
        self._switch.run("ip", "link", "set", "dev", BRIDGE, "up")

    def machine(self, name: str) -> Machine:
        """Return the machine of that name, made when it is first asked for."""
        if name not in self.machines:
            self.machines[name] = self._made(name, f"10.77.0.{len(self.machines) + 1}")
        return self.machines[name]

    def cut(self, name: str) -> None:
        """Pull a machine's cable: what is sent is lost, and no error is reported."""
        self._switch.run("ip", "link", "set", "dev", _port(name), "nomaster")

    def mend(self, name: str) -> None:
        """Put the cable back."""
        self._switch.run("ip", "link", "set", "dev", _port(name), "master", BRIDGE)

    def close(self) -> None:
        """Remove everything; nothing may run there any more."""
        self._stack.close()

    def _made(self, name: str, host: str) -> Machine:
        memory = self._stack.enter_context(limited_memory(self.memory_bytes, f"{self._name}-{name}"))
        namespaces = self._namespaces()
        peer = ("peer", "name", "eth0", "netns", str(namespaces.pid))
        self._switch.run("ip", "link", "add", "name", _port(name), "type", "veth", *peer)
        self._switch.run("ip", "link", "set", "dev", _port(name), "master", BRIDGE, "up")
        namespaces.run("ip", "address", "add", f"{host}/24", "dev", "eth0")
        namespaces.run("ip", "link", "set", "dev", "eth0", "up")
        machine = Machine(name, host, namespaces, memory)
        self._stack.callback(machine.clear)
        return machine

    def _namespaces(self) -> Namespaces:
        one = Namespaces()
        self._stack.callback(one.close)
        return one


@dataclass
class SeparateCluster(LocalCluster):
    """A cluster whose scheduler, driver and nodes have a machine each."""

    network: Network = field(default_factory=Network)
    service: Part | None = None

    def __post_init__(self) -> None:
        self.variables["SHARDBLAST_INSECURE"] = "1"  # nobody else is in this network
        super().__post_init__()

    def host_of(self, place: str) -> str:
        return self.network.machine(place).host

    def argv(self, place: str, *words: str) -> list[str]:
        return self.network.machine(place).argv(super().argv(place, *words))

    def serve(self) -> Part:
        """Start a service, which commands in its own place reach."""
        self.service = self._part("service", "serve")
        self.service.environment["SHARDBLAST_SCHEDULER"] = self.address
        self.service.start()
        self.service.wait_for("shardblast listens")
        return self.service

    def ask(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a shardblast command where the service is."""
        return subprocess.run(self.argv("service", *words), env=self.environment, capture_output=True, timeout=300)

    def close(self) -> None:
        try:
            if self.service is not None:
                self.service.stop()
            super().close()
        finally:
            self.network.close()


def _anonymous_bytes(pid: int) -> int:
    """Return how much memory a process has that no file backs."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024


def _port(name: str) -> str:
    """Return the name of the switch's end of a cable, at most 15 letters."""
    return f"to-{name}"[:15]
