"""Random faults of a cluster, each with its repair."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.cluster.separate import MEMORY_BYTES, SeparateCluster

Ends = Callable[[], None]


class Faults:
    """Faults of a cluster whose shards have two holders each; no search may fail because of one."""

    def __init__(self, cluster: SeparateCluster) -> None:
        self._cluster = cluster
        self._of_nodes: dict[str, Callable[[str], Ends | None]] = {
            "a node is killed": self._kill_node,
            "a BLAST+ process is killed": self._kill_blast,
            "a BLAST+ process stands still": self._stop_blast,
            "a node can't be reached": self._cut,
            "a disk is full": self._fill,
            "memory is exhausted": self._squeeze,
        }
        self._of_others: dict[str, Callable[[], Ends]] = {
            "the scheduler can't be reached": lambda: self._cut("scheduler"),
            "the command can't be reached": lambda: self._cut("driver"),
            "the scheduler is killed": self._kill_scheduler,
        }

    def begin(self, chance: Random) -> tuple[str, str, Ends] | None:
        """Let something happen; return its kind, to which node, and what ends it; None if it can't happen now."""
        kind, node = chance.choice([*self._of_nodes, *self._of_others]), chance.choice([*self._cluster.nodes])
        if kind in self._of_others:
            return kind, "", self._of_others[kind]()
        ends = self._of_nodes[kind](node)
        return None if ends is None else (kind, f" ({node})", ends)

    def _home(self, node: str) -> Path:
        return self._cluster.folder / node

    def _kill_node(self, node: str) -> Ends:
        self._cluster.nodes[node].kill()
        return self._cluster.nodes[node].start

    def _kill_blast(self, node: str) -> Ends | None:
        return self._signalled(node, signal.SIGKILL)

    def _stop_blast(self, node: str) -> Ends | None:
        return self._signalled(node, signal.SIGSTOP)

    def _signalled(self, node: str, number: signal.Signals) -> Ends | None:
        for pid in self._cluster.network.machine(node).blast_pids()[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                return lambda: _let_go_on(pid)
        return None

    def _cut(self, name: str) -> Ends:
        self._cluster.network.cut(name)
        return lambda: self._cluster.network.mend(name)

    def _kill_scheduler(self) -> Ends:
        self._cluster.scheduler.kill()
        return self._cluster.scheduler.start

    def _fill(self, node: str) -> Ends:
        file = self._cluster.network.machine(node).fill(self._home(node))
        return lambda: file.unlink(missing_ok=True)

    def _squeeze(self, node: str) -> Ends:
        machine, part = self._cluster.network.machine(node), self._cluster.nodes[node]
        machine.squeeze(part.pid)

        def end() -> None:
            machine.memory.limit(MEMORY_BYTES)
            if not part.is_running:
                part.start()

        return end


def _let_go_on(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
