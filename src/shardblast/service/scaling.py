"""Nodes come when searches need them, and go step by step when they were not needed for a while."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from shardblast.core.cutting import BATCH_LETTERS
from shardblast.core.database import CataloguedDatabase
from shardblast.core.errors import ConflictError, NotFoundError, ShardblastError
from shardblast.core.node import Member
from shardblast.core.program import Program
from shardblast.core.scaling import Demand, Need, NodeSize, Scale, ScalingRule, SearchedDatabase, need, scaled
from shardblast.core.search import State
from shardblast.store.workload import Unended, Workload

LOOKED_EVERY_S = 2.0
UNKNOWN_DISK = 1 << 62
"""Of nodes that nobody has seen yet."""

logger = logging.getLogger(__name__)


class CountedNodes(Protocol):
    """How many nodes there are."""

    @property
    def wanted(self) -> int: ...

    @property
    def ready(self) -> int: ...

    @property
    def memory_bytes(self) -> int | None:
        """Of each; None if it is not known."""
        ...

    @property
    def cores(self) -> int | None: ...


class ScalableNodes(Protocol):
    """The nodes; the layer ``cluster`` has them."""

    def count(self) -> CountedNodes:
        """Return how many nodes there are now."""
        ...

    def scale(self, nodes: int) -> None:
        """Ask for so many nodes; of fewer the last go."""
        ...

    def place(self, node: str) -> int | None:
        """Return which node one is, from 0; None if it is none of these."""
        ...


@dataclass(frozen=True, slots=True)
class Scaled:
    """What scaling wants and has."""

    asked: int
    """Nodes that are to be there."""
    ready: int
    """That are."""
    need: Need
    problem: str | None
    """Why that may be old; None if it is what the last look saw."""


class Scaling:
    """Looks every now and then whether there are the nodes that there should be.

    What is needed is read from the database and from the nodes, so several services decide alike; for how long it was
    needed each of them has seen for itself.
    """

    def __init__(
        self,
        workload: Workload,
        database: Callable[[str, str], CataloguedDatabase],
        members: Callable[[], Sequence[Member]],
        nodes: ScalableNodes,
        rule: ScalingRule,
    ) -> None:
        """Wire it.

        Args:
            workload: Knows what waits and runs.
            database: Returns a generation of a database; raises NotFoundError.
            members: Returns the nodes that are connected, or were.
            nodes: Are counted and scaled.
            rule: What the operator wants.
        """
        self._workload = workload
        self._database = database
        self._members = members
        self._nodes = nodes
        self._scale: Scale | None = None
        self._state = Scaled(0, 0, Need(0, 0, 0, rule.most), "Kubernetes was not asked yet.")
        self._lock = threading.Lock()
        self.rule = rule

    def start(self) -> None:
        """Look as long as the service lives."""
        threading.Thread(target=self._watch, name="scaling", daemon=True).start()

    @property
    def state(self) -> Scaled:
        """What the last look saw."""
        return self._state

    def look(self) -> None:
        """Ask for the nodes that there should be, if there are others.

        Raises:
            ShardblastError: The database or Kubernetes can't be asked.
        """
        with self._lock:
            count, needed = self._counted()
            self._scale = scaled(self.rule, self._scale, count.wanted, needed.nodes, time.time())
            if self._scale.nodes != count.wanted:
                logger.info("nodes are scaled", extra={"before": count.wanted, "nodes": self._scale.nodes})
                self._nodes.scale(self._scale.nodes)
            self._state = Scaled(self._scale.nodes, count.ready, needed, None)

    def ask(self, nodes: int) -> Scaled:
        """Ask for a number of nodes, whatever the rule; fewer follow when so many were not needed for the idle time.

        Raises:
            ConflictError: More are needed for what is searched now.
            ShardblastError: The database or Kubernetes can't be asked.
        """
        with self._lock:
            count, needed = self._counted()
            if nodes < needed.nodes:
                raise ConflictError(
                    f"{needed.nodes} nodes are needed for what is searched now.",
                    remedy="Wait until it is over, or cancel it.",
                )
            logger.info("nodes are scaled by hand", extra={"before": count.wanted, "nodes": nodes})
            self._nodes.scale(nodes)
            self._state = Scaled(nodes, count.ready, needed, None)
            return self._state

    def _counted(self) -> tuple[CountedNodes, Need]:
        count, members, unended = self._nodes.count(), self._members(), self._workload.unended()
        busy = min(self._busy(members, unended), count.wanted)
        demand = Demand(tuple(self._searched(unended)), busy, _size_of(members, count))
        return count, need(self.rule, demand)

    def _searched(self, unended: Sequence[Unended]) -> Iterator[SearchedDatabase]:
        """Yield the databases of searches that wait or run."""
        batches: Counter[tuple[str, str]] = Counter()
        for one in unended:
            least = math.ceil(one.letters / BATCH_LETTERS[Program(one.program)])
            batches[one.database, one.generation] += max(one.searches, least)
        for (name, generation), number in sorted(batches.items()):
            with suppress(NotFoundError):
                volumes = self._database(name, generation).facts.volumes
                yield SearchedDatabase(f"{name}/{generation}", volumes, number)

    def _busy(self, members: Sequence[Member], unended: Sequence[Unended]) -> int:
        """Return how many nodes there are up to the last that runs something or holds what is searched."""
        searched = {(one.database, one.generation) for one in unended if one.state is State.RUNNING}
        places = (self._nodes.place(one.state.name) for one in members if _is_busy(one, searched))
        return max((place + 1 for place in places if place is not None), default=0)

    def _watch(self) -> None:
        failing = False
        while True:
            try:
                self.look()
                failing = False
            except ShardblastError as error:
                if not failing:
                    logger.warning("nodes can't be scaled: %s", error)
                failing = True
                last = self._state
                self._state = Scaled(last.asked, last.ready, last.need, error.problem)
            time.sleep(LOOKED_EVERY_S)


def _is_busy(member: Member, searched: set[tuple[str, str]]) -> bool:
    if member.standing != "connected":
        return False
    held = {(one.database, one.generation) for one in member.state.generations}
    return member.running > 0 or not held.isdisjoint(searched)


def _size_of(members: Sequence[Member], count: CountedNodes) -> NodeSize | None:
    """Return what each node has: the least that any has said, or what it will be given."""
    states = [one.state for one in members]
    if states:
        return NodeSize(
            min(one.memory_bytes for one in states),
            min(one.disk_budget_bytes for one in states),
            min(one.cores for one in states),
        )
    if count.memory_bytes is None:
        return None
    return NodeSize(count.memory_bytes, UNKNOWN_DISK, count.cores or 1)
