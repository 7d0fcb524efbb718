"""Which nodes may do a task: those that hold what it needs, or one that is to bring it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from shardblast.cluster.attempts import State, Task
from shardblast.cluster.membership import Address
from shardblast.core.errors import NoRoomError
from shardblast.core.generation import Generation
from shardblast.core.lacking import Lack
from shardblast.core.sizes import size


class Holders:
    """What nodes have of one database: what they say, and what they were given to bring."""

    def __init__(self, generation: Generation, grace_s: float) -> None:
        """Begin with what nodes say.

        Args:
            generation: Whose volumes tasks need.
            grace_s: How long a task waits for a node that is gone before its volumes are given to another.
        """
        self._generation = generation
        self._grace_s = grace_s
        self._sizes = {one.name: sum(file.size_bytes for file in one.files) for one in generation.volumes}
        self._given: dict[str, set[str]] = {}

    def give(self, node: str, volumes: Iterable[str]) -> None:
        """Note that a node has volumes, or is to bring them when a task needs them."""
        self._given.setdefault(node, set()).update(volumes)

    def look(self, there: Sequence[Address]) -> Look:
        """Return what may be done where by these nodes."""
        return Look(self, there)

    def has(self, one: Address) -> frozenset[str]:
        """Return the names of the volumes that a node has or was given."""
        held = one.member.state.held(self._generation.database, self._generation.name)
        return held | self._given.get(one.name, set())

    def roomiest(self, volumes: frozenset[str], takers: Sequence[Address]) -> Address | None:
        """Return the node that lacks least of some volumes, of those that have room for all of them."""

        def missing(one: Address) -> int:
            return sum(self._sizes[name] for name in volumes - self.has(one))

        need = sum(self._sizes[name] for name in volumes)
        fit = [one for one in takers if need <= one.member.state.disk_budget_bytes]
        return min(fit, key=lambda one: (missing(one), -one.member.state.disk_free_bytes, one.name), default=None)

    def is_patient(self, state: State) -> bool:
        """Tell whether a task still waits for a node that holds what it needs."""
        return not state.task.stages and time.monotonic() - state.waits_since <= self._grace_s


def can_go_on(lack: Lack, generation: Generation, there: Sequence[Address]) -> bool:
    """Tell whether nodes hold, or have room for, what a search lacks."""
    holders, takers = Holders(generation, grace_s=0.0), [one for one in there if one.takes_work]
    sets = [frozenset(names) for names in lack.volumes] or [frozenset()]
    return all(
        any(volumes <= holders.has(one) for one in takers) or holders.roomiest(volumes, takers) is not None
        for volumes in sets
    )


def check_room(generation: Generation, there: Sequence[Address], why: str, remedy: str) -> None:
    """Refuse what needs the whole database on one node where there are nodes and none of them has room for it.

    Args:
        generation: Of the database.
        there: The nodes that are connected.
        why: Why it is needed.
        remedy: What to do.

    Raises:
        NoRoomError: Where no node has room.
    """
    holders, takers = Holders(generation, grace_s=0.0), [one for one in there if one.takes_work]
    volumes = frozenset(one.name for one in generation.volumes)
    if takers and holders.roomiest(volumes, takers) is None:
        most = max(one.member.state.disk_budget_bytes for one in takers)
        raise NoRoomError(
            f"The search needs the whole database on one node: {why.rstrip('.')}. {generation.database} has "
            f"{size(generation.size_bytes)}, and no node may hold more than {size(most)}.",
            remedy=remedy,
        )


class Look:
    """The nodes that take work at one moment, by what they hold."""

    def __init__(self, holders: Holders, there: Sequence[Address]) -> None:
        self._holders = holders
        self._takers = [one for one in there if one.takes_work]
        self._workers = frozenset(one.worker for one in self._takers)
        self._names = {one.worker: one.name for one in self._takers}
        self._of_volume: dict[str, set[str]] = {}
        for one in self._takers:
            self._note(one.worker, holders.has(one))

    def allowed(self, state: State) -> frozenset[str]:
        """Return the workers that may do a task: of those that hold what it needs first those it has not failed on."""
        task = state.task
        if task.node is not None:
            return frozenset(one.worker for one in self._takers if one.name == task.node)
        if found := self._holding(task.volumes):
            return frozenset(one for one in found if self._names[one] not in state.failed_on) or found
        if self._holders.is_patient(state):
            return frozenset()
        roomy = self._holders.roomiest(task.volumes, self._takers)
        if roomy is None:
            return frozenset()
        self._holders.give(roomy.name, task.volumes)
        self._note(roomy.worker, task.volumes)
        return frozenset([roomy.worker])

    def holds(self, task: Task, one: Address) -> bool:
        """Tell whether a node takes work and has all that a task needs."""
        return one.worker in self._holding(task.volumes)

    def _holding(self, volumes: frozenset[str]) -> frozenset[str]:
        if not volumes:
            return self._workers
        return frozenset.intersection(*(frozenset(self._of_volume.get(name, ())) for name in volumes))

    def _note(self, worker: str, volumes: Iterable[str]) -> None:
        for name in volumes:
            self._of_volume.setdefault(name, set()).add(worker)
