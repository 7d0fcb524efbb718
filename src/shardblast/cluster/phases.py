"""What a driver tells of a search, and how it waits, for a while, for what the search lacks."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from shardblast.blast.process import Processes
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.holders import can_go_on
from shardblast.cluster.membership import Address, Cluster
from shardblast.cluster.order import RunId
from shardblast.core.errors import Interrupted, NetworkError, WaitError
from shardblast.core.generation import Generation
from shardblast.core.lacking import MORE_NODES, NO_NODE, NO_SCHEDULER, Lack, lacking, lasting
from shardblast.core.planning import Shard

LOOKED_EVERY_S = 0.2


class Phases(Protocol):
    """Is told what a search does."""

    def staging(self, total_bytes: int) -> None:
        """Volumes are brought to nodes."""
        ...

    def staged(self, done_bytes: int) -> None:
        """So many bytes are there."""
        ...

    def warming(self, total_bytes: int) -> None:
        """Volumes are read into memory."""
        ...

    def warmed(self, done_bytes: int) -> None:
        """So many bytes were read, or were there."""
        ...

    def searching(self, pieces: int) -> None:
        """Pieces are searched."""
        ...

    def waiting(self, lack: Lack | None) -> None:
        """Something does not go on until there is this; None: all goes on."""
        ...


class SilentPhases:
    """Tells nobody."""

    def staging(self, total_bytes: int) -> None: ...

    def staged(self, done_bytes: int) -> None: ...

    def warming(self, total_bytes: int) -> None: ...

    def warmed(self, done_bytes: int) -> None: ...

    def searching(self, pieces: int) -> None: ...

    def waiting(self, lack: Lack | None) -> None: ...


class Waiting:
    """Waits for tasks of one search, and says what keeps them waiting; ends the search when nothing of it goes on."""

    def __init__(
        self,
        run: RunId,
        cluster: Cluster,
        dispatcher: Dispatcher,
        generation: Generation,
        shards: Sequence[Shard],
        phases: Phases,
        processes: Processes,
        patience_s: float,
    ) -> None:
        self._run = str(run)
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._generation = generation
        self._shards = shards
        self._phases = phases
        self._processes = processes
        self._patience_s = patience_s
        self._told: Lack | None = None
        self._went_on = time.monotonic()

    def ended(self, futures: Collection[Future[Any]]) -> set[Future[Any]]:
        """Wait a little; return the futures that have ended.

        Raises:
            Interrupted: The search was stopped.
            WaitError: Nothing of it can go on.
        """
        ended, _ = wait(futures, LOOKED_EVERY_S, FIRST_COMPLETED)
        if ended:
            self._went_on = time.monotonic()
        self._look()
        return ended

    def result(self, future: Future[Any]) -> Any:
        """Wait for a result.

        Raises:
            Interrupted: The search was stopped.
            WaitError: Nothing of it can go on.
        """
        while not self.ended([future]):
            pass
        return future.result()

    def for_nodes(self) -> list[Address]:
        """Wait until there are nodes.

        Raises:
            Interrupted: The search was stopped.
            WaitError: None came.
        """
        while not (found := self.there()):
            self.a_moment(NO_NODE)
        self._tell(None)
        return found

    def a_moment(self, lack: Lack) -> None:
        """Wait a little for something that is told.

        Raises:
            Interrupted: The search was stopped.
            WaitError: It did not come.
        """
        wait([Future()], LOOKED_EVERY_S)
        self._look(lack)

    def there(self) -> list[Address]:
        """Return the nodes that take work; none if the scheduler can't be asked."""
        try:
            return [one for one in self._cluster.addresses() if one.takes_work]
        except NetworkError:
            return []

    def _look(self, lack: Lack | None = None) -> None:
        if self._processes.is_stopped():
            raise Interrupted
        there = self.there()
        if self._dispatcher.is_cut_off:
            lack = NO_SCHEDULER
        else:
            lack = lacking(self._dispatcher.wanted, self._generation, self._shards) or self._nodes_wait(there) or lack
            lack = NO_NODE if lack is not None and not there else lack
        self._tell(lack)
        if lack is None or self._goes_on(lack, there):
            self._went_on = time.monotonic()
        elif time.monotonic() - self._went_on > self._patience_s:
            raise WaitError(lack, lasting(self._patience_s))

    def _nodes_wait(self, there: Iterable[Address]) -> Lack | None:
        """Return what a node that merges waits for."""
        told = (one.waiting.get(self._run) for one in there)
        return next((one for one in told if one), None)

    def _goes_on(self, lack: Lack, there: Sequence[Address]) -> bool:
        """Tell whether a node does something of this search, or could do what waits, or is on its way."""
        is_done = any(key.startswith(self._run) for one in there for key in one.doing)
        return is_done or lack == MORE_NODES or (lack != NO_SCHEDULER and can_go_on(lack, self._generation, there))

    def _tell(self, lack: Lack | None) -> None:
        if lack != self._told:
            self._told = lack
            self._phases.waiting(lack)
