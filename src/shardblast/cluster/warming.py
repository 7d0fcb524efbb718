"""Warming a database on the nodes of a cluster before anybody searches it, and measuring how much of it is there."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.database import database_of
from shardblast.cluster.connection import Address
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.driver import DriverMeans
from shardblast.cluster.messages import RunId, SearchOrder
from shardblast.cluster.preparation import Preparation, Waiting
from shardblast.core.cutting import Shard, shards_for
from shardblast.core.database import CataloguedDatabase, Generation
from shardblast.core.errors import DatabaseError, Interrupted, NetworkError, OutOfMemory
from shardblast.core.events import Notify
from shardblast.core.node import Presence, presence_on
from shardblast.core.program import Molecule, Program
from shardblast.core.units import counted
from shardblast.engine.pieces import shards_of
from shardblast.storage.objects import search_key

PRIORITY = 0
REPORTS = 2
"""The second report of a node after a moment has only what the node measured after it."""
LOOKED_EVERY_S = 0.2
PROGRAMS = {Molecule.PROTEIN: Program.BLASTP, Molecule.NUCLEOTIDE: Program.BLASTN}


@dataclass(frozen=True, slots=True)
class ClusterWarming:
    """Warms databases on nodes; it is a ``Warming`` of the service."""

    means: DriverMeans
    ask: Callable[[], object] = lambda: None
    """Asks for the nodes that are needed now, if their number can change."""

    def presence(self, database: CataloguedDatabase) -> Presence:
        """Return how much of a database is on the nodes that accept work now, as they last measured it."""
        if unread := unreadable(database):
            return Presence(0, None, database.facts.mapped_bytes, unread.problem, 0)
        try:
            there = self.means.cluster.addresses()
        except NetworkError as error:
            return Presence(0, None, database.facts.mapped_bytes, error.problem, 0)
        return _presence(there, database.facts)

    def warm(self, database: CataloguedDatabase, notify: Notify, stopped: Callable[[], bool]) -> str:
        """Stage and warm a database as a search would place it; return the outcome for users.

        Raises OutOfMemory if not all of it is in memory then, WaitError if no node appeared, and Interrupted.
        """
        if error := unreadable(database):
            raise error
        started, facts = time.monotonic(), database.facts
        before = self.presence(database).resident_bytes or 0
        self.ask()
        run = RunId(f"warm-{secrets.token_hex(8)}", secrets.token_hex(4))
        shards = self._shards(facts)
        program = PROGRAMS[facts.molecule]
        order = SearchOrder(program, (), (), facts.database, facts.name, shards, 1)
        order.put(self.means.objects, run.search)
        dispatcher = Dispatcher(self.means.cluster, facts, stopped, str(run))
        try:
            waiting = Waiting(
                run=run,
                cluster=self.means.cluster,
                dispatcher=dispatcher,
                generation=facts,
                shards=shards,
                notify=notify,
                stopped=stopped,
                patience_s=self.means.patience_s,
                expected=self.means.expected,
            )
            Preparation(waiting, self.means.replicas, PRIORITY, is_asked=True).prepare()
            found = self._measured(facts, stopped)
        finally:
            dispatcher.close()
            self.means.cluster.end(run, wait=True)
            self.means.objects.delete(search_key(run.search))
        return _outcome(found, facts, before, time.monotonic() - started)

    def _shards(self, facts: Generation) -> tuple[Shard, ...]:
        """Cut a database for the nodes that are there or expected."""
        there = max(len(self.means.cluster.takers()), self.means.expected().asked)
        number, _ = shards_for(there, len(facts.volumes), facts.letters)
        with TemporaryDirectory() as folder:
            return shards_of(database_of(facts, Path(folder), ()), number)

    def _measured(self, facts: Generation, stopped: Callable[[], bool]) -> Presence:
        """Return how much of a database nodes hold now, after each of them has measured it again."""
        there = self.means.cluster.takers(now=True)
        last = {node.worker: node.member.last_seen for node in there}
        reports = dict.fromkeys(last, 0)
        while True:
            found = _presence(there, facts)
            missing = [node for node in there if reports.get(node.worker, REPORTS) < REPORTS]
            if found.resident_bytes == facts.mapped_bytes or not missing:
                return found
            if stopped():
                raise Interrupted
            time.sleep(LOOKED_EVERY_S)
            there = self.means.cluster.takers(now=True)
            for node in there:
                if node.member.last_seen > last.get(node.worker, node.member.last_seen):
                    last[node.worker] = node.member.last_seen
                    reports[node.worker] += 1


def unreadable(database: CataloguedDatabase) -> DatabaseError | None:
    """Return the error of a database that nodes can't read; None if they can."""
    if database.path is None:
        return None
    problem = f"The database {database.name!r} is on the service's machine, where nodes can't read it."
    remedy = f"Copy it to the storage: 'shardblast db add {database.name} PATH --copy'."
    return DatabaseError(problem, remedy=remedy)


def _presence(there: Sequence[Address], facts: Generation) -> Presence:
    return presence_on([node.member.state for node in there if node.takes_work], facts)


def _outcome(found: Presence, facts: Generation, before: int, seconds: float) -> str:
    """Return the outcome for users; raise OutOfMemory if something is missing, or may be."""
    nodes, resident = counted(found.nodes or 0, "node"), found.resident_bytes
    on_disk = f"{found.staged_bytes:,} of {facts.size_bytes:,} bytes are on the disks of {nodes}"
    in_memory = f"{resident or 0:,} of {facts.mapped_bytes:,} bytes are in the memory of {nodes}"
    if found.staged_bytes < facts.size_bytes or (resident is not None and resident < facts.mapped_bytes):
        problem = f"Only {on_disk if found.staged_bytes < facts.size_bytes else in_memory} after warming."
        raise OutOfMemory(problem, remedy="Start more nodes, or nodes with more memory or disk, then warm it again.")
    if resident is None:
        return f"{on_disk}. Their kernels do not report how many are in memory."
    return f"{in_memory} ({before:,} before), after {seconds:.2f} s."
