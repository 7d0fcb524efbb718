"""What a driver tells of a search, and how it waits for what the search needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from shardblast.blast.process import Processes
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.membership import Address, Cluster
from shardblast.cluster.order import RunId
from shardblast.core.errors import Interrupted, NetworkError
from shardblast.core.generation import Generation
from shardblast.core.lacking import lacking
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

    def waiting(self, what: str | None) -> None:
        """Nothing goes on until there is this; None: it goes on."""
        ...


class SilentPhases:
    """Tells nobody."""

    def staging(self, total_bytes: int) -> None: ...

    def staged(self, done_bytes: int) -> None: ...

    def warming(self, total_bytes: int) -> None: ...

    def warmed(self, done_bytes: int) -> None: ...

    def searching(self, pieces: int) -> None: ...

    def waiting(self, what: str | None) -> None: ...


class Waiting:
    """Waits for tasks of one search, and says what keeps them waiting."""

    def __init__(
        self,
        run: RunId,
        cluster: Cluster,
        dispatcher: Dispatcher,
        generation: Generation,
        shards: Sequence[Shard],
        phases: Phases,
        processes: Processes,
    ) -> None:
        self._run = str(run)
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._generation = generation
        self._shards = shards
        self._phases = phases
        self._processes = processes
        self._told: str | None = None

    def ended(self, futures: Collection[Future[Any]]) -> set[Future[Any]]:
        """Wait a little; return the futures that have ended.

        Raises:
            Interrupted: The search was stopped.
        """
        ended, _ = wait(futures, LOOKED_EVERY_S, FIRST_COMPLETED)
        self._look()
        return ended

    def result(self, future: Future[Any]) -> Any:
        """Wait for a result.

        Raises:
            Interrupted: The search was stopped.
        """
        while not self.ended([future]):
            pass
        return future.result()

    def for_nodes(self) -> list[Address]:
        """Wait until there are nodes.

        Raises:
            Interrupted: The search was stopped.
        """
        while not (found := self.there()):
            self.a_moment("a node of the cluster")
        self._tell(None)
        return found

    def a_moment(self, what: str) -> None:
        """Wait a little for something that is told.

        Raises:
            Interrupted: The search was stopped.
        """
        wait([Future()], LOOKED_EVERY_S)
        self._look(what)

    def there(self) -> list[Address]:
        """Return the nodes that take work; none if the scheduler can't be asked."""
        try:
            return [one for one in self._cluster.addresses() if one.takes_work]
        except NetworkError:
            return []

    def _look(self, what: str | None = None) -> None:
        if self._processes.is_stopped():
            raise Interrupted
        if self._dispatcher.is_cut_off:
            what = "the scheduler of the cluster"
        else:
            what = lacking(self._dispatcher.wanted, self._generation, self._shards) or self._nodes_wait() or what
        self._tell(what)

    def _nodes_wait(self) -> str | None:
        """Return what a node that merges waits for."""
        told = (one.waiting.get(self._run) for one in self.there())
        return next((one for one in told if one), None)

    def _tell(self, what: str | None) -> None:
        if what != self._told:
            self._told = what
            self._phases.waiting(what)
